/* A daemon by the book: fork, setsid, fork; its parent exits. See daemon(7). */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		setsid();
		if (spawn() == 0) {
			if (chdir("/") < 0)
				_exit(BROKEN);
			tell();
			rest();
		}
		_exit(0);
	}
	wait(NULL);
	await(1);
	_exit(STATUS);
}

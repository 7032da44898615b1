/* A reader that never ends though its pipe has: it holds it open, with something in it, and sleeps. Another has stopped itself. */
#include "hostile.h"

int main(void)
{
	begin();
	int p[2];
	if (pipe(p) < 0 || write(p[1], "unread\n", 7) != 7)
		_exit(BROKEN);
	for (int i = 0; i < 2; i++)
		if (spawn() == 0) {
			stubborn();
			setsid();
			close(p[1]);
			tell();
			if (i)
				raise(SIGSTOP);
			rest();
		}
	await(2);
	_exit(STATUS);
}

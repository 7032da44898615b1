/* 200 dead children that nobody waits for, and a stubborn parent. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		int alive[2];
		char c;
		stubborn();
		setsid();
		if (pipe(alive) < 0)
			_exit(BROKEN);
		for (int i = 0; i < 200; i++)
			if (spawn() == 0)
				_exit(0);
		close(alive[1]);
		if (read(alive[0], &c, 1) != 0) /* all have gone */
			_exit(BROKEN);
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

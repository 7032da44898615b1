/* A parent that ignores SIGCHLD: its children vanish without a zombie, and it makes new ones all the time. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		signal(SIGCHLD, SIG_IGN);
		setsid();
		for (int i = 0; i < 10; i++)
			spawn_stubborn();
		while (!over()) {
			if (insist() == 0)
				_exit(0);
			nap(1);
		}
		_exit(0);
	}
	await(10);
	_exit(STATUS);
}

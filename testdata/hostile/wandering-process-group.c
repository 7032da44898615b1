/* Wanders between the leader's process group, a friend's and its own, all the time. */
#include "hostile.h"

int main(void)
{
	begin();
	hurry();
	pid_t home = getpgrp(), friend = spawn();
	if (friend == 0) {
		stubborn();
		setpgid(0, 0);
		tell();
		rest();
	}
	for (int i = 0; i < 3; i++)
		if (spawn() == 0) {
			stubborn();
			for (int turn = 0; !over(); turn++) {
				setpgid(0, home);
				setpgid(0, friend);
				setpgid(0, 0);
				if (turn == 10)
					tell();
			}
			_exit(0);
		}
	await(4);
	_exit(STATUS);
}

/* A chain whose every hop leads a process group of its own, in the leader's session. */
#include "hostile.h"

int main(void)
{
	begin();
	hurry();
	for (int i = 0; i < 4; i++)
		if (fork() == 0)
			for (int hop = 0;; hop++) {
				if (over() || insist() > 0)
					_exit(0);
				setpgid(0, 0);
				if (hop == 50)
					tell();
			}
	await_chains(4);
	_exit(STATUS);
}

/*
 * Chains of CLONE_PARENT siblings: every hop is a direct child of the runner
 * once the leader has gone, and none of them is ever an orphan to adopt.
 */
#include "hostile.h"

int main(void)
{
	begin();
	hurry();
	for (int i = 0; i < 8; i++)
		if (fork() == 0)
			for (int hop = 0; !over(); hop++) {
				long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
				if (pid > 0)
					_exit(0);
				if (pid == 0)
					setsid();
				if (hop == 50)
					tell();
			}
	await_chains(8);
	_exit(STATUS);
}

/*
 * Two that revive each other: the parent replaces its dead child, the child
 * learns of its parent's death by a signal, takes its place and makes a child.
 */
#include "hostile.h"

static void child(sigset_t *wake, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	if (getppid() == parent)
		sigwaitinfo(wake, NULL);
}

int main(void)
{
	begin();
	if (fork() == 0) {
		sigset_t wake;
		sigemptyset(&wake);
		sigaddset(&wake, SIGUSR1);
		sigprocmask(SIG_BLOCK, &wake, NULL);
		stubborn();
		arm();
		for (int i = 0; !over(); i++) {
			pid_t self = getpid(), pid = insist();
			if (pid == 0) {
				arm();
				setsid();
				if (i == 0)
					tell();
				child(&wake, self);
			} else {
				waitpid(pid, NULL, 0);
			}
		}
		_exit(0);
	}
	await(1);
	_exit(STATUS);
}

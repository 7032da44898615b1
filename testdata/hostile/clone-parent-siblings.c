/*
 * clone(2) with CLONE_PARENT: the leader makes siblings of itself, children of
 * the runner that the runner never started.
 */
#include "hostile.h"

int main(void)
{
	begin();
	for (int i = 0; i < 10; i++) {
		long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (pid < 0)
			cannot("clone(CLONE_PARENT)");
		if (pid == 0) {
			arm();
			stubborn();
			setsid();
			tell();
			rest();
		}
	}
	await(10);
	_exit(STATUS);
}

/*
 * As children that come by execve(2), but cloned without an exit signal, which
 * they keep as long as their parent lives: only a wait with __WALL sees them.
 */
#include "hostile.h"

int main(int argc, char **argv)
{
	begin();
	for (int i = 0; i < 3; i++) {
		long pid = syscall(SYS_clone, 0, 0, 0, 0, 0);
		if (pid < 0)
			_exit(BROKEN);
		if (pid == 0) {
			arm();
			stubborn();
			setsid();
			tell();
			rest();
		}
	}
	await(3);
	close(told[0]);
	if (argc > 1)
		execvp(argv[1], argv + 1);
	_exit(BROKEN);
}

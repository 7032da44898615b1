/*
 * Forks stubborn processes, in sessions of their own, until the kernel allows
 * no more, and leaves them behind. With "tell" as its argument it prints
 * "ready", its number and its parent's when it stands there, and exits at the
 * end of its input.
 */
#include "hostile.h"

int main(int argc, char **argv)
{
	char c;
	begin();
	for (;;) {
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (pid == 0) {
			arm();
			stubborn();
			setsid();
			rest();
		}
		if (over())
			_exit(BROKEN);
	}
	if (argc > 1 && !strcmp(argv[1], "tell")) {
		dprintf(1, "ready %d %d\n", getpid(), getppid());
		while (read(0, &c, 1) > 0)
			;
	}
	_exit(STATUS);
}

/*
 * Prints "ready", its number and its parent's. For each byte of its input it
 * makes a hundred orphans that end at once, waits until they have, and prints
 * "done". It exits at the end of its input.
 */
#include "hostile.h"

static void orphan(int fd, pid_t adopter)
{
	pid_t middle = spawn();
	if (middle) {
		waitpid(middle, NULL, 0);
		return;
	}
	if (spawn() == 0) {
		while (getppid() != adopter && !over())
			sched_yield();
		if (write(fd, ".", 1) < 0)
			_exit(BROKEN);
	}
	_exit(0);
}

int main(void)
{
	char c;
	int fds[2];
	begin();
	if (pipe(fds) < 0)
		_exit(BROKEN);
	dprintf(1, "ready %d %d\n", getpid(), getppid());
	while (read(0, &c, 1) > 0) {
		for (int i = 0; i < 100; i++) {
			orphan(fds[1], getppid());
			if (read(fds[0], &c, 1) != 1)
				_exit(BROKEN);
		}
		dprintf(1, "done\n");
	}
	_exit(STATUS);
}

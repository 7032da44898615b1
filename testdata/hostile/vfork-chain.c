/* A chain of vfork(2) and execve(2) of itself. */
#include "hostile.h"

int main(int argc, char **argv)
{
	static char hops[16], fd[16];
	begin();
	if (argc < 3) {
		snprintf(fd, sizeof fd, "%d", told[1]);
		char *next[] = {argv[0], "0", fd, NULL};
		if (vfork() == 0) {
			execv("/proc/self/exe", next);
			_exit(BROKEN);
		}
		await_chains(1);
		_exit(STATUS);
	}
	int n = atoi(argv[1]);
	if (n == 20 && write(atoi(argv[2]), ".", 1) != 1)
		_exit(BROKEN);
	/* The pipe that begin() made is this program's own, and not needed. */
	close(told[0]);
	close(told[1]);
	setsid();
	snprintf(hops, sizeof hops, "%d", n + 1);
	char *next[] = {argv[0], hops, argv[2], NULL};
	while (!over()) {
		pid_t pid = vfork();
		if (pid == 0) {
			execv("/proc/self/exe", next);
			_exit(BROKEN);
		}
		if (pid > 0)
			_exit(0);
		sched_yield();
	}
	_exit(0);
}

/* Chains of fork(2) and execve(2) of itself: a new image each hop, under a new name. */
#include "hostile.h"

int main(int argc, char **argv)
{
	char hops[16], fd[16];
	begin();
	int leader = argc < 3;
	int n = leader ? 0 : atoi(argv[1]);
	snprintf(hops, sizeof hops, "%d", n + 1);
	snprintf(fd, sizeof fd, "%d", leader ? told[1] : atoi(argv[2]));
	char *next[] = {hops, hops, fd, NULL};
	if (leader) {
		hurry();
		for (int i = 0; i < 4; i++)
			if (fork() == 0) {
				execv("/proc/self/exe", next);
				_exit(BROKEN);
			}
		await_chains(4);
		_exit(STATUS);
	}
	close(told[0]);
	close(told[1]);
	if (n == 20 && write(atoi(fd), ".", 1) != 1)
		_exit(BROKEN);
	if (insist() > 0)
		_exit(0);
	setsid();
	execv("/proc/self/exe", next);
	_exit(BROKEN);
}

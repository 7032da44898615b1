/* A bomb of execve(2)s: every member is a fresh image that starts two more. */
#include "hostile.h"

int main(int argc, char **argv)
{
	char fd[16];
	if (argc < 2)
		need_pids_limit();
	begin();
	snprintf(fd, sizeof fd, "%d", argc > 1 ? atoi(argv[1]) : told[1]);
	char *next[] = {argv[0], fd, NULL};
	if (argc < 2) {
		hurry();
		if (fork() == 0) {
			execv("/proc/self/exe", next);
			_exit(BROKEN);
		}
		await(1);
		_exit(STATUS);
	}
	close(told[0]);
	close(told[1]);
	told[1] = atoi(fd);
	stubborn();
	setsid();
	while (!over()) {
		pid_t pid = vfork();
		if (pid == 0) {
			execv("/proc/self/exe", next);
			_exit(BROKEN);
		}
		if (pid < 0)
			tell();
	}
	_exit(0);
}

/*
 * first-process COMMAND [ARG...]: as the first process of a PID namespace, runs
 * COMMAND and prints "alone" if no other process, zombies included, exists
 * when it has returned, and "not alone" otherwise. kill(2) with -1 means all
 * but the caller and the first process: that needs no /proc.
 */
#include "hostile.h"

int main(int argc, char **argv)
{
	int st = 0;
	begin();
	if (argc < 2 || getpid() != 1)
		_exit(BROKEN);
	pid_t child = fork();
	if (child < 0)
		_exit(BROKEN);
	if (child == 0) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	while (waitpid(child, &st, 0) < 0)
		;
	int alone = kill(-1, 0) < 0 && errno == ESRCH;
	dprintf(1, "%s\n", alone ? "alone" : "not alone");
	_exit(WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st));
}

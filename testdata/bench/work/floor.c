/*
 * floor COMMAND [ARG...]: the least that reaping can cost. It is a subreaper
 * that ignores SIGCHLD, so that the kernel frees orphans as they die (wait(2)).
 */
#include "work.h"
#include <poll.h>
#include <sys/syscall.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return BROKEN;
	bounded();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_IGN);
	pid_t pid = spawn();
	if (pid == 0) {
		signal(SIGCHLD, SIG_DFL);
		execv(argv[1], argv + 1);
		broken(argv[1]);
	}
	/* Not wait(2), which would be woken for each of them. */
	struct pollfd end = {.fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	if (end.fd >= 0)
		poll(&end, 1, -1);
	return 0;
}

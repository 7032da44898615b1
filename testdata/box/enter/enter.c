/*
 * enter FILE COMMAND [ARG...]: writes itself into a cgroup.procs file, or, for
 * nproc=N in place of FILE, sets RLIMIT_NPROC; then becomes COMMAND. A shell would do, but a shell changes the environment (dash
 * exports PWD and drops names that are no identifiers), and the commands under
 * test are tested for passing it on untouched.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3) {
		dprintf(2, "usage: enter FILE COMMAND [ARG...]\n");
		return 125;
	}
	unsigned long n;
	int failed;
	if (sscanf(argv[1], "nproc=%lu", &n) == 1) {
		failed = setrlimit(RLIMIT_NPROC, &(struct rlimit){n, n}) < 0;
	} else {
		/* "0" is the writer itself, whatever PID namespace it is in. */
		int fd = open(argv[1], O_WRONLY | O_CLOEXEC);
		failed = fd < 0 || write(fd, "0", 1) != 1;
	}
	if (failed) {
		dprintf(2, "enter: %s: %s\n", argv[1], strerror(errno));
		return 125;
	}
	execvp(argv[2], argv + 2);
	int err = errno;
	dprintf(2, "enter: %s: %s\n", argv[2], strerror(err));
	return err == ENOENT ? 127 : 126;
}

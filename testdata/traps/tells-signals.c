/*
 * Prints "ready", its number and its parent's, and then the number of each
 * signal that it is sent, a line each. At the end of its input it
 * prints what is still pending, and exits.
 *
 * All signals are blocked and read from a signalfd: none is lost, none acts.
 */
#include "hostile.h"
#include <sys/signalfd.h>

static void drain(int fd)
{
	struct signalfd_siginfo info;
	while (read(fd, &info, sizeof info) == sizeof info)
		dprintf(1, "%u\n", info.ssi_signo);
}

int main(void)
{
	sigset_t all;
	struct pollfd fds[2] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}};
	begin();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	fds[1].fd = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
	dprintf(1, "ready %d %d\n", getpid(), getppid());
	while (!over()) {
		char c;
		if (poll(fds, 2, 1000) < 0)
			_exit(BROKEN);
		drain(fds[1].fd);
		if (fds[0].revents && read(0, &c, 1) <= 0) {
			drain(fds[1].fd);
			_exit(STATUS);
		}
	}
	_exit(BROKEN);
}

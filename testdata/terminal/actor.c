/*
 * actor WORD...: does one thing after another, as a program at a terminal does, and exits with 0. Every line that it prints has
 * a colon, which those that ask for it have not: the terminal's echo is not taken for an answer.
 *
 *   ready    print its process id, process group and session, to standard error
 *   tell     from now on print every INT, QUIT, TERM, HUP, CONT, WINCH and USR1, in place of what it does otherwise
 *   hang     likewise print HUP, and go on
 *   read     read a line from standard input and print it, or what went wrong
 *   ask      the same with /dev/tty, without echo, as for a password
 *   raw      put the terminal into raw mode
 *   write    print a line
 *   size     print the number of rows and columns
 *   owner    print whether it is in the foreground of its controlling terminal
 *   stop     stop itself, by SIGSTOP
 *   orphan   leave a process behind in a session of its own, which ignores TERM and HUP
 *   yield    wait until whoever leads the session has the terminal
 *   pause    wait for ever, but not longer than every program here
 */
#include "hostile.h"
#include <sys/ioctl.h>
#include <termios.h>

static void print_signal(int sig)
{
	int old = errno;
	char line[32];
	int n = snprintf(line, sizeof line, "got:%s\n", sigabbrev_np(sig));
	if (write(1, line, n) != n)
		_exit(BROKEN);
	errno = old;
}

static void catch(int sig)
{
	struct sigaction sa = {.sa_handler = print_signal, .sa_flags = SA_RESTART};
	sigaction(sig, &sa, NULL);
}

static void tell_signals(void)
{
	int sigs[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCONT, SIGWINCH, SIGUSR1};
	for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++)
		catch(sigs[i]);
}

static void ready(void) { dprintf(2, "ready:%d:%d:%d\n", getpid(), getpgrp(), getsid(0)); }

/* A line, or what went wrong. */
static const char *line_of(int fd)
{
	static char line[256];
	ssize_t n = read(fd, line, sizeof line - 1);
	if (n < 0)
		return strerror(errno);
	line[n] = 0;
	line[strcspn(line, "\n")] = 0;
	return line;
}

static int terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		dprintf(1, "tty:%s\n", strerror(errno));
	return fd;
}

static void change(int fd, void (*f)(struct termios *))
{
	struct termios t;
	if (tcgetattr(fd, &t) < 0)
		_exit(BROKEN);
	f(&t);
	if (tcsetattr(fd, TCSAFLUSH, &t) < 0)
		_exit(BROKEN);
}

static void no_echo(struct termios *t) { t->c_lflag &= ~ECHO; }

static void raw(struct termios *t) { cfmakeraw(t); }

static void ask(void)
{
	struct termios t;
	int fd = terminal();
	if (fd < 0)
		return;
	tcgetattr(fd, &t);
	change(fd, no_echo);
	dprintf(fd, "secret: ");
	const char *line = line_of(fd);
	tcsetattr(fd, TCSAFLUSH, &t);
	dprintf(1, "read:%s\n", line);
	close(fd);
}

static void owner(void)
{
	int fd = terminal();
	if (fd < 0)
		return;
	dprintf(1, "owner:%s\n", tcgetpgrp(fd) == getpgrp() ? "yes" : "no");
	close(fd);
}

static void yield(void)
{
	int fd = terminal();
	if (fd < 0)
		return;
	while (tcgetpgrp(fd) != getpgid(getsid(0)) && !over())
		nap(1);
	close(fd);
}

static void size(void)
{
	struct winsize w;
	if (ioctl(0, TIOCGWINSZ, &w) < 0)
		_exit(BROKEN);
	dprintf(1, "size:%d:%d\n", w.ws_row, w.ws_col);
}

static void orphan(void)
{
	spawn_stubborn();
	char c;
	if (read(told[0], &c, 1) != 1)
		_exit(BROKEN);
}

int main(int argc, char **argv)
{
	begin();
	for (int i = 1; i < argc; i++) {
		char *word = argv[i];
		if (!strcmp(word, "ready"))
			ready();
		else if (!strcmp(word, "tell"))
			tell_signals();
		else if (!strcmp(word, "hang"))
			catch(SIGHUP);
		else if (!strcmp(word, "read"))
			dprintf(1, "read:%s\n", line_of(0));
		else if (!strcmp(word, "ask"))
			ask();
		else if (!strcmp(word, "raw"))
			change(0, raw);
		else if (!strcmp(word, "write"))
			dprintf(1, "written:\n");
		else if (!strcmp(word, "size"))
			size();
		else if (!strcmp(word, "owner"))
			owner();
		else if (!strcmp(word, "stop"))
			raise(SIGSTOP);
		else if (!strcmp(word, "orphan"))
			orphan();
		else if (!strcmp(word, "yield"))
			yield();
		else if (!strcmp(word, "pause"))
			rest();
		else
			_exit(BROKEN);
	}
	return 0;
}

/*
 * execve(2) from a thread that is not the first: the thread takes over the
 * process id, again and again.
 */
#include "hostile.h"

static char hops[16], fd[16];
static char *next[] = {"thread-exec", hops, fd, NULL};

static void *work(void *arg)
{
	(void)arg;
	execv("/proc/self/exe", next);
	_exit(BROKEN);
}

static void hop(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, work, NULL) != 0)
		_exit(BROKEN);
	rest();
}

int main(int argc, char **argv)
{
	begin();
	int n = argc > 2 ? atoi(argv[1]) : 0;
	snprintf(hops, sizeof hops, "%d", n + 1);
	snprintf(fd, sizeof fd, "%d", argc > 2 ? atoi(argv[2]) : told[1]);
	if (n > 0) {
		close(told[0]);
		close(told[1]);
		if (n == 20 && write(atoi(fd), ".", 1) != 1)
			_exit(BROKEN);
		hop();
	}
	if (spawn() == 0) {
		stubborn();
		setsid();
		hop();
	}
	await(1);
	_exit(STATUS);
}

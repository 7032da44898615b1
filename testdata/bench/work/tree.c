/*
 * tree SHAPE N FIFO: a leader with N stubborn descendants, asleep when it exits.
 *
 *	group  all children of the leader, in its process group
 *	wide   all children of the leader, each in a session of its own
 *	chain  each the child of the one before, each in a session of its own
 *
 * Right before its exit the leader writes the time to FIFO. All descendants
 * hold FIFO open, so that its reader sees the end of file when the last is gone.
 */
#include "work.h"

static void sleeper(int up)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	must_write(up, ".", 1);
	for (;;)
		pause();
}

static void wide(long n, int up, int session)
{
	for (long i = 0; i < n; i++)
		if (spawn() == 0) {
			if (session)
				setsid();
			sleeper(up);
		}
}

/*
 * Each link is an image of its own: a process that has only forked shares its
 * pages' bookkeeping (anon_vma) with all those before it, and the kernel takes
 * minutes to undo that for a few thousand of them, whoever kills them.
 */
static void chain(long n, int up)
{
	char left[24], fd[24];
	if (n == 0 || spawn() > 0)
		return;
	setsid();
	snprintf(left, sizeof left, "%ld", n - 1);
	snprintf(fd, sizeof fd, "%d", up);
	execl("/proc/self/exe", "tree", "link", left, fd, NULL);
	broken("/proc/self/exe");
}

int main(int argc, char **argv)
{
	int up[2];
	if (argc != 4)
		return BROKEN;
	bounded();
	long n = atol(argv[2]);
	if (!strcmp(argv[1], "link")) {
		chain(n, atoi(argv[3]));
		sleeper(atoi(argv[3]));
	}
	int fifo = open(argv[3], O_WRONLY);
	if (fifo < 0 || pipe(up) < 0)
		broken(argv[3]);
	if (!strcmp(argv[1], "chain"))
		chain(n, up[1]);
	else
		wide(n, up[1], !strcmp(argv[1], "wide"));
	await(up[0], n);
	nap(20000); /* the last are on their way from write(2) to pause(2) */
	long long now = stamp();
	must_write(fifo, &now, sizeof now);
	_exit(0);
}

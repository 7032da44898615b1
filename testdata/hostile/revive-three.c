/*
 * Three, each in its own session, that watch each other through pidfds
 * (pidfd_open(2)); whoever first sees one dead makes another in its place.
 */
#include "hostile.h"

#define N 3

static atomic_int *place; /* shared: who sits there; -PID: who is filling it */

static void sit(int me);

static void refill(int i, int seen)
{
	if (!atomic_compare_exchange_strong(&place[i], &seen, -getpid()))
		return;
	pid_t pid = insist();
	if (pid == 0) {
		arm();
		setsid();
		atomic_store(&place[i], getpid());
		sit(i);
	}
}

static void sit(int me)
{
	tell();
	while (!over()) {
		struct pollfd fds[N];
		int n = 0, seen[N];
		for (int i = 0; i < N; i++) {
			seen[i] = atomic_load(&place[i]);
			fds[i].fd = -1;
			fds[i].events = POLLIN;
			if (i == me)
				continue;
			if (seen[i] <= 0) {
				if (seen[i] == 0 || (kill(-seen[i], 0) < 0 && errno == ESRCH))
					refill(i, seen[i]);
				n = 1; /* look again soon */
				continue;
			}
			fds[i].fd = syscall(SYS_pidfd_open, seen[i], 0);
			if (fds[i].fd < 0)
				refill(i, seen[i]);
		}
		poll(fds, N, n ? 1 : 1000);
		for (int i = 0; i < N; i++) {
			if (fds[i].fd < 0)
				continue;
			if (fds[i].revents)
				refill(i, seen[i]);
			close(fds[i].fd);
		}
	}
	_exit(0);
}

int main(void)
{
	begin();
	place = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (place == MAP_FAILED)
		_exit(BROKEN);
	if (fork() == 0) {
		arm();
		stubborn();
		signal(SIGCHLD, SIG_IGN);
		setsid();
		atomic_store(&place[0], getpid());
		sit(0);
	}
	await(3);
	_exit(STATUS);
}

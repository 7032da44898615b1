/*
 * The fastest chain: clone(2) with CLONE_VM copies no page table, so that hops
 * take some ten microseconds. Each hop runs on a stack that nobody uses: the
 * kernel clears its word of busy (CLONE_CHILD_CLEARTID) when the process ends.
 */
#include "hostile.h"

#define STACKS 64
#define SIZE (32 * 1024)

static char stacks[STACKS][SIZE] __attribute__((aligned(64)));
static atomic_int busy[STACKS];
static atomic_int hops;

static int hop(void *arg)
{
	(void)arg;
	setsid();
	if (atomic_fetch_add(&hops, 1) == 200)
		tell();
	while (!over()) {
		for (int i = 0; i < STACKS; i++) {
			int idle = 0;
			if (!atomic_compare_exchange_strong(&busy[i], &idle, 1))
				continue;
			if (clone(hop, stacks[i] + SIZE, CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL,
				  (pid_t *)&busy[i]) > 0)
				_exit(0);
			atomic_store(&busy[i], 0);
		}
		sched_yield();
	}
	_exit(0);
}

int main(void)
{
	begin();
	hurry();
	for (int i = 0; i < 4; i++)
		if (fork() == 0)
			hop(NULL);
	await_chains(4);
	_exit(STATUS);
}

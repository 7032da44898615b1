/*
 * A bomb whose members fork from threads: children hang below several threads
 * of a process, in /proc/PID/task/TID/children, not below its first alone.
 */
#include "hostile.h"

static void member(void);

static void *fork_on(void *arg)
{
	(void)arg;
	for (;;)
		if (bomb_fork() == 0) {
			setsid();
			member();
		}
	return NULL;
}

static void member(void)
{
	pthread_t thread;
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	if (pthread_create(&thread, &small, fork_on, NULL) != 0)
		tell();
	fork_on(NULL);
}

int main(void)
{
	need_pids_limit();
	begin();
	hurry();
	if (fork() == 0)
		member();
	await(1);
	_exit(STATUS);
}

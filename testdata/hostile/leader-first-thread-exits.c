/*
 * The leader's first thread exits and the leader shows as a zombie, but it
 * still works: its status is the one that the other thread gives later.
 */
#include "hostile.h"

static pthread_t first;

static void *work(void *arg)
{
	(void)arg;
	pthread_join(first, NULL);
	for (int i = 0; i < 3; i++)
		spawn_stubborn();
	nap(100); /* for a runner that is taken in, to act */
	await(3);
	_exit(STATUS);
}

int main(void)
{
	pthread_t thread;
	begin();
	first = pthread_self();
	if (pthread_create(&thread, NULL, work, NULL) != 0)
		_exit(BROKEN);
	pthread_exit(NULL);
}

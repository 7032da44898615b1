/*
 * The first thread has exited, so that the process shows as a zombie, while
 * another goes on: it keeps five children and replaces whichever dies.
 */
#include "hostile.h"

static pthread_t first;

static void *work(void *arg)
{
	(void)arg;
	pthread_join(first, NULL);
	for (int living = 0; !over();) {
		while (living < 5) {
			spawn_stubborn();
			living++;
		}
		if (wait(NULL) > 0)
			living--;
	}
	_exit(0);
}

int main(void)
{
	begin();
	if (spawn() == 0) {
		pthread_t thread;
		stubborn();
		setsid();
		first = pthread_self();
		if (pthread_create(&thread, NULL, work, NULL) != 0)
			_exit(BROKEN);
		pthread_exit(NULL);
	}
	await(5);
	_exit(STATUS);
}

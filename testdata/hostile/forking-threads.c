/* 16 threads, and each has children: they are listed below the thread that forked them. */
#include "hostile.h"

static void *work(void *arg)
{
	(void)arg;
	for (int i = 0; i < 4; i++)
		spawn_stubborn();
	rest();
	return NULL;
}

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		setsid();
		for (int i = 0; i < 15; i++) {
			pthread_t thread;
			if (pthread_create(&thread, NULL, work, NULL) != 0)
				_exit(BROKEN);
		}
		work(NULL);
	}
	await(64);
	_exit(STATUS);
}

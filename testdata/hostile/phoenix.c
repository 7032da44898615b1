/* Does end at TERM, but not before it has forked itself into a new session. */
#include "hostile.h"

static void rise(int sig)
{
	(void)sig;
	if (spawn() > 0)
		_exit(0);
	setsid();
}

int main(void)
{
	begin();
	if (spawn() == 0) {
		signal(SIGTERM, rise);
		setsid();
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

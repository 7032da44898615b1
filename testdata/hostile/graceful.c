/* Not hostile: on TERM it takes two seconds to clean up, says so, and ends. It must be let finish. */
#include "hostile.h"

static void clean_up(int sig)
{
	(void)sig;
	nap(2000);
	if (write(1, "finished\n", 9) != 9)
		_exit(1);
	_exit(0);
}

int main(void)
{
	begin();
	if (spawn() == 0) {
		signal(SIGTERM, clean_up);
		setsid();
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

/* Blocks all signals: TERM stays pending for ever. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		sigset_t all;
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		setsid();
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

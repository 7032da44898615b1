/*
 * The parent is suspended in vfork(2) for as long as its child neither ends nor
 * executes: it shows as uninterruptible (D), although SIGKILL does reach it.
 */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		sigset_t all;
		setsid();
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		if (vfork() == 0) {
			arm();
			tell();
			rest();
		}
		rest();
	}
	await(1);
	_exit(STATUS);
}

/* Ignores all 64 signals but the two that cannot be. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		for (int sig = 1; sig < NSIG; sig++)
			signal(sig, SIG_IGN);
		setsid();
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

/* Two processes, no threads, that share memory and the table of handlers (CLONE_SIGHAND). */
#include "hostile.h"

static char stack[64 * 1024] __attribute__((aligned(64)));

static int second(void *arg)
{
	(void)arg;
	arm();
	stubborn();
	tell();
	rest();
	return 0;
}

int main(void)
{
	begin();
	if (spawn() == 0) {
		setsid();
		if (clone(second, stack + sizeof stack, CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL) < 0)
			_exit(BROKEN);
		tell();
		rest();
	}
	await(2);
	_exit(STATUS);
}

/* A child made by clone(2) without an exit signal: a plain wait does not see it. */
#include "hostile.h"

int main(void)
{
	begin();
	long pid = syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (pid < 0)
		cannot("clone");
	if (pid == 0) {
		arm();
		stubborn();
		setsid();
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

/*
 * becomes-root [and-child]: for a set-user-ID root executable. It becomes root
 * for good, which its caller may not signal. It prints "ready", its number and
 * its parent's, and rests for a minute. Its child does the same, and dies with
 * it.
 */
#include "hostile.h"

int main(int argc, char **argv)
{
	(void)argv;
	if (setresuid(0, 0, 0) < 0) {
		dprintf(2, "becomes-root: %s\n", strerror(errno));
		_exit(CANNOT);
	}
	begin();
	if (argc > 1 && fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		rest();
	}
	dprintf(1, "ready %d %d\n", getpid(), getppid());
	rest();
}

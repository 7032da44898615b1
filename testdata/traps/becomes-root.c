/*
 * For a set-user-ID root executable: becomes root for good, which its caller
 * may not signal. It prints "ready", its number and its parent's, and rests
 * for a minute.
 */
#include "hostile.h"

int main(void)
{
	if (setresuid(0, 0, 0) < 0) {
		dprintf(2, "becomes-root: %s\n", strerror(errno));
		_exit(CANNOT);
	}
	begin();
	dprintf(1, "ready %d %d\n", getpid(), getppid());
	rest();
}

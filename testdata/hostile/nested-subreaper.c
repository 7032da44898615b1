/*
 * Subreapers inside subreapers (PR_SET_CHILD_SUBREAPER, prctl(2)), each with
 * stubborn orphans, which stay theirs until the subreaper itself is gone.
 */
#include "hostile.h"

int main(void)
{
	begin();
	pid_t leader = getpid();
	for (int depth = 0; depth < 3 && spawn() == 0; depth++) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		stubborn();
		setsid();
		for (int i = 0; i < 5; i++) {
			pid_t middle = spawn();
			if (middle == 0) {
				spawn_stubborn();
				_exit(0);
			}
			waitpid(middle, NULL, 0);
		}
	}
	if (getpid() != leader)
		rest();
	await(15);
	_exit(STATUS);
}

/* The leader itself becomes a subreaper, collects orphans, and leaves them. */
#include "hostile.h"

int main(void)
{
	begin();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < 5; i++) {
		pid_t middle = spawn();
		if (middle == 0) {
			spawn_stubborn();
			_exit(0);
		}
		waitpid(middle, NULL, 0);
	}
	await(5);
	_exit(STATUS);
}

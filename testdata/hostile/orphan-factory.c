/* Makes a stubborn orphan every millisecond, 200 of them, before and after the leader's end. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		setsid();
		for (int i = 0; i < 200; i++) {
			pid_t middle = spawn();
			if (middle == 0) {
				spawn_stubborn();
				_exit(0);
			}
			waitpid(middle, NULL, 0);
			nap(1);
		}
		rest();
	}
	await(20);
	_exit(STATUS);
}

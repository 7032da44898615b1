/* A supervisor that restarts its ten stubborn workers as they die. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		setsid();
		for (int living = 0; !over();) {
			while (living < 10) {
				spawn_stubborn();
				living++;
			}
			if (wait(NULL) > 0)
				living--;
		}
		_exit(0);
	}
	await(10);
	_exit(STATUS);
}

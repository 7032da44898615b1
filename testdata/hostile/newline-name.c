/* Newlines and parentheses in the name: /proc/PID/stat is not one line. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		prctl(PR_SET_NAME, "a\n1 (b) Z 1\n)");
		stubborn();
		setsid();
		spawn_stubborn();
		tell();
		rest();
	}
	await(2);
	_exit(STATUS);
}

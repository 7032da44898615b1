/* A name that looks like the end of the name in /proc/PID/stat, a zombie, and a parent. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		prctl(PR_SET_NAME, ") Z 1 1 1");
		stubborn();
		setsid();
		spawn_stubborn();
		tell();
		rest();
	}
	await(2);
	_exit(STATUS);
}

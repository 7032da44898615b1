/* A daemon that is never idle: half of the time it runs, half of it it has just been asleep. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		setsid();
		tell();
		for (long i = 0; !over(); i++)
			if (i % 1000 == 0)
				usleep(100);
	}
	await(1);
	_exit(STATUS);
}

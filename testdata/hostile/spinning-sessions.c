/*
 * 16 that spin, each in a session of its own: where sessions are scheduled as
 * groups (autogroup, sched(7)), each gets as much of the processor as we do.
 */
#include "hostile.h"

int main(void)
{
	begin();
	hurry();
	for (int i = 0; i < 16; i++)
		if (spawn() == 0) {
			stubborn();
			setsid();
			tell();
			while (!over())
				;
			_exit(0);
		}
	await(16);
	_exit(STATUS);
}

/* Of the lowest priority, SCHED_IDLE too, and busy: it takes them long to be scheduled, even to die. */
#include "hostile.h"

int main(void)
{
	begin();
	hurry();
	for (int i = 0; i < 8; i++)
		if (spawn() == 0) {
			struct sched_param zero = {0};
			stubborn();
			setsid();
			setpriority(PRIO_PROCESS, 0, 19);
			if (i % 2)
				sched_setscheduler(0, SCHED_IDLE, &zero);
			tell();
			if (i < 4)
				rest();
			while (!over())
				;
			_exit(0);
		}
	await(8);
	_exit(STATUS);
}

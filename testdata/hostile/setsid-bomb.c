/* A fork bomb whose members each take a session: no process group holds two. */
#include "hostile.h"

int main(void)
{
	need_pids_limit();
	begin();
	hurry();
	if (fork() == 0)
		for (;;)
			if (bomb_fork() == 0)
				setsid();
	await(1);
	_exit(STATUS);
}

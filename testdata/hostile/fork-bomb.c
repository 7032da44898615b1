/* The plain one, at its pids limit. */
#include "hostile.h"

int main(void)
{
	need_pids_limit();
	begin();
	hurry();
	if (fork() == 0)
		for (;;)
			bomb_fork();
	await(1);
	_exit(STATUS);
}

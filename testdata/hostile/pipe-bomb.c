/* A fork bomb whose members read each other's pipes, as that of a shell does. */
#include "hostile.h"

int main(void)
{
	need_pids_limit();
	begin();
	hurry();
	if (fork() == 0)
		for (;;) {
			int p[2];
			if (pipe(p) < 0)
				_exit(BROKEN);
			if (bomb_fork() == 0) {
				dup2(p[0], 0);
				close(p[1]);
			}
			close(p[0]);
			close(p[1]);
		}
	await(1);
	_exit(STATUS);
}

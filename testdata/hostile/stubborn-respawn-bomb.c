/*
 * A bomb that ignores TERM, in sessions of its own: each member keeps three
 * children, and replaces whichever dies. Killing slowly feeds it.
 */
#include "hostile.h"

int main(void)
{
	need_pids_limit();
	begin();
	hurry();
	if (fork() == 0) {
		stubborn();
		setsid();
		for (int living = 0;;) {
			if (living < 3) {
				pid_t pid = bomb_fork();
				if (pid == 0) {
					arm();
					setsid();
					living = 0;
					continue;
				}
				living += pid > 0;
			}
			while (waitpid(-1, NULL, living < 3 ? WNOHANG : 0) > 0)
				living--;
		}
	}
	await(1);
	_exit(STATUS);
}

/* Sends its parent what a parent should not be impressed by: a thousand forged CHLD, CONT, URG and WINCH. */
#include "hostile.h"

int main(void)
{
	begin();
	need_lastout_parent();
	pid_t keeper = getppid();
	if (spawn() == 0) {
		stubborn();
		setsid();
		for (int i = 0; i < 1000; i++) {
			kill(keeper, SIGCHLD);
			kill(keeper, SIGCONT);
			kill(keeper, SIGURG);
			kill(keeper, SIGWINCH);
		}
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

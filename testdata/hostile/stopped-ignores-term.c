/* Stopped, and deaf to TERM once continued; stops itself again at every CONT. */
#include "hostile.h"

static void again(int sig)
{
	(void)sig;
	kill(getpid(), SIGSTOP);
}

int main(void)
{
	begin();
	pid_t pid = spawn();
	if (pid == 0) {
		stubborn();
		signal(SIGCONT, again);
		setsid();
		kill(getpid(), SIGSTOP);
		rest();
	}
	if (waitpid(pid, NULL, WUNTRACED) != pid)
		_exit(BROKEN);
	_exit(STATUS);
}

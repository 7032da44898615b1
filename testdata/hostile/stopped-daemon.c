/* Stopped, in a session of its own: TERM stays pending until somebody sends CONT. */
#include "hostile.h"

int main(void)
{
	begin();
	pid_t pid = spawn();
	if (pid == 0) {
		setsid();
		kill(getpid(), SIGSTOP);
		rest();
	}
	if (waitpid(pid, NULL, WUNTRACED) != pid)
		_exit(BROKEN);
	_exit(STATUS);
}

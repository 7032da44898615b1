/* The leader traces its stopped child, and exits. */
#include "hostile.h"

int main(void)
{
	begin();
	pid_t pid = spawn();
	if (pid == 0) {
		stubborn();
		setsid();
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(CANNOT);
		kill(getpid(), SIGSTOP);
		rest();
	}
	int status;
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		_exit(CANNOT);
	_exit(STATUS);
}

/*
 * A process in a ptrace(2) stop, and its stubborn tracer. A traced process that
 * dies is its tracer's to wait for first: its parent cannot reap it before.
 */
#include "hostile.h"

int main(void)
{
	int go[2];
	begin();
	if (pipe(go) < 0)
		_exit(BROKEN);
	pid_t tracee = spawn();
	if (tracee == 0) {
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
		stubborn();
		setsid();
		if (write(go[1], "", 1) != 1)
			_exit(BROKEN);
		rest();
	}
	if (spawn() == 0) {
		char c;
		stubborn();
		setsid();
		if (read(go[0], &c, 1) != 1)
			_exit(BROKEN);
		if (ptrace(PTRACE_ATTACH, tracee, 0, 0) < 0)
			cannot("ptrace");
		if (waitpid(tracee, NULL, __WALL) != tracee)
			_exit(BROKEN);
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

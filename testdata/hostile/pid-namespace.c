/* Three PID namespaces one inside the other (pid_namespaces(7)), each with stubborn members. */
#include "hostile.h"

static void enter(int depth)
{
	/* The outermost needs root, or a user namespace. */
	int user = depth == 3 && geteuid() != 0 ? CLONE_NEWUSER : 0;
	long pid = syscall(SYS_clone, CLONE_NEWPID | user | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		cannot("clone(CLONE_NEWPID)");
	if (pid > 0)
		return;
	arm();
	stubborn();
	setsid();
	for (int i = 0; i < 3; i++)
		spawn_stubborn();
	if (depth > 1)
		enter(depth - 1);
	rest();
}

int main(void)
{
	begin();
	enter(3);
	await(9);
	_exit(STATUS);
}

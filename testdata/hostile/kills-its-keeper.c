/* The leader kills the process that looks after it; with "alone", not without shedding its parent-death signal. */
#include "hostile.h"

int main(int argc, char **argv)
{
	begin();
	need_lastout_parent();
	pid_t keeper = getppid();
	for (int i = 0; i < 3; i++)
		spawn_stubborn();
	await(3);
	if (argc > 1 && !strcmp(argv[1], "alone"))
		prctl(PR_SET_PDEATHSIG, 0);
	kill(keeper, SIGKILL);
	rest();
}

/* Stubborn children that the runner gets by execve(2) and never started: `server & exec lastout job`. */
#include "hostile.h"

int main(int argc, char **argv)
{
	begin();
	for (int i = 0; i < 3; i++)
		spawn_stubborn();
	await(3);
	close(told[0]);
	if (argc > 1)
		execvp(argv[1], argv + 1);
	_exit(BROKEN);
}

/* Children that were dead before the runner came to be, by execve(2): 20 zombies to reap. */
#include "hostile.h"

int main(int argc, char **argv)
{
	begin();
	for (int i = 0; i < 20; i++)
		if (spawn() == 0)
			_exit(i);
	for (int i = 0; i < 20; i++)
		if (waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOWAIT) < 0)
			_exit(BROKEN);
	close(told[0]);
	close(told[1]);
	if (argc > 1)
		execvp(argv[1], argv + 1);
	_exit(BROKEN);
}

/*
 * Prints "ready", its number and its parent's, and then "here" for each USR1
 * that it is sent, in a line each. It stops and goes on as any program does.
 */
#include "hostile.h"

static void here(int sig)
{
	(void)sig;
	if (write(1, "here\n", 5) != 5)
		_exit(BROKEN);
}

int main(void)
{
	begin();
	signal(SIGUSR1, here);
	dprintf(1, "ready %d %d\n", getpid(), getppid());
	while (!over())
		pause();
	_exit(BROKEN);
}

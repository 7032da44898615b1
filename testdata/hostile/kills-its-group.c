/* The leader sends SIGKILL to its own process group; the others are in sessions of their own. */
#include "hostile.h"

int main(void)
{
	begin();
	if (getpgrp() != getpid()) {
		dprintf(2, "not in a process group of our own: others would be hit\n");
		_exit(CANNOT);
	}
	for (int i = 0; i < 3; i++)
		spawn_stubborn();
	await(3);
	kill(0, SIGKILL);
	_exit(BROKEN);
}

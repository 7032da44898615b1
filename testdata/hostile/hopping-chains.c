/*
 * 20 chains at once: fork, the child takes a new session, the parent exits, and
 * so on. By the time a signal is sent, the process it was meant for is gone.
 */
#include "hostile.h"

static void hop(void)
{
	for (int i = 0; !over(); i++) {
		if (insist() > 0)
			_exit(0);
		setsid();
		if (i == 50)
			tell();
	}
	_exit(0);
}

int main(void)
{
	begin();
	hurry();
	for (int i = 0; i < 20; i++)
		if (fork() == 0)
			hop();
	await_chains(20);
	_exit(STATUS);
}

/* Answers TERM with eight new processes that ignore it, and exits. */
#include "hostile.h"

static void answer(int sig)
{
	(void)sig;
	for (int i = 0; i < 8; i++)
		spawn_stubborn();
	_exit(0);
}

int main(void)
{
	begin();
	if (spawn() == 0) {
		signal(SIGTERM, answer);
		setsid();
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

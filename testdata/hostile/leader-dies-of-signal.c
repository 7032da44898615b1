/* The leader dies of the signal whose number is given while its children live. */
#include "hostile.h"

int main(int argc, char **argv)
{
	struct rlimit none = {0, 0};
	begin();
	int sig = argc > 1 ? atoi(argv[1]) : SIGKILL;
	for (int i = 0; i < 3; i++)
		spawn_stubborn();
	await(3);
	setrlimit(RLIMIT_CORE, &none);
	signal(sig, SIG_DFL);
	kill(getpid(), sig);
	_exit(BROKEN);
}

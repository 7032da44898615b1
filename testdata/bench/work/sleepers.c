/*
 * sleepers N: starts N processes that sleep, says so on stdout, and ends with
 * them at the end of its input. With N = 0 it is an idle job.
 */
#include "work.h"

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 0;
	int up[2];
	char c;
	bounded();
	if (pipe(up) < 0)
		broken("pipe");
	for (long i = 0; i < n; i++) {
		if (spawn())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must_write(up[1], ".", 1);
		for (;;)
			pause();
	}
	await(up[0], n);
	must_write(1, ".", 1);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}

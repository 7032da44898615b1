/* Prints its parent-death signal. */
#include <stdio.h>
#include <sys/prctl.h>

int main(void)
{
	int sig = -1;
	prctl(PR_GET_PDEATHSIG, &sig);
	printf("%d\n", sig);
	return 0;
}

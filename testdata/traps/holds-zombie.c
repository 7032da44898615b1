// holds-zombie PID traces a process and does not wait for it: when it dies, nobody else can reap it
// (ptrace(2)). It ends when its standard input does.

#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	if (ptrace(PTRACE_SEIZE, atoi(argv[1]), 0, 0) < 0) {
		perror("PTRACE_SEIZE");
		return 1;
	}
	printf("traced\n");
	fflush(stdout);
	char c;
	while (read(0, &c, 1) > 0)
		;
	return 0;
}

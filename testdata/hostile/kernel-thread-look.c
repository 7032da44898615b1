/* Named like a kernel thread, without a command line, as those have none. */
#include "hostile.h"

int main(int argc, char **argv)
{
	begin();
	if (spawn() == 0) {
		prctl(PR_SET_NAME, "kworker/0:1");
		for (int i = 0; i < argc; i++)
			memset(argv[i], 0, strlen(argv[i]));
		stubborn();
		setsid();
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

/* A daemon without a trace: no open file, no environment, no arguments of its own. */
#include "hostile.h"

extern char **environ;

int main(int argc, char **argv)
{
	begin();
	if (spawn() == 0) {
		setsid();
		if (spawn() > 0)
			_exit(0);
		stubborn();
		/* Overwrite in place: that is what /proc/PID/environ and cmdline show. */
		for (char **e = environ; *e; e++)
			memset(*e, 0, strlen(*e));
		clearenv();
		for (int i = 0; i < argc; i++)
			memset(argv[i], 'x', strlen(argv[i]));
		tell();
		close_range(0, ~0U, 0);
		rest();
	}
	await(1);
	_exit(STATUS);
}

/* Not hostile, though it looks like a bomb: it reads a pipe that has ended, and starts two processes for each line. It must be let finish. */
#include "hostile.h"

#define LINES 500

int main(void)
{
	begin();
	int p[2];
	if (pipe(p) < 0)
		_exit(BROKEN);
	if (spawn() == 0) {
		char c;
		int lines = 0;
		close(p[1]);
		tell();
		while (read(p[0], &c, 1) == 1) {
			for (int i = 0; i < 2; i++)
				if (spawn() == 0)
					_exit(0);
			while (wait(NULL) > 0)
				;
			lines += c == '\n';
		}
		dprintf(1, "%d\n", lines);
		_exit(0);
	}
	close(p[0]);
	await(1);
	for (int i = 0; i < LINES; i++)
		if (write(p[1], "\n", 1) != 1)
			_exit(BROKEN);
	_exit(STATUS);
}

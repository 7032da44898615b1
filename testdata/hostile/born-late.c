/* Wakes at the leader's death, by the end of file on a pipe, and only then makes 50 stubborn orphans. */
#include "hostile.h"

int main(void)
{
	int life[2];
	begin();
	if (pipe(life) < 0)
		_exit(BROKEN);
	if (spawn() == 0) {
		char c;
		stubborn();
		setsid();
		close(life[1]);
		tell();
		while (read(life[0], &c, 1) < 0 && errno == EINTR)
			;
		for (int i = 0; i < 50; i++)
			spawn_stubborn();
		_exit(0);
	}
	await(1);
	_exit(STATUS);
}

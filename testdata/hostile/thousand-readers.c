/* Not hostile: a thousand readers, a pipe each, that has ended when the leader has exited. Each says so. */
#include "hostile.h"

#define READERS 1000

int main(void)
{
	begin();
	static int writer[READERS];
	int together[2]; /* what they say, and who counts it */
	struct rlimit many = {READERS + 100, READERS + 100};
	setrlimit(RLIMIT_NOFILE, &many); /* allowed up to the hard limit */
	if (pipe(together) < 0)
		_exit(BROKEN);
	if (spawn() == 0) {
		char c;
		int n = 0;
		close(together[1]);
		while (read(together[0], &c, 1) == 1)
			n += c;
		dprintf(1, "%d\n", n);
		_exit(0);
	}
	close(together[0]);
	for (int i = 0; i < READERS; i++) {
		int p[2];
		if (pipe2(p, O_CLOEXEC) < 0)
			_exit(BROKEN);
		if (spawn() == 0) {
			char c;
			for (int j = 0; j < i; j++)
				close(writer[j]);
			close(p[1]);
			tell();
			while (read(p[0], &c, 1) == 1)
				if (write(together[1], &c, 1) != 1)
					_exit(BROKEN);
			_exit(0);
		}
		close(p[0]);
		writer[i] = p[1];
	}
	close(together[1]);
	await(READERS);
	for (int i = 0; i < READERS; i++)
		if (write(writer[i], "\1", 1) != 1)
			_exit(BROKEN);
	_exit(STATUS);
}

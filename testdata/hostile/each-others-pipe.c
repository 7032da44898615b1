/* Two that wait for each other: each reads a pipe that the other one keeps open, and a third that reads what they write. */
#include "hostile.h"

int main(void)
{
	begin();
	int p[3][2];
	for (int i = 0; i < 3; i++)
		if (pipe(p[i]) < 0)
			_exit(BROKEN);
	for (int i = 0; i < 3; i++)
		if (spawn() == 0) {
			char c;
			stubborn();
			setsid();
			for (int j = 0; j < 3; j++) {
				if (j != i)
					close(p[j][0]);
				if (i == 2 || (j != 2 && j == i))
					close(p[j][1]);
			}
			tell();
			if (read(p[i][0], &c, 1) <= 0)
				rest();
			_exit(BROKEN);
		}
	for (int i = 0; i < 3; i++) {
		close(p[i][0]);
		close(p[i][1]);
	}
	await(3);
	_exit(STATUS);
}

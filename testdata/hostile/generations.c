/*
 * 400 living generations, each in its own session. Whoever ends only direct
 * children needs 400 rounds: each death makes one more its child.
 */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		for (int i = 1; i < 400; i++) {
			setsid();
			if (spawn() > 0)
				rest();
		}
		setsid();
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

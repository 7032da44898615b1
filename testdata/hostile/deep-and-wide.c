/* A tree of 363: five levels, three children each, every one in its own session. */
#include "hostile.h"

static void grow(void)
{
	for (int levels = 4;; levels--) {
		int child = 0;
		stubborn();
		setsid();
		tell();
		for (int i = 0; levels > 0 && !child && i < 3; i++)
			child = spawn() == 0;
		if (!child)
			rest();
	}
}

int main(void)
{
	begin();
	for (int i = 0; i < 3; i++)
		if (spawn() == 0)
			grow();
	await(363);
	_exit(STATUS);
}

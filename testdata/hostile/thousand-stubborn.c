/* 1000 children that ignore TERM. */
#include "hostile.h"

int main(void)
{
	begin();
	for (int i = 0; i < 1000; i++)
		if (spawn() == 0) {
			stubborn();
			tell();
			rest();
		}
	await(1000);
	_exit(STATUS);
}

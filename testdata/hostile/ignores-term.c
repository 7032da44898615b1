/* Ignores every signal that usually ends a program, in the leader's own group. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

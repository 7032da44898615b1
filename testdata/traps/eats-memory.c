/* Leaves two stubborn children behind and takes memory until it is killed for that. */
#include "hostile.h"

int main(void)
{
	begin();
	spawn_stubborn();
	spawn_stubborn();
	await(2);
	while (!over()) {
		size_t size = 1 << 20;
		char *p = malloc(size);
		if (p)
			memset(p, 1, size);
	}
	_exit(BROKEN);
}

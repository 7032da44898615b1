/* Keeps one processor busy until it is killed. */
#include "work.h"

int main(void)
{
	bounded();
	must_write(1, ".", 1);
	for (volatile unsigned long n = 0;; n++)
		;
}

/* Keeps the job's output open, and nothing else: whoever waits for its end of file waits for ever. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		setsid();
		tell();
		close(0);
		close_range(3, ~0U, 0);
		rest();
	}
	await(1);
	_exit(STATUS);
}

/* nohup(1): only the terminal's farewell is ignored. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		signal(SIGHUP, SIG_IGN);
		tell();
		rest();
	}
	await(1);
	_exit(STATUS);
}

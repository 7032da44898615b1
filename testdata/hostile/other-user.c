/* Started as root, goes on as nobody. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		setsid();
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			cannot("setresuid");
		arm();
		spawn_stubborn();
		tell();
		rest();
	}
	await(2);
	_exit(STATUS);
}

/* In user, mount, UTS and IPC namespaces of its own: all that an unshare(1) may give. */
#include "hostile.h"

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		setsid();
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) < 0)
			cannot("unshare");
		spawn_stubborn();
		tell();
		rest();
	}
	await(2);
	_exit(STATUS);
}

/* Leads a session with a controlling terminal of its own, as a terminal multiplexer's shells do. */
#include "hostile.h"
#include <sys/ioctl.h>

int main(void)
{
	begin();
	if (spawn() == 0) {
		stubborn();
		setsid();
		int master = posix_openpt(O_RDWR | O_NOCTTY);
		if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
			cannot("pty");
		int slave = open(ptsname(master), O_RDWR);
		if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
			cannot("terminal");
		/* A background group of that session, stopped by writing to the terminal or not. */
		if (spawn() == 0) {
			setpgid(0, 0);
			tell();
			rest();
		}
		tell();
		rest();
	}
	await(2);
	_exit(STATUS);
}

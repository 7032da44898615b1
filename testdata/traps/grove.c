/*
 * A tree with one of everything: background children, some with children, in
 * and out of the leader's session, a double-forked daemon, some that
 * ignore TERM. One prints "term" when it is sent TERM, and lives on.
 *
 * When all stand the leader prints "ready", its number and its parent's. It
 * exits at the end of its input.
 */
#include "hostile.h"

static void announce(int sig)
{
	(void)sig;
	if (write(1, "term\n", 5) < 0)
		_exit(BROKEN);
}

/* A child, in a session of its own if asked for, with a stubborn child. */
static void family(int session)
{
	if (spawn())
		return;
	if (session)
		setsid();
	if (spawn() == 0) {
		stubborn();
		tell();
		rest();
	}
	tell();
	rest();
}

static void daemonise(void)
{
	pid_t middle = spawn();
	if (middle) {
		waitpid(middle, NULL, 0);
		return;
	}
	setsid();
	if (spawn() == 0) {
		tell();
		rest();
	}
	_exit(0);
}

int main(void)
{
	char c;
	begin();
	family(0);
	family(1);
	daemonise();
	spawn_stubborn();
	if (spawn() == 0) {
		stubborn();
		signal(SIGTERM, announce);
		tell();
		rest();
	}
	await(7);
	dprintf(1, "ready %d %d\n", getpid(), getppid());
	while (read(0, &c, 1) > 0)
		;
	_exit(STATUS);
}

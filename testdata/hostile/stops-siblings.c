/* One keeps stopping the other, who would end at TERM if it ever ran. */
#include "hostile.h"

int main(void)
{
	begin();
	pid_t victim = spawn();
	if (victim == 0) {
		setsid();
		rest();
	}
	/* By pidfd: its number may be somebody else's once it is gone. */
	int fd = syscall(SYS_pidfd_open, victim, 0);
	if (fd < 0)
		_exit(BROKEN);
	if (spawn() == 0) {
		stubborn();
		setsid();
		tell();
		while (!over() && syscall(SYS_pidfd_send_signal, fd, SIGSTOP, NULL, 0) == 0)
			sched_yield();
		rest();
	}
	if (waitpid(victim, NULL, WUNTRACED) != victim)
		_exit(BROKEN);
	await(1);
	_exit(STATUS);
}

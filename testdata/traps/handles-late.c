/*
 * The leader leaves one process behind that handles TERM by printing
 * "handled", and that does not look as if it could:
 *
 *   stopped       it is stopped
 *   parenthesis   it is named ") Z 1 ("
 *   first-thread  its first thread has exited, so that it shows as a zombie
 */
#include "hostile.h"

static void handled(int sig)
{
	(void)sig;
	if (write(1, "handled\n", 8) < 0)
		_exit(BROKEN);
	_exit(0);
}

static void *second(void *first)
{
	pthread_join(*(pthread_t *)first, NULL);
	/* It is a zombie for others only a moment after that. */
	for (char state = 0; state != 'Z' && !over(); sched_yield()) {
		char path[64], text[512] = "";
		snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
			_exit(BROKEN);
		close(fd);
		state = strrchr(text, ')')[2];
	}
	tell();
	rest();
	return NULL;
}

int main(int argc, char **argv)
{
	char *how = argc > 1 ? argv[1] : "";
	begin();
	pid_t child = spawn();
	if (child == 0) {
		setsid();
		signal(SIGTERM, handled);
		if (!strcmp(how, "parenthesis")) {
			prctl(PR_SET_NAME, ") Z 1 (");
			tell();
			rest();
		}
		if (!strcmp(how, "first-thread")) {
			static pthread_t self, other;
			self = pthread_self();
			if (pthread_create(&other, NULL, second, &self))
				_exit(BROKEN);
			pthread_exit(NULL);
		}
		raise(SIGSTOP);
		_exit(BROKEN);
	}
	if (strcmp(how, "stopped")) {
		await(1);
	} else {
		int st;
		if (waitpid(child, &st, WUNTRACED) != child || !WIFSTOPPED(st))
			_exit(BROKEN);
	}
	_exit(STATUS);
}

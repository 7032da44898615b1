/*
 * Makes a cgroup below its own, puts a child there and freezes it (cgroup v2):
 * the child handles no TERM, CONT does not wake it, SIGKILL alone does.
 */
#include "hostile.h"

static int put(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX + 32];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

int main(void)
{
	char mount[1024], path[1024], dir[PATH_MAX], pid[16];
	begin();
	if (!find_mount(1, mount, sizeof mount) || !own_cgroup(1, path, sizeof path) || !strstr(path, "/lastout-")) {
		dprintf(2, "not in a cgroup of the tests\n");
		_exit(CANNOT);
	}
	snprintf(dir, sizeof dir, "%s%s/frozen", mount, path);
	if (mkdir(dir, 0755) < 0) {
		dprintf(2, "%s: %s\n", dir, strerror(errno));
		_exit(CANNOT);
	}
	pid_t child = spawn();
	if (child == 0) {
		setsid();
		tell();
		rest();
	}
	await(1);
	snprintf(pid, sizeof pid, "%d", child);
	if (put(dir, "cgroup.procs", pid) < 0 || put(dir, "cgroup.freeze", "1") < 0)
		_exit(BROKEN);
	/* It is frozen when cgroup.events says so, and says so by POLLPRI. */
	char events[PATH_MAX + 32], text[256];
	snprintf(events, sizeof events, "%s/cgroup.events", dir);
	int fd = open(events, O_RDONLY | O_CLOEXEC);
	while (fd >= 0) {
		ssize_t n = pread(fd, text, sizeof text - 1, 0);
		text[n > 0 ? n : 0] = 0;
		if (n <= 0 || strstr(text, "frozen 1"))
			break;
		struct pollfd changed = {.fd = fd, .events = POLLPRI};
		poll(&changed, 1, 10000);
	}
	_exit(STATUS);
}

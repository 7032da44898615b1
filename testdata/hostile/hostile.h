/*
 * What the hostile programs share.
 *
 * A program sets its trick up, waits on a pipe until it stands, and then its
 * leader (the process that was started) exits with STATUS: what happens to the
 * rest is the runner's business.
 *
 * None outlives its deadline, 60 s after the start of the first of them
 * (HOSTILE_SECONDS): each process has a timer that sends it SIGKILL, which ends
 * stopped ones and those that block every signal, and loops ask over().
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STATUS 7       /* of a leader whose trick stands */
#define CANNOT 77      /* this machine does not allow the trick; stderr says why */
#define BROKEN 98      /* the trick could not be set up */

static struct timespec deadline;
static int told[2] = {-1, -1}; /* the pipe for "it stands" */

/* Set the SIGKILL timer of this process: fork(2) and execve(2) clear timers. */
static inline void arm(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec at = {.it_value = deadline};
	int id; /* of the kernel, not of the C library, which allocates */
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id) == 0)
		syscall(SYS_timer_settime, id, TIMER_ABSTIME, &at, NULL);
}

static inline int over(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec >= deadline.tv_sec;
}

/* First of all in main. The deadline is handed on through execve(2). */
static inline void begin(void)
{
	const char *given = getenv("HOSTILE_DEADLINE"), *seconds = getenv("HOSTILE_SECONDS");
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	if (given) {
		deadline.tv_sec = atol(given);
	} else {
		char text[32];
		deadline.tv_sec += seconds ? atol(seconds) : 60;
		snprintf(text, sizeof text, "%ld", (long)deadline.tv_sec);
		setenv("HOSTILE_DEADLINE", text, 1);
	}
	arm();
	if (pipe(told) < 0 || fcntl(told[1], F_SETFL, O_NONBLOCK) < 0)
		_exit(BROKEN);
}

/* Sleep until the deadline, whatever signals are caught meanwhile. */
static inline void rest(void)
{
	while (!over())
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
	_exit(0);
}

static inline void nap(long milliseconds)
{
	struct timespec t = {milliseconds / 1000, milliseconds % 1000 * 1000000};
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* fork(2), the child bounded. */
static inline pid_t spawn(void)
{
	pid_t pid = fork();
	if (pid < 0)
		_exit(BROKEN);
	if (pid == 0)
		arm();
	return pid;
}

static inline void stubborn(void)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

/* One of those that await() counts stands. */
static inline void tell(void)
{
	if (write(told[1], ".", 1) < 0 && errno != EAGAIN)
		_exit(BROKEN);
}

/* Whoever finds that the machine does not allow the trick. */
static inline void cannot(const char *what)
{
	dprintf(2, "%s: %s\n", what, strerror(errno));
	if (write(told[1], "!", 1) < 0)
		_exit(BROKEN);
	_exit(CANNOT);
}

/*
 * The trick stands: from now on it is the runner's time. The file that is made
 * here says when, since setting up 400 generations on a busy machine takes long.
 */
static inline void stands(void)
{
	const char *path = getenv("HOSTILE_STANDS");
	if (path)
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

static inline void await(int n)
{
	char c;
	/* If all who could write are gone, the read must end. */
	close(told[1]);
	while (n > 0) {
		ssize_t got = read(told[0], &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1)
			_exit(BROKEN);
		if (c == '!')
			_exit(CANNOT);
		n--;
	}
	stands();
}

/*
 * await() for chains: where the leader is the first process of a PID namespace,
 * their dead are its to reap, and would else fill the box while it waits.
 */
static inline void await_chains(int n)
{
	signal(SIGCHLD, SIG_IGN);
	await(n);
}

/* A living descendant like any other: stubborn, in its own session. */
static inline pid_t spawn_stubborn(void)
{
	pid_t pid = spawn();
	if (pid == 0) {
		stubborn();
		setsid();
		tell();
		rest();
	}
	return pid;
}

/* fork(2) as a chain does it: it does not give up at a limit. */
static inline pid_t insist(void)
{
	pid_t pid;
	while ((pid = fork()) < 0) {
		if (over())
			_exit(0);
		sched_yield();
	}
	return pid;
}

/* The pids limit that holds for us, of our cgroup and those above it; 0 if none. */
static inline long pids_limit_at(const char *mount, const char *path)
{
	long least = 0;
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%s%s", mount, path);
	for (size_t root = strlen(mount); strlen(dir) >= root;) {
		char file[PATH_MAX + 16];
		long n;
		snprintf(file, sizeof file, "%s/pids.max", dir);
		FILE *f = fopen(file, "re");
		if (f && fscanf(f, "%ld", &n) == 1 && n > 0 && (least == 0 || n < least))
			least = n;
		if (f)
			fclose(f);
		char *slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = 0;
	}
	return least;
}

/* The mount point of the hierarchy with the pids controller, or of version 2. */
static inline int find_mount(int unified, char *mount, size_t size)
{
	char line[8192];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int found = 0;
	while (f && !found && fgets(line, sizeof line, f)) {
		char point[4096] = "", type[64] = "", super[2048] = "";
		char *tail = strstr(line, " - ");
		if (!tail || sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1 ||
		    sscanf(tail, " - %63s %*s %2047s", type, super) != 2)
			continue;
		char *pids = strstr(super, "pids");
		if (unified ? !strcmp(type, "cgroup2") : !strcmp(type, "cgroup") && pids) {
			snprintf(mount, size, "%s", point);
			found = 1;
		}
	}
	if (f)
		fclose(f);
	return found;
}

/* The path of our cgroup, of the pids controller or in the version 2 hierarchy. */
static inline int own_cgroup(int unified, char *path, size_t size)
{
	char line[8192];
	FILE *f = fopen("/proc/self/cgroup", "re");
	int found = 0;
	while (f && !found && fgets(line, sizeof line, f)) {
		char *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;
		if (!second)
			continue;
		*second = 0;
		if (unified ? first[1] == 0 : strstr(first, "pids") != NULL) {
			second[strcspn(second + 1, "\n") + 1] = 0;
			snprintf(path, size, "%s", second + 1);
			found = 1;
		}
	}
	if (f)
		fclose(f);
	return found;
}

/*
 * A leader that a bomb starves could not exit for many seconds, and that would
 * be its time, not the runner's: let it run first, if we may, and it alone.
 */
static inline void hurry(void)
{
	struct sched_param lowest = {.sched_priority = 1};
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest);
}

/* First of all in a bomb: no limit, no bomb. */
static inline void need_pids_limit(void)
{
	for (int unified = 0; unified < 2; unified++) {
		char mount[PATH_MAX / 2], path[PATH_MAX / 2];
		if (find_mount(unified, mount, sizeof mount) && own_cgroup(unified, path, sizeof path)) {
			long limit = pids_limit_at(mount, path);
			if (limit > 0 && limit <= 2000)
				return;
		}
	}
	dprintf(2, "a bomb runs only in a cgroup with a pids limit of 2000 at most\n");
	_exit(CANNOT);
}

/* A bomb's fork(2): it tells the leader when the limit is reached. */
static inline pid_t bomb_fork(void)
{
	pid_t pid = fork();
	if (pid < 0)
		tell();
	if (over())
		_exit(0);
	return pid;
}

/* For those that signal their parent: is it really a lastout? */
static inline void need_lastout_parent(void)
{
	char link[64], exe[PATH_MAX];
	pid_t parent = getppid();
	snprintf(link, sizeof link, "/proc/%d/exe", parent);
	ssize_t n = parent > 1 ? readlink(link, exe, sizeof exe - 1) : 0;
	exe[n > 0 ? n : 0] = 0;
	char *base = strrchr(exe, '/');
	if (!base || strncmp(base, "/lastout", 8)) {
		dprintf(2, "the parent is no lastout\n");
		_exit(CANNOT);
	}
}

#endif

/* What the programs that the benchmark runs share. None outlives its timer. */
#ifndef WORK_H
#define WORK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BROKEN 98
#define SECONDS 240 /* more than any one measurement takes */

static inline void broken(const char *what)
{
	perror(what);
	_exit(BROKEN);
}

/* Nanoseconds of CLOCK_MONOTONIC, which all processes of a machine read alike. */
static inline long long stamp(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* SIGALRM, which nobody here ignores, ends this process. fork(2) clears the alarm. */
static inline void bounded(void)
{
	alarm(SECONDS);
}

static inline pid_t spawn(void)
{
	pid_t pid = fork();
	if (pid < 0)
		broken("fork");
	if (pid == 0)
		bounded();
	return pid;
}

static inline void nap(long microseconds)
{
	nanosleep(&(struct timespec){0, microseconds * 1000}, NULL);
}

/* Memory that this process shares with its descendants. */
static inline void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		broken("mmap");
	return p;
}

static inline void must_write(int fd, const void *data, size_t size)
{
	if (write(fd, data, size) != (ssize_t)size)
		broken("write");
}

/* Read n bytes, one from each process that stands. */
static inline void await(int fd, long n)
{
	char c[4096];
	while (n > 0) {
		ssize_t got = read(fd, c, n < (long)sizeof c ? (size_t)n : sizeof c);
		if (got <= 0)
			broken("waiting for descendants");
		n -= got;
	}
}

#endif

/*
 * orphans rate N: makes N orphans that end at once, one after the other, waits
 * until all their numbers are free, and prints the nanoseconds that it took.
 *
 * orphans latency N: N times, the nanoseconds from right before an orphan's
 * _exit(2) until its number is free. It watches from the last processor; the
 * orphan dies on another, and has slept before, so that the first is idle.
 *
 * orphans told: N orphans for each N that it reads; "." when all are reaped.
 */
#include "work.h"

#define BATCH 1000 /* numbers awaited together: few, since they are used again in time */

struct orphan {
	_Atomic pid_t pid;
	atomic_llong end;
};

static int last; /* processor */

static void on_processor(int wanted)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	for (int i = 0; i <= last; i++)
		if ((i == last) == wanted)
			CPU_SET(i, &set);
	if (sched_setaffinity(0, sizeof set, &set) < 0)
		broken("sched_setaffinity");
}

static void wait_for(pid_t pid)
{
	if (waitpid(pid, NULL, 0) != pid)
		broken("waitpid");
}

static void at_once(struct orphan *o)
{
	pid_t middle = spawn();
	if (middle) {
		wait_for(middle);
		return;
	}
	pid_t pid = spawn();
	if (pid)
		o->pid = pid;
	_exit(0);
}

static void after_a_nap(struct orphan *o)
{
	pid_t middle = spawn();
	if (middle) {
		wait_for(middle);
		return;
	}
	pid_t parent = getpid(), pid = spawn();
	if (pid) {
		o->pid = pid;
		_exit(0);
	}
	on_processor(0);
	while (getppid() == parent)
		sched_yield();
	nap(300);
	o->end = stamp();
	_exit(0);
}

static void make(long n, struct orphan *o)
{
	for (long done = 0; done < n;) {
		long batch = n - done < BATCH ? n - done : BATCH;
		for (long i = 0; i < batch; i++)
			at_once(&o[i]);
		for (long i = 0; i < batch; i++)
			while (kill(o[i].pid, 0) == 0)
				sched_yield();
		done += batch;
	}
}

static void latency(long n, struct orphan *o)
{
	on_processor(1);
	while (n-- > 0) {
		after_a_nap(o);
		while (kill(o->pid, 0) == 0)
			;
		printf("%lld\n", stamp() - o->end);
	}
}

static void told(struct orphan *o)
{
	char line[32];
	must_write(1, ".", 1);
	while (fgets(line, sizeof line, stdin)) {
		make(atol(line), o);
		must_write(1, ".", 1);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return BROKEN;
	long n = argc > 2 ? atol(argv[2]) : 0;
	struct orphan *o = shared(BATCH * sizeof *o);
	last = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	bounded();
	if (!strcmp(argv[1], "told")) {
		told(o);
	} else if (!strcmp(argv[1], "latency")) {
		latency(n, o);
	} else {
		long long start = stamp();
		make(n, o);
		printf("%lld\n", stamp() - start);
	}
	return 0;
}

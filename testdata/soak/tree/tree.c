/*
 * tree leader SEED MOST END NAP ONTERM: a job whose processes are born, live and die as SEED has it.
 * tree branch SEED MOST: a part of one, executed anew.
 *
 * MOST     how many are born, but for the hops of chains
 * END      how the leader ends: exit:N, signal:N, or stay
 * NAP      how many milliseconds after it has grown the tree, and written a byte to descriptor 3
 * ONTERM   what TERM, INT and HUP do to the leader: default, ignore, or exit, with status 11
 *
 * It never signals another process. None outlives the deadline, see hostile.h.
 */
#include "hostile.h"
#include <stdint.h>

#define DEPTH 8
#define HOPS 150
#define TERMED 11

static uint64_t state;
static atomic_int *left; /* how many may still be born */
static char *self;
static int leading;      /* we are the leader */

/* xorshift64*: the same numbers with every C library. */
static uint64_t next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545F4914F6CDD1DULL;
}

static int any(int n)
{
	return (next() >> 33) % n;
}

static pid_t beget(unsigned long flags)
{
	uint64_t seed = next() | 1;
	if (over() || atomic_fetch_sub(left, 1) <= 0)
		return -1;
	pid_t pid = flags ? syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0) : fork();
	if (pid == 0) {
		arm();
		state = seed;
		if (leading)
			prctl(PR_SET_NAME, "tree");
		leading = 0;
	}
	return pid;
}

static void anew(uint64_t seed, int most)
{
	char a[32], b[32];
	snprintf(a, sizeof a, "%llu", (unsigned long long)seed);
	snprintf(b, sizeof b, "%d", most);
	execl(self, self, "branch", a, b, (char *)NULL);
	_exit(BROKEN);
}

/* Each process of a chain forks the next and exits. */
static void chain(int hops, int sessions)
{
	while (hops-- > 0 && !over()) {
		pid_t pid = fork();
		if (pid > 0)
			_exit(0);
		if (pid < 0)
			nap(1); /* a limit */
		if (pid == 0)
			arm();
		if (pid == 0 && sessions)
			setsid();
	}
	rest();
}

static void *rests(void *unused)
{
	(void)unused;
	rest();
	return NULL;
}

static void *forks(void *unused)
{
	(void)unused;
	if (beget(0) == 0)
		rest();
	return rests(NULL);
}

static int thread(void *(*body)(void *))
{
	pthread_t t;
	pthread_attr_t a;
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 65536);
	return pthread_create(&t, &a, body, NULL) == 0;
}

/* A TERM handler that has a child do the rest of the work. */
static void regrow(int sig)
{
	(void)sig;
	if (beget(0) != 0)
		_exit(0);
	signal(SIGTERM, SIG_IGN);
	setsid();
	rest();
}

static void character(void)
{
	sigset_t all;
	switch (any(8)) {
	case 0: setsid(); break;
	case 1: setpgid(0, 0); break;
	}
	switch (any(10)) {
	case 0: case 1: stubborn(); break;
	case 2: sigfillset(&all); sigprocmask(SIG_BLOCK, &all, NULL); break;
	case 3: signal(SIGTERM, regrow); break;
	case 4: signal(SIGCHLD, SIG_IGN); break;
	case 5: prctl(PR_SET_NAME, "lastout"); break;
	case 6: prctl(PR_SET_CHILD_SUBREAPER, 1); break;
	default: signal(SIGTERM, SIG_DFL);
	}
	for (int n = any(6) ? 0 : any(4); n > 0; n--)
		thread(any(2) ? rests : forks);
}

static void grow(int depth, int most);

/* One that is not the leader. */
static void member(int depth)
{
	character();
	if (depth < DEPTH)
		grow(depth, any(4));
	switch (any(8)) {
	case 0: _exit(0);
	case 1: nap(any(80)); _exit(any(3));
	case 2: raise(SIGSTOP); break;
	case 3:
		if (thread(rests))
			pthread_exit(NULL); /* a dead thread-group leader */
		break;
	case 4: anew(next() | 1, 3);
	}
	rest();
}

/* The child borrows our memory, and we are suspended while it does (vfork(2)). */
static void with_vfork(void)
{
	uint64_t seed = next() | 1;
	volatile int stays = !leading && any(2);
	if (over() || atomic_fetch_sub(left, 4) <= 3)
		return;
	if (vfork() == 0) {
		arm();
		prctl(PR_SET_NAME, "tree");
		if (stays)
			rest();
		anew(seed, 3);
	}
}

static void sprout(int depth)
{
	switch (any(10)) {
	case 0: case 1:
		if (beget(0) == 0)
			member(depth);
		break;
	case 2: /* a daemon */
		if (beget(0) == 0) {
			setsid();
			if (beget(0) == 0)
				member(depth);
			_exit(0);
		}
		break;
	case 3: case 4:
		if (beget(CLONE_PARENT) == 0)
			member(depth);
		break;
	case 5: with_vfork(); break;
	case 6:
		if (beget(0) == 0)
			anew(next() | 1, 8);
		break;
	case 7:
		if (beget(0) == 0)
			chain(any(HOPS), any(2));
		break;
	case 8: /* brief, and a zombie if nobody waits */
		if (beget(0) == 0) {
			nap(any(30));
			_exit(0);
		}
		break;
	case 9: /* deep */
		if (beget(0) == 0) {
			if (depth < 3 * DEPTH)
				sprout(depth + 1);
			member(depth);
		}
	}
}

static void grow(int depth, int most)
{
	while (most-- > 0)
		sprout(depth + 1);
}

static void termed(int sig)
{
	(void)sig;
	_exit(TERMED);
}

static void on_term(const char *what)
{
	void (*does)(int) = !strcmp(what, "ignore") ? SIG_IGN : !strcmp(what, "exit") ? termed : SIG_DFL;
	signal(SIGTERM, does);
	signal(SIGINT, does);
	signal(SIGHUP, does);
}

static void end(const char *how)
{
	int n;
	if (sscanf(how, "exit:%d", &n) == 1)
		_exit(n);
	if (sscanf(how, "signal:%d", &n) == 1) {
		signal(n, SIG_DFL);
		raise(n);
	}
	rest();
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc < 4)
		return BROKEN;
	begin();
	close(told[0]);
	close(told[1]);
	left = mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (left == MAP_FAILED)
		return BROKEN;
	state = strtoull(argv[2], NULL, 10) | 1;
	atomic_store(left, atoi(argv[3]));
	if (argc < 7)
		member(DEPTH - 2);
	leading = 1;
	prctl(PR_SET_NAME, "leader"); /* for whoever wants to kill it, and nobody else */
	on_term(argv[6]);
	grow(0, 1 + any(8));
	if (write(3, ".", 1) != 1)
		return BROKEN;
	close(3);
	nap(atol(argv[5]));
	end(argv[4]);
}

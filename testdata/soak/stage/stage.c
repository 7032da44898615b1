/*
 * stage PIDMAX RECORD WITNESSES SLOTS PAUSE: the first process of a PID namespace in which lastout is to run, and the
 * parent of the bystanders there, which it must leave alone.
 *
 * PIDMAX      for kernel.pid_max of the namespace, 0 to leave that as it is
 * RECORD      file that gets a line for each thing that happens to a bystander
 * WITNESSES   bystanders that stay: they take every signal that can be taken, and write down from whom
 * SLOTS       short-lived bystanders at a time, so that process ids are used again soon
 * PAUSE       microseconds between two of those
 *
 * It says "ready" and what pid_max is, and obeys single bytes on its standard input: s, say "settled" when no orphan is
 * left that this process has adopted; e, end, and say how many bystanders there were.
 */
#include "hostile.h"
#include <sys/mount.h>
#include <sys/signalfd.h>

#define MOST 16
#define FAREWELL 42 /* the exit status of a witness that was told to go */

static struct {
	atomic_int over;
	atomic_long forks, rounds;
} *shared;

static int record;
static sigset_t all;
static pid_t mine[MOST]; /* the witnesses, and the parent of the short-lived ones; 0 is one that is dead */
static int count;
#define NAME(i) ((i) == 0 ? "parent of short-lived bystanders" : "witness") /* of mine[i] */

/* A child's end is told by the kernel (sigaction(2), si_code), not by a process. Process 1 is this program. */
static int expected(const siginfo_t *si)
{
	int continued = si->si_signo == SIGCONT && si->si_pid == 1; /* by us, see reap() */
	return (si->si_signo == SIGCHLD && si->si_code > 0) || continued;
}

static void note(const char *who, const siginfo_t *si)
{
	if (!expected(si))
		dprintf(record, "%s %d got signal %d from process %d, code %d\n", who, getpid(), si->si_signo, si->si_pid, si->si_code);
}

static void note_end(const char *who, pid_t pid, int status)
{
	if (WIFSTOPPED(status))
		dprintf(record, "%s %d was stopped by signal %d\n", who, pid, WSTOPSIG(status));
	else if (WIFSIGNALED(status))
		dprintf(record, "%s %d died of signal %d\n", who, pid, WTERMSIG(status));
	else
		dprintf(record, "%s %d exited with status %d\n", who, pid, WEXITSTATUS(status));
}

static void drain(const char *who)
{
	siginfo_t si;
	while (sigtimedwait(&all, &si, &(struct timespec){0, 0}) > 0)
		note(who, &si);
}

/* Some are in the process group that the runner will be in; half of them have its name. */
static void witness(int n)
{
	siginfo_t si;
	if (n % 3 == 1)
		setpgid(0, 0);
	if (n % 3 == 2)
		setsid();
	if (n % 2)
		prctl(PR_SET_NAME, "lastout");
	for (;;) {
		if (sigwaitinfo(&all, &si) < 0)
			continue;
		/* The highest number is delivered last: whatever came before has been written down. */
		if (si.si_signo == SIGRTMAX && si.si_pid == 1 && si.si_code == SI_QUEUE)
			_exit(FAREWELL);
		note("witness", &si);
	}
}

static void brief(long microseconds)
{
	nanosleep(&(struct timespec){0, microseconds * 1000}, NULL);
	drain("short-lived bystander");
	_exit(0);
}

static pid_t count_round(pid_t pid, pid_t last)
{
	atomic_fetch_add(&shared->forks, 1);
	if (pid < last)
		atomic_fetch_add(&shared->rounds, 1);
	return pid;
}

/* Reap one that has ended; returns how many that were. */
static int reap_brief(void)
{
	int status;
	pid_t pid = waitpid(-1, &status, WUNTRACED);
	if (pid > 0 && status != 0)
		note_end("short-lived bystander", pid, status);
	if (pid > 0 && WIFSTOPPED(status))
		kill(pid, SIGKILL);
	return pid > 0 && !WIFSTOPPED(status);
}

static void churn(int slots, int pause)
{
	unsigned seed = 1;
	int live = 0;
	pid_t last = 0;
	while (!shared->over || live > 0) {
		long life = rand_r(&seed) % 3 ? rand_r(&seed) % 20000 : 0;
		pid_t pid = shared->over || live == slots ? -1 : fork();
		if (pid == 0)
			brief(life);
		if (pid > 0) {
			live++;
			last = count_round(pid, last);
			nanosleep(&(struct timespec){0, pause * 1000}, NULL);
		} else if (live > 0) {
			live -= reap_brief();
		} else {
			nap(1); /* the job has all process ids */
		}
	}
	drain(NAME(0));
	_exit(0);
}

/* Up to the place where the kernel begins again, at 300 (RESERVED_PIDS): lower numbers are given out only once. */
static void use_up(int pid_max)
{
	pid_t last = 0;
	for (int n = 0; n < pid_max; n++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid || pid < last)
			return;
		last = pid;
	}
}

static void keep(pid_t pid)
{
	if (pid < 0)
		_exit(BROKEN);
	mine[count++] = pid;
}

static int *known(pid_t pid)
{
	for (int i = 0; i < count; i++)
		if (mine[i] == pid)
			return &mine[i];
	return NULL;
}

static void reap(void)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED | __WALL)) > 0;) {
		int *p = known(pid);
		if (!p)
			continue;
		note_end(NAME(p - mine), pid, status);
		if (WIFSTOPPED(status))
			kill(pid, SIGCONT); /* it is to answer at the end */
		else
			*p = 0;
	}
}

static int adopted(void)
{
	FILE *f = fopen("/proc/1/task/1/children", "re");
	int pid, found = 0;
	if (!f)
		_exit(BROKEN);
	while (!found && fscanf(f, "%d", &pid) == 1)
		found = !known(pid);
	fclose(f);
	return found;
}

/* The first of ours ends when all short-lived ones have, the others when they are told. */
static void dismiss(int i)
{
	int status;
	if (i > 0)
		sigqueue(mine[i], SIGRTMAX, (union sigval){0});
	while (waitpid(mine[i], &status, WUNTRACED) == mine[i] && status != (i > 0 ? FAREWELL << 8 : 0)) {
		note_end(NAME(i), mine[i], status);
		if (!WIFSTOPPED(status))
			return;
		kill(mine[i], SIGCONT);
	}
}

static void end(void)
{
	shared->over = 1;
	for (int i = 0; i < count; i++)
		if (mine[i])
			dismiss(i);
	drain("first process");
	printf("done %ld %ld\n", (long)shared->forks, (long)shared->rounds);
	exit(0);
}

static void set_up(int pid_max)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0) {
		perror("stage: mount /proc");
		_exit(BROKEN);
	}
	if (!pid_max)
		return;
	FILE *f = fopen("/proc/sys/kernel/pid_max", "we");
	if (!f || fprintf(f, "%d\n", pid_max) < 0 || fclose(f) != 0) {
		perror("stage: kernel.pid_max");
		_exit(BROKEN);
	}
	use_up(pid_max);
}

static void obey(void)
{
	int settling = 0;
	char c;
	struct pollfd fds[] = {{.fd = 0, .events = POLLIN}, {.fd = signalfd(-1, &all, SFD_CLOEXEC), .events = POLLIN}};
	for (;;) {
		poll(fds, 2, -1);
		if (fds[1].revents) {
			struct signalfd_siginfo s;
			if (read(fds[1].fd, &s, sizeof s) != sizeof s)
				_exit(BROKEN);
			note("first process", &(siginfo_t){.si_signo = s.ssi_signo, .si_code = s.ssi_code, .si_pid = s.ssi_pid});
			reap();
		}
		if (fds[0].revents && read(0, &c, 1) != 1)
			_exit(0); /* and the kernel ends the namespace */
		if (fds[0].revents && c == 'e')
			end();
		settling |= fds[0].revents && c == 's';
		if (settling && !adopted()) {
			settling = 0;
			printf("settled\n");
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 6 || atoi(argv[3]) >= MOST || getpid() != 1)
		return BROKEN;
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	record = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (record < 0 || shared == MAP_FAILED)
		return BROKEN;
	set_up(atoi(argv[1]));
	for (int i = 0; i <= atoi(argv[3]); i++) {
		pid_t pid = fork();
		if (pid == 0 && i == 0)
			churn(atoi(argv[4]), atoi(argv[5]));
		if (pid == 0)
			witness(i);
		keep(pid);
	}
	printf("ready\n");
	obey();
}

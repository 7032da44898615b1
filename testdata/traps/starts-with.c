/*
 * starts-with [WHAT VALUE]... -- COMMAND [ARG...]: executes COMMAND with what a
 * caller may hand down and a shell cannot set exactly. Lists are separated by
 * commas; "all" is every signal that there is.
 *
 *   ignore LIST   signals that are ignored
 *   block LIST    signals that are blocked
 *   raise LIST    signals that are sent to it then, and pending if blocked
 *   close LIST    descriptors that are closed
 *   dup LIST      descriptors that are copies of standard input
 *   nofile N      RLIMIT_NOFILE, soft and hard
 *   nproc N       RLIMIT_NPROC, soft and hard
 *   lacks LIST    system calls, by number, that the kernel does not have
 *   leads FD      in a child, which leads the process group in the foreground of
 *                 that terminal; whether it stops is all the same to its parent
 *   uid N         real, effective and saved user and group, no other groups
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The kernel's, because the C library hides its own two signals. */
static unsigned long long mask;

static void each(char *list, void (*f)(int))
{
	if (!strcmp(list, "all")) {
		for (int i = 1; i <= 64; i++)
			f(i);
		return;
	}
	for (char *p = strtok(list, ","); p; p = strtok(NULL, ","))
		f(atoi(p));
}

static void ignore(int sig)
{
	struct { void *handler; unsigned long flags; void *restorer; unsigned long long mask; } sa = {.handler = SIG_IGN};
	syscall(SYS_rt_sigaction, sig, &sa, NULL, 8);
}

/* raise(3) would send it to the thread, whose pending signals are another set. */
static void raise_it(int sig) { kill(getpid(), sig); }

static void block(int sig) { mask |= 1ULL << (sig - 1); }

static void shut(int fd) { close(fd); }

static void copy(int fd) { dup2(0, fd); }

static void limit(int what, int n)
{
	struct rlimit r = {n, n};
	if (setrlimit(what, &r) < 0) {
		perror("starts-with: setrlimit");
		_exit(125);
	}
}

/* seccomp(2); it takes root, or no_new_privs. */
static void lack(int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("starts-with: seccomp");
		_exit(125);
	}
}

static void lead(int terminal)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		if (tcsetpgrp(terminal, getpid()) < 0) {
			perror("starts-with: tcsetpgrp");
			_exit(125);
		}
		signal(SIGTTOU, SIG_DFL);
		return;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	char *raised = NULL;
	int i = 1;
	for (; i + 1 < argc && strcmp(argv[i], "--"); i += 2) {
		char *what = argv[i], *value = argv[i + 1];
		if (!strcmp(what, "ignore"))
			each(value, ignore);
		else if (!strcmp(what, "block"))
			each(value, block);
		else if (!strcmp(what, "raise"))
			raised = value;
		else if (!strcmp(what, "close"))
			each(value, shut);
		else if (!strcmp(what, "dup"))
			each(value, copy);
		else if (!strcmp(what, "lacks"))
			each(value, lack);
		else if (!strcmp(what, "nofile"))
			limit(RLIMIT_NOFILE, atoi(value));
		else if (!strcmp(what, "nproc"))
			limit(RLIMIT_NPROC, atoi(value));
		else if (!strcmp(what, "leads"))
			lead(atoi(value));
		else if (!strcmp(what, "uid")) {
			int id = atoi(value);
			if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0) {
				perror("starts-with: uid");
				_exit(125);
			}
		} else {
			dprintf(2, "starts-with: %s?\n", what);
			_exit(125);
		}
	}
	if (i + 1 >= argc)
		_exit(125);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8);
	if (raised)
		each(raised, raise_it);
	execvp(argv[i + 1], argv + i + 1);
	dprintf(2, "starts-with: %s: %s\n", argv[i + 1], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

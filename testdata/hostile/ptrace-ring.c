/* Three stubborn processes that trace each other in a ring. */
#include "hostile.h"

int main(void)
{
	int go[2];
	pid_t *ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	begin();
	if (ring == MAP_FAILED || pipe(go) < 0)
		_exit(BROKEN);
	for (int i = 0; i < 3; i++) {
		pid_t pid = spawn();
		if (pid > 0)
			ring[i] = pid;
		if (pid == 0) {
			char c;
			prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
			stubborn();
			setsid();
			if (read(go[0], &c, 1) != 1)
				_exit(BROKEN);
			if (ptrace(PTRACE_SEIZE, ring[(i + 1) % 3], 0, 0) < 0)
				cannot("ptrace");
			tell();
			rest();
		}
	}
	if (write(go[1], "123", 3) != 3)
		_exit(BROKEN);
	await(3);
	_exit(STATUS);
}

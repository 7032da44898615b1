/* lists-descriptors FILE: writes its open descriptors to FILE: number, access mode, and what they are. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int out = argc > 1 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
	/* Out of the way: it may have got the number of one that was closed. */
	int high = fcntl(out, F_DUPFD, 500);
	close(out);
	for (int fd = 0; fd < 500; fd++) {
		char path[64], target[4096];
		int mode = fcntl(fd, F_GETFL);
		if (mode < 0)
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, target, sizeof target - 1);
		target[n > 0 ? n : 0] = 0;
		dprintf(high, "%d %d %s\n", fd, mode & O_ACCMODE, target);
	}
	return high < 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* fds [FILE] - lists its descriptors, "NUMBER TARGET" a line, to FILE or stdout. */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	static char text[1 << 16];
	size_t used = 0;
	char path[64], target[256];

	for (int fd = 0; fd < 1024; fd++) {
		ssize_t length;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, target, sizeof(target));
		used += (size_t) snprintf(text + used, sizeof(text) - used, "%d %.*s\n", fd,
					  (int) (length < 0 ? 0 : length), target);
	}
	if (argc > 1)
		return dprintf(open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644), "%s", text) < 0;
	return fputs(text, stdout) < 0;
}

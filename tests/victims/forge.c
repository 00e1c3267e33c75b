/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forge MIB - writes a success message to every descriptor that it can find, its own and its
 * init's, and dies for memory. Nobody may believe it.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>

static const char lie[] =
	"{\"outcome\": \"ok\", \"cause\": \"exited\", \"status\": 0}\n\0\0\0\0\0\0\0\0";

int main(int argc, char **argv)
{
	char path[64];

	for (int n = 3; n < 256; n++) {
		int fd;

		if (write(n, lie, sizeof(lie)) > 0)
			printf("wrote to %d\n", n);
		snprintf(path, sizeof(path), "/proc/1/fd/%d", n);
		fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 && write(fd, lie, sizeof(lie)) > 0)
			printf("wrote to %s\n", path);
	}
	fflush(stdout);
	take((size_t) number(argc, argv, 1, 1) * MIB);
	return 0;
}

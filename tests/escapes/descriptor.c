/* SPDX-License-Identifier: Apache-2.0 */
/* descriptor walk|find - leaves by a descriptor that a caller has left open. */
#define _GNU_SOURCE
#include "escape.h"

#define MOST 4096

static long walk(char **args)
{
	(void) args;
	for (int fd = 3; fd < MOST; fd++)
		if (faccessat(fd, "etc", F_OK, 0) == 0)
			return 0;
	return stopped(EBADF);
}

/* Even one that is no folder is somebody else's. */
static long find(char **args)
{
	(void) args;
	for (int fd = 3; fd < MOST; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 0;
	return stopped(EBADF);
}

static const struct attempt attempts[] = { { "walk", walk }, { "find", find } };

int main(int argc, char **argv)
{
	return escape(argc, argv, attempts, ARRAY_LEN(attempts));
}

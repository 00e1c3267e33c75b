/* SPDX-License-Identifier: Apache-2.0 */
/* hog-memfd MIB - the memory is that of a memfd, written to by write(2). */
#define _GNU_SOURCE
#include "victim.h"

static char block[1 << 20];

int main(int argc, char **argv)
{
	int fd = memfd_create("victim", MFD_CLOEXEC);

	for (long i = number(argc, argv, 1, 1); i > 0; i--)
		if (write(fd, block, sizeof(block)) < 0)
			return errno;
	return 0;
}

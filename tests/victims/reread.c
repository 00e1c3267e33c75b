/* SPDX-License-Identifier: Apache-2.0 */
/* reread FILE [TIMES] - reads a file to its end, as often as asked, through the page cache. */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>

static char block[1 << 20];

int main(int argc, char **argv)
{
	int fd = open(argc > 1 ? argv[1] : "", O_RDONLY | O_CLOEXEC);

	for (long i = number(argc, argv, 2, 1); i > 0; i--) {
		lseek(fd, 0, SEEK_SET);
		while (read(fd, block, sizeof(block)) > 0)
			;
	}
	return fd < 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* fill FILE MIB - writes MIB to FILE; says the errno that stopped it and makes it the status. */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>

static char block[1 << 20];

int main(int argc, char **argv)
{
	int fd = open(argc > 1 ? argv[1] : "", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	for (long i = number(argc, argv, 2, 1); i > 0; i--)
		if (write(fd, block, sizeof(block)) < (ssize_t) sizeof(block)) {
			say("write", write(fd, block, sizeof(block)));
			return errno;
		}
	puts("wrote it all");
	return 0;
}

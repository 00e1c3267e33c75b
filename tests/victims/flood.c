/* SPDX-License-Identifier: Apache-2.0 */
/* flood MIB [FD] - writes MIB to stdout or FD in lines of 64 bytes; ends with errno. */
#define _GNU_SOURCE
#include "victim.h"

static char block[1 << 16];

int main(int argc, char **argv)
{
	int fd = (int) number(argc, argv, 2, 1);

	memset(block, 'x', sizeof(block));
	for (size_t i = 63; i < sizeof(block); i += 64)
		block[i] = '\n';
	for (long i = number(argc, argv, 1, 1) * 16; i > 0; i--)
		for (size_t done = 0; done < sizeof(block);) {
			ssize_t part = write(fd, block + done, sizeof(block) - done);

			if (part < 0)
				return errno;
			done += (size_t) part;
		}
	return 0;
}

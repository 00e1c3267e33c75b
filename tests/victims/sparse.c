/* SPDX-License-Identifier: Apache-2.0 */
/* sparse FILE MIB - maps a sparse file and touches it all: SIGBUS where there is no room. */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	size_t bytes = (size_t) number(argc, argv, 2, 1) * MIB;
	int fd = open(argc > 1 ? argv[1] : "", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	char *memory;

	if (ftruncate(fd, (off_t) bytes) < 0)
		return errno;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return errno;
	touch(memory, bytes);
	return 0;
}

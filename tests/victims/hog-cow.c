/* SPDX-License-Identifier: Apache-2.0 */
/* hog-cow MIB - takes MIB, forks, and the child writes to all of it: it is there twice. Exits 0. */
#define _GNU_SOURCE
#include "victim.h"

#include <sys/wait.h>

int main(int argc, char **argv)
{
	size_t bytes = (size_t) number(argc, argv, 1, 1) * MIB;
	char *memory = take(bytes);

	if (fork() == 0) {
		touch(memory, bytes);
		_exit(0);
	}
	wait(NULL);
	return 0;
}

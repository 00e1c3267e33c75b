/* SPDX-License-Identifier: Apache-2.0 */
/* hog-forks MIB CHILDREN - each child takes MIB, keeps it for a second; then exits 0. */
#define _GNU_SOURCE
#include "victim.h"

#include <sys/wait.h>

int main(int argc, char **argv)
{
	size_t mib = (size_t) number(argc, argv, 1, 1);

	for (long i = number(argc, argv, 2, 4); i > 0; i--)
		if (fork() == 0) {
			take(mib * MIB);
			sleep(1);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	return 0;
}

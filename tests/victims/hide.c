/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hide MIB [STATUS] - a child takes MIB; the parent waits for it and ends with STATUS (0), whatever
 * became of the child: the silent kill. STATUS -1 is abort().
 */
#define _GNU_SOURCE
#include "victim.h"

#include <sys/wait.h>

int main(int argc, char **argv)
{
	long status = number(argc, argv, 2, 0);

	if (fork() == 0) {
		take((size_t) number(argc, argv, 1, 1) * MIB);
		_exit(0);
	}
	wait(NULL);
	if (status < 0)
		abort();
	return (int) status;
}

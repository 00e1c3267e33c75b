/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bystander MIB GROWTH - the main process takes MIB and idles; its child grows by GROWTH, less than
 * MIB. The kernel takes the larger, so the idle main process dies for the child.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <sys/wait.h>

int main(int argc, char **argv)
{
	long growth = number(argc, argv, 2, 1);
	int all_there[2];
	char none;

	if (pipe(all_there) < 0)
		return errno;
	if (fork() == 0) {
		close(all_there[1]);
		if (read(all_there[0], &none, 1) < 0)
			_exit(errno);
		while (growth-- > 0)
			take(MIB);
		_exit(0);
	}
	take((size_t) number(argc, argv, 1, 1) * MIB);
	close(all_there[1]);
	wait(NULL);
	return 0;
}

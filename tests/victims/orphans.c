/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orphans COUNT [MILLISECONDS] - makes COUNT grandchildren whose parents are gone at once, and
 * which end (for ever: 0) after some time; waits a moment and exits 0 without having waited for
 * them.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <sys/wait.h>

int main(int argc, char **argv)
{
	long life = number(argc, argv, 2, 0);

	for (long i = number(argc, argv, 1, 1); i > 0; i--) {
		if (fork() == 0) {
			if (fork() > 0)
				_exit(0);
			usleep((useconds_t) life * 1000);
			while (life == 0)
				pause();
			_exit(0);
		}
		wait(NULL);
		usleep(life ? 2000 : 0);
	}
	usleep(200000);
	return 0;
}

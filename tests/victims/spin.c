/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spin CHILDREN [MILLISECONDS [cpu]] - children that burn CPU, each for so long (for ever: 0), of
 * wall clock or of its own CPU time; waits for all.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <sys/wait.h>
#include <time.h>

static long elapsed(clockid_t clock, const struct timespec *since)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

int main(int argc, char **argv)
{
	long life = number(argc, argv, 2, 0);
	clockid_t clock = argc > 3 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
	struct timespec start;

	for (long i = number(argc, argv, 1, 1); i > 0; i--)
		if (fork() == 0) {
			clock_gettime(clock, &start);
			while (life == 0 || elapsed(clock, &start) < life)
				;
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	return 0;
}

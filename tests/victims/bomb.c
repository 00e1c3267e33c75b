/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bomb - a fork bomb: each process forks for ever and ignores signals and failures. Only to be run
 * under a limit of processes.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <signal.h>

int main(void)
{
	for (int n = 1; n < NSIG; n++)
		signal(n, SIG_IGN);
	for (;;)
		if (fork() < 0)
			usleep(1000);
}

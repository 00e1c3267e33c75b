/* SPDX-License-Identifier: Apache-2.0 */
/* catch COUNT [STATUS] - says the name of each signal it gets; after COUNT ends with STATUS. */
#define _GNU_SOURCE
#include "victim.h"

#include <signal.h>

int main(int argc, char **argv)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	puts("ready");
	for (long left = number(argc, argv, 1, 1); left > 0; left--) {
		int seen = 0;

		fflush(stdout);
		sigwait(&all, &seen);
		printf("%s\n", sigabbrev_np(seen));
	}
	return (int) number(argc, argv, 2, 0);
}

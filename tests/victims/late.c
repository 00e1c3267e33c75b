/* SPDX-License-Identifier: Apache-2.0 */
/* late MIB - sleeps; on SIGTERM it takes MIB: a memory kill that is not the first cause. */
#define _GNU_SOURCE
#include "victim.h"

#include <signal.h>

int main(int argc, char **argv)
{
	sigset_t term;
	int seen;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	sigwait(&term, &seen);
	take((size_t) number(argc, argv, 1, 1) * MIB);
	return 0;
}

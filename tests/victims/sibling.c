/* SPDX-License-Identifier: Apache-2.0 */
/* sibling SIGNAL - waits; a process beside it, in the same job, sends it SIGNAL. */
#define _GNU_SOURCE
#include "victim.h"

#include <signal.h>

int main(int argc, char **argv)
{
	pid_t main_pid = getpid();

	if (fork() == 0) {
		kill(main_pid, (int) number(argc, argv, 1, SIGKILL));
		_exit(0);
	}
	for (;;)
		pause();
}

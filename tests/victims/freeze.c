/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freeze wait|exit - tries to stop its init (PID 1) for good, by a signal and as its tracer. Then
 * the main process waits for ever, or exits 0 while another process holds the init.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <signal.h>
#include <sys/ptrace.h>

int main(int argc, char **argv)
{
	int leave = argc > 1 && strcmp(argv[1], "exit") == 0;

	say("SIGSTOP", kill(1, SIGSTOP));
	if (leave && fork() > 0) {
		usleep(300000);
		return 0;
	}
	say("ptrace", ptrace(PTRACE_ATTACH, 1, NULL, NULL));
	for (;;)
		pause();
}

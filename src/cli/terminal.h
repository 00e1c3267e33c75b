/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal - job control.  The main process has a process group of its own and starts in the
 * background of our terminal, if there is one.  When it touches the terminal (SIGTTIN, SIGTTOU)
 * and we are in the foreground, the foreground becomes its: so a pipe's other end, `memcage run
 * ... | less`, keeps its keyboard, and Ctrl-C reaches the script that we are part of.  When it is
 * stopped, so are we, for the shell to see.
 */
#pragma once

#include <stdbool.h>

#include <memcage.h>

struct terminal {
	int fd;	   /* our controlling terminal; -1: none */
	bool lent; /* the job has the foreground */
};

void terminal_open(struct terminal *terminal);
/*
 * The job has been stopped, or wants the terminal and gets the foreground if it is ours: else we
 * stop too, and go on with it.
 */
void terminal_job_stopped(struct terminal *terminal, struct memcage_job *job,
			  enum memcage_state state);
/* We go on: the job does too, with the foreground if it is ours and was the job's. */
void terminal_continue(struct terminal *terminal, struct memcage_job *job);
/* Takes the foreground back if the job still has it. */
void terminal_close(struct terminal *terminal);

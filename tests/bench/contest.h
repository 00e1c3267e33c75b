/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contest - the contestants of one measurement: read from stdin, spawned, reaped, summed up.
 *
 * One contestant a line, its fields separated by tabs: NAME STATUS FILE VIEW COMMAND ARG...
 *
 *   STATUS  what COMMAND must exit with. Any other end stops the measurement: a command that fails
 *           is fast.
 *   FILE    is opened anew as descriptor 9 of every run (bubblewrap reads its filter from one), or
 *           is "-".
 *   VIEW    a mount namespace (/proc/PID/ns/mnt) to run in, for peers that refuse this host's
 *           mounts, or "-".
 *
 * Order of calls: contest_read; for each run contest_enter, contest_spawn, contest_reap,
 * contest_leave and contest_note; contest_print. Whatever goes wrong ends the program with a
 * message.
 */
#pragma once

#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

struct contestant {
	char *name;
	int status;
	char *file; /* NULL: no descriptor 9 */
	int view;   /* -1: this process's own */
	char **argv;
	double *samples; /* microseconds, or KiB */
	size_t count;
};

struct contest {
	struct contestant *all;
	size_t count;
	size_t rounds; /* room in each contestant's samples */
};

/*
 * Reads contestants until the end of stdin, each with room for that many samples; a run that takes
 * longer than so many seconds ends the program.
 */
void contest_read(struct contest *ret, size_t rounds, unsigned int deadline);

/* Around a run, outside of its time: into the contestant's view of the file tree, and back. */
void contest_enter(const struct contestant *one);
void contest_leave(const struct contestant *one);

/* Starts one, with stdio as its stdin and stdout, or /dev/null if stdio is -1. */
pid_t contest_spawn(const struct contestant *one, int stdio);

/*
 * Waits for the end of the one that was started last, and insists on its status. *ret_usage is its
 * own and that of all processes it has waited for.
 */
void contest_reap(const struct contestant *one, pid_t pid, struct rusage *ret_usage);

void contest_note(struct contestant *one, double sample);

/* A line each, by tabs: NAME COUNT MIN P10 MEDIAN P90 MAX. Sorts the samples. */
void contest_print(struct contest *contest);

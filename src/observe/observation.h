/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observation - all that was seen of a job's end, and nothing concluded.  Dates are microseconds
 * of CLOCK_MONOTONIC, 0 for never.  Counters are differences between the end and the start of the
 * job.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBSERVED_ANCESTORS 16 /* levels above the job that are read, nearest first */

/* A counter that this host does not have, or that could not be read. */
#define UNREADABLE UINT64_MAX

struct ancestor_seen {
	bool readable;
	/* an OOM at this cgroup's own limit: v2 memory.events.local oom; v1 its eventfd */
	bool limit_hit;
};

struct memory_seen {
	uint64_t oom_kills; /* in the job and all below it; by the kernel's counter */
	uint64_t
		/*
		 * OOMs at the job's own limit (v2: events.local oom; v1: notifications not owed
		 * to an ancestor)
		 */
		own_ooms;
	/* the job's own limit refused memory at least once, which by itself kills nobody */
	bool own_refused;
	uint64_t nested_ooms; /* OOMs at limits set inside the job */
	struct ancestor_seen ancestors[OBSERVED_ANCESTORS];
	size_t ancestor_count;
	/* there are levels above that cannot be read: a cgroup namespace, permissions */
	bool ancestors_hidden;
	bool log_own, log_nested, log_ancestor,
		log_host;  /* limits of kills in this job that the kernel log names */
	bool log_complete; /* ... and it names that of every kill */
};

struct observation {
	/* The main process. */
	bool main_started;  /* execve succeeded */
	bool main_known;    /* its wait status reached us; false: init was killed first */
	int main_status;    /* as of waitpid(2) */
	uint64_t main_usec; /* when it ended */

	/* What kept the command from running. */
	bool setup_failed;   /* the cage could not be made */
	int exec_status;     /* 126, 127: execve or the look-up failed; 0: no */
	bool exec_no_memory; /* ... with ENOMEM: the limit left no room for the program itself */

	/* What memcage did, and when. */
	uint64_t timeout_usec, cpu_time_usec, cancel_usec; /* first signal sent for that reason */
	int cancel_signal;
	uint64_t kill_usec;	 /* memcage killed what was left of a running job */
	uint64_t no_victim_usec; /* ... because the kernel found nobody to kill at the limit */
	uint64_t oom_group_usec; /* ... because one process had been killed for memory (v1) */

	/* What the kernel did. */
	struct memory_seen memory;
	uint64_t oom_usec; /* when a kill was first seen in a counter while the job ran */
	/* memory.oom.group took the whole job, or memcage did in its place (v1) */
	bool group_killed;
	bool seccomp_killed;   /* a process, by memcage's own filter */
	uint64_t seccomp_usec; /* when it was; 0: known from main's end only */

	uint64_t start_usec, end_usec; /* command started; cage empty */
};

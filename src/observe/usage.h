/* SPDX-License-Identifier: Apache-2.0 */
/* usage - what a job has used, by the counters of its cgroup. */
#pragma once

#include "cgroup/cgroup.h"
#include "report/report.h"

/* Files of v2, in the job's cgroup where nothing else is said. */
enum usage_file {
	USAGE_MEMORY_PEAK,
	USAGE_SWAP_PEAK,
	USAGE_PIDS_PEAK,
	USAGE_CPU_STAT,
	USAGE_IO_STAT,
	USAGE_PRESSURE,
	USAGE_REFUSED,	    /* in the job's cgroup itself */
	USAGE_REFUSED_LEAF, /* ... and in its leaf */
	USAGE_FILE__COUNT
};

struct usage_files {
	int fds[USAGE_FILE__COUNT]; /* -1: not open, and opened when it is read */
};

#define USAGE_FILES_NONE ((struct usage_files) { { -1, -1, -1, -1, -1, -1, -1, -1 } })

/* Opens them, while there is time for it: between the job's end and its report there is none. */
void usage_open(const struct cgroup *cgroup, struct usage_files *ret);
void usage_close(struct usage_files *files);

/*
 * All of them, from a cage that is empty; events are oom_watch's.  UNREADABLE where this host has
 * none.
 */
void usage_read(const struct cgroup *cgroup, const struct usage_files *files, struct usage *ret);
/* CPU time of the whole job so far, in microseconds; UNREADABLE. */
uint64_t usage_cpu(const struct cgroup *cgroup);
/* Memory charged now, in bytes; UNREADABLE. */
uint64_t usage_memory(const struct cgroup *cgroup);
/* Times that a fork was refused by a limit on tasks, in the job and below. */
uint64_t usage_refused_forks(const struct cgroup *cgroup, const struct usage_files *files);
/*
 * Microseconds that all of the job's processes waited for memory (PSI full); UNREADABLE without
 * PSI.
 */
uint64_t usage_memory_stall(const struct cgroup *cgroup, const struct usage_files *files);
/* The share of time in percent that some waited for memory, over 10 s; negative without PSI. */
double usage_memory_pressure(const struct cgroup *cgroup);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_table - who is in a job, by /proc: to name a victim that the kernel log does not, and
 * what was left over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup/cgroup.h"

struct process {
	pid_t pid; /* in our PID namespace; 0: none */
	char comm[16];
	uint64_t rss_bytes;
};

/* Where the job's processes are: in a cgroup; without one (NULL) below the cage's init. */
struct process_source {
	const struct cgroup_part *part;
	pid_t init;
};

/* The job's process with the most resident memory, of the first 256; false where there is none. */
bool process_largest(const struct process_source *source, struct process *ret);
/* The pids of the job, at most so many; their number. */
size_t process_list(const struct process_source *source, pid_t *pids, size_t most);
/* "sleep (pid 12), sh (pid 13) and 4 more": the living; their number. */
size_t process_names(const struct process_source *source, char *buffer, size_t size);

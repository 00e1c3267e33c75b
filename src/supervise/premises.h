/* SPDX-License-Identifier: Apache-2.0 */
/*
 * premises - what many jobs of one process have in common, looked at once for all of them: where
 * their cgroups are made, the watch over the levels above, descriptors of the kernel log.
 */
#pragma once

#include "host/host.h"
#include "observe/oom_watch.h"

#define PREMISES_LOGS_MOST 64

/* Of a job that has ended, for the next: what came since then is read and belongs to nobody. */
struct premises_log {
	int fd;
	uint64_t since_usec; /* its place in the log is of that date */
};

struct premises {
	struct host host; /* as jobs see it */
	struct oom_watch above;
	bool own_pids; /* the kernel log's pids are those that we see */
	struct premises_log logs[PREMISES_LOGS_MOST];
	size_t log_count;
	struct premises_block *blocks, *chunks; /* memory for jobs: free, and all */
};

/* host is borrowed, and outlives them. */
void premises_open(struct premises *premises, const struct host *host);
/* A descriptor of the kernel log that is at its end, or was within the last second; -1. */
struct premises_log premises_take_log(struct premises *premises, uint64_t now);
/* Back, or closed. */
void premises_give_log(struct premises *premises, struct premises_log log);
/*
 * Zeroed memory for what is known of one job, of one size for all; NULL with errno.  It is shared
 * with the init that is forked for the job, which only reads it: what is written between two forks
 * is then not copied once for each of them.
 */
void *premises_take_block(struct premises *premises, size_t size);
void premises_give_block(struct premises *premises, void *block);
/* All jobs have gone. */
void premises_close(struct premises *premises);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * premises - what many jobs of one process have in common, looked at or made once for all of them:
 * where their cgroups are made, the watch over the levels above, descriptors of the kernel log, the
 * memory that they are in, and the process that makes their cages.
 */
#pragma once

#include "cage/fork_server.h"
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
	bool favoured; /* launch_is_favoured() */
	struct premises_log logs[PREMISES_LOGS_MOST];
	size_t log_count;
	struct premises_block *blocks, *chunks; /* memory for jobs: given back, and all */
	char *fresh;				/* the rest of the last chunk */
	size_t fresh_bytes;
	struct fork_server forks; /* that makes their cages */
	const char *shared;	  /* the chunk that it knows; NULL */
	size_t shared_bytes;
};

#define PREMISES_NONE ((struct premises) { .above = OOM_WATCH_NONE, .forks = FORK_SERVER_NONE })

/* host is borrowed, and outlives them. */
void premises_open(struct premises *premises, const struct host *host);
/* A descriptor of the kernel log that is at its end, or was within the last second; -1. */
struct premises_log premises_take_log(struct premises *premises, uint64_t now);
/* Back, or closed. */
void premises_give_log(struct premises *premises, struct premises_log log);
/*
 * Memory for what is known of one job, of one size for all; NULL with errno.  It is shared with the
 * init that is forked for the job, which only reads it: what is written between two forks is then
 * not copied once for each of them.
 */
void *premises_take_block(struct premises *premises, size_t size);
void premises_give_block(struct premises *premises, void *block);
/*
 * Starts the fork server for jobs that are like this model, with so many blocks that it shares,
 * before the first is taken.  -1 with errno.
 */
int premises_start_forks(struct premises *premises, size_t size, size_t count,
			 const struct job *model);
/* Does the fork server, if there is one, know this memory? */
bool premises_is_shared(const struct premises *premises, const void *memory);
/* All jobs have gone. */
void premises_close(struct premises *premises);

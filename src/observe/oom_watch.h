/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom_watch - the memory controller's evidence on one job: counters before, while it runs, and
 * after, of the job and of every level above that can be read.
 *
 * v2: memory.events counts kills where the victim lived, memory.events.local OOMs where the limit
 * was hit.  v1: oom_kill of memory.oom_control is local to a cgroup, and an eventfd on it fires
 * in the cgroup whose limit was hit and in all below, so that a level's own OOMs are its
 * notifications less those of the level above.
 *
 * Where no cgroup can be made (backend observe) the counters are those of memcage's own cgroup,
 * as differences: its limit is one above the job, as it is for a job with a cgroup below it.
 *
 * Notifications (one in 10 ms at most on v2) only date and warn; the verdict rests on what is
 * read once the cage is empty.
 */
#pragma once

#include "cgroup/cgroup.h"
#include "observe/nested_watch.h"
#include "observe/observation.h"
#include "report/report.h"

struct oom_ancestor {
	int fd;		      /* v2: memory.events.local; v1: eventfd; -1: not readable */
	uint64_t ooms;	      /* v2: at the start; v1: notifications so far */
	uint64_t limit_bytes; /* LIMIT_NONE */
};

struct oom_watch {
	const struct cgroup_part *part; /* the memory controller's */
	int events; /* pollable: v2 memory.events (EPOLLPRI), v1 eventfd (EPOLLIN) */
	int local;  /* v2: memory.events.local of the job */
	struct oom_ancestor ancestors[OBSERVED_ANCESTORS]; /* nearest first */
	size_t ancestor_count;
	bool is_v2; /* what their descriptors are */
	/* Whose they are, where many jobs have the same: what was counted before is in ooms. */
	struct oom_watch *shared;
	bool hidden;	   /* there are levels above that we cannot read */
	uint64_t notified; /* v1: notifications of the job so far */
	int own;	   /* observe: memcage's own cgroup, the hierarchy's descriptor; -1 */
	uint64_t kills_before, ooms_before; /* observe: at the start */
	struct nested_watch nested;	    /* v1 */

	/* As last read. */
	uint64_t kills, ooms;
	bool kills_concern_job; /* not all of them were at limits that the job set inside */
	bool parts_known;
	struct memory_parts parts; /* when anonymous and shared memory were largest */
};

#define OOM_WATCH_NONE                                                                             \
	((struct oom_watch) { .events = -1, .local = -1, .own = -1, .nested = NESTED_WATCH_NONE })

/* The smallest limit of the levels above the cages of this host; LIMIT_NONE. */
uint64_t oom_watch_limit_above(const struct oom_watch *watch);
/*
 * Opens the levels above; then, once it has been made, the job's own cgroup.  -1 with an error
 * where the latter cannot be watched.
 */
void oom_watch_open_ancestors(struct oom_watch *watch, const struct host *host);
/*
 * The same for one of many jobs below the same levels, which are open in `shared` for all of them,
 * and which outlives the watch.
 */
void oom_watch_share_ancestors(struct oom_watch *watch, struct oom_watch *shared);
int oom_watch_open(struct oom_watch *watch, const struct cgroup *cgroup, struct memcage_error *err);
/* Without a cgroup for the job: watches memcage's own. */
int oom_watch_open_own(struct oom_watch *watch, const struct host *host, struct memcage_error *err);
/* Is there anything to read yet? */
bool oom_watch_is_open(const struct oom_watch *watch);
/* EPOLLPRI or EPOLLIN: what events is to be polled for. */
uint32_t oom_watch_poll_mask(const struct oom_watch *watch);
/* What the memory of the job consists of now; false where memory.stat cannot be read. */
bool memory_parts_read(const struct cgroup_part *part, struct memory_parts *ret);
/* Reads kills and ooms anew; with parts, what the memory consists of too. */
void oom_watch_read(struct oom_watch *watch, bool parts);
/*
 * The last reading, of the empty cage: all levels, all cgroups that the job made; with refusals,
 * whether its limit refused memory.  (v2 has that in the same file.)
 */
void oom_watch_finish(struct oom_watch *watch, bool refusals, struct memory_seen *ret,
		      struct memory_events *ret_events);
/* The path of the guilty level, for words; index as in memory_seen. */
void oom_watch_ancestor_name(const struct host *host, size_t index, char *buffer, size_t size);
void oom_watch_release(struct oom_watch *watch);

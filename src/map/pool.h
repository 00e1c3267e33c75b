/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool - the cgroup that holds the cgroups of all jobs of a map:
 *
 *	OWN/memcage-PID-RANDOM			the pool, with the budget as its memory limit
 *	OWN/memcage-PID-RANDOM/memcage-...	a job's, as cgroup.h has it
 *
 * The kernel charges a cgroup's own bookkeeping to its parent (mm/memcontrol.c, since 5.9), so
 * that the pool's limit is the budget and an allowance for that: jobs that together fit into the
 * budget are then not killed at the pool's limit.
 */
#pragma once

#include "admit/budget.h"
#include "cgroup/cgroup.h"
#include "spec/spec.h"
#include "supervise/premises.h"

struct pool {
	struct host host;	  /* as prepared for the jobs */
	struct cgroup cgroup;	  /* the pool's; its hierarchies are host's */
	struct premises premises; /* of the jobs: their settings point to it */
	uint64_t jobs_most;	  /* at once */
	uint64_t budget_bytes;
	uint64_t allowance_bytes; /* on top of it, for bookkeeping */
	char budget_why[128];	  /* auto: whose limit it comes from; "" */
};

#define POOL_NONE ((struct pool) { .premises = PREMISES_NONE })

struct pool_options {
	const struct memcage_spec
		*spec;	       /* what all jobs have: their limits say which controllers */
	bool any_limit;	       /* each job may bring limits of its own */
	uint64_t budget_bytes; /* 0: auto */
	uint64_t jobs_most;    /* 0: auto, as many as there are CPUs for */
};

/*
 * Prepares the host and makes the pool; -1 with an error, and nothing is left behind.  A pool does
 * not move: the jobs point into it.
 */
int pool_open(struct pool *pool, const struct pool_options *options, struct memcage_error *err);
/*
 * What all that is in it holds now, bytes, less what is inactive file cache; UINT64_MAX: unknown.
 */
uint64_t pool_used(const struct pool *pool);
/* Removes it and leaves the host as it was; all jobs have been freed.  Takes an empty one. */
void pool_close(struct pool *pool);

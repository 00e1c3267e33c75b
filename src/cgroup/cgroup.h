/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup - the cgroup of one job, in every hierarchy that holds a controller it needs:
 *
 *	OWN/memcage-PID-RANDOM		"job": carries the limits, out of the job's reach
 *	OWN/memcage-PID-RANDOM/leaf	where its processes are born; root of its cgroup namespace
 *
 * with memcage's own cgroup as OWN.
 *
 * A job's directory is locked (flock(2)) by its memcage and by the init of its cage for as long
 * as either lives; one that is not locked belongs to nobody and the next run removes it.  The
 * directory in which cages are made is locked shared while one is being made, so that nobody
 * sweeps it before it is locked.  Never reused: counters start at 0, and some kernels kill
 * whatever is cloned into a cgroup that was killed once (6.1.176, 6.18.44).
 */
#pragma once

#include "host/host.h"

struct cgroup_part {
	const struct hierarchy *hierarchy;
	int job,
		/*
		 * directories; -1.  The same where v1 only counts and there is no limit to keep
		 * out of reach
		 */
		leaf;
};

struct cgroup {
	char name[64];
	struct cgroup_part parts[HIERARCHIES_MOST]; /* the memory controller's first */
	size_t count;
};

#define CGROUP_NONE ((struct cgroup) { .count = 0 })

/*
 * Makes it in all hierarchies of the host, writes the limits and reads them back, then the leaf.
 * Failed: nothing is left behind.
 */
int cgroup_create(struct cgroup *cgroup, const struct host *host,
		  const struct limit_value limits_[LIMIT__COUNT], struct memcage_error *err);
/*
 * A cgroup that holds the cgroups of many jobs, with limits for all of them together; without a
 * leaf, for nobody lives in it.  cgroup_remove() removes it once they are gone.
 */
int cgroup_create_pool(struct cgroup *cgroup, const struct host *host,
		       const struct limit_value limits_[LIMIT__COUNT], struct memcage_error *err);
/* The host as the jobs of a pool see it: their cgroups are made there.  Borrowed from both. */
struct host cgroup_pool_host(const struct cgroup *pool, const struct host *host);
/* The job's part that has the controller, or NULL. */
const struct cgroup_part *cgroup_part(const struct cgroup *cgroup, enum controller controller);
/* Kills every process in it and below, throttled ones too; does not wait. */
void cgroup_kill(const struct cgroup *cgroup);
/*
 * Kills what is there, waits until all are gone and removes it with all that the job made below;
 * -1 with errno after 10 s.
 */
int cgroup_remove(struct cgroup *cgroup);
/*
 * Only tries, without a look at errno: true where it was empty, and is gone.  Else cgroup_remove()
 * has the rest to do.
 */
bool cgroup_remove_empty(struct cgroup *cgroup);

/* Removes what memcages that were killed have left in memcage's own cgroups. */
void cgroup_sweep(const struct host *host);
/* Is there any cage, of whomever, in this directory? */
bool cgroup_has_cages(int dir);

/* Has it no cgroups below it?  Most have none, and need no listing. */
bool cgroup_is_childless(int dir);
/* Calls visit for all cgroups below top, children before parents, and last for top itself. */
typedef void cgroup_visit_fn(int dir, void *data);
void cgroup_walk(int top, cgroup_visit_fn *visit, void *data);

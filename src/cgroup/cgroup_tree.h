/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_tree - whole subtrees of cgroups: to visit, to remove, to sweep. */
#pragma once

#include "cgroup/cgroup.h"

#define CGROUP_PREFIX "memcage-" /* the names of cages begin with it */

/*
 * Removes all cgroups below dir, however deep; -1 with errno EBUSY where one still holds
 * processes.
 */
int cgroup_remove_below(int dir);

/*
 * Calls found for each cage in memcage's own cgroup that nobody owns; lock is its directory, locked
 * until found returns (a duplicate of it keeps the lock).  -1: somebody is making a cage just now.
 */
typedef void cgroup_abandoned_fn(const char *name, int lock, void *data);
int cgroup_find_abandoned(const struct host *host, cgroup_abandoned_fn *found, void *data);
/* Removes one of them from all hierarchies; said (or NULL) hears of each that is gone. */
typedef void cgroup_removed_fn(const struct hierarchy *hierarchy, const char *name, void *data);
void cgroup_remove_abandoned(const char *name, cgroup_removed_fn *said, void *data);

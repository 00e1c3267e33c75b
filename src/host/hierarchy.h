/* SPDX-License-Identifier: Apache-2.0 */
/* hierarchy - where a controller is mounted, and what our own cgroup is there. */
#pragma once

#include "host/host.h"

/* The hierarchy of v2 at its standard place, with all its controllers; false: there is none. */
bool hierarchy_find_v2(struct hierarchy *ret);
/* Is the controller on v1?  By the text of /proc/self/cgroup, which names all that are. */
bool hierarchy_on_v1(enum controller controller, const char *proc_self_cgroup);
/* The controllers that a file such as cgroup.controllers in dir lists, as bits. */
unsigned int hierarchy_read_controllers(int dir, const char *file);

/*
 * Where is this controller, which v2's standard place does not have?  First where
 * file-hierarchy(7) and every distribution put it: a look at the file system's type there costs a
 * microsecond.  Elsewhere libcgroup finds it: its init reads /proc/cgroups and all mounts, 0.45
 * ms and 0.8 MiB of a fresh process.  -1: not mounted.  ret has mount and version.
 */
int hierarchy_find(enum controller controller, struct hierarchy *ret);

/*
 * Our own cgroup in it: the path of /proc/self/cgroup (its text is given) below the mount; where
 * the mount shows only a part of the tree, the part of the path that exists there and holds our
 * pid.  -1 with errno.
 */
int hierarchy_find_own(struct hierarchy *hierarchy, enum controller controller,
		       const char *proc_self_cgroup, bool verify);

/*
 * Calls visit for our own cgroup and each above it, nearest first, but for the hierarchy's root,
 * which has no limits; until it gives false.  Are there levels above the last one visited that are
 * not ours to see: above a mount or namespace, or that cannot be opened?
 */
typedef bool hierarchy_level_fn(int dir, size_t index, void *data);
bool hierarchy_walk_up(const struct hierarchy *hierarchy, hierarchy_level_fn *visit, void *data);
/* The path of such a level, for words: "/a/b", "/a", and "/" for the root and what is above. */
void hierarchy_level_name(const struct hierarchy *hierarchy, size_t index, char *buffer,
			  size_t size);

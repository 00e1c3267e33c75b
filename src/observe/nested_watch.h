/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nested_watch - OOMs at limits that a job sets inside, on cgroup v1: there a kill is counted
 * where the victim lived and nowhere above, so that it is forgotten with a cgroup that the job
 * has removed (a memcage in the job does so at once).  Each cgroup that is found below the job's
 * leaf gets the same eventfd on its memory.oom_control.  That is notified once for an OOM at the
 * cgroup or above it, and once when the cgroup goes.  They are looked for when init is told
 * that the leaf has a new one (dnotify), and once a second.  inotify would do too, but the end of
 * an inotify descriptor waits for an SRCU grace period: 5 to 70 ms for every job (6.18).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NESTED_MOST 256

struct nested_watch {
	int event; /* readable when a cgroup has been notified; -1: none has been found */
	ino_t known[NESTED_MOST]; /* cgroups that notify event */
	size_t count;
	uint64_t ooms, undecided; /* notifications: of OOMs, and of OOMs or removals */
	bool told;		  /* init has been told of a cgroup */
};

#define NESTED_WATCH_NONE ((struct nested_watch) { .event = -1 })

/* Takes in notifications, and the cgroups that are new; true when event has just been made. */
bool nested_watch_update(struct nested_watch *watch, int leaf);
/* Notifications that were OOMs for sure.  Those of the levels above are among them. */
uint64_t nested_watch_ooms(struct nested_watch *watch, int leaf);
/* Has the job removed a cgroup, and so what was counted in it? */
bool nested_watch_lost(const struct nested_watch *watch, int leaf);
void nested_watch_release(struct nested_watch *watch);
/*
 * Makes the eventfd be notified of OOMs at this cgroup and above
 * (Documentation/admin-guide/cgroup-v1/memory.rst, 10); -1 with errno.
 */
int nested_watch_register(int dir, int event);

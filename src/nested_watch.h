/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nested_watch - OOMs at limits that a job sets inside, on cgroup v1: there a kill is counted where the victim lived and nowhere
 * above, so that it is forgotten with a cgroup that the job has removed (a memcage in the job does so at once).  Each
 * cgroup that appears below the job's leaf gets the same eventfd on its memory.oom_control.  That is notified once for an OOM at
 * the cgroup or above it, and once when the cgroup goes.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define NESTED_MOST 256

struct nested_watch {
	int inotify;			/* readable when a cgroup has been made; -1 */
	int event;			/* -1 */
	ino_t known[NESTED_MOST];	/* cgroups that notify event */
	size_t count;
};

#define NESTED_WATCH_NONE ((struct nested_watch) { .inotify = -1, .event = -1 })

/* Watches the job's leaf; what cannot be watched is not. */
void nested_watch_open(struct nested_watch *watch, int leaf);
/* Takes in the cgroups that are new. */
void nested_watch_update(struct nested_watch *watch, int leaf);
/* Notifications that were OOMs and no removals.  Those of the levels above are among them. */
uint64_t nested_watch_ooms(struct nested_watch *watch, int leaf);
void nested_watch_release(struct nested_watch *watch);
/* Makes the eventfd be notified of OOMs at this cgroup and above (Documentation/admin-guide/cgroup-v1/memory.rst, 10); -1 with errno. */
int nested_watch_register(int dir, int event);

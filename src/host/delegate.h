/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delegate - makes memcage's own cgroup able to hold cages.  On cgroup v2 a cgroup with processes
 * cannot give controllers to its children (the root apart), so memcage steps aside into a leaf:
 * alone, or in a container (the root of a cgroup namespace) together with all others there.  It
 * moves nobody else: where others live in its cgroup it refuses.  v1 has no such rule.
 */
#pragma once

#include "host/host.h"

/*
 * required: controllers (bits) without which the job cannot run.  Others that the host has are
 * enabled too where that works, so that they count and can be passed on.  On success each v2
 * hierarchy's controllers are those enabled for children.  host->delegation says what was found,
 * PARTIAL on success too: which limits that takes is the caller's to judge.
 */
int delegate_prepare(struct host *host, unsigned int required, struct memcage_error *err);
/* Undoes it where no other cage is left: nothing of memcage stays in the tree. */
void delegate_restore(struct host *host);

/* What delegate_prepare() begins with: a memcage in the leaf has its cages one level up. */
void delegate_find_place(struct host *host);

/* How a place stood, so that all can be undone, whomever it was done to. */
struct delegate_memory {
	bool aside;	      /* somebody had stepped aside there before */
	unsigned int enabled; /* controllers given to children */
};

void delegate_remember(const struct host *host, struct delegate_memory *ret);
/* Not where another cage was made meanwhile. */
void delegate_undo(const struct host *host, const struct delegate_memory *memory);

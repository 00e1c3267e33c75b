/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host - what this host gives: which hierarchy holds which controller, memcage's own cgroup in each, and
 * the levels above.  Probed once for a run; only hierarchy.c knows libcgroup and the standard mount points.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "limit.h"

#define HIERARCHIES_MOST (CONTROLLER__COUNT + 1)

/* One mounted cgroup hierarchy that holds a controller we use. */
struct hierarchy {
	enum cgroup_version version;
	char mount[PATH_MAX];		/* where it is mounted */
	char own[PATH_MAX];		/* memcage's own cgroup below the mount: "" or "/a/b" */
	bool whole_path;		/* own is its path from the hierarchy's root, not from a mount's or namespace's */
	unsigned int controllers;	/* bit 1 << enum controller */
	int dir;			/* the cgroup in which cages are made; -1 */
};

enum backend_choice { BACKEND_AUTO, BACKEND_V2, BACKEND_V1, BACKEND__COUNT };

struct host {
	struct hierarchy hierarchies[HIERARCHIES_MOST];
	size_t count;
	int of[CONTROLLER__COUNT];	/* index of the hierarchy that holds it; -1: nowhere */
	bool cgroup_namespace;		/* we see the tree through one: levels above are hidden */
	bool root_pid_namespace;	/* pids of the kernel log are ours */
	bool left_own;			/* we moved ourselves to a leaf of our own cgroup (leave.c) */
};

#define HOST_NONE ((struct host) { 0 })

/* Finds all of it; -1 with MEMCAGE_ERROR_SETUP where there is no memory controller that the choice allows. */
int host_probe(struct host *host, enum backend_choice choice, struct memcage_error *err);
void host_release(struct host *host);

/* The hierarchy of a controller, or NULL. */
const struct hierarchy *host_hierarchy(const struct host *host, enum controller controller);
/* The version of the hierarchy that holds the memory controller: the backend of the report. */
enum cgroup_version host_backend(const struct host *host);
const char *backend_name(enum cgroup_version version);

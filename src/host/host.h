/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host - what this host gives: which hierarchy holds which controller, memcage's own cgroup in
 * each, and the levels above.  Probed once for a run; only hierarchy.c knows libcgroup and the
 * standard mount points.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "spec/limit.h"

#define HIERARCHIES_MOST (CONTROLLER__COUNT + 1)
#define HIERARCHY_MOUNT 256 /* sizes of paths; a longer one is not ours to use */
#define HIERARCHY_OWN 1024

/* One mounted cgroup hierarchy that holds a controller we use. */
struct hierarchy {
	enum cgroup_version version;
	dev_t device; /* of the file system: two mounts of one hierarchy have the same */
	char mount[HIERARCHY_MOUNT]; /* where it is mounted */
	char own[HIERARCHY_OWN];     /* memcage's own cgroup below the mount: "" or "/a/b" */
	/* own is its path from the hierarchy's root, not from a mount's or namespace's */
	bool whole_path;
	unsigned int controllers; /* bit 1 << enum controller */
	bool read_only;		  /* the mount is: no cgroup can be made in it */
	int dir;		  /* the cgroup in which cages are made; -1 */
};

enum backend_choice { BACKEND_AUTO, BACKEND_V2, BACKEND_V1, BACKEND_OBSERVE, BACKEND__COUNT };

/* What memcage's own cgroup is good for, as delegate.c finds it; beyond FULL a scope may help. */
enum delegation {
	DELEGATION_NONE, /* not looked at, or what the error tells is wrong with it */
	DELEGATION_FULL,
	DELEGATION_PARTIAL, /* it lacks a required controller that the tree has */
	DELEGATION_HELD,    /* other processes live in it */
	DELEGATION_DENIED,  /* it is not ours to change */
};

struct host {
	struct hierarchy hierarchies[HIERARCHIES_MOST];
	size_t count;
	int of[CONTROLLER__COUNT]; /* index of the hierarchy that holds it; -1: nowhere */
	bool cgroup_namespace;	   /* we see the tree through one: levels above are hidden */
	bool observes;		   /* no cgroup is made: our own one is only looked at */
	enum delegation delegation;
	bool left_own; /* we moved ourselves to a leaf of our own cgroup (delegate.c) */
	bool borrowed; /* a copy, whose descriptors are another's: host_borrow() */
};

#define HOST_NONE ((struct host) { 0 })

/*
 * Finds the hierarchies of the wanted controllers (bits), and memory's; -1 with
 * MEMCAGE_ERROR_SETUP where there is no memory controller that the choice allows.  *host is zero
 * before.
 */
int host_probe(struct host *host, enum backend_choice choice, unsigned int wanted,
	       struct memcage_error *err);
void host_release(struct host *host);
/*
 * The same host for one of many jobs, which leaves it as it is; what is copied outlives the copy.
 */
struct host host_borrow(const struct host *host);

/* Are the kernel log's pids those that we see? */
bool host_is_root_pid_namespace(void);
/* The hierarchy of a controller, or NULL. */
const struct hierarchy *host_hierarchy(const struct host *host, enum controller controller);
/* The version of the hierarchy that holds the memory controller. */
enum cgroup_version host_backend(const struct host *host);
/* The backend of the report: "v2", "v1" or "observe". */
const char *host_backend_name(const struct host *host);

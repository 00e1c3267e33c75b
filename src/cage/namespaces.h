/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespaces - which ones a cage can have here, where it may do without some: in a container with
 * the usual capabilities none can be made, and where parts of /proc are masked no other can be
 * mounted, which a PID namespace needs.
 */
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

/* What the job shares with memcage; all false: nothing, as it should be. */
struct shared_namespaces {
	bool mounts; /* and IPC, UTS, network and cgroup; then pids too */
	bool pids;   /* its init is no PID 1, but the reaper of all that comes from it */
};

#define NAMESPACES_OF_MOUNTS (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)

/* The namespaces of a cage that shares these, as flags of clone(2); a network is not among them. */
unsigned long namespaces_flags(const struct shared_namespaces *shared);
/* Who makes them. */
struct maker {
	bool rootless; /* only within a user namespace, of which he is ... */
	uid_t uid;     /* ... outside, and must be mapped inside */
	gid_t gid;
};

struct clone_wish {
	const struct shared_namespaces *shared;
	unsigned long flags;	      /* besides those */
	unsigned long rootless_flags; /* what can be made in a user namespace alone */
};

/*
 * Clones into them; without CAP_SYS_ADMIN into a user namespace too.  *ret_maker says so, in the
 * child as well.  For the rest as clone_process().
 */
pid_t namespaces_clone(const struct clone_wish *wish, struct maker *ret_maker, int *ret_pidfd);
/* Tries it, in a child. */
struct shared_namespaces namespaces_probe(void);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope - a cgroup of its own for memcage, delegated by systemd: a transient scope, from the system
 * manager for root, from the user manager for others.  Only this process is moved into it.  It goes
 * when the last process in it has ended.
 */
#pragma once

#include "host/host.h"

/* Where the scope is to be made. */
struct scope_place {
	char slice[256];
	size_t kept; /* so many bytes of the own path are the levels that stay above us */
};

/*
 * For a process of this user in the cgroup own ("/a/b", from the hierarchy's root): in the slice in
 * which it is; for a plain user who is not below his manager in the manager's app.slice.  false:
 * in another memcage's cage, which is not to be left.
 */
bool scope_place(const char *own, uid_t uid, struct scope_place *ret);
/* That in which the systemd that is here manages our cgroup; NULL: there is none. */
const struct hierarchy *scope_hierarchy(const struct host *host);
/*
 * Moves this process into a scope; what the host is now is to be probed anew.  The limits of the
 * levels that it leaves come along.  -1: nothing has changed, or at worst a scope is made without
 * us, which systemd then drops.
 */
int scope_take(const struct hierarchy *hierarchy, struct memcage_error *err);

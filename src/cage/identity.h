/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity - who the job is and what it may: in main, which takes it on before it becomes the
 * command.  Async-signal-safe; no wrapper of the C library, which would look for threads that are
 * not there.
 *
 *	capabilities: absent	as the caller; --user as root takes them away, as setuid(2) does
 *	a list			no others, in any of the five sets
 *	none			none at all, and a user namespace of its own, in which there is one
 *				user, not root, and no other can be made: the job is confined
 *
 * A caller without CAP_SYS_ADMIN has a user namespace for the cage (launch.c), in which init may
 * make its mounts.  The job keeps nothing of what init has there.
 */
#pragma once

#include <stddef.h>

#include "spec/settings.h"

#define IDENTITY_NOBODY 65534 /* who is confined, if root says no --user */

/* capabilities: none. */
bool settings_confine(const struct settings *settings);

struct identity {
	const struct settings *settings;
	bool rootless;		 /* the cage has a user namespace, which knows one user */
	int namespace_limits;	 /* a directory: /proc/sys/user, which the job may see read-only */
	bool may_lack_namespace; /* a confined job may run without one of its own */
	char without[180];	 /* ... which it then does, and why */
};

/* Is the job who memcage is, with all that he may? */
bool identity_is_kept(const struct identity *identity);
/* -1 with errno and what it was about. */
int identity_take_on(struct identity *identity, char *about, size_t size);

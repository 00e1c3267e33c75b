/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - the seccomp filter of a job: a shipped one, compiled while memcage is built so that a
 * run only loads it, or one that filter_compile.h makes of a file, or none.
 *
 * With a listener a filter has two programs.  What it does with a call is said by `program`; loaded
 * is `asking`, which instead of killing (and, where a log is kept, of denying) asks the listener,
 * who looks up in `program` what to do.  So memcage learns of the call before it kills for it.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>

#include "spec/settings.h"

/*
 * The default deny list, for the architecture that memcage is built for and its compat ones.  A
 * denied call fails with EPERM; only a call of another architecture kills.
 */
extern const struct sock_fprog filter_default;
/* The allow list of policies/strict.json. */
extern const struct sock_fprog filter_strict;
/* What the default list says of the terminal, which the job shares with its caller. */
extern const struct sock_fprog filter_terminal;

struct filter {
	struct sock_fprog program; /* of length 0: no filter */
	struct sock_fprog asking;  /* of length 0: no listener is wanted */
	unsigned int flags;	   /* SECCOMP_FILTER_FLAG_... that the profile asks for */
	bool must_ask;		   /* no listener, no job */
	bool kills;		   /* calls that this machine can make */
	bool is_default;	   /* program is filter_default */
	bool owned;		   /* program.filter is ours to free */
	bool with_terminal;	   /* filter_terminal goes before it */
};

/* By settings; -1 with a usage error where it is no filter, or no command could run under it. */
int filter_choose(struct filter *filter, const struct settings *settings,
		  struct memcage_error *err);
void filter_release(struct filter *filter);

/*
 * Load a program into the calling thread, which needs no_new_privs or CAP_SYS_ADMIN; 0, or the
 * listener's descriptor, close-on-exec; -1 with errno (EBUSY: a filter above has the one listener
 * that there can be).  Async-signal-safe.
 */
int filter_load(const struct sock_fprog *program, unsigned int flags);
int filter_load_asking(const struct sock_fprog *program, unsigned int flags);

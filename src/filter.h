/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - the seccomp filter of a cage, compiled while memcage is built (filter_compile.c, by
 * libseccomp) so that a run only loads it.
 */
#pragma once

#include <linux/filter.h>

/*
 * The default deny list, for the architecture that memcage is built for and its compat ones.  A
 * denied call fails with EPERM; only a call of another architecture kills.
 */
extern const struct sock_fprog filter_default;
/* The allow list of policies/strict.json. */
extern const struct sock_fprog filter_strict;

/*
 * Loads it into the calling thread, which needs no_new_privs or CAP_SYS_ADMIN; 0, or -1 with errno.
 * Async-signal-safe.
 */
int filter_load(const struct sock_fprog *program);

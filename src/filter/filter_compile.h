/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_compile - profiles to programs for the kernel, by libseccomp, which only filter_compile.c
 * knows.  It runs while memcage is built, for the shipped filters, and in a run for a profile of
 * the user's.
 */
#pragma once

#include <linux/filter.h>

#include "filter/profile.h"

/*
 * ret->filter is the caller's to free, its instructions in this machine's order of bytes.  What is
 * of no architecture in the profile is killed.
 */
int filter_compile(const struct profile *profile, struct sock_fprog *ret,
		   struct memcage_error *err);

/* Is it a call of any architecture?  Of a name that is not known a rule means nothing. */
bool filter_knows(const char *name);

/* The version of the compiler, as it may be another library than at build time. */
unsigned int filter_compiler_version(void);

/* The name of a call, by what seccomp(2) says of it, in buffer, which is returned; NULL: none. */
const char *filter_call_name(uint32_t audit, long number, char *buffer, size_t size);

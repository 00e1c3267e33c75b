/* SPDX-License-Identifier: Apache-2.0 */
/* descriptors - a process that closes all it was given but what it needs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define DESCRIPTORS_MOST 320

/* Those to keep, in order.  0, 1 and 2 are kept always. */
struct descriptors {
	int list[DESCRIPTORS_MOST];
	size_t count;
};

/* Adds one; what does not fit, or is below 3, is left out. */
void descriptors_keep(struct descriptors *kept, int fd);
/* Closes all others.  Async-signal-safe. */
void descriptors_close_others(const struct descriptors *kept);
/*
 * close_range(2), to be closed now or when execve succeeds; where a filter that we run under does
 * not know the call, one by one.  Async-signal-safe.
 */
int descriptors_close_range(unsigned int first, unsigned int last, bool on_exec);

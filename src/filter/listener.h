/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener - the calls that a filter asks about (filter.h): each is answered as the filter's
 * program says.  A caller that is to be killed has not made its call, and never will.
 */
#pragma once

#include "filter/filter.h"
#include "report/report.h"

#define DENIALS_MOST 128

/* A call that was denied or killed for, and who made it first. */
struct denial {
	struct call_seen first;
	uint32_t verdict; /* SECCOMP_RET_..., with its data */
	uint64_t times;
};

struct denials {
	struct denial list[DENIALS_MOST];
	size_t count;
	uint64_t others; /* calls that found no place in the list */
};

enum listened {
	LISTENED_NOTHING, /* the caller is gone, or was told an error */
	LISTENED_KILLED,
	LISTENED_CANNOT_KILL, /* what it waits for will never come: end the job */
};

/*
 * Takes one call from a listener that is readable.  *ret is what was seen of it where it was killed
 * for; denials may be NULL.
 */
enum listened listener_take(int fd, const struct filter *filter, struct call_seen *ret,
			    struct denials *denials);

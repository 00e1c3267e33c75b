/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - all deadlines and dates inside are microseconds of CLOCK_MONOTONIC, which neither jumps
 * with the wall clock nor runs while the machine sleeps: a job is never killed before its time.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)

static inline uint64_t clock_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

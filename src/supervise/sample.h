/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample - the timeline of a job, bounded whatever the job's length: when it is full, every
 * second sample goes and the pace halves.
 */
#pragma once

#include "cgroup/cgroup.h"
#include "report/report.h"

#define SAMPLES_MOST 1024

struct samples {
	struct sample *list; /* NULL: no timeline */
	size_t count;
	uint64_t interval_usec;
};

/* -1 with errno ENOMEM. */
int samples_start(struct samples *samples, uint64_t interval_usec);
void samples_take(struct samples *samples, const struct cgroup *cgroup, uint64_t at_usec);
void samples_release(struct samples *samples);

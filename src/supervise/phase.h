/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phase - what is done when: the phases of a run (run.h) by the events of its supervision.
 */
#pragma once

#include "supervise/run.h"

/*
 * How long an init that has to speak, or to end, may take over what it does within a millisecond.
 */
#define PHASE_SILENCE (2 * USEC_PER_SEC)

enum event {
	EVENT_STARTED,
	EVENT_MAIN_ENDED, /* others live on */
	EVENT_TIMEOUT,
	EVENT_CPU_TIME,
	EVENT_CANCEL,
	EVENT_CANCEL_NOW,
	EVENT_GRACE,
	EVENT_OOM_JOB, /* v1: a process was killed for memory, and the whole job is to end for it */
	EVENT_NO_VICTIM,
	EVENT_SILENCE,
	EVENT__COUNT,
};

/* Does what this event calls for in the run's phase, which may be nothing. */
void phase_event(struct run *run, enum event event, uint64_t now);
/* Names and kills what has outlived the main process, unless it is just dwindling by itself. */
void phase_end_leftovers(struct run *run, uint64_t now);

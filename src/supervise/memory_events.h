/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_events - what is done while a job runs when its cgroup or the kernel log tells of its
 * memory: kills get their dates, victims and suspects are looked at while they are there, and a job
 * of which the kernel took one process, or can take none, is ended.  What it all comes to is read
 * when the cage is empty (observe.h).
 */
#pragma once

#include "supervise/run.h"

/* v1 says nothing of the machine's own OOM kills, nor of cgroups that the job makes. */
#define MEMORY_LOOK_IDLE USEC_PER_SEC

/* Counters first, so that a kill that came before a deadline is dated before it. */
void memory_look(struct run *run, uint64_t now);

/* At the source or the deadline of that name. */
void memory_changed(struct run *run, uint64_t now);
void memory_log_grew(struct run *run, uint64_t now);
void memory_look_for_nested(struct run *run);
void memory_no_victim_due(struct run *run, uint64_t now);
void memory_oom_look_due(struct run *run, uint64_t now);
/* The job has made cgroups. */
void memory_nested_told(struct run *run, uint64_t now);

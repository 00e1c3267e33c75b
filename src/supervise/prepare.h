/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prepare - what stands before the command of a run.  First the host is looked at, and whether it
 * can do what is asked; then, beside the init that makes its mounts, the job's cgroup is made; and
 * beside the main process that enters it, all counters are opened that tell of the job's end.
 */
#pragma once

#include "supervise/run.h"

/* -1 with run->failure filled. */
int prepare_host(struct run *run);
int prepare_limits(struct run *run);
int prepare_cgroup(struct run *run);
/* The limits above, on which the size of the private tmpfs depends. */
void prepare_above(struct run *run);
int prepare_watch(struct run *run);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prepare - what stands before the command of a run.  First the host is looked at; then, beside the
 * init that makes its mounts, whether it can do what is asked, and the job's cgroup is made; and
 * beside the main process that enters it, all counters are opened that tell of the job's end.
 */
#pragma once

#include "supervise/run.h"

/* -1 with run->failure filled. */
int prepare_host(struct run *run);
int prepare_cgroup(struct run *run);
int prepare_watch(struct run *run);

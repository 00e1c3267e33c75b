/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prepare - what stands before the main process of a run.  First the host is looked at, and
 * whether it can do what is asked; then, beside the init that makes its mounts, the job's cgroup
 * is made and its counters are opened.
 */
#pragma once

#include "run.h"

/* -1 with run->failure filled. */
int prepare_host(struct run *run);
int prepare_cgroup(struct run *run);

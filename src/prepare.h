/* SPDX-License-Identifier: Apache-2.0 */
/* prepare - what stands before the first process of a run: the host is looked at, the cgroup made, its counters opened. */
#pragma once

#include "run.h"

/* -1 with run->failure filled. */
int prepare(struct run *run);

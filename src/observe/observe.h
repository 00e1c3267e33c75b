/* SPDX-License-Identifier: Apache-2.0 */
/* observe - the last readings of a run whose processes are gone, and the end of its cgroup. */
#pragma once

#include "supervise/run.h"

/* Completes run->seen, usage, victims and warnings. */
void observe(struct run *run);
/* False where that cannot be done, of which is warned. */
bool run_remove_cgroup(struct run *run);
/*
 * Ends init if it still runs, removes the cgroup if it is still there, and leaves our own as it
 * was.
 */
void run_leave(struct run *run);
/* Frees what the run holds; kills and removes what is still there. */
void run_release(struct run *run);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descendants - all processes that come from one, by /proc: where no cgroup holds them together.
 * No allocator, no stdio, no lock: the init of a cage needs it too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Living descendants of root, in the order of their pids: at most `most` of them.  A process whose
 * parent has ended belongs to the nearest reaper above, so root is to be one: by
 * PR_SET_CHILD_SUBREAPER, or as PID 1 of a namespace.
 */
size_t descendants_list(pid_t root, pid_t *pids, size_t most);
/*
 * Kills them all, and those that they fork meanwhile: they are stopped first, so that nobody is
 * left to fork.  False where some are still there after two seconds.
 */
bool descendants_kill(pid_t root);

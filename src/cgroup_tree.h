/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_tree - whole subtrees of cgroups: to visit, to remove, to sweep. */
#pragma once

#include "cgroup.h"

#define CGROUP_PREFIX "memcage-" /* the names of cages begin with it */

/*
 * Removes all cgroups below dir, however deep; -1 with errno EBUSY where one still holds
 * processes.
 */
int cgroup_remove_below(int dir);

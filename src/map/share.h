/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share - files that all jobs of a map read, staged once: copied into a tmpfs that is charged to
 * the pool, and mounted read-only over the same path, in a mount namespace of memcage's own.
 */
#pragma once

#include <stdint.h>

#include "map/pool.h"

struct share {
	uint64_t bytes; /* what they take of the budget */
};

/*
 * Stages the paths (NULL-terminated; NULL: none) below the pool.  From then on this process, and so
 * each job, sees the copies; options.binds that jobs need for it are added to the spec.  -1: an
 * error that names the path.
 */
int share_open(struct share *share, const struct pool *pool, char *const paths[],
	       struct memcage_spec *spec, struct memcage_error *err);

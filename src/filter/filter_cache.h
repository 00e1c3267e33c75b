/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_cache - programs that were made of profiles before: reading one costs a tenth of making
 * it.  In $XDG_CACHE_HOME/memcage, ~/.cache/memcage, or for root /var/cache/memcage; where there is
 * none nothing is kept.
 *
 * A program found is one that this user kept for the same profile, byte by byte, on the same
 * host: nothing rests on a checksum.  Folder and file have to be ours, and nobody else may write
 * them.
 */
#pragma once

#include "filter/filter.h"
#include "filter/profile.h"

bool filter_cache_find(struct filter *filter, const char *text, size_t length,
		       const struct profile_host *host);
void filter_cache_keep(const struct filter *filter, const char *text, size_t length,
		       const struct profile_host *host);

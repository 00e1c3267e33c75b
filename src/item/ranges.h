/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ranges - a file cut behind line ends: together the ranges are the file, in order.  Only where a
 * cut is to be is it read, but for cuts by a number of lines.
 *
 * By chunks: the k-th of N ends at the first line end at or behind k/N of the file.  Where a line
 * is so long that it goes past that, what is left of the file is shared out anew among the chunks
 * that are left; so there are N where no line is longer than a chunk, and fewer where lines do not
 * allow it.  By bytes: each ends at the first line end at or behind so many bytes.
 */
#pragma once

#include <sys/stat.h>

#include "item/item.h"

struct ranges {
	int file;	    /* an owner's; -1 */
	struct stat opened; /* what the file was then */
	char *identity;	    /* see item_source_identity() */
	char shown[160];    /* its path, for messages */
	enum item_cut cut;
	uint64_t amount;
	uint64_t made;	     /* ranges that were given */
	uint64_t begin, at;  /* of the range to make; where to look on for its end */
	uint64_t lines_left; /* line ends to find; 0: the range is not begun */
	char *window;	     /* what was read last, at window_at */
	uint64_t window_at, window_length;
};

#define RANGES_NONE ((struct ranges) { .file = -1 })

/* Of an amount above 0.  -1 with a usage error that begins with the path. */
int ranges_open(const char *path, enum item_cut cut, uint64_t amount, struct ranges *ret,
		struct memcage_error *err);
void ranges_release(struct ranges *ranges);
/* ITEM_LATER: a slice was looked through, again for the next. */
enum item_next ranges_next(struct ranges *ranges, uint64_t *ret_offset, uint64_t *ret_length,
			   struct memcage_error *err);
/* -1 with an error where the file is no longer what it was. */
int ranges_check(const struct ranges *ranges, struct memcage_error *err);

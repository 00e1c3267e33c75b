/* SPDX-License-Identifier: Apache-2.0 */
/* jobs_file - a line of a jobs file, a JSON object, to an item.  Pure, apart from limit_parse(). */
#pragma once

#include "item/item.h"
#include "item/lines.h"

/* More than execve(2) takes by default: a quarter of 8 MiB of stack. */
#define JOBS_LINE_MOST (2 * 1024 * 1024)

/* Nothing but blanks: no job. */
bool jobs_line_is_blank(const struct lines_line *line);
/*
 * Fills all of *ret but seq and size_bytes; `file` is its name as it is shown.  -1 with
 * "FILE:LINE:COLUMN: what is wrong, and what would be right".
 */
int jobs_line_read(const struct lines_line *line, const char *file, struct item *ret,
		   struct memcage_error *err);

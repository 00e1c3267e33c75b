/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line - words put one after the other into a buffer of the caller's.  After line_end() it is one
 * line that is safe on a terminal: a job chooses the names of its processes, and "\033[2J" is a
 * name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct line {
	char *text;
	size_t size, used; /* used is size - 1 at most */
	bool cut;
};

struct line line_start(char *buffer, size_t size);
void line_add(struct line *line, const char *format, ...) PRINTF_LIKE(2, 3);
/* 536870912: "512 MiB", 1610612736: "1.5 GiB". */
void line_add_bytes(struct line *line, uint64_t bytes);
/* 3214000: "3.2 s", 90000000: "1 min 30 s". */
void line_add_usec(struct line *line, uint64_t usec);
/* Control characters and bytes that are not UTF-8 become '?'; what did not fit shows as "...". */
void line_end(struct line *line);

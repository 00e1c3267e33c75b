/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse - the texts of options and policies to numbers.  Whole text or nothing: no sign, no blank,
 * no trailing word, no silent wrap (the kernel's own parser wraps at 2^64): what would be 2^63 or
 * more is refused.  On failure -1 and a usage error that quotes the text and shows a right one,
 * without the place, which the caller puts in front; ret is then untouched.  Pure; nothing depends
 * on the locale.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PARSE_MAX UINT64_MAX /* what "max" gives */

/* "512M", "1.5G", "1000000", "64KiB", "10MB", "max" -> bytes, not yet rounded to pages. */
int parse_size(const char *text, uint64_t *ret_bytes, struct memcage_error *err);
/* "90", "1.5s", "500ms", "2h", "1d", "max" -> microseconds, of at most a million days. */
int parse_duration(const char *text, uint64_t *ret_usec, struct memcage_error *err);
/* "42", "max" -> a count. */
int parse_count(const char *text, uint64_t *ret_count, struct memcage_error *err);
/* "1.5", "max" -> millionths; digits beyond the sixth are refused. */
int parse_decimal(const char *text, uint64_t *ret_millionths, struct memcage_error *err);
/* "42" -> a number of at most `most`; no "max". */
int parse_number(const char *text, uint64_t most, uint64_t *ret_number, struct memcage_error *err);

/* Are they the same but for the case of ASCII letters?  Unlike strcasecmp(3) in any locale. */
bool parse_same(const char *text, const char *word);

#define PARSE_QUOTED 100 /* room for a quoted text in a message that has more to say */

/*
 * The text in quotes for a message of one line, in buffer (at least 6 bytes), which is returned.
 * What is not UTF-8, or would not show as what it is (control characters, invisible ones, quotes,
 * backslashes), is escaped: 'a\nb\xff'.  A text that is too long is cut at a whole character:
 * 'aaaa'...
 */
const char *parse_quote(const char *text, char *buffer, size_t size);
/* The text itself where it shows as it is and is no longer; else quoted, in buffer. */
const char *parse_show(const char *text, char *buffer, size_t size);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * say - what `memcage run` puts on stderr at the end.  A job that merely exits, without a warning,
 * says nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <memcage.h>

enum say_format { SAY_TEXT, SAY_GITHUB, SAY_QUIET, SAY__COUNT };

/* The names that --format takes. */
extern const char *const say_formats[SAY__COUNT];

/* "memcage: ..." on stderr; the exit status of what is no end of a job. */
int say_error(const struct memcage_error *err);
/* The format of that name; SAY__COUNT where there is none. */
enum say_format say_format_find(const char *name);
/*
 * Puts the end of a job into words on `to`.  That the report could not be written to its place
 * (NULL: none was asked for) is said in every format, with the cause and the command's own end, for
 * the exit status then tells neither.
 */
void say_result(FILE *to, enum say_format format, const struct memcage_result *result,
		const char *place);
/*
 * The same on stderr, in one write(2) unless it is very long, so that no line of another's comes in
 * between.
 */
void say_result_stderr(enum say_format format, const struct memcage_result *result,
		       const char *place);

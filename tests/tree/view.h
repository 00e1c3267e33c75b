/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view - files for jobs to see: one tree below /tmp, which is private to a job, and the same
 * outside.  In texts @T is the path of the one, @O that of the other, @t the last part of @T.
 */
#pragma once

#include "job/job.h"
#include "tree/tree.h"

#define VIEW_ARGS 4
#define VIEW_BINDS 3

extern struct tree view_inside, view_outside;
extern const struct limit_value view_no_limits[LIMIT__COUNT];

/*
 * Makes both: bin/ with programs and what is none, more/ with others, script, site/, file.  And
 * removes them.
 */
void view_start(void);
void view_end(void);
/* Valid for the next fifteen calls. */
char *view_expand(const char *text);
/* The variable PATH; NULL: the programs of @O/bin, and the system's. */
void view_set_path(const char *path);
/*
 * job_make() in a directory, @O if it is NULL, with these arguments, binds and working directory;
 * lists end with NULL where they are not full.  A bind that begins with "-" is hidden instead.
 */
int view_make(struct job *job, const char *const argv[VIEW_ARGS],
	      const char *const binds[VIEW_BINDS], const char *cwd, const char *workdir,
	      struct memcage_error *err);
/* The text holds these words (up to a NULL), and is one line without control characters. */
void view_assert_words(const char *text, const char *const *words, size_t most);

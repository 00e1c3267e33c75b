/* SPDX-License-Identifier: Apache-2.0 */
/* environment - the variables of a job. */
#pragma once

#include "job/job.h"

/*
 * The caller's (none with --clear-env), changed by --env, with TMPDIR where it must be; NULL: out
 * of memory.
 */
char **environment_make(const struct job *job);
/*
 * Such a list with other variables, NAME=VALUE, in addition or instead; NULL-terminated.  It is put
 * into as many bytes as the size says, with the texts of the other variables behind the list, which
 * points into the first one for the rest.
 */
size_t environment_extended_size(char *const environment[], const char *const extra[]);
void environment_extend(char **list, char *const environment[], const char *const extra[]);
/* The value of a variable in such a list, or NULL. */
const char *environment_get(char *const environment[], const char *name);

/* SPDX-License-Identifier: Apache-2.0 */
/* api - what the library itself needs to know of a job beyond memcage.h, for many at once. */
#pragma once

#include <stdint.h>

#include <memcage.h>

struct job;
struct premises;

/*
 * From here on a process with little memory makes the cages of jobs that are like this model.  -1
 * with errno.
 */
int api_start_forks(struct premises *premises, const struct job *model, uint64_t jobs);
/*
 * memcage_report() as one line, ended by a newline; the caller frees it.  NULL before the end, or
 * with errno ENOMEM.
 */
char *api_report_line(struct memcage_job *job);
/*
 * Has all ready for the report of a job that has neared its limit, with a process that shares our
 * memory and errno: for a program of one thread, after each memcage_step().
 */
void api_make_ready(struct memcage_job *job);
/* errno of why its cage could not be made; 0: it was made, or no error number tells. */
int api_setup_errnum(const struct memcage_job *job);
/* What the job's cgroup holds now, bytes; UINT64_MAX where that cannot be read. */
uint64_t api_memory_used(const struct memcage_job *job);

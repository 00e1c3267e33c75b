/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kmsg_line - the texts of the OOM killer's lines taken apart; for kmsg.c, which says what they
 * mean.  Pure.  Lines are cut up in place.
 *
 * Names of processes, and of cgroups inside the job, are the job's choice: any byte but NUL, and no
 * '/' or newline in a cgroup's.  What stands left and right of them is not, hence the directions
 * of the searches.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "observe/kmsg.h"

struct kmsg_record {
	uint64_t usec;
	bool continues;	  /* the line of the record before */
	const char *text; /* escaped; up to its newline, after which a dictionary may follow */
};

/* "oom-kill:", taken apart. */
struct kmsg_oom {
	const char *oom_memcg; /* NULL: the machine ran out */
	const char *task_memcg;
	struct kmsg_victim victim;
};

/* False for what is not the kernel's own. */
bool kmsg_split_record(const char *record, struct kmsg_record *ret);
/* Up to the record's end; what does not fit into size (> 0) is left out.  Gives the length. */
size_t kmsg_unescape(const char *text, char *buffer, size_t size);

bool kmsg_split_oom(char *line, struct kmsg_oom *ret);
/* "N (NAME) total-vm:..., anon-rss:..." of a "Killed process" line. */
bool kmsg_split_killed(char *text, struct kmsg_victim *ret);
/* "audit: type=1326 ...", where it is of a kill. */
bool kmsg_split_call(const char *line, struct kmsg_call *ret);
/* "KEY 4096" and no more. */
bool kmsg_split_stat(const char *line, const char *key, uint64_t *ret_number);
/* The number of KiB that follows key, as bytes; 0 where there is none. */
uint64_t kmsg_kib_after(const char *text, const char *key);

/*
 * The length of path's part that is the job's own cgroup; 0 where path is neither it nor below it.
 * The first match is the job: what stands above is not in its reach, what is below may repeat it.
 */
size_t kmsg_find_job(const char *path, const char *job_path);
char *kmsg_find_last(char *text, const char *what);
bool kmsg_starts(const char *text, const char *start);

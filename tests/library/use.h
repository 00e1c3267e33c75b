/* SPDX-License-Identifier: Apache-2.0 */
/*
 * use - the library as a program uses it: by memcage.h and the shared object alone.  Every test
 * begins with use_start() and ends with use_end(), which sees to it that nothing is left: no
 * process, no cgroup, no descriptor, and no signal handled another way.
 */
#pragma once

#include "test.h"

#include <memcage.h>

#define ARGV(...) ((char *const[]) { __VA_ARGS__, NULL })
#define SHELL(script) ARGV((char *) "/bin/sh", (char *) "-c", (char *) (script))

int use_start(void **state);
int use_end(void **state);

/* A spec of up to eight keys and texts, up to a NULL: "memory", "64M", NULL. */
struct memcage_spec *use_spec(const char *key, ...) __attribute__((sentinel));
/* memcage_start(), where it must work. */
struct memcage_job *use_job(struct memcage_spec *spec, char *const argv[]);
/* Steps it by its descriptor until it is in this state; fails after some seconds. */
void use_until(struct memcage_job *job, enum memcage_state state);
/* The result of one job from start to end, which use_end() frees. */
const struct memcage_result *use_run(struct memcage_spec *spec, char *const argv[]);
/* Keeps it for use_end() to free. */
struct memcage_job *use_keep(struct memcage_job *job);
/* Waits until the job has said something to its --pass-fd of this pipe. */
void use_hear(struct memcage_job *job, int fd);
/* The main process's pid, once it runs. */
pid_t use_pid(struct memcage_job *job);
/* Frees what use_job(), use_run() and use_spec() have given. */
void use_free(void);
/* Cages of this process, or another, that are there in any hierarchy. */
size_t use_cages(void);
size_t use_cages_of(pid_t pid);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit_row - what the rows of limit.c are made of: planners (limit_plan.c), and the parsers and
 * planners of the limits that are lists (limit_cpuset.c, limit_io.c, limit_rlimit.c).  For these
 * files and their tests only.
 */
#pragma once

#include "spec/limit.h"

/* Planners of limits that are one number. */
limit_plan_fn limit_plan_v2_bytes, limit_plan_v2_number, limit_plan_v2_cpus;
limit_plan_fn limit_plan_v1_number, limit_plan_v1_swap, limit_plan_v1_cpus, limit_plan_v1_weight;

limit_parse_fn limit_cpuset_parse, limit_io_parse, limit_rlimit_parse;
limit_plan_fn limit_cpuset_plan_v2, limit_cpuset_plan_v1, limit_io_plan_v2, limit_io_plan_v1;

/* cpuset, on a machine with these online CPUs and memory nodes; NULL: not known. */
int limit_cpuset_read(const char *text, const char *online, const char *mems,
		      struct limit_value *value, struct memcage_error *err);
/* io, on a machine with this sysfs, an open directory; -1: there is none. */
int limit_io_read(const char *text, int sysfs, struct limit_value *value,
		  struct memcage_error *err);

/* Adds one write, its line in printf's words; belongs to the plan. */
struct limit_write *limit_plan_add(struct limit_plan *plan, const char *file, const char *format,
				   ...) PRINTF_LIKE(3, 4);

/* Errors that rows share; -1. */
int limit_refuse_zero(const char *text, const char *example, struct memcage_error *err);
int limit_refuse_memory(struct memcage_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget - how much memory all jobs together may have: what the machine and every cgroup above
 * leave, less a reserve.  budget_read() reads, budget_decide() is pure.
 *
 * Of what a cgroup uses, only clean file cache that nobody has touched lately counts as left:
 * inactive_file less what is dirty or under writeback (Documentation/admin-guide/cgroup-v2.rst,
 * memory.stat).  The kernel drops that first and at no cost.  The active part it could drop too,
 * and MemAvailable counts it (Documentation/filesystems/proc.rst), but who uses it would read it
 * again at once.  What Kubernetes goes by when it evicts, a container's working set, is the same:
 * usage less inactive_file.
 */
#pragma once

#include "host/host.h"

#define BUDGET_LEVELS_MOST 32
#define BUDGET_UNKNOWN UINT64_MAX
#define BUDGET_WHY 96 /* room for what budget_decide() says */

struct budget_level {
	char name[64];	      /* its path, or the end of it, for words */
	uint64_t limit_bytes; /* the smaller of its limit and memory.high; BUDGET_UNKNOWN: none */
	uint64_t used_bytes;  /* BUDGET_UNKNOWN: cannot be read; its limit then counts as it is */
	uint64_t reclaimable_bytes; /* of used: file cache that is clean and cold */
};

struct budget_readings {
	uint64_t machine_bytes;				/* MemTotal; BUDGET_UNKNOWN */
	uint64_t available_bytes;			/* MemAvailable; BUDGET_UNKNOWN */
	struct budget_level levels[BUDGET_LEVELS_MOST]; /* memcage's own cgroup first */
	size_t level_count;
	bool hidden; /* levels above cannot be read; on v1 the last one has their limit */
};

/* Reads /proc/meminfo and the levels of the memory hierarchy from our own cgroup to its root. */
void budget_read(const struct host *host, struct budget_readings *ret);
/* The parts of it: from a text as in /proc/meminfo; and from the hierarchy. */
void budget_read_machine(const char *meminfo, struct budget_readings *ret);
void budget_read_levels(const struct host *host, struct budget_readings *ret);
/* What is left by the level that leaves least; UINT64_MAX where nothing is known. */
uint64_t budget_available(const struct budget_readings *readings);
/*
 * `auto`: available less a reserve of a sixteenth (at least 32 MiB, at most 1 GiB), whole MiB;
 * ret_why says whose limit it is ("the machine", "the cgroup /x").  0 where nothing is left for a
 * job, or nothing is known.
 */
uint64_t budget_decide(const struct budget_readings *readings, char *ret_why, size_t size);
/*
 * CPUs that jobs can use: of our affinity, and of every cpu.max or cfs quota above, rounded up; at
 * least 1.  A quota of v1 is seen only where host_probe() was asked for the CPU controller.
 */
uint64_t budget_cpus(const struct host *host);
/* The smallest quota alone; UINT64_MAX: none. */
uint64_t budget_cpu_quota(const struct host *host);

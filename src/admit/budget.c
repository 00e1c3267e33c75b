/* SPDX-License-Identifier: Apache-2.0 */
#include "admit/budget.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/line.h"
#include "host/hierarchy.h"

#define MIB (UINT64_C(1) << 20)
#define MEMINFO_TEXT 8192
#define STAT_TEXT 16384
#define RESERVE_PART 16
#define RESERVE_LEAST (32 * MIB)
#define RESERVE_MOST (1024 * MIB)

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* ---- the machine ---- */

/* Of a line "MemTotal:       16318412 kB", in bytes. */
static uint64_t meminfo_bytes(const char *meminfo, const char *key)
{
	for (const char *line = meminfo; line; line = strchr(line, '\n')) {
		char *end;
		unsigned long long number;

		line += *line == '\n';
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		number = strtoull(line + strlen(key), &end, 10);
		return end == line + strlen(key) || number > UINT64_MAX / 1024 ? BUDGET_UNKNOWN
									       : number * 1024;
	}
	return BUDGET_UNKNOWN;
}

void budget_read_machine(const char *meminfo, struct budget_readings *ret)
{
	ret->machine_bytes = meminfo_bytes(meminfo, "MemTotal:");
	ret->available_bytes = meminfo_bytes(meminfo, "MemAvailable:");
}

/* ---- the levels ---- */

struct reading {
	struct budget_readings *to;
	const struct hierarchy *hierarchy;
	uint64_t within_bytes; /* v1 tells the least limit of the last level and all above it */
};

static uint64_t read_number(int dir, const char *file)
{
	uint64_t number;

	return file_number_at(dir, file, &number) < 0 ? BUDGET_UNKNOWN : number;
}

static uint64_t reclaimable(const char *stat, enum cgroup_version version)
{
	static const char *const keys[CGROUP_VERSION__COUNT][3] = {
		[CGROUP_V2] = { "inactive_file", "file_dirty", "file_writeback" },
		[CGROUP_V1] = { "total_inactive_file", "total_dirty", "total_writeback" },
	};
	uint64_t bytes[3] = { 0 };

	for (size_t i = 0; i < 3; i++)
		file_key(stat, keys[version][i], &bytes[i]);
	return less(less(bytes[0], bytes[1]), bytes[2]);
}

static uint64_t limit_within(const char *stat)
{
	uint64_t limit;

	return file_key(stat, "hierarchical_memory_limit", &limit) && limit < FILE_V1_NO_LIMIT
		       ? limit
		       : BUDGET_UNKNOWN;
}

/* Which end of a long path is worth most: "...b/c". */
static void name_level(const struct hierarchy *hierarchy, size_t index, char *buffer, size_t size)
{
	char path[HIERARCHY_OWN];
	struct line line = line_start(buffer, size);
	size_t length, room = size - sizeof("...");

	hierarchy_level_name(hierarchy, index, path, sizeof(path));
	length = strlen(path);
	line_add(&line, "%s%s", length < size ? "" : "...",
		 length < size ? path : path + length - room);
	line_end(&line);
}

/* Before 5.11 a v1 cgroup without it neither counts nor limits what is below. */
static bool counts_below(int dir)
{
	return read_number(dir, "memory.use_hierarchy") != 0;
}

static bool read_level(int dir, size_t index, void *data)
{
	struct reading *reading = data;
	enum cgroup_version version = reading->hierarchy->version;
	struct budget_level *level = &reading->to->levels[index];
	bool v1 = version == CGROUP_V1;
	char stat[STAT_TEXT];

	if (v1 && index > 0 && !counts_below(dir))
		return false;
	if (index == BUDGET_LEVELS_MOST) {
		reading->to->hidden = true;
		return false;
	}
	name_level(reading->hierarchy, index, level->name, sizeof(level->name));
	level->limit_bytes =
		v1 ? read_number(dir, "memory.limit_in_bytes")
		   : smaller(read_number(dir, "memory.max"), read_number(dir, "memory.high"));
	level->used_bytes = read_number(dir, v1 ? "memory.usage_in_bytes" : "memory.current");
	if (file_read_at(dir, "memory.stat", stat, sizeof(stat)) < 0)
		stat[0] = '\0';
	level->reclaimable_bytes = reclaimable(stat, version);
	reading->within_bytes = limit_within(stat);
	reading->to->level_count = index + 1;
	return true;
}

void budget_read_levels(const struct host *host, struct budget_readings *ret)
{
	const struct hierarchy *memory = host_hierarchy(host, CONTROLLER_MEMORY);
	struct reading reading = { ret, memory, BUDGET_UNKNOWN };
	struct budget_level *last;
	bool unseen;

	ret->level_count = 0;
	ret->hidden = false;
	unseen = !memory || hierarchy_walk_up(memory, read_level, &reading);
	ret->hidden |= unseen;
	if (!ret->hidden || ret->level_count == 0)
		return;
	last = &ret->levels[ret->level_count - 1];
	last->limit_bytes = smaller(last->limit_bytes, reading.within_bytes);
}

void budget_read(const struct host *host, struct budget_readings *ret)
{
	char text[MEMINFO_TEXT] = "";

	if (file_read_at(AT_FDCWD, "/proc/meminfo", text, sizeof(text)) < 0)
		text[0] = '\0';
	budget_read_machine(text, ret);
	budget_read_levels(host, ret);
}

/* ---- what is left ---- */

static uint64_t level_left(const struct budget_level *level)
{
	uint64_t used = level->used_bytes == BUDGET_UNKNOWN ? 0 : level->used_bytes;

	if (level->limit_bytes == BUDGET_UNKNOWN)
		return BUDGET_UNKNOWN;
	return less(level->limit_bytes, less(used, level->reclaimable_bytes));
}

/* *ret_level: which of them; NULL: the machine. */
static uint64_t least_left(const struct budget_readings *readings,
			   const struct budget_level **ret_level)
{
	uint64_t least = smaller(readings->available_bytes, readings->machine_bytes);

	*ret_level = NULL;
	for (size_t i = 0; i < readings->level_count; i++) {
		uint64_t left = level_left(&readings->levels[i]);

		if (left >= least)
			continue;
		least = left;
		*ret_level = &readings->levels[i];
	}
	return least;
}

uint64_t budget_available(const struct budget_readings *readings)
{
	const struct budget_level *level;

	return least_left(readings, &level);
}

/* The root of a cgroup namespace or mount has no name that would tell anything. */
static void add_whose(struct line *line, const struct budget_level *level, bool known)
{
	if (!known)
		line_add(line, "neither the machine's memory nor a limit can be read");
	else if (!level)
		line_add(line, "the machine");
	else if (strcmp(level->name, "/") == 0)
		line_add(line, "the container that memcage is in");
	else
		line_add(line, "the cgroup %s", level->name);
}

uint64_t budget_decide(const struct budget_readings *readings, char *ret_why, size_t size)
{
	const struct budget_level *level;
	uint64_t left = least_left(readings, &level), reserve = left / RESERVE_PART;
	struct line why = line_start(ret_why, size);

	add_whose(&why, level, left != BUDGET_UNKNOWN);
	line_end(&why);
	if (left == BUDGET_UNKNOWN)
		return 0;
	if (reserve < RESERVE_LEAST)
		reserve = RESERVE_LEAST;
	return less(left, smaller(reserve, RESERVE_MOST)) / MIB * MIB;
}

/* ---- CPUs ---- */

struct quota {
	uint64_t cpus; /* the smallest so far */
	enum cgroup_version version;
};

/* "150000 100000", "max 100000": of how many microseconds how many. */
static void read_cpu_max(int dir, uint64_t *ret_quota, uint64_t *ret_period)
{
	char text[64] = "", *end;

	*ret_quota = BUDGET_UNKNOWN;
	if (file_read_at(dir, "cpu.max", text, sizeof(text)) < 0 || *text == 'm')
		return;
	*ret_quota = strtoull(text, &end, 10);
	*ret_period = strtoull(end, NULL, 10);
}

static bool read_quota(int dir, size_t index, void *data)
{
	struct quota *least = data;
	uint64_t quota, period = 0;

	(void) index;
	if (least->version == CGROUP_V2) {
		read_cpu_max(dir, &quota, &period);
	} else {
		quota = read_number(dir, "cpu.cfs_quota_us"); /* -1: none */
		period = read_number(dir, "cpu.cfs_period_us");
	}
	if (quota != BUDGET_UNKNOWN && period != BUDGET_UNKNOWN && quota > 0 && period > 0)
		least->cpus = smaller(least->cpus, (quota - 1) / period + 1);
	return true;
}

/* v2 has it beside memory, even where nobody asked for the controller. */
static const struct hierarchy *find_cpu(const struct host *host)
{
	const struct hierarchy *memory = host_hierarchy(host, CONTROLLER_MEMORY);
	const struct hierarchy *cpu = host_hierarchy(host, CONTROLLER_CPU);

	if (!cpu && memory && memory->version == CGROUP_V2)
		return memory;
	return cpu;
}

uint64_t budget_cpu_quota(const struct host *host)
{
	const struct hierarchy *cpu = find_cpu(host);
	struct quota least = { .cpus = UINT64_MAX };

	if (!cpu)
		return UINT64_MAX;
	least.version = cpu->version;
	hierarchy_walk_up(cpu, read_quota, &least);
	return least.cpus;
}

/* A set is too small for machines of more than 1024 CPUs. */
static uint64_t count_cpus(void)
{
	cpu_set_t set;
	long online;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (uint64_t) CPU_COUNT(&set);
	online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (uint64_t) online : 1;
}

uint64_t budget_cpus(const struct host *host)
{
	return smaller(count_cpus(), budget_cpu_quota(host));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/limit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "spec/limit_row.h"

static_assert(LIMIT_NONE == PARSE_MAX, "a number that was parsed is a limit's number");

#define MEBI (UINT64_C(1) << 20)
#define MILLION UINT64_C(1000000)
#define WEIGHT_MOST 10000

/* PID_MAX_LIMIT of a 64-bit kernel (include/linux/threads.h); pids.max takes no more. */
#define PIDS_MOST (4 * MEBI)

static int read_size(const char *text, struct limit_value *value, struct memcage_error *err)
{
	return parse_size(text, &value->number, err);
}

static int read_duration(const char *text, struct limit_value *value, struct memcage_error *err)
{
	return parse_duration(text, &value->number, err);
}

static int read_count(const char *text, struct limit_value *value, struct memcage_error *err)
{
	return parse_count(text, &value->number, err);
}

static int read_decimal(const char *text, struct limit_value *value, struct memcage_error *err)
{
	return parse_decimal(text, &value->number, err);
}

/* No "max": a share is no limit, and the word could mean the greatest. */
static int read_weight(const char *text, struct limit_value *value, struct memcage_error *err)
{
	char quoted[PARSE_QUOTED];

	if (parse_number(text, WEIGHT_MOST, &value->number, err) == 0 && value->number > 0)
		return 0;
	return error_usage(err, "%s is not a weight; say 1 to 10000 (100 is the usual share)",
			   parse_quote(text, quoted, sizeof(quoted)));
}

const struct limit limits[LIMIT__COUNT] = {
	[LIMIT_MEMORY] = {
		.key = "memory", .letter = 'm', .arg = "SIZE", .example = "512M",
		.help = "memory of the whole job; what needs more is killed",
		.unit = LIMIT_BYTES, .least = MEBI, .range = "at least 1M",
		.parse = read_size, .controller = CONTROLLER_MEMORY,
		.plan = { limit_plan_v2_bytes, limit_plan_v1_number },
		.file = { "memory.max", "memory.limit_in_bytes" },
		.report = "memory_bytes",
	},
	[LIMIT_MEMORY_HIGH] = {
		.key = "memory-high", .arg = "SIZE", .example = "400M",
		.help = "memory above which the job is slowed down, not killed",
		.unit = LIMIT_BYTES,
		.parse = read_size, .controller = CONTROLLER_MEMORY,
		.plan = { limit_plan_v2_bytes, NULL },
		.file = { "memory.high", NULL },
		.report = "memory_high_bytes",
	},
	[LIMIT_SWAP] = {
		.key = "swap", .arg = "SIZE", .example = "1G",
		.help = "swap space; 0 if memory is limited and this is not said",
		.unit = LIMIT_BYTES, .zero = true,
		.parse = read_size, .controller = CONTROLLER_MEMORY,
		.plan = { limit_plan_v2_bytes, limit_plan_v1_swap },
		.file = { "memory.swap.max", "memory.memsw.limit_in_bytes" },
		.report = "swap_bytes",
	},
	[LIMIT_CPUS] = {
		.key = "cpus", .letter = 'c', .arg = "N", .example = "1.5",
		.help = "CPU time per time; 1.5 is a CPU and a half",
		.unit = LIMIT_MILLIONTHS, .least = MILLION / 1000, .most = MILLION * MILLION,
		.range = "0.001 to 1000000",
		.parse = read_decimal, .controller = CONTROLLER_CPU,
		.plan = { limit_plan_v2_cpus, limit_plan_v1_cpus },
		.file = { "cpu.max", "cpu.cfs_quota_us" },
		.report = "cpus",
	},
	[LIMIT_CPU_WEIGHT] = {
		.key = "cpu-weight", .arg = "N", .example = "50",
		.help = "share of busy CPUs, 1 to 10000; others have 100",
		.unit = LIMIT_COUNT, .least = 1, .most = WEIGHT_MOST, .range = "1 to 10000",
		.parse = read_weight, .controller = CONTROLLER_CPU,
		.plan = { limit_plan_v2_number, limit_plan_v1_weight },
		.file = { "cpu.weight", "cpu.shares" },
	},
	[LIMIT_CPUSET] = {
		.key = "cpuset", .arg = "LIST", .example = "0",
		.help = "CPUs that the job may run on, such as 0-2,5",
		.unit = LIMIT_LIST,
		.parse = limit_cpuset_parse, .controller = CONTROLLER_CPUSET,
		.plan = { limit_cpuset_plan_v2, limit_cpuset_plan_v1 },
		.file = { "cpuset.cpus", "cpuset.cpus" },
	},
	[LIMIT_PIDS] = {
		.key = "pids", .arg = "N", .example = "256",
		.help = "processes and threads of the job",
		.unit = LIMIT_COUNT, .least = 1, .most = PIDS_MOST, .range = "1 to 4194304",
		.parse = read_count, .controller = CONTROLLER_PIDS,
		.plan = { limit_plan_v2_number, limit_plan_v1_number },
		.file = { "pids.max", "pids.max" },
		.report = "pids",
	},
	[LIMIT_IO] = {
		.key = "io", .arg = "DEVICE:KEY=RATE,...", .example = "/dev/vda:wbps=50M",
		.help = "a disk's rbps, wbps (bytes), riops, wiops per second",
		.unit = LIMIT_LIST, .repeats = true,
		.parse = limit_io_parse, .controller = CONTROLLER_IO,
		.plan = { limit_io_plan_v2, limit_io_plan_v1 },
		.file = { "io.max", "blkio.throttle.read_bps_device" },
	},
	[LIMIT_TMP] = {
		.key = "tmp", .arg = "SIZE", .example = "1G",
		.help = "room in /tmp, /var/tmp and /dev/shm together",
		.unit = LIMIT_BYTES,
		.parse = read_size, .controller = CONTROLLER_NONE,
		.report = "tmp_bytes",
	},
	[LIMIT_TIMEOUT] = {
		.key = "timeout", .letter = 't', .arg = "DURATION", .example = "2h",
		.help = "time by the clock",
		.unit = LIMIT_USEC,
		.parse = read_duration, .controller = CONTROLLER_NONE,
		.report = "timeout_seconds",
	},
	[LIMIT_CPU_TIME] = {
		.key = "cpu-time", .arg = "DURATION", .example = "30m",
		.help = "CPU time of all processes together",
		.unit = LIMIT_USEC,
		.parse = read_duration, .controller = CONTROLLER_NONE,
		.file = { "cpu.stat", "cpuacct.usage" },
		.report = "cpu_time_seconds",
	},
	[LIMIT_GRACE] = {
		.key = "grace", .arg = "DURATION", .example = "10s",
		.help = "from SIGTERM to the kill of the whole cage; 2s if not said",
		.unit = LIMIT_USEC, .zero = true,
		.parse = read_duration, .controller = CONTROLLER_NONE,
	},
	[LIMIT_RLIMITS] = {
		.key = "rlimits", .option = "rlimit", .arg = "NAME=SOFT[:HARD]",
		.example = "NOFILE=1024:4096",
		.help = "a limit of setrlimit(2) on each process",
		.unit = LIMIT_LIST, .repeats = true,
		.parse = limit_rlimit_parse, .controller = CONTROLLER_NONE,
	},
};

static const char *const controllers[CONTROLLER__COUNT][CGROUP_VERSION__COUNT] = {
	[CONTROLLER_MEMORY] = { "memory", "memory" }, [CONTROLLER_CPU] = { "cpu", "cpu" },
	[CONTROLLER_CPUACCT] = { NULL, "cpuacct" },   [CONTROLLER_CPUSET] = { "cpuset", "cpuset" },
	[CONTROLLER_IO] = { "io", "blkio" },	      [CONTROLLER_PIDS] = { "pids", "pids" },
};

const char *controller_name(enum controller controller, enum cgroup_version version)
{
	return controller < CONTROLLER__COUNT ? controllers[controller][version] : NULL;
}

enum limit_id limit_find(const char *key)
{
	int id = 0;

	while (id < LIMIT__COUNT && strcmp(limits[id].key, key) != 0 &&
	       (!limits[id].option || strcmp(limits[id].option, key) != 0))
		id++;
	return (enum limit_id) id;
}

uint64_t limit_whole_pages(uint64_t bytes)
{
	return bytes - bytes % (uint64_t) sysconf(_SC_PAGESIZE);
}

int limit_refuse_zero(const char *text, const char *example, struct memcage_error *err)
{
	char quoted[PARSE_QUOTED];

	return error_usage(err, "%s is not a limit; say max for none, or for instance %s",
			   parse_quote(text, quoted, sizeof(quoted)), example);
}

int limit_refuse_memory(struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "cannot keep the value");
}

/* What the parser of a number cannot know: what the row takes. */
static int fit(const struct limit *row, const char *text, uint64_t *number,
	       struct memcage_error *err)
{
	char quoted[PARSE_QUOTED];

	parse_quote(text, quoted, sizeof(quoted));
	if (*number == LIMIT_NONE || (*number == 0 && row->zero))
		return 0;
	if (*number == 0)
		return limit_refuse_zero(text, row->example, err);
	if (*number < row->least || (row->most != 0 && *number > row->most))
		return error_usage(err, "%s is out of range; say %s, or max for none", quoted,
				   row->range);
	if (row->unit != LIMIT_BYTES)
		return 0;
	*number = limit_whole_pages(*number);
	if (*number != 0)
		return 0;
	return error_usage(err, "%s is less than a page of memory, %ld bytes; say for instance %s",
			   quoted, sysconf(_SC_PAGESIZE), row->example);
}

int limit_parse(enum limit_id id, const char *text, struct limit_value *value,
		struct memcage_error *err)
{
	const struct limit *row = &limits[id];
	struct limit_value fresh = { 0 };

	if (!text)
		return error_usage(err, "the value is missing; say for instance %s", row->example);
	if (row->repeats) {
		if (row->parse(text, value, err) < 0)
			return -1;
		value->set = true;
		return 0;
	}
	if (row->parse(text, &fresh, err) < 0)
		return -1;
	if (row->unit != LIMIT_LIST && fit(row, text, &fresh.number, err) < 0)
		return -1;
	fresh.set = true;
	limit_release(value);
	*value = fresh;
	return 0;
}

/* A copy of size bytes; NULL of NULL.  False where there is no memory. */
static bool duplicate(const void *from, size_t size, void *ret_pointer)
{
	void *copy = from ? malloc(size) : NULL;

	if (copy)
		memcpy(copy, from, size);
	memcpy(ret_pointer, &copy, sizeof(copy));
	return copy || !from;
}

static bool duplicate_text(const char *from, char **ret)
{
	return duplicate(from, from ? strlen(from) + 1 : 0, ret);
}

int limit_copy(const struct limit_value *from, struct limit_value *to)
{
	struct limit_value copy = *from;

	if (!from->set)
		return 0;
	copy.cpus = copy.mems = NULL;
	copy.io = NULL;
	copy.rlimits = NULL;
	if (!duplicate_text(from->cpus, &copy.cpus) || !duplicate_text(from->mems, &copy.mems) ||
	    !duplicate(from->io, from->count * sizeof(*from->io), &copy.io) ||
	    !duplicate(from->rlimits, from->count * sizeof(*from->rlimits), &copy.rlimits)) {
		limit_release(&copy);
		errno = ENOMEM;
		return -1;
	}
	limit_release(to);
	*to = copy;
	return 0;
}

void limit_release(struct limit_value *value)
{
	free(value->cpus);
	free(value->mems);
	free(value->io);
	free(value->rlimits);
	*value = (struct limit_value) { 0 };
}

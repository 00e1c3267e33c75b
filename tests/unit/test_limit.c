/* SPDX-License-Identifier: Apache-2.0 */
/* The table, and the limits that are one number; the lists are in test_limit_list.c. */
#include "test.h"

#include <string.h>

#include "base/parse.h"
#include "spec/limit.h"

#define MEBI (UINT64_C(1) << 20)
#define SEC UINT64_C(1000000)

static const struct value {
	const char *name;
	enum limit_id id;
	const char *text;
	uint64_t want;
} values[] = {
	{ "memory in mebibytes", LIMIT_MEMORY, "512M", 512 * MEBI },
	{ "the least memory", LIMIT_MEMORY, "1M", MEBI },
	{ "no memory limit", LIMIT_MEMORY, "max", LIMIT_NONE },
	{ "throttled memory", LIMIT_MEMORY_HIGH, "1.5G", 1536 * MEBI },
	{ "less than the least memory may be the throttle", LIMIT_MEMORY_HIGH, "512K", MEBI / 2 },
	{ "no swap", LIMIT_SWAP, "0", 0 },
	{ "some swap", LIMIT_SWAP, "1G", 1024 * MEBI },
	{ "any swap", LIMIT_SWAP, "max", LIMIT_NONE },
	{ "a CPU and a half", LIMIT_CPUS, "1.5", 1500000 },
	{ "the least part of a CPU", LIMIT_CPUS, "0.001", 1000 },
	{ "a million CPUs", LIMIT_CPUS, "1000000", UINT64_C(1000000000000) },
	{ "any CPUs", LIMIT_CPUS, "max", LIMIT_NONE },
	{ "the least weight", LIMIT_CPU_WEIGHT, "1", 1 },
	{ "the greatest weight", LIMIT_CPU_WEIGHT, "10000", 10000 },
	{ "one process", LIMIT_PIDS, "1", 1 },
	{ "two processes", LIMIT_PIDS, "2", 2 },
	{ "as many processes as there can be", LIMIT_PIDS, "4194304", 4194304 },
	{ "any processes", LIMIT_PIDS, "max", LIMIT_NONE },
	{ "room for files", LIMIT_TMP, "67108865", 64 * MEBI },
	{ "a deadline", LIMIT_TIMEOUT, "2h", 7200 * SEC },
	{ "the shortest deadline", LIMIT_TIMEOUT, "0.000001", 1 },
	{ "no deadline", LIMIT_TIMEOUT, "max", LIMIT_NONE },
	{ "CPU time", LIMIT_CPU_TIME, "90", 90 * SEC },
	{ "no grace", LIMIT_GRACE, "0", 0 },
	{ "some grace", LIMIT_GRACE, "250ms", SEC / 4 },
};

static void check_value(void **state)
{
	const struct value *row = *state;
	struct limit_value value = { 0 };
	struct memcage_error err = { 0 };

	assert_int_equal(limit_parse(row->id, row->text, &value, &err), 0);
	assert_true(value.set);
	assert_int_equal(value.number, row->want);
	limit_release(&value);
	assert_false(value.set);
}

static const struct refusal {
	const char *name;
	enum limit_id id;
	const char *text;
	const char *message;
} refusals[] = {
	{ "memory of 0", LIMIT_MEMORY, "0",
	  "'0' is not a limit; say max for none, or for instance 512M" },
	{ "memory of 0 mebibytes", LIMIT_MEMORY, "0M",
	  "'0M' is not a limit; say max for none, or for instance 512M" },
	{ "memory that rounds to 0", LIMIT_MEMORY, "0.1",
	  "'0.1' is not a limit; say max for none, or for instance 512M" },
	{ "too little memory", LIMIT_MEMORY, "1048575",
	  "'1048575' is out of range; say at least 1M, or max for none" },
	{ "memory that is no size", LIMIT_MEMORY, "1.5X",
	  "'1.5X' is not a size; say 512M, 1.5G or max" },
	{ "memory of 2^63", LIMIT_MEMORY, "9223372036854775808",
	  "'9223372036854775808' is too large for a size; say 512M, 1.5G or max" },
	{ "memory in per cent", LIMIT_MEMORY, "50%", "'50%' is not a size; say 512M, 1.5G or max" },
	{ "throttled memory of 0", LIMIT_MEMORY_HIGH, "0",
	  "'0' is not a limit; say max for none, or for instance 400M" },
	{ "files of 0", LIMIT_TMP, "0",
	  "'0' is not a limit; say max for none, or for instance 1G" },
	{ "no CPU", LIMIT_CPUS, "0", "'0' is not a limit; say max for none, or for instance 1.5" },
	{ "too little of a CPU", LIMIT_CPUS, "0.000999",
	  "'0.000999' is out of range; say 0.001 to 1000000, or max for none" },
	{ "too many CPUs", LIMIT_CPUS, "1000000.000001",
	  "'1000000.000001' is out of range; say 0.001 to 1000000, or max for none" },
	{ "CPUs in per cent", LIMIT_CPUS, "50%",
	  "'50%' is not a number with at most six decimals; say 0.5, 2 or max" },
	{ "a weight of 0", LIMIT_CPU_WEIGHT, "0",
	  "'0' is not a weight; say 1 to 10000 (100 is the usual share)" },
	{ "a weight above the greatest", LIMIT_CPU_WEIGHT, "10001",
	  "'10001' is not a weight; say 1 to 10000 (100 is the usual share)" },
	{ "a weight of max could be the greatest or none", LIMIT_CPU_WEIGHT, "max",
	  "'max' is not a weight; say 1 to 10000 (100 is the usual share)" },
	{ "no process", LIMIT_PIDS, "0",
	  "'0' is not a limit; say max for none, or for instance 256" },
	{ "one process too many", LIMIT_PIDS, "4194305",
	  "'4194305' is out of range; say 1 to 4194304, or max for none" },
	{ "2^31 processes", LIMIT_PIDS, "2147483648",
	  "'2147483648' is out of range; say 1 to 4194304, or max for none" },
	{ "2^63 processes", LIMIT_PIDS, "9223372036854775808",
	  "'9223372036854775808' is too large for a whole number; say 256 or max" },
	{ "half a process", LIMIT_PIDS, "1.5", "'1.5' is not a whole number; say 256 or max" },
	{ "a deadline of 0", LIMIT_TIMEOUT, "0",
	  "'0' is not a limit; say max for none, or for instance 2h" },
	{ "a deadline below a microsecond", LIMIT_TIMEOUT, "0.0000009",
	  "'0.0000009' is not a limit; say max for none, or for instance 2h" },
	{ "a deadline in two units", LIMIT_TIMEOUT, "1h30",
	  "'1h30' is not a duration; say 90, 500ms, 1.5h or max" },
	{ "a deadline after a million days", LIMIT_TIMEOUT, "1000001d",
	  "'1000001d' is too large for a duration; say 90, 500ms, 1.5h or max" },
	{ "CPU time of 0", LIMIT_CPU_TIME, "0s",
	  "'0s' is not a limit; say max for none, or for instance 30m" },
	{ "negative grace", LIMIT_GRACE, "-1",
	  "'-1' is not a duration; say 90, 500ms, 1.5h or max" },
	{ "no text at all", LIMIT_GRACE, NULL, "the value is missing; say for instance 10s" },
};

static void check_refusal(void **state)
{
	const struct refusal *row = *state;
	struct limit_value value = { .set = true, .number = 4096 };
	struct memcage_error err = { 0 };

	assert_int_equal(limit_parse(row->id, row->text, &value, &err), -1);
	assert_string_equal(err.text, row->message);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_true(value.set);
	assert_int_equal(value.number, 4096);
}

/* Sizes that are no limit of memory for being too small, whatever a page is here. */
static const struct refusal pages[] = {
	{ "throttled memory of less than a page", LIMIT_MEMORY_HIGH, "1000", NULL },
	{ "swap of less than a page is not 0", LIMIT_SWAP, "1", NULL },
	{ "files of less than a page", LIMIT_TMP, "4095", NULL },
};

static void check_page(void **state)
{
	const struct refusal *row = *state;
	struct limit_value value = { 0 };
	struct memcage_error err = { 0 };

	assert_int_equal(limit_parse(row->id, row->text, &value, &err), -1);
	assert_non_null(strstr(err.text, "' is less than a page of memory, "));
	assert_false(value.set);
}

#define MOST_PAGES (limit_whole_pages(INT64_MAX))

/* All limits given, and the writes that come of the one asked about: FILE=LINE;... */
static const struct plan {
	const char *name;
	enum cgroup_version version;
	enum limit_id id;
	const char *texts;
	const char *want;
} plans[] = {
	{ "memory on v2", CGROUP_V2, LIMIT_MEMORY, "memory=64M", "memory.max=67108864;" },
	{ "memory on v1", CGROUP_V1, LIMIT_MEMORY, "memory=64M",
	  "memory.limit_in_bytes=67108864;" },
	{ "memory is rounded down to pages", CGROUP_V2, LIMIT_MEMORY, "memory=67108865",
	  "memory.max=67108864;" },
	{ "no memory limit is not written", CGROUP_V2, LIMIT_MEMORY, "memory=max", "" },
	{ "what is unset is not written", CGROUP_V2, LIMIT_MEMORY, "", "" },
	{ "throttled memory on v2", CGROUP_V2, LIMIT_MEMORY_HIGH, "memory-high=32M",
	  "memory.high=33554432;" },
	{ "throttled memory on v1", CGROUP_V1, LIMIT_MEMORY_HIGH, "memory-high=32M", "" },
	{ "swap on v2", CGROUP_V2, LIMIT_SWAP, "swap=1M", "memory.swap.max=1048576;" },
	{ "no swap on v2", CGROUP_V2, LIMIT_SWAP, "swap=0", "memory.swap.max=0;" },
	{ "any swap on v2", CGROUP_V2, LIMIT_SWAP, "swap=max", "" },
	{ "swap on v1 is added to memory", CGROUP_V1, LIMIT_SWAP, "memory=64M swap=1M",
	  "memory.memsw.limit_in_bytes=68157440;" },
	{ "no swap on v1 is memory alone", CGROUP_V1, LIMIT_SWAP, "memory=64M swap=0",
	  "memory.memsw.limit_in_bytes=67108864;" },
	{ "any swap on v1", CGROUP_V1, LIMIT_SWAP, "memory=64M swap=max", "" },
	{ "swap without memory on v1", CGROUP_V1, LIMIT_SWAP, "swap=1M", "" },
	{ "swap with any memory on v1", CGROUP_V1, LIMIT_SWAP, "memory=max swap=1M", "" },
	{ "CPUs on v2", CGROUP_V2, LIMIT_CPUS, "cpus=1.5", "cpu.max=150000 100000;" },
	{ "CPUs on v1, the period first", CGROUP_V1, LIMIT_CPUS, "cpus=1.5",
	  "cpu.cfs_period_us=100000;cpu.cfs_quota_us=150000;" },
	{ "the least quota in the usual period", CGROUP_V2, LIMIT_CPUS, "cpus=0.01",
	  "cpu.max=1000 100000;" },
	{ "a longer period for less than the least quota", CGROUP_V2, LIMIT_CPUS, "cpus=0.009999",
	  "cpu.max=9999 1000000;" },
	{ "the least part of a CPU on v2", CGROUP_V2, LIMIT_CPUS, "cpus=0.001",
	  "cpu.max=1000 1000000;" },
	{ "the least part of a CPU on v1", CGROUP_V1, LIMIT_CPUS, "cpus=0.001",
	  "cpu.cfs_period_us=1000000;cpu.cfs_quota_us=1000;" },
	{ "a quota is never more than asked for", CGROUP_V2, LIMIT_CPUS, "cpus=0.333339",
	  "cpu.max=33333 100000;" },
	{ "a million CPUs on v2", CGROUP_V2, LIMIT_CPUS, "cpus=1000000",
	  "cpu.max=100000000000 100000;" },
	{ "any CPUs", CGROUP_V1, LIMIT_CPUS, "cpus=max", "" },
	{ "a weight on v2", CGROUP_V2, LIMIT_CPU_WEIGHT, "cpu-weight=50", "cpu.weight=50;" },
	{ "the usual weight on v1", CGROUP_V1, LIMIT_CPU_WEIGHT, "cpu-weight=100",
	  "cpu.shares=1024;" },
	{ "the least weight on v1", CGROUP_V1, LIMIT_CPU_WEIGHT, "cpu-weight=1", "cpu.shares=10;" },
	{ "the greatest weight on v1", CGROUP_V1, LIMIT_CPU_WEIGHT, "cpu-weight=10000",
	  "cpu.shares=102400;" },
	{ "processes on v2", CGROUP_V2, LIMIT_PIDS, "pids=32", "pids.max=32;" },
	{ "processes on v1", CGROUP_V1, LIMIT_PIDS, "pids=32", "pids.max=32;" },
	{ "the private tmpfs is no cgroup's", CGROUP_V2, LIMIT_TMP, "tmp=1M", "" },
	{ "a deadline is no cgroup's", CGROUP_V2, LIMIT_TIMEOUT, "timeout=1s", "" },
	{ "CPU time is no cgroup's", CGROUP_V1, LIMIT_CPU_TIME, "cpu-time=1s", "" },
};

/* KEY=TEXT KEY=TEXT... to values. */
static void give(struct limit_value given[LIMIT__COUNT], const char *texts)
{
	auto_free char *copy = strdup(texts);
	struct memcage_error err;

	for (char *rest = copy, *text; (text = strsep(&rest, " ")) && *text;) {
		const char *key = strsep(&text, "=");
		enum limit_id id = limit_find(key);

		assert_int_not_equal(id, LIMIT__COUNT);
		assert_int_equal(limit_parse(id, text, &given[id], &err), 0);
	}
}

static void spell(const struct limit_plan *plan, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < plan->count; i++)
		used += (size_t) snprintf(text + used, size - used, "%s=%s;", plan->writes[i].file,
					  plan->writes[i].line);
}

static void check_plan(void **state)
{
	const struct plan *row = *state;
	struct limit_value given[LIMIT__COUNT] = { 0 };
	struct limit_plan plan;
	char text[1000];

	give(given, row->texts);
	limit_plan(given, row->id, row->version, &plan);
	spell(&plan, text, sizeof(text));
	assert_string_equal(text, row->want);
}

static const struct support {
	const char *name;
	enum cgroup_version version;
	enum limit_id id;
	const char *texts;
	const char *want;
} supports[] = {
	{ "v1 cannot throttle by memory", CGROUP_V1, LIMIT_MEMORY_HIGH, "memory-high=32M",
	  "cgroup v1 has no throttling limit" },
	{ "v2 can throttle by memory", CGROUP_V2, LIMIT_MEMORY_HIGH, "memory-high=32M", NULL },
	{ "no throttle needs no support", CGROUP_V1, LIMIT_MEMORY_HIGH, "memory-high=max", NULL },
	{ "what is unset needs no support", CGROUP_V1, LIMIT_MEMORY_HIGH, "", NULL },
	{ "v1 limits no swap without memory", CGROUP_V1, LIMIT_SWAP, "swap=1M",
	  "cgroup v1 limits swap only together with memory; say --memory, too" },
	{ "v1 limits no swap with any memory", CGROUP_V1, LIMIT_SWAP, "memory=max swap=0",
	  "cgroup v1 limits swap only together with memory; say --memory, too" },
	{ "v1 limits swap with memory", CGROUP_V1, LIMIT_SWAP, "memory=64M swap=0", NULL },
	{ "v2 limits swap alone", CGROUP_V2, LIMIT_SWAP, "swap=0", NULL },
	{ "a limit of the supervisor is always supported", CGROUP_V1, LIMIT_TIMEOUT, "timeout=1s",
	  NULL },
};

static void check_support(void **state)
{
	const struct support *row = *state;
	struct limit_value given[LIMIT__COUNT] = { 0 };
	const char *reason;

	give(given, row->texts);
	reason = limit_unsupported(given, row->id, row->version);
	if (row->want)
		assert_string_equal(reason, row->want);
	else
		assert_null(reason);
}

static const struct hold {
	const char *name;
	const char *line, *read_back;
	const char *file_text;
	bool want;
} holds[] = {
	{ "the line and its newline", "4096", NULL, "4096\n", true },
	{ "the line without a newline", "4096", NULL, "4096", true },
	{ "another number", "4096", NULL, "8192\n", false },
	{ "a longer number", "4096", NULL, "40960\n", false },
	{ "a shorter number", "4096", NULL, "409\n", false },
	{ "an empty file", "4096", NULL, "", false },
	{ "an empty line", "4096", NULL, "\n", false },
	{ "the kernel made it max", "4096", NULL, "max\n", false },
	{ "what is read back counts", "9", "max", "max\n", true },
	{ "what was written does not count then", "9", "max", "9\n", false },
	{ "one line of many", "8:0 1000", NULL, "7:0 5\n8:0 1000\n9:0 7\n", true },
	{ "none of many lines", "8:0 1000", NULL, "7:0 5\n8:0 10000\n18:0 1000\n", false },
	{ "a line with a tail", "0-1", NULL, "0-1,3\n", false },
};

static void check_hold(void **state)
{
	const struct hold *row = *state;
	struct limit_write write = { .line = row->line, .read_back = row->read_back };

	assert_int_equal(limit_holds(&write, row->file_text), row->want);
}

static void same_or_none(const char *a, const char *b)
{
	if (a && b)
		assert_string_not_equal(a, b);
}

static void check_rows_complete(void **state)
{
	(void) state;
	for (int id = 0; id < LIMIT__COUNT; id++) {
		const struct limit *row = &limits[id];

		assert_non_null(row->key);
		assert_non_null(row->arg);
		assert_non_null(row->help);
		assert_non_null(row->example);
		assert_non_null(row->parse);
		assert_true(strlen(row->help) <= 60);
		assert_int_equal(row->least != 0 || row->most != 0, row->range != NULL);
		assert_int_equal(row->controller != CONTROLLER_NONE, row->plan[CGROUP_V2] != NULL);
		for (int v = 0; v < CGROUP_VERSION__COUNT; v++)
			if (row->plan[v])
				assert_non_null(row->file[v]);
	}
}

static void check_rows_unique(void **state)
{
	(void) state;
	for (int a = 0; a < LIMIT__COUNT; a++)
		for (int b = 0; b < a; b++) {
			same_or_none(limits[a].key, limits[b].key);
			same_or_none(limits[a].option, limits[b].option);
			same_or_none(limits[a].option, limits[b].key);
			same_or_none(limits[a].key, limits[b].option);
			same_or_none(limits[a].report, limits[b].report);
			assert_true(limits[a].letter == 0 || limits[a].letter != limits[b].letter);
		}
}

static void check_find(void **state)
{
	(void) state;
	for (int id = 0; id < LIMIT__COUNT; id++) {
		assert_int_equal(limit_find(limits[id].key), id);
		if (limits[id].option)
			assert_int_equal(limit_find(limits[id].option), id);
	}
	assert_int_equal(limit_find("Memory"), LIMIT__COUNT);
	assert_int_equal(limit_find("mem"), LIMIT__COUNT);
	assert_int_equal(limit_find(""), LIMIT__COUNT);
}

/* From each row's own example to a file that reads as was written. */
static void check_round_trip(void **state)
{
	(void) state;
	for (enum limit_id id = 0; id < LIMIT__COUNT; id++)
		for (enum cgroup_version v = 0; v < CGROUP_VERSION__COUNT; v++) {
			struct limit_value given[LIMIT__COUNT] = { { true, 64 * MEBI } };
			struct memcage_error err = { 0 };
			struct limit_plan plan;

			if (id == LIMIT_IO) /* test_limit_list.c has a machine with a disk */
				continue;
			assert_int_equal(limit_parse(id, limits[id].example, &given[id], &err), 0);
			limit_plan(given, id, v, &plan);
			assert_int_equal(plan.count > 0, limits[id].plan[v] != NULL);
			for (size_t i = 0; i < plan.count; i++) {
				assert_true(limit_holds(&plan.writes[i], plan.writes[i].line));
				assert_false(limit_holds(&plan.writes[i], "other\n"));
			}
			limit_release(&given[id]);
		}
}

static void check_largest(void **state)
{
	struct limit_value given[LIMIT__COUNT] = { 0 };
	struct limit_plan plan;

	(void) state;
	give(given, "memory=9223372036854775807");
	assert_int_equal(given[LIMIT_MEMORY].number, MOST_PAGES);
	limit_plan(given, LIMIT_MEMORY, CGROUP_V2, &plan);
	assert_true(limit_holds(&plan.writes[0], "max\n"));
	limit_plan(given, LIMIT_MEMORY, CGROUP_V1, &plan);
	assert_true(limit_holds(&plan.writes[0], plan.writes[0].line));
	give(given, "swap=1G");
	limit_plan(given, LIMIT_SWAP, CGROUP_V1, &plan);
	assert_int_equal(strtoull(plan.writes[0].line, NULL, 10), MOST_PAGES);
}

static void check_replaced(void **state)
{
	struct limit_value value = { 0 };
	struct memcage_error err = { 0 };

	(void) state;
	assert_int_equal(limit_parse(LIMIT_PIDS, "5", &value, &err), 0);
	assert_int_equal(limit_parse(LIMIT_PIDS, "6", &value, &err), 0);
	assert_int_equal(value.number, 6);
	assert_int_equal(limit_parse(LIMIT_PIDS, "x", &value, &err), -1);
	assert_int_equal(value.number, 6);
}

static void check_copy_unset(void **state)
{
	struct limit_value from = { 0 }, to = { .set = true, .number = 7 };

	(void) state;
	assert_int_equal(limit_copy(&from, &to), 0);
	assert_int_equal(to.number, 7);
	from = (struct limit_value) { .set = true, .number = 8 };
	assert_int_equal(limit_copy(&from, &to), 0);
	assert_int_equal(to.number, 8);
}

static void check_controllers(void **state)
{
	(void) state;
	assert_string_equal(controller_name(CONTROLLER_MEMORY, CGROUP_V2), "memory");
	assert_string_equal(controller_name(CONTROLLER_IO, CGROUP_V2), "io");
	assert_string_equal(controller_name(CONTROLLER_IO, CGROUP_V1), "blkio");
	assert_string_equal(controller_name(CONTROLLER_CPUACCT, CGROUP_V1), "cpuacct");
	assert_null(controller_name(CONTROLLER_CPUACCT, CGROUP_V2));
	assert_null(controller_name(CONTROLLER_NONE, CGROUP_V2));
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		assert_non_null(controller_name((enum controller) c, CGROUP_V1));
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_value, values);
	TEST_ROWS(&suite, check_refusal, refusals);
	TEST_ROWS(&suite, check_page, pages);
	TEST_ROWS(&suite, check_plan, plans);
	TEST_ROWS(&suite, check_support, supports);
	TEST_ROWS(&suite, check_hold, holds);
	test_add(&suite, "every row is complete", check_rows_complete, NULL);
	test_add(&suite, "no two rows share a name or a letter", check_rows_unique, NULL);
	test_add(&suite, "every key and option finds its row", check_find, NULL);
	test_add(&suite, "every example is parsed, planned and held", check_round_trip, NULL);
	test_add(&suite, "the most that the kernel counts is its max", check_largest, NULL);
	test_add(&suite, "a second value replaces the first", check_replaced, NULL);
	test_add(&suite, "only what is set is copied", check_copy_unset, NULL);
	test_add(&suite, "controllers have the names of each version", check_controllers, NULL);
	return test_run("limit", &suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* usage on files of real jobs, on torn ones, and where controllers are missing. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "observe/usage.h"
#include "tree/fake.h"

#define NO UNREADABLE
#define EDITS_MOST 5 /* one more than any row has */

/* What a host gives, beside the files. */
enum kind {
	V2,		     /* all on v2 */
	V1,		     /* all on v1, each in a hierarchy of its own */
	V2_BARE,	     /* v2 with nothing but memory */
	V1_BARE,	     /* v1 with nothing but memory */
	V1_MOUNTED_TOGETHER, /* cpu and cpuacct are one hierarchy */
	HYBRID,		     /* memory on v1, cpu and pids on v2 */
	NOTHING,
};

static void make(struct fake *fake, enum kind kind)
{
	fake_make(fake);
	switch (kind) {
	case V2:
	case V1:
		fake_add_all(fake, kind == V2 ? CGROUP_V2 : CGROUP_V1);
		break;
	case V2_BARE:
		fake_add(fake, CGROUP_V2, ".", FAKE_BIT(MEMORY));
		break;
	case V1_MOUNTED_TOGETHER:
		fake_add(fake, CGROUP_V1, "memory", FAKE_BIT(MEMORY));
		fake_add(fake, CGROUP_V1, "cpu", FAKE_CPUS);
		break;
	case V1_BARE:
		fake_add(fake, CGROUP_V1, "memory", FAKE_BIT(MEMORY));
		break;
	case HYBRID:
		fake_add(fake, CGROUP_V1, "memory", FAKE_BIT(MEMORY));
		fake_add(fake, CGROUP_V2, ".", FAKE_BIT(CPU) | FAKE_BIT(PIDS));
		break;
	case NOTHING:
		break;
	}
}

struct want {
	uint64_t memory_peak, swap_peak, cpu_user, cpu_system, cpu_throttled, pids_peak;
	uint64_t io_read, io_write;
};

/* What is asked for while the job runs, and for warnings. */
struct now {
	uint64_t cpu, memory, refused, stall;
	double pressure;
};

#define WANT(...)                                                                                  \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define NOW(...)                                                                                   \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define ALL_NO NO, NO, NO, NO, NO, NO, NO, NO
#define NONE_NOW NO, NO, 0, NO, -1
#define ROW(name_, kind_, fixture_, want_, now_, ...)                                              \
	{                                                                                          \
		name_, kind_, fixture_, want_, now_,                                               \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define BUSY "v2-6.12-busy"
#define HUGE_NUMBER "18446744073709551616"

static const struct row {
	const char *name;
	enum kind kind;
	const char *fixture; /* NULL: only the edits */
	struct want want;
	struct now now;
	struct fake_edit edits[EDITS_MOST];
} rows[] = {
	ROW("6.1: all counters", V2, "v2-6.1-busy",
	    WANT(21884928, NO, 657333, 22666, 2680000, 3, 1048576, 2097152),
	    NOW(680000, 1146880, 4, NO, -1)),
	ROW("6.12: all counters", V2, BUSY,
	    WANT(21434368, 0, 592389, 650385, 4846432, 3, 1048576, 2097152),
	    NOW(1242775, 7278592, 4, 0, 0)),
	ROW("v1: all counters", V1, "v1-6.18-busy",
	    WANT(15974400, NO, 88000, 244000, 798843, 3, 1114112, 2105344),
	    NOW(318406, 14295040, 4, NO, -1)),
	ROW("no hierarchy at all", NOTHING, NULL, WANT(ALL_NO), NOW(NONE_NOW)),
	ROW("v2 without files", V2, NULL, WANT(ALL_NO), NOW(NONE_NOW)),
	ROW("v1 without files", V1, NULL, WANT(ALL_NO), NOW(NONE_NOW)),
	ROW("v2 counts CPU time without its controller", V2_BARE, BUSY,
	    WANT(21434368, 0, 592389, 650385, NO, NO, NO, NO), NOW(1242775, 7278592, 0, 0, 0)),
	ROW("v1 with memory alone", V1_BARE, "v1-6.18-busy",
	    WANT(15974400, NO, NO, NO, NO, NO, NO, NO), NOW(NO, 14295040, 0, NO, -1)),
	ROW("v1 with cpu and cpuacct mounted together", V1_MOUNTED_TOGETHER, NULL,
	    WANT(NO, NO, 2, 3, 4, NO, NO, NO), NOW(NO, NO, 0, NO, -1),
	    { "cpu/job/cpuacct.usage_user", "2000\n" }, { "cpu/job/cpuacct.usage_sys", "3999\n" },
	    { "cpu/job/cpu.stat", "nr_periods 9\nthrottled_time 4000\n" }),
	ROW("hybrid: each controller from its own version", HYBRID, NULL,
	    WANT(7, NO, 8, 9, 10, 11, NO, NO), NOW(NO, NO, 0, NO, -1),
	    { "memory/job/memory.max_usage_in_bytes", "7\n" },
	    { "job/cpu.stat", "user_usec 8\nsystem_usec 9\nthrottled_usec 10\n" },
	    { "job/pids.peak", "11\n" }, { "job/memory.peak", "12\n" }),
	ROW("a kernel before memory.peak and pids.peak", V2, BUSY,
	    WANT(NO, NO, 592389, 650385, 4846432, NO, 1048576, 2097152),
	    NOW(1242775, 7278592, 4, 0, 0), { "job/memory.peak", NULL },
	    { "job/memory.swap.peak", NULL }, { "job/pids.peak", NULL }),
	ROW("empty files", V2, BUSY, WANT(NO, 0, NO, NO, NO, 3, 0, 0), NOW(NO, NO, 4, 0, 0),
	    { "job/memory.peak", "" }, { "job/cpu.stat", "" }, { "job/io.stat", "" },
	    { "job/memory.current", "" }),
	ROW("files without a newline", V2, BUSY, WANT(5, 0, 6, NO, NO, 3, 7, 8),
	    NOW(NO, 9, 4, 0, 0), { "job/memory.peak", "5" }, { "job/cpu.stat", "user_usec 6" },
	    { "job/io.stat", "8:0 rbytes=7 wbytes=8" }, { "job/memory.current", "9" }),
	ROW("files that are cut", V2, BUSY, WANT(21434368, 0, 6, NO, NO, 3, 7, 0),
	    NOW(NO, 7278592, 4, NO, -1), { "job/cpu.stat", "user_usec 6\nsystem_us" },
	    { "job/io.stat", "8:0 rbytes=7 wby" }, { "job/memory.pressure", "some av" }),
	ROW("huge numbers", V2, BUSY, WANT(NO, 0, NO, NO, NO, NO, NO, 3), NOW(NO, 7278592, 4, 0, 0),
	    { "job/memory.peak", HUGE_NUMBER }, { "job/pids.peak", "max\n" },
	    { "job/io.stat", "8:0 rbytes=" HUGE_NUMBER " wbytes=3\n" },
	    { "job/cpu.stat", "usage_usec " HUGE_NUMBER "\n" }),
	ROW("several devices are summed, discards are not", V2, NULL,
	    WANT(NO, NO, NO, NO, NO, NO, 111, 222), NOW(NONE_NOW),
	    { "job/io.stat", "8:0 rbytes=1 wbytes=2 rios=9 wios=9 dbytes=9 dios=9\n8:16 \n254:0 "
			     "rbytes=10 wbytes=20 rios=9\n259:1 rbytes=100 wbytes=200\n" }),
	ROW("v1: several devices are summed, totals are not", V1, NULL,
	    WANT(NO, NO, NO, NO, NO, NO, 11, 22), NOW(NONE_NOW),
	    { "blkio/job/blkio.throttle.io_service_bytes_recursive",
	      "8:0 Read 1\n8:0 Write 2\n8:0 Sync 9\n8:0 Total 9\n8:16 Read 10\n8:16 Write "
	      "20\nTotal 18\n" }),
	ROW("refusals at the job's limit and at one inside", V1, NULL, WANT(ALL_NO),
	    NOW(NO, NO, 7, NO, -1), { "pids/job/leaf/pids.events", "max 3\n" },
	    { "pids/job/leaf/a/b/pids.events", "max 4\n" },
	    { "pids/job/leaf/c/pids.events", "max" }),
	ROW("refusals that each level counts anew", V2, NULL, WANT(ALL_NO), NOW(NO, NO, 5, NO, -1),
	    { "job/pids.events", "max 5\n" }, { "job/pids.events.local", "max 2\n" },
	    { "job/leaf/a/pids.events", "max 3\n" }, { "job/leaf/a/pids.events.local", "max 3\n" }),
	ROW("pressure", V2, NULL, WANT(ALL_NO), NOW(NO, NO, 0, 4321, 12.34),
	    { "job/memory.pressure", "some avg10=12.34 avg60=5.00 avg300=0.00 total=9876\nfull "
				     "avg10=1.00 avg60=0.00 avg300=0.00 total=4321\n" }),
	ROW("pressure without its second line", V2, NULL, WANT(ALL_NO), NOW(NO, NO, 0, NO, 1.5),
	    { "job/memory.pressure", "some avg10=1.50 avg60=5.00 avg300=0.00 total=9876\n" }),
};

static void check_row(void **state)
{
	const struct row *row = *state;
	struct usage usage, again;
	struct usage_files files;
	struct fake fake;

	make(&fake, row->kind);
	if (row->fixture)
		tree_load(&fake.tree, row->fixture);
	fake_edit(&fake, row->edits);
	memset(&usage, 0x55, sizeof(usage));
	memset(&again, 0x55, sizeof(again));
	usage_read(&fake.cgroup, &USAGE_FILES_NONE, &usage);
	usage_open(&fake.cgroup, &files);
	usage_read(&fake.cgroup, &files, &again);
	assert_int_equal(usage_refused_forks(&fake.cgroup, &files), row->now.refused);
	assert_int_equal(usage_memory_stall(&fake.cgroup, &files), row->now.stall);
	usage_close(&files);
	assert_memory_equal(&again, &usage, sizeof(usage));
	assert_int_equal(usage.memory_peak_bytes, row->want.memory_peak);
	assert_int_equal(usage.swap_peak_bytes, row->want.swap_peak);
	assert_int_equal(usage.cpu_user_usec, row->want.cpu_user);
	assert_int_equal(usage.cpu_system_usec, row->want.cpu_system);
	assert_int_equal(usage.cpu_throttled_usec, row->want.cpu_throttled);
	assert_int_equal(usage.pids_peak, row->want.pids_peak);
	assert_int_equal(usage.io_read_bytes, row->want.io_read);
	assert_int_equal(usage.io_write_bytes, row->want.io_write);
	assert_int_equal(usage_cpu(&fake.cgroup), row->now.cpu);
	assert_int_equal(usage_memory(&fake.cgroup), row->now.memory);
	assert_int_equal(usage_refused_forks(&fake.cgroup, &USAGE_FILES_NONE), row->now.refused);
	assert_int_equal(usage_memory_stall(&fake.cgroup, &USAGE_FILES_NONE), row->now.stall);
	assert_float_equal(usage_memory_pressure(&fake.cgroup), row->now.pressure, 0.001);
	fake_remove(&fake);
}

/* As many devices as no machine has: known, or said not to be. */
static void check_oversized(void **state)
{
	static char text[200000];
	size_t used = 0;
	struct usage usage;
	struct fake fake;

	(void) state;
	while (used < sizeof(text) - 100)
		used += (size_t) snprintf(text + used, sizeof(text) - used,
					  "254:%zu rbytes=1 wbytes=1 rios=1 wios=1\n", used);
	make(&fake, V2);
	tree_put(&fake.tree, "job/io.stat", text);
	tree_put(&fake.tree, "job/cpu.stat", text);
	usage_read(&fake.cgroup, &USAGE_FILES_NONE, &usage);
	assert_int_equal(usage.io_read_bytes, NO);
	assert_int_equal(usage.io_write_bytes, NO);
	assert_int_equal(usage.cpu_user_usec, NO);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "files larger than any", check_oversized, NULL);
	return test_run("usage", &suite);
}

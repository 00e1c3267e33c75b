/* SPDX-License-Identifier: Apache-2.0 */
/* budget: what is read of memcage's own cgroup and those above it. */
#include "test.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "admit/budget.h"
#include "tree/fake.h"

#define NO BUDGET_UNKNOWN
#define FILES_MOST 12
#define LEVELS_MOST 3
#define V1_NONE "9223372036854771712\n"
#define V2_STAT                                                                                    \
	"anon 5\ninactive_file 4096\nactive_file 9999\nfile_dirty 1024\nfile_writeback 512\n"
#define V1_STAT                                                                                    \
	"cache 7\ndirty 7\ninactive_file 7\ntotal_dirty 1000\ntotal_writeback 24\n"                \
	"total_inactive_file 4096\ntotal_active_file 9999\n"

/* Where memory and CPU are, and what memcage's own cgroup is there: below the tree's top. */
struct place {
	enum cgroup_version version;
	const char *mount; /* "." for the top */
	const char *own;   /* "" or "/a/b" */
	bool part;	   /* of the tree: the mount's root is a cgroup like others */
	unsigned int controllers;
};

#define V2(own)                                                                                    \
	{                                                                                          \
		{                                                                                  \
			CGROUP_V2, ".", own, false, FAKE_BIT(MEMORY)                               \
		}                                                                                  \
	}
#define V2_PART(own)                                                                               \
	{                                                                                          \
		{                                                                                  \
			CGROUP_V2, ".", own, true, FAKE_BIT(MEMORY)                                \
		}                                                                                  \
	}
#define V1(own)                                                                                    \
	{                                                                                          \
		{ CGROUP_V1, "memory", own, false, FAKE_BIT(MEMORY) },                             \
		{                                                                                  \
			CGROUP_V1, "cpu", own, false, FAKE_BIT(CPU)                                \
		}                                                                                  \
	}
#define HYBRID(memory, cpu)                                                                        \
	{                                                                                          \
		{ CGROUP_V1, "memory", memory, false, FAKE_BIT(MEMORY) },                          \
		{                                                                                  \
			CGROUP_V2, "unified", cpu, false, FAKE_BIT(CPU)                            \
		}                                                                                  \
	}

static void add_place(struct fake *fake, const struct place *place)
{
	struct hierarchy *hierarchy = &fake->host.hierarchies[fake->host.count];
	char path[128];

	snprintf(path, sizeof(path), "%s%s", place->mount, place->own);
	tree_put(&fake->tree, path, NULL);
	*hierarchy = (struct hierarchy) { place->version, .controllers = place->controllers,
					  .whole_path = !place->part,
					  .dir = tree_open(&fake->tree, path) };
	snprintf(hierarchy->own, sizeof(hierarchy->own), "%s", place->own);
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		if (place->controllers & 1U << c)
			fake->host.of[c] = (int) fake->host.count;
	fake->host.count++;
}

static void make(struct fake *fake, const struct place places[2], const struct fake_edit *files)
{
	fake_make(fake);
	for (int i = 0; i < 2 && places[i].mount; i++)
		add_place(fake, &places[i]);
	fake_edit(fake, files);
}

/* ---- memory ---- */

static const struct row {
	const char *name;
	struct place places[2];
	struct fake_edit files[FILES_MOST];
	struct budget_level want[LEVELS_MOST];
	size_t count;
	bool hidden;
} rows[] = {
	{ "v2: memcage is in the root", V2(""), { { "memory.stat", V2_STAT } }, {}, 0, false },
	{ "v2: one level",
	  V2("/a"),
	  { { "a/memory.max", "1048576\n" },
	    { "a/memory.high", "max\n" },
	    { "a/memory.current", "65536\n" },
	    { "a/memory.stat", V2_STAT },
	    { "memory.max", "5\n" } },
	  { { "/a", 1048576, 65536, 4096 - 1024 - 512 } },
	  1,
	  false },
	{ "v2: memory.high is the smaller",
	  V2("/a"),
	  { { "a/memory.max", "1048576\n" }, { "a/memory.high", "524288\n" } },
	  { { "/a", 524288, NO, 0 } },
	  1,
	  false },
	{ "v2: memory.high without memory.max",
	  V2("/a"),
	  { { "a/memory.max", "max\n" }, { "a/memory.high", "524288\n" } },
	  { { "/a", 524288, NO, 0 } },
	  1,
	  false },
	{ "v2: three levels, nearest first",
	  V2("/a/b c/d"),
	  { { "a/b c/d/memory.max", "max\n" },
	    { "a/b c/d/memory.current", "1\n" },
	    { "a/b c/memory.max", "4096\n" },
	    { "a/b c/memory.current", "2\n" },
	    { "a/memory.max", "8192\n" },
	    { "a/memory.current", "3\n" } },
	  { { "/a/b c/d", NO, 1, 0 }, { "/a/b c", 4096, 2, 0 }, { "/a", 8192, 3, 0 } },
	  3,
	  false },
	{ "v2: a level without memory controller",
	  V2("/a/b"),
	  { { "a/memory.max", "8192\n" } },
	  { { "/a/b", NO, NO, 0 }, { "/a", 8192, NO, 0 } },
	  2,
	  false },
	{ "v2: all of the cache is dirty",
	  V2("/a"),
	  { { "a/memory.stat", "inactive_file 4096\nfile_dirty 4096\nfile_writeback 1\n" } },
	  { { "/a", NO, NO, 0 } },
	  1,
	  false },
	{ "v2: memory.stat, cut",
	  V2("/a"),
	  { { "a/memory.stat", "file_dirty 1\ninactive_file 4096\nfile_wri" } },
	  { { "/a", NO, NO, 4095 } },
	  1,
	  false },
	{ "v2: files without a number",
	  V2("/a"),
	  { { "a/memory.max", "" }, { "a/memory.high", "x\n" }, { "a/memory.current", "\n" } },
	  { { "/a", NO, NO, 0 } },
	  1,
	  false },
	{ "v2: in a namespace its root counts, and above it is more",
	  V2_PART(""),
	  { { "memory.max", "4096\n" }, { "memory.current", "7\n" } },
	  { { "/", 4096, 7, 0 } },
	  1,
	  true },
	{ "v2: below the root of a namespace",
	  V2_PART("/leaf"),
	  { { "leaf/memory.max", "max\n" },
	    { "memory.max", "4096\n" },
	    { "memory.stat", V2_STAT } },
	  { { "/leaf", NO, NO, 0 }, { "/", 4096, NO, 2560 } },
	  2,
	  true },
	{ "v1: one level",
	  V1("/a"),
	  { { "memory/a/memory.limit_in_bytes", "1048576\n" },
	    { "memory/a/memory.usage_in_bytes", "65536\n" },
	    { "memory/a/memory.stat", V1_STAT },
	    { "memory/a/memory.use_hierarchy", "1\n" } },
	  { { "/a", 1048576, 65536, 4096 - 1000 - 24 } },
	  1,
	  false },
	{ "v1: no limit",
	  V1("/a"),
	  { { "memory/a/memory.limit_in_bytes", V1_NONE },
	    { "memory/a/memory.usage_in_bytes", "65536\n" } },
	  { { "/a", NO, 65536, 0 } },
	  1,
	  false },
	{ "v1: levels above with use_hierarchy",
	  V1("/a/b"),
	  { { "memory/a/b/memory.limit_in_bytes", V1_NONE },
	    { "memory/a/b/memory.use_hierarchy", "1\n" },
	    { "memory/a/memory.limit_in_bytes", "8192\n" },
	    { "memory/a/memory.usage_in_bytes", "4096\n" },
	    { "memory/a/memory.use_hierarchy", "1\n" } },
	  { { "/a/b", NO, NO, 0 }, { "/a", 8192, 4096, 0 } },
	  2,
	  false },
	{ "v1: a level above without use_hierarchy limits nobody below, nor do those above it",
	  V1("/a/b/c"),
	  { { "memory/a/b/c/memory.limit_in_bytes", "16384\n" },
	    { "memory/a/b/memory.use_hierarchy", "0\n" },
	    { "memory/a/b/memory.limit_in_bytes", "8192\n" },
	    { "memory/a/memory.use_hierarchy", "1\n" },
	    { "memory/a/memory.limit_in_bytes", "4096\n" } },
	  { { "/a/b/c", 16384, NO, 0 } },
	  1,
	  false },
	{ "v1: our own use_hierarchy is for those below",
	  V1("/a/b"),
	  { { "memory/a/b/memory.limit_in_bytes", "16384\n" },
	    { "memory/a/b/memory.use_hierarchy", "0\n" },
	    { "memory/a/memory.use_hierarchy", "1\n" },
	    { "memory/a/memory.limit_in_bytes", "8192\n" } },
	  { { "/a/b", 16384, NO, 0 }, { "/a", 8192, NO, 0 } },
	  2,
	  false },
	{ "v1: a kernel that has no use_hierarchy any more",
	  V1("/a/b"),
	  { { "memory/a/b/memory.limit_in_bytes", "16384\n" },
	    { "memory/a/memory.limit_in_bytes", "8192\n" } },
	  { { "/a/b", 16384, NO, 0 }, { "/a", 8192, NO, 0 } },
	  2,
	  false },
	{ "v1: the mount shows a part of the tree",
	  { { CGROUP_V1, "memory", "", true, FAKE_BIT(MEMORY) } },
	  { { "memory/memory.limit_in_bytes", "8192\n" },
	    { "memory/memory.use_hierarchy", "1\n" } },
	  { { "/", 8192, NO, 0 } },
	  1,
	  true },
	{ "v1: a limit that is hidden above what the mount shows",
	  { { CGROUP_V1, "memory", "/a", true, FAKE_BIT(MEMORY) } },
	  { { "memory/a/memory.limit_in_bytes", V1_NONE },
	    { "memory/a/memory.stat", "hierarchical_memory_limit 4096\n" },
	    { "memory/memory.limit_in_bytes", V1_NONE },
	    { "memory/memory.usage_in_bytes", "1024\n" },
	    { "memory/memory.stat", V1_STAT "hierarchical_memory_limit 4096\n" } },
	  { { "/a", NO, NO, 0 }, { "/", 4096, 1024, 4096 - 1000 - 24 } },
	  2,
	  true },
	{ "v1: no limit above either",
	  { { CGROUP_V1, "memory", "", true, FAKE_BIT(MEMORY) } },
	  { { "memory/memory.stat", "hierarchical_memory_limit " V1_NONE } },
	  { { "/", NO, NO, 0 } },
	  1,
	  true },
	{ "v1: where nothing is hidden each level has its own",
	  V1("/a"),
	  { { "memory/a/memory.limit_in_bytes", "8192\n" },
	    { "memory/a/memory.stat", "hierarchical_memory_limit 4096\n" } },
	  { { "/a", 8192, NO, 0 } },
	  1,
	  false },
	{ "hybrid: memory on v1, the rest on v2",
	  HYBRID("/m", "/u"),
	  { { "memory/m/memory.limit_in_bytes", "8192\n" }, { "unified/u/memory.max", "4096\n" } },
	  { { "/m", 8192, NO, 0 } },
	  1,
	  false },
	{ "no memory controller", {}, { { "memory.max", "8192\n" } }, {}, 0, true },
	{ "a long path is named by its end",
	  V2("/0123456789012345678901234567890123456789012345678901234567890123456789/b"),
	  { { "0123456789012345678901234567890123456789012345678901234567890123456789/b/memory.max",
	      "8192\n" } },
	  { { "...234567890123456789012345678901234567890123456789"
	      "0123456789/b",
	      8192, NO, 0 },
	    { "...01234567890123456789012345678901234567890123456789"
	      "0123456789",
	      NO, NO, 0 } },
	  2,
	  false },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	struct budget_readings got = { .level_count = 99 };
	struct fake fake;

	make(&fake, row->places, row->files);
	budget_read_levels(&fake.host, &got);
	assert_int_equal(got.level_count, row->count);
	assert_int_equal(got.hidden, row->hidden);
	for (size_t i = 0; i < row->count; i++) {
		assert_string_equal(got.levels[i].name, row->want[i].name);
		assert_int_equal(got.levels[i].limit_bytes, row->want[i].limit_bytes);
		assert_int_equal(got.levels[i].used_bytes, row->want[i].used_bytes);
		assert_int_equal(got.levels[i].reclaimable_bytes, row->want[i].reclaimable_bytes);
	}
	fake_remove(&fake);
}

/* More levels than there is room for: the nearest are read, and the others are hidden. */
static void check_many(void **state)
{
	struct budget_readings got;
	char own[256] = "";
	struct place places[2] = { { CGROUP_V2, ".", own, false, FAKE_BIT(MEMORY) } };
	struct fake fake;

	(void) state;
	for (int i = 0; i <= BUDGET_LEVELS_MOST; i++)
		snprintf(own + strlen(own), sizeof(own) - strlen(own), "/d%d", i);
	make(&fake, places, &(struct fake_edit) { NULL, NULL });
	tree_put(&fake.tree, "d0/memory.max", "4096\n");
	tree_put(&fake.tree, "d0/d1/memory.max", "8192\n");
	budget_read_levels(&fake.host, &got);
	assert_int_equal(got.level_count, BUDGET_LEVELS_MOST);
	assert_true(got.hidden);
	assert_int_equal(got.levels[BUDGET_LEVELS_MOST - 1].limit_bytes, 8192);
	fake_remove(&fake);
}

/* Together with this machine's own /proc/meminfo: a small limit is what counts. */
static void check_all(void **state)
{
	static const struct place places[2] = V2("/small");
	static const struct fake_edit files[] = { { "small/memory.max", "50331648\n" },
						  { "small/memory.current", "1048576\n" },
						  { NULL, NULL } };
	struct budget_readings got;
	char why[BUDGET_WHY];
	struct fake fake;

	(void) state;
	make(&fake, places, files);
	budget_read(&fake.host, &got);
	assert_true(got.machine_bytes != NO);
	assert_true(got.available_bytes <= got.machine_bytes);
	assert_int_equal(got.level_count, 1);
	assert_int_equal(budget_available(&got), 47 << 20);
	assert_int_equal(budget_decide(&got, why, sizeof(why)), 15 << 20);
	assert_string_equal(why, "the cgroup /small");
	fake_remove(&fake);
}

/* ---- CPUs ---- */

static const struct cpu_row {
	const char *name;
	struct place places[2];
	struct fake_edit files[FILES_MOST];
	uint64_t quota;
} cpu_rows[] = {
	{ "CPUs, v2: no quota", V2("/a"), { { "a/cpu.max", "max 100000\n" } }, UINT64_MAX },
	{ "CPUs, v2: no file", V2("/a"), {}, UINT64_MAX },
	{ "CPUs, v2: whole ones", V2("/a"), { { "a/cpu.max", "300000 100000\n" } }, 3 },
	{ "CPUs, v2: rounded up", V2("/a"), { { "a/cpu.max", "250000 100000\n" } }, 3 },
	{ "CPUs, v2: less than one", V2("/a"), { { "a/cpu.max", "1000 100000\n" } }, 1 },
	{ "CPUs, v2: the smallest of all levels",
	  V2("/a/b"),
	  { { "a/b/cpu.max", "400000 100000\n" }, { "a/cpu.max", "100000 50000\n" } },
	  2 },
	{ "CPUs, v2: the root of a namespace",
	  V2_PART("/a"),
	  { { "a/cpu.max", "max 100000\n" }, { "cpu.max", "500000 100000\n" } },
	  5 },
	{ "CPUs, v2: a text that is none", V2("/a"), { { "a/cpu.max", "hello\n" } }, UINT64_MAX },
	{ "CPUs, v2: cut before the period", V2("/a"), { { "a/cpu.max", "5000" } }, UINT64_MAX },
	{ "CPUs, v1: no quota",
	  V1("/a"),
	  { { "cpu/a/cpu.cfs_quota_us", "-1\n" }, { "cpu/a/cpu.cfs_period_us", "100000\n" } },
	  UINT64_MAX },
	{ "CPUs, v1: rounded up",
	  V1("/a"),
	  { { "cpu/a/cpu.cfs_quota_us", "150000\n" }, { "cpu/a/cpu.cfs_period_us", "100000\n" } },
	  2 },
	{ "CPUs, v1: of a level above",
	  V1("/a/b"),
	  { { "cpu/a/b/cpu.cfs_quota_us", "-1\n" },
	    { "cpu/a/b/cpu.cfs_period_us", "100000\n" },
	    { "cpu/a/cpu.cfs_quota_us", "400000\n" },
	    { "cpu/a/cpu.cfs_period_us", "100000\n" } },
	  4 },
	{ "CPUs, v1: nobody asked for the controller",
	  { { CGROUP_V1, "memory", "/a", false, FAKE_BIT(MEMORY) } },
	  { { "memory/a/cpu.max", "100000 100000\n" } },
	  UINT64_MAX },
	{ "CPUs, hybrid: from where they are",
	  HYBRID("/m", "/u"),
	  { { "unified/u/cpu.max", "600000 100000\n" } },
	  6 },
	{ "CPUs, no hierarchy", {}, {}, UINT64_MAX },
};

static void check_cpus(void **state)
{
	const struct cpu_row *row = *state;
	struct fake fake;

	make(&fake, row->places, row->files);
	assert_int_equal(budget_cpu_quota(&fake.host), row->quota);
	assert_true(budget_cpus(&fake.host) >= 1);
	assert_true(budget_cpus(&fake.host) <= row->quota);
	fake_remove(&fake);
}

static void check_affinity(void **state)
{
	static const struct place places[2] = V2("/a");
	static const struct fake_edit none;
	cpu_set_t before, one;
	int cpu = 0;
	struct fake fake;

	(void) state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	make(&fake, places, &none);
	assert_int_equal(budget_cpus(&fake.host), CPU_COUNT(&before));
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(budget_cpus(&fake.host), 1);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "more levels than there is room for", check_many, NULL);
	test_add(&suite, "all of it, with a machine that has more", check_all, NULL);
	TEST_ROWS(&suite, check_cpus, cpu_rows);
	test_add(&suite, "CPUs: no more than our affinity has", check_affinity, NULL);
	return test_run("budget", &suite);
}

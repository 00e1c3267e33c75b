/* SPDX-License-Identifier: Apache-2.0 */
/* oom_watch: the levels above the job, and what its memory consists of. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "observe/oom_watch.h"
#include "tree/fake.h"

#define ZERO "oom 0\noom_kill 0\n"
#define GIB (UINT64_C(1) << 30)

/* ---- which levels there are ---- */

struct level {
	const char *path;  /* below the mount */
	const char *limit; /* of memory.max; NULL: no such file */
	bool events;
};

static const struct row {
	const char *name;
	const char *own; /* below the mount, "" or "/a/b" */
	bool part;	 /* of the tree: the mount's root is a cgroup like others */
	struct level levels[5];
	size_t count;
	bool hidden;
	uint64_t limit; /* the smallest */
	const char *names[4];
} rows[] = {
	{ "memcage is in the root", "", false, {}, 0, false, LIMIT_NONE, { "/", "/" } },
	{ "one level",
	  "/a",
	  false,
	  { { "a", "max\n", true } },
	  1,
	  false,
	  LIMIT_NONE,
	  { "/a", "/" } },
	{ "three levels, nearest first",
	  "/a/b c/d",
	  false,
	  { { "a/b c/d", "max\n", true },
	    { "a/b c", "1073741824\n", true },
	    { "a", "2147483648\n", true } },
	  3,
	  false,
	  GIB,
	  { "/a/b c/d", "/a/b c", "/a", "/" } },
	{ "the nearest has the smallest limit",
	  "/a/b",
	  false,
	  { { "a/b", "1073741824\n", true }, { "a", "max\n", true } },
	  2,
	  false,
	  GIB,
	  { "/a/b", "/a" } },
	{ "a level without memory controller",
	  "/a/b",
	  false,
	  { { "a/b", NULL, false }, { "a", "1073741824\n", true } },
	  2,
	  true,
	  GIB,
	  { "/a/b", "/a" } },
	{ "a limit that cannot be read",
	  "/a",
	  false,
	  { { "a", "", true } },
	  1,
	  false,
	  LIMIT_NONE,
	  { "/a" } },
	{ "in a container: its root counts, and above it is more",
	  "",
	  true,
	  { { ".", "1073741824\n", true } },
	  1,
	  true,
	  GIB,
	  { "/", "/" } },
	{ "below the root of a container",
	  "/leaf",
	  true,
	  { { "leaf", "max\n", true }, { ".", "1073741824\n", true } },
	  2,
	  true,
	  GIB,
	  { "/leaf", "/" } },
};

static void put_levels(const struct tree *tree, const struct level *levels)
{
	char path[128];

	for (; levels->path; levels++) {
		tree_put(tree, levels->path, NULL);
		snprintf(path, sizeof(path), "%s/memory.max", levels->path);
		if (levels->limit)
			tree_put(tree, path, levels->limit);
		snprintf(path, sizeof(path), "%s/memory.events.local", levels->path);
		if (levels->events)
			tree_put(tree, path, ZERO);
	}
}

static void make_host(struct host *host, const struct tree *tree, const char *own, bool part)
{
	struct hierarchy *memory = &host->hierarchies[0];

	*host = HOST_NONE;
	host->count = 1;
	host->cgroup_namespace = part;
	memory->version = CGROUP_V2;
	memory->controllers = 1U << CONTROLLER_MEMORY;
	memory->whole_path = !part;
	snprintf(memory->mount, sizeof(memory->mount), "%s", tree->path);
	snprintf(memory->own, sizeof(memory->own), "%s", own);
	memory->dir = tree_open(tree, *own ? own + 1 : ".");
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct oom_watch watch = OOM_WATCH_NONE;
	struct tree tree = tree_make(NULL);
	struct host host;
	char name[64];

	put_levels(&tree, row->levels);
	make_host(&host, &tree, row->own, row->part);
	oom_watch_open_ancestors(&watch, &host);
	assert_int_equal(watch.ancestor_count, row->count);
	assert_int_equal(watch.hidden, row->hidden);
	assert_int_equal(oom_watch_limit_above(&watch), row->limit);
	for (size_t i = 0; i < row->count; i++)
		assert_int_equal(watch.ancestors[i].fd >= 0, row->levels[i].events);
	for (size_t i = 0; i < ARRAY_LEN(row->names) && row->names[i]; i++) {
		oom_watch_ancestor_name(&host, i, name, sizeof(name));
		assert_string_equal(name, row->names[i]);
	}
	oom_watch_release(&watch);
	host_release(&host);
	tree_remove(&tree);
}

/* More levels than are read: the nearest are, and the others are hidden. */
static void check_many(void **state)
{
	struct oom_watch watch = OOM_WATCH_NONE;
	struct tree tree = tree_make(NULL);
	struct host host;
	char own[128] = "", path[160];

	(void) state;
	for (int i = 0; i < OBSERVED_ANCESTORS + 3; i++) {
		snprintf(own + strlen(own), sizeof(own) - strlen(own), "/d%d", i);
		snprintf(path, sizeof(path), "%s/memory.max", own + 1);
		tree_put(&tree, path, i < 3 ? "4096\n" : "max\n");
		snprintf(path, sizeof(path), "%s/memory.events.local", own + 1);
		tree_put(&tree, path, ZERO);
	}
	make_host(&host, &tree, own, false);
	oom_watch_open_ancestors(&watch, &host);
	assert_int_equal(watch.ancestor_count, OBSERVED_ANCESTORS);
	assert_true(watch.hidden);
	assert_int_equal(oom_watch_limit_above(&watch), LIMIT_NONE);
	oom_watch_release(&watch);
	host_release(&host);
	tree_remove(&tree);
}

/* ---- what memory consists of ---- */

static const struct parts_row {
	const char *name;
	enum cgroup_version version;
	const char *fixture;
	struct fake_edit edits[3];
	bool known;
	struct memory_parts want;
} parts_rows[] = {
	{ "6.1: parts", CGROUP_V2, "v2-6.1-busy", {}, true, { 0, 1048576, 1048576, 4096 } },
	{ "6.12: parts", CGROUP_V2, "v2-6.12-busy", {}, true, { 0, 6791168, 1048576, 163840 } },
	{ "v1: parts",
	  CGROUP_V1,
	  "v1-6.18-busy",
	  {},
	  true,
	  { 11407360, 2158592, 2097152, 299008 } },
	{ "no memory.stat",
	  CGROUP_V2,
	  "v2-6.12-busy",
	  { { "job/memory.stat", NULL } },
	  false,
	  { 0 } },
	{ "an empty memory.stat",
	  CGROUP_V2,
	  "v2-6.12-busy",
	  { { "job/memory.stat", "" } },
	  false,
	  { 0 } },
	{ "memory.stat without what counts most",
	  CGROUP_V2,
	  "v2-6.12-busy",
	  { { "job/memory.stat", "file 5\nshmem 6\n" } },
	  false,
	  { 0 } },
	{ "memory.stat, cut",
	  CGROUP_V2,
	  "v2-6.12-busy",
	  { { "job/memory.stat", "anon 5\nfile 6\nkern" } },
	  true,
	  { 5, 6, UNREADABLE, UNREADABLE } },
	{ "v1: memory.stat has the subtree's keys further down",
	  CGROUP_V1,
	  "v1-6.18-busy",
	  { { "memory/job/memory.stat",
	      "cache 1\nrss 2\ntotal_cache 30\ntotal_rss 40\ntotal_shmem 50\n" },
	    { "memory/job/memory.kmem.usage_in_bytes", "60\n" } },
	  true,
	  { 40, 30, 50, 60 } },
	{ "v1: a kernel without kmem",
	  CGROUP_V1,
	  "v1-6.18-busy",
	  { { "memory/job/memory.stat", "total_cache 30\ntotal_rss 40\ntotal_shmem 50\n" },
	    { "memory/job/memory.kmem.usage_in_bytes", NULL } },
	  true,
	  { 40, 30, 50, UNREADABLE } },
};

static void check_parts(void **state)
{
	const struct parts_row *row = *state;
	struct memory_parts parts;
	struct fake fake;

	fake_make(&fake);
	fake_add_all(&fake, row->version);
	tree_load(&fake.tree, row->fixture);
	fake_edit(&fake, row->edits);
	assert_int_equal(memory_parts_read(&fake.cgroup.parts[0], &parts), row->known);
	if (row->known) {
		assert_int_equal(parts.anon_bytes, row->want.anon_bytes);
		assert_int_equal(parts.file_bytes, row->want.file_bytes);
		assert_int_equal(parts.shmem_bytes, row->want.shmem_bytes);
		assert_int_equal(parts.kernel_bytes, row->want.kernel_bytes);
	}
	fake_remove(&fake);
}

static void read_with(struct fake *fake, struct oom_watch *watch, const char *stat)
{
	tree_put(&fake->tree, "job/memory.stat", stat);
	oom_watch_read(watch, true);
}

/* The report tells of the moment at which what cannot be reclaimed was largest. */
static void check_largest(void **state)
{
	struct oom_watch watch = OOM_WATCH_NONE;
	struct memcage_error err;
	struct fake fake;

	(void) state;
	fake_make(&fake);
	fake_add_all(&fake, CGROUP_V2);
	tree_put(&fake.tree, "job/memory.events", ZERO);
	tree_put(&fake.tree, "job/memory.events.local", ZERO);
	assert_int_equal(oom_watch_open(&watch, &fake.cgroup, &err), 0);
	assert_false(watch.parts_known);
	read_with(&fake, &watch, "anon 10\nfile 900\nshmem 5\n");
	assert_true(watch.parts_known);
	read_with(&fake, &watch, "anon 10\nfile 1000\nshmem 6\n");
	assert_int_equal(watch.parts.file_bytes, 1000);
	read_with(&fake, &watch, "anon 12\nfile 2000\nshmem 3\n");
	assert_int_equal(watch.parts.file_bytes, 1000);
	read_with(&fake, &watch, "file 9\n");
	assert_int_equal(watch.parts.file_bytes, 1000);
	read_with(&fake, &watch, "anon 16\nfile 3\nshmem 0\n");
	assert_int_equal(watch.parts.file_bytes, 3);
	oom_watch_release(&watch);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "more levels than are read", check_many, NULL);
	TEST_ROWS(&suite, check_parts, parts_rows);
	test_add(&suite, "the largest parts are kept", check_largest, NULL);
	return test_run("oom-levels", &suite);
}

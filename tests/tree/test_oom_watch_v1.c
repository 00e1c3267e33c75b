/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom_watch on v1, on files of real jobs.  What the kernel says by eventfd is said here by
 * writing to it: once for each OOM at the cgroup or above it, and once when the cgroup goes.
 */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "observe/oom_watch.h"
#include "tree/fake.h"

#define INSIDE "memory/job/leaf/a"
#define CONTROL(kills) "oom_kill_disable 0\nunder_oom 0\noom_kill " #kills "\n"

static const struct row {
	const char *name;
	const char *fixture;
	uint64_t job, above, inside; /* how often their eventfds are notified */
	bool gone;		     /* the job removes what it had made, after the last look */
	uint64_t kills, own, nested;
	bool hit;		  /* the level above */
	uint64_t counted, failed; /* oom_kill and max of the report */
	struct fake_edit edits[4];
	bool unclear; /* killed inside, and nothing tells at which limit */
} rows[] = {
	{ "the job's limit", "v1-6.18-own", 1, 0, 0, false, 1, 1, 0, false, 1, 131 },
	{ "the limit above", "v1-6.18-ancestor", 1, 1, 0, false, 1, 0, 0, true, 1, 0 },
	{ "the limit above, before the job is told", "v1-6.18-ancestor", 0, 1, 0, false, 1, 0, 0,
	  true, 1, 0 },
	{ "both limits", "v1-6.18-own", 3, 1, 0, false, 1, 2, 0, true, 1, 131 },
	{ "nobody is told: the machine's", "v1-6.18-ancestor", 0, 0, 0, false, 1, 0, 0, false, 1,
	  0 },
	{ "a limit inside, by its counters", "v1-6.18-nested", 0, 0, 0, false, 1, 0, 1, false, 1,
	  0 },
	{ "a limit inside, by its notification", "v1-6.18-nested", 0, 0, 1, false, 1, 0, 1, false,
	  1, 0 },
	{ "a limit inside that is gone", "v1-6.18-nested", 0, 0, 2, true, 1, 0, 1, false, 0, 0 },
	{ "a cgroup inside that goes without an OOM", "v1-6.18-nested", 0, 0, 1, true, 0, 0, 0,
	  false, 0, 0 },
	{ "the job's limit takes a process inside", "v1-6.18-nested", 1, 0, 1, false, 1, 1, 0,
	  false, 1, 0 },
	{ "the job's limit takes a process inside, whose cgroup is gone",
	  "v1-6.18-nested",
	  1,
	  0,
	  2,
	  true,
	  1,
	  1,
	  0,
	  false,
	  0,
	  0,
	  { { NULL } },
	  true },
	{ "an idle job is told of an OOM above",
	  "v1-6.18-ancestor",
	  1,
	  1,
	  0,
	  false,
	  0,
	  0,
	  0,
	  true,
	  0,
	  0,
	  { { "memory/job/leaf/memory.oom_control", CONTROL(0) } } },
	{ "files of the job that are empty",
	  "v1-6.18-own",
	  1,
	  0,
	  0,
	  false,
	  0,
	  1,
	  0,
	  false,
	  0,
	  0,
	  { { "memory/job/leaf/memory.oom_control", "" }, { "memory/job/memory.failcnt", "" } } },
	{ "files of the job that are gone",
	  "v1-6.18-own",
	  1,
	  0,
	  0,
	  false,
	  0,
	  1,
	  0,
	  false,
	  0,
	  0,
	  { { "memory/job/leaf/memory.oom_control", NULL },
	    { "memory/job/memory.failcnt", NULL } } },
	{ "a limit inside was hit, but the machine killed outside of it",
	  "v1-6.18-nested",
	  0,
	  0,
	  0,
	  false,
	  1,
	  0,
	  0,
	  false,
	  1,
	  0,
	  { { INSIDE "/memory.oom_control", CONTROL(0) },
	    { "memory/job/leaf/memory.oom_control", CONTROL(1) } } },
	{ "a kill inside, where the limit was not hit",
	  "v1-6.18-nested",
	  0,
	  0,
	  0,
	  false,
	  1,
	  0,
	  0,
	  false,
	  1,
	  0,
	  { { INSIDE "/memory.failcnt", "0\n" } },
	  true },
	{ "a kill inside, by the limit that counts swap too",
	  "v1-6.18-nested",
	  0,
	  0,
	  0,
	  false,
	  1,
	  0,
	  1,
	  false,
	  1,
	  0,
	  { { INSIDE "/memory.failcnt", "0\n" }, { INSIDE "/memory.memsw.failcnt", "7\n" } } },
	{ "a kill inside, where there is no limit",
	  "v1-6.18-nested",
	  0,
	  0,
	  0,
	  false,
	  1,
	  0,
	  0,
	  false,
	  1,
	  0,
	  { { INSIDE "/memory.limit_in_bytes", "9223372036854771712\n" } },
	  true },
	{ "many kills, in leaf and below",
	  "v1-6.18-nested",
	  2,
	  0,
	  2,
	  false,
	  12,
	  2,
	  0,
	  false,
	  12,
	  0,
	  { { "memory/job/leaf/memory.oom_control", CONTROL(11) } } },
};

static void notify(int event, uint64_t times)
{
	if (times > 0)
		assert_int_equal(write(event, &times, sizeof(times)), sizeof(times));
}

static void start(struct fake *fake, struct oom_watch *watch, const char *fixture)
{
	static const char *const places[] = { "memory", "memory/job", "memory/job/leaf", INSIDE };
	struct memcage_error err;
	char path[64];

	fake_make(fake);
	fake_add_all(fake, CGROUP_V1);
	tree_load(&fake->tree, fixture);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		snprintf(path, sizeof(path), "%s/cgroup.event_control", places[i]);
		if (tree_has(&fake->tree, places[i]))
			tree_put(&fake->tree, path, "");
	}
	*watch = OOM_WATCH_NONE;
	oom_watch_open_ancestors(watch, &fake->host);
	assert_int_equal(oom_watch_open(watch, &fake->cgroup, &err), 0);
	assert_int_equal(oom_watch_poll_mask(watch), EPOLLIN);
	assert_int_equal(watch->ancestor_count, 1);
	assert_false(watch->hidden);
}

static void remove_inside(const struct fake *fake)
{
	static const char *const files[] = { "memory.oom_control", "memory.limit_in_bytes",
					     "memory.failcnt", "cgroup.event_control" };
	auto_fd int dir = tree_open(&fake->tree, INSIDE);

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		assert_return_code(unlinkat(dir, files[i], 0), errno);
	assert_return_code(unlinkat(fake->tree.dir, INSIDE, AT_REMOVEDIR), errno);
}

/* A kill at a limit that the job has set inside is no reason to end it. */
static bool concerns_job(const struct row *row)
{
	return row->kills > 0 && row->nested == 0 && !row->unclear;
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct memory_seen seen = { 0 };
	struct memory_events events;
	struct oom_watch watch;
	struct fake fake;

	start(&fake, &watch, row->fixture);
	fake_edit(&fake, row->edits);
	nested_watch_update(&watch.nested, fake.cgroup.parts[0].leaf);
	notify(watch.events, row->job);
	notify(watch.ancestors[0].fd, row->above);
	if (row->gone)
		remove_inside(&fake);
	notify(watch.nested.event, row->inside);
	oom_watch_read(&watch, false);
	assert_int_equal(watch.kills_concern_job, concerns_job(row));
	oom_watch_finish(&watch, true, &seen, &events);
	assert_int_equal(seen.oom_kills, row->kills);
	assert_int_equal(seen.own_ooms, row->own);
	assert_int_equal(seen.nested_ooms, row->nested);
	assert_int_equal(seen.ancestor_count, 1);
	assert_true(seen.ancestors[0].readable);
	assert_int_equal(seen.ancestors[0].limit_hit, row->hit);
	assert_int_equal(events.oom_kill, row->counted);
	assert_int_equal(events.oom, row->job);
	assert_int_equal(events.max, row->failed);
	assert_int_equal(seen.own_refused, row->failed > 0);
	assert_int_equal(events.low, UNREADABLE);
	assert_int_equal(events.oom_group_kill, UNREADABLE);
	oom_watch_release(&watch);
	fake_remove(&fake);
}

/* While it runs, counts only rise: a cgroup that the job removes takes its own along. */
static void check_running(void **state)
{
	struct oom_watch watch;
	struct fake fake;

	(void) state;
	start(&fake, &watch, "v1-6.18-nested");
	oom_watch_read(&watch, false);
	assert_int_equal(watch.kills, 1);
	assert_int_equal(watch.ooms, 0);
	notify(watch.events, 2);
	oom_watch_read(&watch, false);
	remove_inside(&fake);
	notify(watch.events, 1);
	oom_watch_read(&watch, true);
	assert_int_equal(watch.kills, 1);
	assert_int_equal(watch.ooms, 3);
	oom_watch_release(&watch);
	fake_remove(&fake);
}

/* Cgroups inside are looked for now and then; the first makes the eventfd. */
static void check_nested(void **state)
{
	struct nested_watch watch = NESTED_WATCH_NONE;
	struct tree tree = tree_make(NULL);
	int leaf = tree_open(&tree, ".");

	(void) state;
	assert_false(nested_watch_update(&watch, leaf));
	assert_int_equal(watch.event, -1);
	assert_int_equal(nested_watch_ooms(&watch, leaf), 0);
	tree_put(&tree, "a/b/memory.oom_control", CONTROL(0));
	tree_put(&tree, "a/b/cgroup.event_control", "");
	assert_true(nested_watch_update(&watch, leaf));
	assert_false(nested_watch_update(&watch, leaf));
	notify(watch.event, 2);
	nested_watch_update(&watch, leaf);
	tree_put(&tree, "a/c/memory.oom_control", CONTROL(0));
	tree_put(&tree, "a/c/cgroup.event_control", "");
	nested_watch_update(&watch, leaf);
	notify(watch.event, 1);
	assert_int_equal(nested_watch_ooms(&watch, leaf), 3);
	nested_watch_release(&watch);
	assert_int_equal(watch.event, -1);
	close(leaf);
	tree_remove(&tree);
}

/* More than can be kept in mind. */
static void check_nested_many(void **state)
{
	struct nested_watch watch = NESTED_WATCH_NONE;
	struct tree tree = tree_make(NULL);
	int leaf = tree_open(&tree, ".");
	char path[64];

	(void) state;
	for (int i = 0; i < NESTED_MOST + 20; i++) {
		snprintf(path, sizeof(path), "%d/memory.oom_control", i);
		tree_put(&tree, path, CONTROL(0));
		snprintf(path, sizeof(path), "%d/cgroup.event_control", i);
		tree_put(&tree, path, "");
	}
	nested_watch_update(&watch, leaf);
	nested_watch_update(&watch, leaf);
	assert_int_equal(watch.count, NESTED_MOST);
	nested_watch_release(&watch);
	close(leaf);
	tree_remove(&tree);
}

/* The level above is root's: what the job is told may be of that, unless its own limit held. */
static void check_blind(void **state)
{
	static const struct {
		const char *fixture;
		uint64_t own;
	} both[] = { { "v1-6.18-own", 1 }, { "v1-6.18-ancestor", 0 } };

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		struct memory_seen seen = { 0 };
		struct memory_events events;
		struct oom_watch watch;
		struct fake fake;

		start(&fake, &watch, both[i].fixture);
		own_close(&watch.ancestors[0].fd);
		notify(watch.events, 1);
		oom_watch_finish(&watch, true, &seen, &events);
		assert_int_equal(seen.own_ooms, both[i].own);
		assert_int_equal(seen.nested_ooms, 0);
		assert_false(seen.ancestors[0].readable);
		oom_watch_release(&watch);
		fake_remove(&fake);
	}
}

static void check_missing(void **state)
{
	struct memcage_error err = { 0 };
	struct oom_watch watch = OOM_WATCH_NONE;
	struct fake fake;

	(void) state;
	fake_make(&fake);
	fake_add_all(&fake, CGROUP_V1);
	tree_load(&fake.tree, "v1-6.18-own");
	oom_watch_open_ancestors(&watch, &fake.host);
	assert_true(watch.hidden);
	assert_int_equal(oom_watch_open(&watch, &fake.cgroup, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_SETUP);
	assert_non_null(strstr(err.text, "memory.oom_control"));
	oom_watch_release(&watch);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "counts only rise while it runs", check_running, NULL);
	test_add(&suite, "cgroups inside are found", check_nested, NULL);
	test_add(&suite, "too many cgroups inside", check_nested_many, NULL);
	test_add(&suite, "a level above that cannot be watched", check_blind, NULL);
	test_add(&suite, "a kernel that cannot notify", check_missing, NULL);
	return test_run("oom-watch-v1", &suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* oom_watch on files of real jobs, on torn ones, and on levels above. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "oom_watch.h"
#include "tree/fake.h"

#define ZERO "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"
#define EVENTS "low 0\nhigh 0\nmax 5\noom 2\noom_kill 1\noom_group_kill 0\n"
#define EDITS_MOST 5

/* What is to be seen in the end, one level above. */
struct want {
	uint64_t kills, own, nested;
	bool readable, hit; /* the level above */
	struct memory_events events;
};

/* ---- v2 ---- */

static const struct v2_row {
	const char *name;
	const char *fixture;
	const char *above;		    /* memory.events.local of the level above at the start */
	struct fake_edit edits[EDITS_MOST]; /* to the fixture, at the end */
	struct want want;
} v2_rows[] = {
	{ "6.1: own limit", "v2-6.1-own", ZERO, {}, { 1, 1, 0, true, false, { 0, 0, 63, 1, 1, 0 } } },
	{ "6.12: own limit", "v2-6.12-own", ZERO, {}, { 1, 1, 0, true, false, { 0, 0, 88, 1, 1, 0 } } },
	{ "6.1: own limit, as a group", "v2-6.1-group", ZERO, {}, { 0 } },
	{ "6.12: own limit, as a group", "v2-6.12-group", ZERO, {}, { 0 } },
	{ "6.1: a limit inside", "v2-6.1-nested", ZERO, {}, { 0 } },
	{ "6.12: a limit inside", "v2-6.12-nested", ZERO, {}, { 0 } },
	{ "6.12: a limit inside, events mounted local", "v2-6.12-local-nested", ZERO, {}, { 0 } },
	{ "6.1: a limit inside that is gone", "v2-6.1-removed", ZERO, {}, { 0 } },
	{ "6.12: a limit inside that is gone", "v2-6.12-removed", ZERO, {}, { 0 } },
	{ "6.12: a limit inside that is gone, events mounted local", "v2-6.12-local-removed", ZERO, {}, { 0 } },
	{ "6.1: the limit above", "v2-6.1-ancestor", ZERO, {}, { 0 } },
	{ "6.12: the limit above", "v2-6.12-ancestor", ZERO, {}, { 0 } },
};

static void open_v2(struct fake *fake, struct oom_watch *watch, const struct v2_row *row)
{
	struct memcage_error err;

	fake_make(fake);
	fake_add_all(fake, CGROUP_V2);
	tree_put(&fake->tree, "memory.events.local", row->above);
	tree_put(&fake->tree, "job/memory.events", ZERO);
	tree_put(&fake->tree, "job/memory.events.local", ZERO);
	*watch = OOM_WATCH_NONE;
	oom_watch_open_ancestors(watch, &fake->host);
	assert_int_equal(oom_watch_open(watch, &fake->cgroup, &err), 0);
}

static void check_v2(void **state)
{
	const struct v2_row *row = *state;
	struct memory_seen seen = { 0 };
	struct memory_events events;
	struct oom_watch watch;
	struct fake fake;

	open_v2(&fake, &watch, row);
	tree_load(&fake.tree, row->fixture);
	fake_edit(&fake, row->edits);
	oom_watch_read(&watch, false);
	oom_watch_finish(&watch, &seen, &events);
printf("%s: { %lu, %lu, %lu, %d, %d, { %lu, %lu, %lu, %lu, %lu, %lu } }\n", row->fixture, seen.oom_kills, seen.own_ooms, seen.nested_ooms, seen.ancestors[0].readable, seen.ancestors[0].limit_hit, events.low, events.high, events.max, events.oom, events.oom_kill, events.oom_group_kill);
	oom_watch_release(&watch);
	fake_remove(&fake);
}
int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_v2, v2_rows);
	return test_run("oom-watch", &suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* oom_watch where the job has no cgroup: memcage's own one, before and after. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "observe/oom_watch.h"
#include "tree/fake.h"

#define BEFORE "low 0\nhigh 0\nmax 9\noom 2\noom_kill 3\noom_group_kill 0\n"
#define EVENTS(ooms, kills) "max 9\noom " #ooms "\noom_kill " #kills "\n"

struct seen {
	uint64_t kills, nested;
	bool hit;
};

static const struct row {
	const char *name;
	enum cgroup_version version;
	struct seen want;
	struct fake_edit edits[3]; /* at the end */
} rows[] = {
	{ "nothing happened", CGROUP_V2, { 0, 0, false }, {} },
	{ "a kill at its limit",
	  CGROUP_V2,
	  { 1, 0, true },
	  { { "memory.events", EVENTS(3, 4) }, { "memory.events.local", EVENTS(3, 4) } } },
	{ "a kill at a limit above, or the machine's",
	  CGROUP_V2,
	  { 1, 0, false },
	  { { "memory.events", EVENTS(2, 4) }, { "memory.events.local", EVENTS(2, 4) } } },
	{ "a kill at a limit below",
	  CGROUP_V2,
	  { 1, 1, false },
	  { { "memory.events", EVENTS(3, 4) } } },
	{ "kills at its limit and one below",
	  CGROUP_V2,
	  { 2, 1, true },
	  { { "memory.events", EVENTS(4, 5) }, { "memory.events.local", EVENTS(3, 4) } } },
	{ "an OOM that killed nobody",
	  CGROUP_V2,
	  { 0, 0, true },
	  { { "memory.events", EVENTS(3, 3) }, { "memory.events.local", EVENTS(3, 3) } } },
	{ "events cannot be read any more",
	  CGROUP_V2,
	  { 0, 0, false },
	  { { "memory.events", "" } } },
	{ "a counter that went back",
	  CGROUP_V2,
	  { 0, 0, false },
	  { { "memory.events", EVENTS(0, 0) } } },
	{ "v1: nothing happened", CGROUP_V1, { 0, 0, false }, {} },
	{ "v1: a kill",
	  CGROUP_V1,
	  { 2, 0, false },
	  { { "memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n" } } },
	{ "v1: the counter cannot be read any more",
	  CGROUP_V1,
	  { 0, 0, false },
	  { { "memory/memory.oom_control", "" } } },
};

static void make_host(struct fake *fake, enum cgroup_version version)
{
	fake_make(fake);
	fake_add_all(fake, version);
	fake->host.observes = true;
	tree_put(&fake->tree, "memory.events", BEFORE);
	tree_put(&fake->tree, "memory.events.local", BEFORE);
	if (version == CGROUP_V1)
		tree_put(&fake->tree, "memory/memory.oom_control",
			 "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct oom_watch watch = OOM_WATCH_NONE;
	struct memory_seen seen = { 0 };
	struct memory_events events;
	struct memcage_error err;
	struct fake fake;

	make_host(&fake, row->version);
	assert_false(oom_watch_is_open(&watch));
	oom_watch_open_ancestors(&watch, &fake.host);
	assert_int_equal(oom_watch_open_own(&watch, &fake.host, &err), 0);
	assert_true(oom_watch_is_open(&watch));
	assert_int_equal(oom_watch_poll_mask(&watch), EPOLLPRI);
	oom_watch_read(&watch, true);
	assert_int_equal(watch.kills, 0);
	fake_edit(&fake, row->edits);
	oom_watch_finish(&watch, true, &seen, &events);
	assert_int_equal(watch.kills, row->want.kills);
	assert_int_equal(watch.kills_concern_job, row->want.kills > 0);
	assert_int_equal(seen.oom_kills, row->want.kills);
	assert_int_equal(seen.own_ooms, 0);
	assert_int_equal(seen.nested_ooms, row->want.nested);
	assert_int_equal(seen.ancestors[0].limit_hit, row->want.hit);
	assert_false(watch.parts_known);
	assert_int_equal(events.oom_kill, UNREADABLE);
	assert_int_equal(events.max, UNREADABLE);
	oom_watch_release(&watch);
	assert_false(oom_watch_is_open(&watch));
	fake_remove(&fake);
}

/* The root of all cgroups, or one without the memory controller. */
static void check_uncounted(void **state)
{
	struct memcage_error err = { 0 };
	struct oom_watch watch = OOM_WATCH_NONE;
	struct fake fake;

	(void) state;
	fake_make(&fake);
	fake_add_all(&fake, CGROUP_V2);
	assert_int_equal(oom_watch_open_own(&watch, &fake.host, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_SETUP);
	assert_non_null(strstr(err.text, "memory.events"));
	assert_non_null(strstr(err.text, "memcage doctor"));
	oom_watch_release(&watch);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "a cgroup that counts no kills", check_uncounted, NULL);
	return test_run("oom-watch-own", &suite);
}

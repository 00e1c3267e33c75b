/* SPDX-License-Identifier: Apache-2.0 */
/* oom_watch on v2, on files of real jobs and on torn ones. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "observe/oom_watch.h"
#include "tree/fake.h"

#define ZERO "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"
#define ONE_OOM "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\noom_group_kill 0\n"
#define NO_EVENTS UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE
#define FILLER "unknown_key_of_a_kernel_to_come 18446744073709551615\n"
#define OVERSIZED FILLER FILLER FILLER FILLER FILLER FILLER FILLER FILLER FILLER FILLER
#define EDITS_MOST 5 /* one more than any row has */

/*
 * What is to be seen in the end: the job's kills, OOMs at three kinds of limits, the level above.
 */
struct want {
	uint64_t kills, own, nested;
	bool readable, hit;
	struct memory_events events;
};

static void check_seen(const struct memory_seen *seen, const struct memory_events *events,
		       const struct want *want)
{
	assert_int_equal(seen->oom_kills, want->kills);
	assert_int_equal(seen->own_ooms, want->own);
	assert_int_equal(seen->nested_ooms, want->nested);
	assert_int_equal(seen->ancestor_count, 1);
	assert_int_equal(seen->ancestors[0].readable, want->readable);
	assert_int_equal(seen->ancestors[0].limit_hit, want->hit);
	assert_false(seen->ancestors_hidden);
	assert_int_equal(seen->own_refused, want->events.max != UNREADABLE && want->events.max > 0);
	assert_int_equal(events->low, want->events.low);
	assert_int_equal(events->high, want->events.high);
	assert_int_equal(events->max, want->events.max);
	assert_int_equal(events->oom, want->events.oom);
	assert_int_equal(events->oom_kill, want->events.oom_kill);
	assert_int_equal(events->oom_group_kill, want->events.oom_group_kill);
}

#define OWN "v2-6.12-own"
#define NESTED "v2-6.12-nested"

#define CALM true, false
#define HIT true, true
#define DARK false, false
#define SEEN(kills, own, nested, above, ...)                                                       \
	{                                                                                          \
		kills, own, nested, above,                                                         \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define ROW(name_, fixture_, above_, want_, ...)                                                   \
	{                                                                                          \
		name_, fixture_, above_, want_,                                                    \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static const struct row {
	const char *name;
	const char *fixture;
	const char *above; /* memory.events.local of the level above at the start */
	struct want want;
	struct fake_edit edits[EDITS_MOST]; /* to the fixture, at the end */
} rows[] = {
	ROW("6.1: the job's limit", "v2-6.1-own", ZERO, SEEN(1, 1, 0, CALM, 0, 0, 70, 1, 1, 0)),
	ROW("6.12: the job's limit", OWN, ZERO, SEEN(1, 1, 0, CALM, 0, 0, 47, 1, 1, 0)),
	ROW("6.1: the job's limit, as a group", "v2-6.1-group", ONE_OOM,
	    SEEN(5, 1, 0, CALM, 0, 0, 53, 1, 5, 1)),
	ROW("6.12: the job's limit, as a group", "v2-6.12-group", ONE_OOM,
	    SEEN(5, 1, 0, CALM, 0, 0, 72, 1, 5, 1)),
	ROW("6.1: a limit inside", "v2-6.1-nested", ZERO, SEEN(1, 0, 1, CALM, 0, 0, 70, 1, 1, 0)),
	ROW("6.12: a limit inside", NESTED, ZERO, SEEN(1, 0, 1, CALM, 0, 0, 57, 1, 1, 0)),
	ROW("6.1: a limit inside that is gone", "v2-6.1-removed", ZERO,
	    SEEN(1, 0, 1, CALM, 0, 0, 70, 1, 1, 0)),
	ROW("6.12: a limit inside that is gone", "v2-6.12-removed", ZERO,
	    SEEN(1, 0, 1, CALM, 0, 0, 57, 1, 1, 0)),
	ROW("6.1: the limit above", "v2-6.1-ancestor", ZERO, SEEN(1, 0, 0, HIT, 0, 0, 0, 0, 1, 0)),
	ROW("6.12: the limit above", "v2-6.12-ancestor", ZERO,
	    SEEN(1, 0, 0, HIT, 0, 0, 0, 0, 1, 0)),
	ROW("events are local: the sum of the parts tells", "v2-6.12-local-nested", ZERO,
	    SEEN(1, 0, 1, CALM, 0, 0, 0, 0, 0, 0)),
	ROW("events are local: what is gone cannot tell", "v2-6.12-local-removed", ZERO,
	    SEEN(0, 0, 0, CALM, 0, 0, 0, 0, 0, 0)),
	ROW("an OOM above before the job is not the job's", OWN, ONE_OOM,
	    SEEN(1, 1, 0, CALM, 0, 0, 47, 1, 1, 0), { "memory.events.local", ONE_OOM }),
	ROW("a kill without any OOM: the machine's", OWN, ZERO,
	    SEEN(1, 0, 0, CALM, UNREADABLE, UNREADABLE, UNREADABLE, 0, 1, UNREADABLE),
	    { "job/memory.events", "oom 0\noom_kill 1\n" }, { "job/memory.events.local", ZERO }),
	ROW("own and nested limit", NESTED, ZERO,
	    SEEN(3, 1, 2, CALM, UNREADABLE, UNREADABLE, UNREADABLE, 3, 3, UNREADABLE),
	    { "job/memory.events", "oom 3\noom_kill 3\n" }, { "job/memory.events.local", ONE_OOM }),
	ROW("a kernel with more keys and another order", OWN, ZERO,
	    SEEN(1, 1, 0, CALM, UNREADABLE, UNREADABLE, 2, 1, 1, UNREADABLE),
	    { "job/memory.events", "sock_throttled 7\noom_kill 1\noom 1\nmax 2\n" },
	    { "job/memory.events.local", "sock_throttled 7\noom_kill 0\noom 1\nmax 2\n" }),
	ROW("a kernel without oom_group_kill", OWN, ZERO,
	    SEEN(1, 1, 0, CALM, 0, 0, 5, 1, 1, UNREADABLE),
	    { "job/memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n" }),
	ROW("no newline at the end", OWN, ZERO,
	    SEEN(1, 1, 0, CALM, UNREADABLE, UNREADABLE, UNREADABLE, 1, 1, UNREADABLE),
	    { "job/memory.events", "oom 1\noom_kill 1" }, { "job/memory.events.local", "oom 1" }),
	ROW("events are empty: the parts tell", OWN, ZERO, SEEN(1, 1, 0, CALM, NO_EVENTS),
	    { "job/memory.events", "" }),
	ROW("events are cut: the parts tell", OWN, ZERO,
	    SEEN(1, 1, 0, CALM, 0, 0, 5, UNREADABLE, UNREADABLE, UNREADABLE),
	    { "job/memory.events", "low 0\nhigh 0\nmax 5\noom" }),
	ROW("all of the job's events are empty", NESTED, ZERO, SEEN(0, 0, 0, CALM, NO_EVENTS),
	    { "job/memory.events", "" }, { "job/memory.events.local", "" },
	    { "job/leaf/a/memory.events.local", "" }),
	ROW("huge numbers", OWN, ZERO,
	    SEEN(UINT64_C(1) << 63, 1, 0, CALM, UNREADABLE, UNREADABLE, UINT64_MAX - 1, 1,
		 UINT64_C(1) << 63, UNREADABLE),
	    { "job/memory.events",
	      "max 18446744073709551614\noom 1\noom_kill 9223372036854775808\n" }),
	ROW("the level above cannot be read any more", OWN, ZERO,
	    SEEN(1, 1, 0, DARK, 0, 0, 47, 1, 1, 0), { "memory.events.local", "" }),
	ROW("the level above has grown beyond reason", OWN, ZERO,
	    SEEN(1, 1, 0, DARK, 0, 0, 47, 1, 1, 0), { "memory.events.local", OVERSIZED "oom 9\n" }),
	ROW("local events that say more than all do", OWN, ZERO, SEEN(0, 3, 0, CALM, NO_EVENTS),
	    { "job/memory.events", "" }, { "job/memory.events.local", "oom 3\noom_kill 0\n" },
	    { "job/memory.events.local", NULL }, { "job/leaf/memory.events.local", NULL }),
	ROW("local events that cannot be read are no limit inside", OWN, ZERO,
	    SEEN(1, 0, 0, CALM, 0, 0, 47, 1, 1, 0), { "job/memory.events.local", "" }),
};

static void start(struct fake *fake, struct oom_watch *watch, const char *above)
{
	struct memcage_error err;

	fake_make(fake);
	fake_add_all(fake, CGROUP_V2);
	tree_put(&fake->tree, "memory.events.local", above);
	tree_put(&fake->tree, "job/memory.events", ZERO);
	tree_put(&fake->tree, "job/memory.events.local", ZERO);
	*watch = OOM_WATCH_NONE;
	oom_watch_open_ancestors(watch, &fake->host);
	assert_int_equal(oom_watch_open(watch, &fake->cgroup, &err), 0);
	assert_int_equal(oom_watch_poll_mask(watch), EPOLLPRI);
	assert_int_equal(watch->kills, 0);
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct memory_seen seen = { 0 };
	struct memory_events events;
	struct oom_watch watch;
	struct fake fake;

	start(&fake, &watch, row->above);
	tree_load(&fake.tree, row->fixture);
	fake_edit(&fake, row->edits);
	oom_watch_read(&watch, false);
	if (row->want.events.oom_kill != UNREADABLE) {
		assert_int_equal(watch.kills, row->want.events.oom_kill);
		assert_int_equal(watch.ooms, row->want.events.oom);
	}
	oom_watch_finish(&watch, true, &seen, &events);
	check_seen(&seen, &events, &row->want);
	oom_watch_release(&watch);
	fake_remove(&fake);
}

/* While it runs, a reading that fails changes nothing. */
static void check_running(void **state)
{
	struct oom_watch watch;
	struct fake fake;

	(void) state;
	start(&fake, &watch, ZERO);
	tree_put(&fake.tree, "job/memory.events", "oom 4\noom_kill 3\n");
	oom_watch_read(&watch, false);
	tree_put(&fake.tree, "job/memory.events", OVERSIZED);
	oom_watch_read(&watch, true);
	assert_int_equal(watch.kills, 3);
	assert_int_equal(watch.ooms, 4);
	assert_false(watch.parts_known);
	oom_watch_release(&watch);
	fake_remove(&fake);
}

static void check_missing(void **state)
{
	static const char *const files[] = { "job/memory.events", "job/memory.events.local" };
	const char *missing = *state;
	struct memcage_error err = { 0 };
	struct oom_watch watch = OOM_WATCH_NONE;
	struct fake fake;

	fake_make(&fake);
	fake_add_all(&fake, CGROUP_V2);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(files[i], missing) != 0)
			tree_put(&fake.tree, files[i], ZERO);
	assert_int_equal(oom_watch_open(&watch, &fake.cgroup, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_SETUP);
	assert_int_equal(err.errnum, ENOENT);
	assert_non_null(strstr(err.text, "memcage-1-fake/memory.events"));
	oom_watch_release(&watch);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "a reading that fails changes nothing", check_running, NULL);
	test_add(&suite, "no memory.events", check_missing, "job/memory.events");
	test_add(&suite, "no memory.events.local", check_missing, "job/memory.events.local");
	return test_run("oom-watch", &suite);
}

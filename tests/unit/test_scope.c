/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "host/scope.h"
#include "tree/fake.h"

#define USER 1000
#define ABOVE_USER "/user.slice/user-1000.slice"
#define MANAGER ABOVE_USER "/user@1000.service"

static const struct place_row {
	const char *name;
	uid_t uid;
	const char *own, *slice; /* NULL: not to be left */
	const char *kept;	 /* the part of own that stays above */
} places[] = {
	{ "a service of root's", 0, "/system.slice/cron.service", "system.slice", "/system.slice" },
	{ "a service in a slice in a slice", 0, "/a.slice/a-b.slice/c.service", "a-b.slice",
	  "/a.slice/a-b.slice" },
	{ "a login of root's", 0, "/user.slice/user-0.slice/session-1.scope", "user-0.slice",
	  "/user.slice/user-0.slice" },
	{ "root in a user's own tree", 0, MANAGER "/app.slice/term.scope", "user-1000.slice",
	  ABOVE_USER },
	{ "a cgroup below a service", 0, "/system.slice/a.service/b/c", "system.slice",
	  "/system.slice" },
	{ "no slice at all", 0, "/init.scope", "-.slice", "" },
	{ "the root of the tree", 0, "", "-.slice", "" },
	{ "a name that only ends in slice", 0, "/a.sliced/b", "-.slice", "" },
	{ "a slice without a name", 0, "/.slice/b", "-.slice", "" },
	{ "a login", USER, ABOVE_USER "/session-3.scope", "app.slice", ABOVE_USER },
	{ "an application", USER, MANAGER "/app.slice/term.scope", "app.slice",
	  MANAGER "/app.slice" },
	{ "an application in a slice of its own", USER, MANAGER "/app.slice/app-x.slice/y.scope",
	  "app-x.slice", MANAGER "/app.slice/app-x.slice" },
	{ "a session's part", USER, MANAGER "/session.slice/shell.service", "session.slice",
	  MANAGER "/session.slice" },
	{ "the manager itself", USER, MANAGER "/init.scope", "app.slice", MANAGER },
	{ "a service of the system", USER, "/system.slice/a.service", "app.slice", "" },
	{ "another user's tree", USER, "/user.slice/user-10000.slice/user@10000.service/a.slice/b",
	  "app.slice", "/user.slice" },
	{ "a scope of ours", 0, "/system.slice/memcage-1-2.scope", "system.slice",
	  "/system.slice" },
	{ "below a scope of ours", 0, "/system.slice/memcage-1-2.scope/x", "system.slice",
	  "/system.slice" },
	{ "a cage", 0, "/system.slice/memcage-1-2.scope/memcage-1-3/leaf", NULL, NULL },
	{ "a cage of a user's", USER, MANAGER "/app.slice/memcage-1-3/leaf/below", NULL, NULL },
	{ "the root of the tree for a user", USER, "", "app.slice", "" },
};

static void check_place(void **state)
{
	const struct place_row *row = *state;
	struct scope_place place;

	assert_int_equal(scope_place(row->own, row->uid, &place), row->slice != NULL);
	if (!row->slice)
		return;
	assert_string_equal(place.slice, row->slice);
	assert_int_equal(place.kept, strlen(row->kept));
	assert_memory_equal(row->own, row->kept, place.kept);
}

/* A level with a limit that a scope cannot be given is not left; systemd is not even asked. */
static const struct stay_row {
	const char *name, *file, *text, *error;
} stays[] = {
	{ "a level with its own disk limit", "own/io.max", "8:0 rbps=1000 wbps=max\n",
	  "io.max of /own is set" },
	{ "a level with its own CPUs", "own/cpuset.cpus", "0-1\n", "cpuset.cpus of /own is set" },
	{ "a level further up with its own CPUs", "own/below/cpuset.cpus", "0\n",
	  "cpuset.cpus of /own/below is set" },
};

static void check_stay(void **state)
{
	const struct stay_row *row = *state;
	struct memcage_error err;
	struct fake fake;

	fake_make(&fake);
	fake_add(&fake, CGROUP_V2, "own/below", FAKE_V2_ALL);
	tree_put(&fake.tree, row->file, row->text);
	assert_int_equal(scope_take(&fake.host.hierarchies[0], &err), -1);
	if (!strstr(err.text, row->error))
		fail_msg("'%s' is not in '%s'", row->error, err.text);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_place, places);
	TEST_ROWS(&suite, check_stay, stays);
	return test_run("scope", &suite);
}

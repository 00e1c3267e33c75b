/* SPDX-License-Identifier: Apache-2.0 */
/* Our own cgroup, by what /proc/self/cgroup may say and what a mount may show. */
#include "test.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "host/hierarchy.h"
#include "tree/tree.h"

#define HOLDERS_MOST 4
#define V1_LINES "9:name=systemd:/wrong\n8:pids:/p\n7:blkio:/i\n4:memory:/m\n3:cpuset:/s\n"

/* A cgroup that the mount shows; with our pid in its cgroup.procs or with others' only. */
struct holder {
	const char *path;
	bool ours;
};

static const struct row {
	const char *name;
	enum cgroup_version version;
	enum controller controller;
	const char *text; /* /proc/self/cgroup */
	struct holder holders[HOLDERS_MOST];
	bool verify;
	const char *own; /* NULL: not found */
	bool whole;
} rows[] = {
	{ "v2: the root", CGROUP_V2, CONTROLLER_MEMORY, "0::/\n", {}, false, "", true },
	{ "v2: the root of a namespace",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/\n",
	  { { ".", true } },
	  true,
	  "",
	  true },
	{ "v2: a root that is not ours",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/\n",
	  { { ".", false } },
	  true,
	  NULL,
	  false },
	{ "v2: some levels down",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/a/b/c\n",
	  { { "a/b/c", true }, { "a", false } },
	  false,
	  "/a/b/c",
	  true },
	{ "v2: the line stands last",
	  CGROUP_V2,
	  CONTROLLER_PIDS,
	  V1_LINES "0::/u\n",
	  { { "u", true }, { "p", true } },
	  false,
	  "/u",
	  true },
	{ "v2: no newline at the end",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/a",
	  { { "a", true } },
	  false,
	  "/a",
	  true },
	{ "v2: only v1 lines",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  V1_LINES,
	  { { ".", true } },
	  false,
	  NULL,
	  false },
	{ "v2: the cgroup is another's of the same name",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/a\n",
	  { { "a", false }, { ".", false } },
	  false,
	  NULL,
	  false },
	{ "v2: the cgroup has been removed",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/a (deleted)\n",
	  { { "a", false } },
	  false,
	  NULL,
	  false },
	{ "v2: a cgroup that is called so",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/a (deleted)\n",
	  { { "a (deleted)", true } },
	  false,
	  "/a (deleted)",
	  true },
	{ "v2: blanks in names",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/a b/ c\n",
	  { { "a b/ c", true } },
	  false,
	  "/a b/ c",
	  true },
	{ "v2: colons in names",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/a:b/0::/c\n",
	  { { "a:b/0::/c", true } },
	  false,
	  "/a:b/0::/c",
	  true },
	{ "v2: bytes that are no text",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/\xff\xfe\x01\n",
	  { { "\xff\xfe\x01", true } },
	  false,
	  "/\xff\xfe\x01",
	  true },
	{ "v2: a container's mount begins at its own cgroup",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/docker/0123\n",
	  { { ".", true } },
	  false,
	  "",
	  false },
	{ "v2: a container's mount begins above its own cgroup",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/docker/0123/a/b\n",
	  { { ".", false }, { "a/b", true } },
	  false,
	  "/a/b",
	  false },
	{ "v2: the longest path that holds us",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/a/b\n",
	  { { "b", true }, { "a/b", true } },
	  false,
	  "/a/b",
	  true },
	{ "v2: a shorter path, where the longer one is another's",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/a/b\n",
	  { { "b", true }, { "a/b", false } },
	  false,
	  "/b",
	  false },
	{ "v2: above the root of our namespace",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/../x\n",
	  { { "x", true } },
	  true,
	  "/x",
	  false },
	{ "v2: an older mount, seen from a namespace",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/../..\n",
	  { { ".", true } },
	  true,
	  "",
	  false },
	{ "v2: nothing outside the mount is ours",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/../outside\n",
	  { { "../outside", true } },
	  true,
	  NULL,
	  false },
	{ "v2: nor the place where it is mounted",
	  CGROUP_V2,
	  CONTROLLER_MEMORY,
	  "0::/a/../..\n",
	  { { "..", true }, { "a", false } },
	  true,
	  NULL,
	  false },
	{ "v1: a line of its own",
	  CGROUP_V1,
	  CONTROLLER_MEMORY,
	  V1_LINES "0::/u\n",
	  { { "m", true }, { "u", true } },
	  false,
	  "/m",
	  true },
	{ "v1: io is blkio",
	  CGROUP_V1,
	  CONTROLLER_IO,
	  V1_LINES,
	  { { "i", true } },
	  false,
	  "/i",
	  true },
	{ "v1: controllers that are mounted together, the first",
	  CGROUP_V1,
	  CONTROLLER_CPU,
	  "3:cpuset:/s\n2:cpu,cpuacct:/both\n",
	  { { "both", true }, { "s", true } },
	  false,
	  "/both",
	  true },
	{ "v1: controllers that are mounted together, the last",
	  CGROUP_V1,
	  CONTROLLER_CPUACCT,
	  "2:cpu,cpuacct:/both\n",
	  { { "both", true } },
	  false,
	  "/both",
	  true },
	{ "v1: in the middle of five",
	  CGROUP_V1,
	  CONTROLLER_MEMORY,
	  "1:cpuset,cpu,cpuacct,memory,blkio:/all\n",
	  { { "all", true } },
	  false,
	  "/all",
	  true },
	{ "v1: a controller whose name another begins with",
	  CGROUP_V1,
	  CONTROLLER_CPU,
	  "3:cpuset:/s\n4:cpuacct:/t\n",
	  { { "s", true }, { "t", true }, { ".", true } },
	  false,
	  NULL,
	  false },
	{ "v1: a hierarchy that has only a name",
	  CGROUP_V1,
	  CONTROLLER_MEMORY,
	  "5:name=memory:/wrong\n4:memory:/m\n",
	  { { "wrong", true }, { "m", true } },
	  false,
	  "/m",
	  true },
	{ "v1: a controller with a named hierarchy",
	  CGROUP_V1,
	  CONTROLLER_MEMORY,
	  "4:memory,name=x:/m\n",
	  { { "m", true } },
	  false,
	  "/m",
	  true },
	{ "v1: a path that looks like another line",
	  CGROUP_V1,
	  CONTROLLER_MEMORY,
	  "8:pids:/:memory:/wrong\n4:memory:/m\n",
	  { { "wrong", true }, { "m", true } },
	  false,
	  "/m",
	  true },
	{ "v1: a controller that is nowhere",
	  CGROUP_V1,
	  CONTROLLER_CPUACCT,
	  V1_LINES,
	  { { ".", true } },
	  false,
	  NULL,
	  false },
	{ "v1: a container without a namespace",
	  CGROUP_V1,
	  CONTROLLER_MEMORY,
	  "4:memory:/docker/0123\n",
	  { { ".", true } },
	  false,
	  "",
	  false },
	{ "no text", CGROUP_V2, CONTROLLER_MEMORY, "", { { ".", true } }, false, NULL, false },
	{ "a text without colons",
	  CGROUP_V1,
	  CONTROLLER_MEMORY,
	  "memory\n\n\nmemory /\n",
	  { { ".", true } },
	  false,
	  NULL,
	  false },
	{ "a text cut in the middle",
	  CGROUP_V1,
	  CONTROLLER_MEMORY,
	  "8:pids:/p\n4:memor",
	  { { ".", true } },
	  false,
	  NULL,
	  false },
	{ "a text of colons",
	  CGROUP_V1,
	  CONTROLLER_MEMORY,
	  ":::\n::\n:\n",
	  { { ".", true } },
	  false,
	  NULL,
	  false },
};

/* Our pid, or pids that contain its digits. */
static void put_procs(const struct tree *tree, const struct holder *holder)
{
	char path[128], text[128];
	int pid = (int) getpid();

	snprintf(path, sizeof(path), "mount/%s/cgroup.procs", holder->path);
	snprintf(text, sizeof(text), "0\n%d0\n1%d\n", pid, pid);
	if (holder->ours)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d\n3\n", pid);
	tree_put(tree, path, text);
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct hierarchy hierarchy = { .version = row->version, .dir = -1 };
	struct tree tree = tree_make(NULL);
	struct stat want, got;
	char path[128];
	int failed;

	tree_put(&tree, "mount", NULL);
	tree_put(&tree, "mount/cgroup.type", "domain\n"); /* so it is not v2's root */
	for (const struct holder *holder = row->holders; holder->path; holder++)
		put_procs(&tree, holder);
	memcpy(mempcpy(hierarchy.mount, tree.path, strlen(tree.path)), "/mount", sizeof("/mount"));
	errno = 0;
	failed = hierarchy_find_own(&hierarchy, row->controller, row->text, row->verify);
	assert_int_equal(failed, row->own ? 0 : -1);
	if (row->own) {
		assert_string_equal(hierarchy.own, row->own);
		assert_int_equal(hierarchy.whole_path, row->whole);
		snprintf(path, sizeof(path), "mount%s", row->own);
		assert_return_code(fstatat(tree.dir, path, &want, 0), errno);
		assert_return_code(fstat(hierarchy.dir, &got), errno);
		assert_int_equal(got.st_ino, want.st_ino);
	} else {
		assert_int_equal(errno, ENOENT);
		assert_int_equal(hierarchy.dir, -1);
	}
	own_close(&hierarchy.dir);
	tree_remove(&tree);
}

/* A path that no buffer holds is not found, rather than another. */
static void check_long(void **state)
{
	struct hierarchy hierarchy = { .version = CGROUP_V2, .dir = -1 };
	struct tree tree = tree_make(NULL);
	char text[3 * PATH_MAX] = "0::";

	(void) state;
	tree_put(&tree, "a/cgroup.procs", "1\n");
	for (size_t at = 3; at + 2 < sizeof(text); at += 2)
		memcpy(text + at, "/a", 3);
	snprintf(hierarchy.mount, sizeof(hierarchy.mount), "%s", tree.path);
	assert_int_equal(hierarchy_find_own(&hierarchy, CONTROLLER_MEMORY, text, false), -1);
	assert_int_equal(hierarchy.dir, -1);
	tree_remove(&tree);
}

/* Below the hierarchy's own root the path is known, and nobody need be listed. */
static void check_whole(void **state)
{
	static const char *const texts[CGROUP_VERSION__COUNT] = {
		[CGROUP_V2] = "0::/a\n", [CGROUP_V1] = "4:memory:/a\n"
	};

	(void) state;
	for (int v = 0; v < CGROUP_VERSION__COUNT; v++) {
		struct hierarchy hierarchy = { .version = (enum cgroup_version) v, .dir = -1 };
		struct tree tree = tree_make(NULL);

		tree_put(&tree, "a", NULL);
		if (v == CGROUP_V1)
			tree_put(&tree, "cgroup.sane_behavior", "0\n");
		snprintf(hierarchy.mount, sizeof(hierarchy.mount), "%s", tree.path);
		assert_int_equal(hierarchy_find_own(&hierarchy, CONTROLLER_MEMORY, texts[v], false),
				 0);
		assert_string_equal(hierarchy.own, "/a");
		own_close(&hierarchy.dir);
		/* Seen through a cgroup namespace it is a path from elsewhere. */
		assert_int_equal(hierarchy_find_own(&hierarchy, CONTROLLER_MEMORY, texts[v], true),
				 -1);
		tree_remove(&tree);
	}
}

/* We stand last among thousands. */
static void check_many(void **state)
{
	struct hierarchy hierarchy = { .version = CGROUP_V2, .dir = -1 };
	struct tree tree = tree_make(NULL);
	char *text = calloc(8, 20001), *end = text;

	(void) state;
	for (int i = 0; i < 20000; i++)
		end += snprintf(end, 16, "%d\n", 5000000 + i);
	snprintf(end, 16, "%d\n", (int) getpid());
	tree_put(&tree, "a/cgroup.procs", text);
	tree_put(&tree, "cgroup.type", "domain\n");
	snprintf(hierarchy.mount, sizeof(hierarchy.mount), "%s", tree.path);
	assert_int_equal(hierarchy_find_own(&hierarchy, CONTROLLER_MEMORY, "0::/a\n", false), 0);
	assert_string_equal(hierarchy.own, "/a");
	own_close(&hierarchy.dir);
	free(text);
	tree_remove(&tree);
}

/* Whatever this machine has: what is found is of the right kind, and we are there. */
static void check_this_machine(void **state)
{
	struct host host = HOST_NONE;
	struct memcage_error err = { 0 };
	struct statfs fs;

	(void) state;
	if (host_probe(&host, BACKEND_AUTO, ~0U, &err) < 0) {
		assert_int_equal(err.code, MEMCAGE_ERROR_SETUP);
		assert_true(*err.text);
	}
	for (size_t i = 0; i < host.count; i++) {
		const struct hierarchy *found = &host.hierarchies[i];
		bool v2 = found->version == CGROUP_V2;

		assert_return_code(statfs(found->mount, &fs), errno);
		assert_int_equal(fs.f_type, v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
		assert_return_code(fstatfs(found->dir, &fs), errno);
		assert_int_equal(fs.f_type, v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
	}
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		if (host.of[c] >= 0 && host.count > 0)
			assert_true(host.hierarchies[host.of[c]].controllers & 1U << c);
	host_release(&host);
	assert_int_equal(host.count, 0);
}

/* The other version is refused, and the message names a way out. */
static void check_choice(void **state)
{
	static const enum backend_choice choices[] = { BACKEND_V2, BACKEND_V1 };
	size_t works = 0;

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		struct host host = HOST_NONE;
		struct memcage_error err;

		if (host_probe(&host, choices[i], 1U << CONTROLLER_MEMORY, &err) == 0) {
			works++;
		} else {
			assert_int_equal(err.code, MEMCAGE_ERROR_SETUP);
			assert_true(strstr(err.text, "--backend v") ||
				    strstr(err.text, "mount -t cgroup2"));
		}
		host_release(&host);
	}
	assert_in_range(works, 0, 1);
}

static void check_no_mount(void **state)
{
	struct hierarchy hierarchy = { .version = CGROUP_V2,
				       .mount = "/nowhere/at/all",
				       .dir = -1 };

	(void) state;
	assert_int_equal(hierarchy_find_own(&hierarchy, CONTROLLER_MEMORY, "0::/\n", false), -1);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "a path longer than any", check_long, NULL);
	test_add(&suite, "one of many in the cgroup", check_many, NULL);
	test_add(&suite, "the path below the root itself", check_whole, NULL);
	test_add(&suite, "the mount is not there", check_no_mount, NULL);
	test_add(&suite, "this machine", check_this_machine, NULL);
	test_add(&suite, "a version that this machine does not have", check_choice, NULL);
	return test_run("hierarchy", &suite);
}

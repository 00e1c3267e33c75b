/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_tree on plain directories, in which a file stands for what keeps a cgroup from going. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cgroup/cgroup_tree.h"
#include "tree/fake.h"
#include "tree/tree.h"

#define DEEP 5000
#define WIDE 2000
#define FEW_DESCRIPTORS 12 /* more than those of a test program that does nothing */

static int enter(int dir, const char *name)
{
	int child;

	assert_return_code(mkdirat(dir, name, 0755), errno);
	child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(dir);
	assert_return_code(child, errno);
	return child;
}

/* A chain, longer than any path may be; the directory at its end. */
static int dig(const struct tree *tree, const char *name, size_t depth)
{
	int dir = fcntl(tree->dir, F_DUPFD_CLOEXEC, 3);

	while (depth-- > 0)
		dir = enter(dir, name);
	return dir;
}

static void nothing(const struct tree *tree)
{
	(void) tree;
}

static void one(const struct tree *tree)
{
	tree_put(tree, "a", NULL);
}

static void branches(const struct tree *tree)
{
	static const char *const paths[] = { "a/b/c/d", "a/b/e", "a/f", "g/h/i", "g/j", "k" };

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		tree_put(tree, paths[i], NULL);
}

static void wide(const struct tree *tree)
{
	char name[16];

	for (int i = 0; i < WIDE; i++) {
		snprintf(name, sizeof(name), "%d", i);
		tree_put(tree, name, NULL);
	}
}

static void deep(const struct tree *tree)
{
	close(dig(tree, "d", DEEP));
}

static void deep_and_wide(const struct tree *tree)
{
	char path[64];

	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "%d/x/y", i);
		tree_put(tree, path, NULL);
		snprintf(path, sizeof(path), "%d/z", i);
		tree_put(tree, path, NULL);
	}
	close(dig(tree, "d", 200));
	close(dig(tree, "e", 100));
}

/* What a job may call its cgroups; of "\n" only v1 is fond. */
static void odd_names(const struct tree *tree)
{
	static const char *const names[] = {
		".x",
		"..x",
		"...",
		".x/.y",
		"-rf",
		" ",
		"a b",
		"a,b",
		"(deleted)",
		"\xff\xfe",
		"\x01\x1b[2J",
		"a\nb",
		"%s%n",
		"*",
		"\\",
		"memcage-1",
		"leaf/memcage-2-3",
		"~",
	};
	char longest[NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		tree_put(tree, names[i], NULL);
	memset(longest, 'n', NAME_MAX);
	longest[NAME_MAX] = '\0';
	tree_put(tree, longest, NULL);
}

static void busy(const struct tree *tree)
{
	tree_put(tree, "a/b/c/held", "");
	tree_put(tree, "a/d", NULL);
}

static void busy_and_deep(const struct tree *tree)
{
	int dir = dig(tree, "d", 300);

	close(openat(dir, "held", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	close(dir);
}

static void linked(const struct tree *tree)
{
	tree_put(tree, "a/b", NULL);
	assert_return_code(symlinkat("/etc", tree->dir, "a/b/link"), errno);
}

static const struct row {
	const char *name;
	void (*build)(const struct tree *tree);
	size_t directories; /* the top among them */
	bool stays;
} rows[] = {
	{ "an empty cgroup", nothing, 1, false },
	{ "one child", one, 2, false },
	{ "some branches", branches, 12, false },
	{ "two thousand children", wide, 1 + WIDE, false },
	{ "five thousand levels", deep, 1 + DEEP, false },
	{ "long and short branches", deep_and_wide, 1 + 4 * 20 + 300, false },
	{ "odd names", odd_names, 1 + 20, false },
	{ "one that cannot be removed", busy, 5, true },
	{ "one that cannot be removed, far down", busy_and_deep, 301, true },
	{ "a symbolic link", linked, 3, true },
};

static size_t open_descriptors(void)
{
	auto_closedir DIR *entries = opendir("/proc/self/fd");
	size_t count = 0;

	while (entries && readdir(entries))
		count++;
	return count;
}

/* With few descriptors to spare, and none lost. */
static void check_remove(void **state)
{
	const struct row *row = *state;
	struct tree tree = tree_make(NULL);
	struct rlimit before, few;
	size_t descriptors = open_descriptors();
	int failed, errnum;

	row->build(&tree);
	getrlimit(RLIMIT_NOFILE, &before);
	few = (struct rlimit) { descriptors + FEW_DESCRIPTORS, before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	errno = 0;
	failed = cgroup_remove_below(tree.dir);
	errnum = errno;
	setrlimit(RLIMIT_NOFILE, &before);

	assert_int_equal(failed, row->stays ? -1 : 0);
	if (row->stays)
		assert_int_equal(errnum, EBUSY);
	else
		assert_int_equal(tree_count(&tree, "."), 0);
	assert_int_equal(open_descriptors(), descriptors);
	tree_remove(&tree);
}

struct visits {
	ino_t inodes[1 + DEEP];
	size_t count;
};

static ino_t inode_at(int dir, const char *path)
{
	struct stat st;

	assert_return_code(fstatat(dir, path, &st, 0), errno);
	return st.st_ino;
}

static bool was_visited(const struct visits *visits, ino_t inode)
{
	for (size_t i = 0; i < visits->count; i++)
		if (visits->inodes[i] == inode)
			return true;
	return false;
}

/* Each once, and before its parent. */
static void note_visit(int dir, void *data)
{
	struct visits *visits = data;
	ino_t inode = inode_at(dir, ".");

	assert_true(visits->count < ARRAY_LEN(visits->inodes));
	assert_false(was_visited(visits, inode));
	assert_false(was_visited(visits, inode_at(dir, "..")));
	visits->inodes[visits->count++] = inode;
}

static void check_walk(void **state)
{
	static struct visits visits;
	const struct row *row = *state;
	struct tree tree = tree_make(NULL);
	size_t descriptors = open_descriptors();

	visits.count = 0;
	row->build(&tree);
	cgroup_walk(tree.dir, note_visit, &visits);
	assert_int_equal(visits.count, row->directories);
	assert_int_equal(visits.inodes[visits.count - 1], inode_at(tree.dir, "."));
	assert_int_equal(open_descriptors(), descriptors);
	tree_remove(&tree);
}

/* What keeps one from going keeps those above it, and nothing outside is touched. */
static void check_what_stays(void **state)
{
	struct tree tree = tree_make(NULL);

	(void) state;
	tree_put(&tree, "top/a/b/held", "");
	tree_put(&tree, "beside/c", NULL);
	assert_return_code(symlinkat("../beside", tree.dir, "top/link"), errno);

	auto_fd int top = tree_open(&tree, "top");

	assert_int_equal(cgroup_remove_below(top), -1);
	assert_true(tree_has(&tree, "top/a/b/held"));
	assert_true(tree_has(&tree, "top/link"));
	assert_true(tree_has(&tree, "beside/c"));
	assert_return_code(unlinkat(tree.dir, "top/a/b/held", 0), errno);
	assert_int_equal(cgroup_remove_below(top), 0);
	assert_false(tree_has(&tree, "top/a"));
	assert_true(tree_has(&tree, "beside/c"));
	tree_remove(&tree);
}

/* Whoever removes it at the same time is welcome. */
static void check_gone(void **state)
{
	struct tree tree = tree_make(NULL);
	static struct visits visits;

	(void) state;
	tree_put(&tree, "gone", NULL);

	auto_fd int gone = tree_open(&tree, "gone");

	assert_return_code(unlinkat(tree.dir, "gone", AT_REMOVEDIR), errno);
	cgroup_remove_below(gone);
	visits.count = 0;
	cgroup_walk(gone, note_visit, &visits);
	assert_int_equal(visits.count, 1);
	tree_remove(&tree);
}

static void check_has_cages(void **state)
{
	struct tree tree = tree_make(NULL);

	(void) state;
	assert_false(cgroup_has_cages(tree.dir));
	tree_put(&tree, "memcage", NULL);
	tree_put(&tree, "memcage.members", NULL);
	tree_put(&tree, "xmemcage-1", NULL);
	tree_put(&tree, "below/memcage-1-2", NULL);
	tree_put(&tree, "memcage-file", "");
	assert_false(cgroup_has_cages(tree.dir));
	tree_put(&tree, "memcage-12-00ab", NULL);
	assert_true(cgroup_has_cages(tree.dir));
	assert_false(cgroup_has_cages(-1));
	tree_remove(&tree);
}

struct found {
	char names[4][64];
	size_t count;
	int lock; /* of the last one, held */
};

static void note_found(const char *name, int lock, void *data)
{
	struct found *found = data;

	assert_true(found->count < ARRAY_LEN(found->names));
	snprintf(found->names[found->count++], sizeof(found->names[0]), "%s", name);
	if (found->lock < 0)
		found->lock = fcntl(lock, F_DUPFD_CLOEXEC, 3);
}

static void check_abandoned(void **state)
{
	struct found first = { .lock = -1 }, second = { .lock = -1 };
	struct fake fake;

	(void) state;
	fake_make(&fake);
	fake_add(&fake, CGROUP_V2, "own", FAKE_V2_ALL);
	tree_put(&fake.tree, "own/memcage-1-alive", NULL);
	tree_put(&fake.tree, "own/memcage-2-dead", NULL);
	tree_put(&fake.tree, "own/memcage.foreign", NULL);
	tree_put(&fake.tree, "memcage-3-outside", NULL);

	auto_fd int alive = tree_open(&fake.tree, "own/memcage-1-alive");

	assert_return_code(flock(alive, LOCK_EX), errno);
	assert_int_equal(cgroup_find_abandoned(&fake.host, note_found, &first), 0);
	assert_int_equal(first.count, 1);
	assert_string_equal(first.names[0], "memcage-2-dead");
	/* Whoever holds the lock that it was shown keeps others away from it. */
	assert_int_equal(cgroup_find_abandoned(&fake.host, note_found, &second), 0);
	assert_int_equal(second.count, 0);
	close(first.lock);
	assert_int_equal(cgroup_find_abandoned(&fake.host, note_found, &second), 0);
	assert_int_equal(second.count, 1);
	close(second.lock);
	fake_remove(&fake);
}

static void check_busy(void **state)
{
	struct found found = { .lock = -1 };
	struct fake fake;

	(void) state;
	fake_make(&fake);
	fake_add(&fake, CGROUP_V2, "own", FAKE_V2_ALL);
	tree_put(&fake.tree, "own/memcage-2-dead", NULL);

	auto_fd int own = tree_open(&fake.tree, "own");

	assert_return_code(flock(own, LOCK_SH), errno);
	assert_int_equal(cgroup_find_abandoned(&fake.host, note_found, &found), -1);
	assert_int_equal(found.count, 0);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;
	static char names[2][ARRAY_LEN(rows)][80];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(names[0][i], sizeof(names[0][i]), "removed: %s", rows[i].name);
		snprintf(names[1][i], sizeof(names[1][i]), "visited: %s", rows[i].name);
		test_add(&suite, names[0][i], check_remove, &rows[i]);
		test_add(&suite, names[1][i], check_walk, &rows[i]);
	}
	test_add(&suite, "what cannot be removed stays, with all above it", check_what_stays, NULL);
	test_add(&suite, "one that is gone already", check_gone, NULL);
	test_add(&suite, "cages are known by their names", check_has_cages, NULL);
	test_add(&suite, "the abandoned are those that nobody has locked", check_abandoned, NULL);
	test_add(&suite, "nothing is found while a cage is made", check_busy, NULL);
	return test_run("cgroup-tree", &suite);
}

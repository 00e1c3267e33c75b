/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delegate in plain directories.  A file keeps what was written and does not answer as the kernel
 * does, so that what is enabled here is found missing afterwards, and whom we move stays too.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/delegate.h"
#include "tree/fake.h"

#define EDITS_MOST 6
#define OWN "up/own"
#define FILE_OF(name) OWN "/" name
#define NOT_ROOT                                                                                   \
	{                                                                                          \
		FILE_OF("cgroup.type"), "domain\n"                                                 \
	}
#define HAS(controllers)                                                                           \
	{                                                                                          \
		FILE_OF("cgroup.controllers"), controllers "\n"                                    \
	}
#define GIVES(controllers)                                                                         \
	{                                                                                          \
		FILE_OF("cgroup.subtree_control"), controllers "\n"                                \
	}
#define MEMBERS FILE_OF("memcage.members")
#define FULL "cpuset cpu io memory hugetlb pids rdma misc"
#define ALL_OF "memory cpu io pids"
#define UNAVAILABLE "the memory controller is not available in memcage's own cgroup"

enum {
	WE = 1,	       /* our pid is in cgroup.procs */
	OTHERS = 2,    /* others are: process 1 */
	NAMESPACE = 4, /* we see the tree through one */
	MOUNT = 8,     /* our cgroup is where the mount begins */
	CONTAINER = NAMESPACE | MOUNT,
};

static const struct row {
	const char *name;
	unsigned int host; /* WE, OTHERS, CONTAINER */
	struct fake_edit edits[EDITS_MOST];
	const char *error;	  /* NULL: it succeeds */
	unsigned int controllers; /* that are left */
	const char *written;	  /* how cgroup.subtree_control then begins; NULL: not there */
	bool left_own;
	enum delegation delegation;
} rows[] = {
	{ "all is given on already, whoever lives here",
	  WE | OTHERS,
	  { NOT_ROOT, HAS(FULL), GIVES(FULL) },
	  NULL,
	  FAKE_V2_ALL,
	  FULL "\n",
	  false,
	  DELEGATION_FULL },
	{ "what our cgroup does not have is forgotten",
	  WE,
	  { NOT_ROOT, HAS("memory pids"), GIVES("memory pids") },
	  NULL,
	  FAKE_BIT(MEMORY) | FAKE_BIT(PIDS),
	  "memory pids\n",
	  false,
	  DELEGATION_FULL },
	{ "cpuset is not cpu",
	  WE,
	  { NOT_ROOT, HAS("cpuset memory"), GIVES("cpuset memory") },
	  NULL,
	  FAKE_BIT(MEMORY),
	  "cpuset memory\n",
	  false,
	  DELEGATION_FULL },
	{ "the root of the tree gives on with processes in it, all in one write",
	  WE | OTHERS,
	  { HAS(FULL), GIVES("") },
	  UNAVAILABLE,
	  0,
	  "+memory +cpu +io +pids ",
	  false,
	  DELEGATION_PARTIAL },
	{ "only what is missing is enabled",
	  WE,
	  { HAS(FULL), GIVES("cpu io") },
	  UNAVAILABLE,
	  0,
	  "+memory +pids ",
	  false,
	  DELEGATION_PARTIAL },
	{ "a cgroup without processes gives on",
	  0,
	  { NOT_ROOT, HAS(FULL), GIVES("") },
	  UNAVAILABLE,
	  0,
	  "+memory +cpu +io +pids ",
	  false,
	  DELEGATION_PARTIAL },
	{ "others live here: refused",
	  WE | OTHERS,
	  { NOT_ROOT, HAS(FULL), GIVES("") },
	  "memcage's own cgroup /up/own holds 1 other process (",
	  0,
	  "\n",
	  false,
	  DELEGATION_HELD },
	{ "others live here, in a namespace but not at its root: refused",
	  WE | OTHERS | NAMESPACE,
	  { NOT_ROOT, HAS(FULL), GIVES("") },
	  "pid 1)",
	  0,
	  "\n",
	  false,
	  DELEGATION_HELD },
	{ "others live here, at the root of a mount that shows a part: refused",
	  WE | OTHERS | MOUNT,
	  { NOT_ROOT, HAS(FULL), GIVES("") },
	  "holds 1 other process (",
	  0,
	  "\n",
	  false,
	  DELEGATION_HELD },
	{ "others only: refused",
	  OTHERS,
	  { NOT_ROOT, HAS(FULL), GIVES("") },
	  "systemd-run --scope -p Delegate=yes -- memcage run",
	  0,
	  "\n",
	  false,
	  DELEGATION_HELD },
	{ "alone: steps aside",
	  WE,
	  { NOT_ROOT, HAS(FULL), GIVES(""), { MEMBERS "/cgroup.procs", "" } },
	  UNAVAILABLE,
	  0,
	  "+memory +cpu +io +pids ",
	  true,
	  DELEGATION_PARTIAL },
	{ "alone, but it cannot step aside",
	  WE,
	  { NOT_ROOT, HAS(FULL), GIVES("") },
	  "/up/own/memcage.members: No such file or directory",
	  0,
	  "\n",
	  false,
	  DELEGATION_NONE },
	{ "in a container all step aside",
	  WE | OTHERS | CONTAINER,
	  { NOT_ROOT, HAS(FULL), GIVES(""), { MEMBERS "/cgroup.procs", "" } },
	  UNAVAILABLE,
	  0,
	  "+memory +cpu +io +pids ",
	  true,
	  DELEGATION_PARTIAL },
	{ "no controller at all",
	  WE,
	  { NOT_ROOT, HAS(""), GIVES("") },
	  UNAVAILABLE,
	  0,
	  "\n",
	  false,
	  DELEGATION_PARTIAL },
	{ "no files at all", WE, {}, UNAVAILABLE, 0, NULL, false, DELEGATION_PARTIAL },
	{ "files without a newline",
	  WE,
	  { NOT_ROOT,
	    { FILE_OF("cgroup.controllers"), ALL_OF },
	    { FILE_OF("cgroup.subtree_control"), ALL_OF } },
	  NULL,
	  FAKE_V2_ALL,
	  ALL_OF,
	  false,
	  DELEGATION_FULL },
};

static void put_procs(const struct fake *fake, const char *path, unsigned int who)
{
	char text[64] = "";

	if (who & OTHERS)
		stpcpy(text, "1\n");
	if (who & WE)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d\n", (int) getpid());
	tree_put(&fake->tree, path, text);
}

static void make(struct fake *fake, unsigned int who, const struct fake_edit *edits)
{
	fake_make(fake);
	fake_add(fake, CGROUP_V2, OWN, FAKE_V2_ALL);
	fake_edit(fake, edits);
	put_procs(fake, FILE_OF("cgroup.procs"), who);
	fake->host.cgroup_namespace = who & NAMESPACE;
	if (who & MOUNT)
		fake->host.hierarchies[0].own[0] = '\0';
}

static void assert_begins(const struct fake *fake, const char *path, const char *want)
{
	char *text = tree_get(&fake->tree, path);

	assert_int_equal(text != NULL, want != NULL);
	if (want)
		assert_memory_equal(text, want, strlen(want));
	free(text);
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct memcage_error err = { 0 };
	struct fake fake;
	int failed;

	make(&fake, row->host, row->edits);
	failed = delegate_prepare(&fake.host, FAKE_BIT(MEMORY), &err);
	assert_int_equal(failed, row->error ? -1 : 0);
	assert_int_equal(err.code, row->error ? MEMCAGE_ERROR_SETUP : MEMCAGE_ERROR_NONE);
	if (row->error && !strstr(err.text, row->error))
		fail_msg("'%s' is not in '%s'", row->error, err.text);
	if (!row->error)
		assert_int_equal(fake.host.hierarchies[0].controllers, row->controllers);
	for (int c = 0; !row->error && c < CONTROLLER__COUNT; c++)
		assert_int_equal(fake.host.of[c], row->controllers & 1U << c ? 0 : -1);
	assert_begins(&fake, FILE_OF("cgroup.subtree_control"), row->written);
	assert_int_equal(fake.host.left_own, row->left_own);
	assert_int_equal(fake.host.delegation, row->delegation);
	fake_remove(&fake);
}

/* All of them were told to go, in the order of the file. */
static void check_moved(void **state)
{
	static const struct fake_edit edits[] = {
		NOT_ROOT, HAS(FULL), GIVES(""), { MEMBERS "/cgroup.procs", "" }, { NULL, NULL }
	};
	struct memcage_error err;
	struct fake fake;
	char want[32];

	(void) state;
	make(&fake, WE | OTHERS | CONTAINER, edits);
	delegate_prepare(&fake.host, FAKE_BIT(MEMORY), &err);
	snprintf(want, sizeof(want), "%d", (int) getpid());
	assert_begins(&fake, MEMBERS "/cgroup.procs", want);
	fake_remove(&fake);
}

/* Called by what another memcage has moved aside: the place is one level up. */
static void check_members(void **state)
{
	struct memcage_error err;
	struct fake fake;
	struct stat want, got;

	(void) state;
	fake_make(&fake);
	fake_add(&fake, CGROUP_V2, MEMBERS, FAKE_V2_ALL);
	tree_put(&fake.tree, FILE_OF("cgroup.controllers"), ALL_OF);
	tree_put(&fake.tree, FILE_OF("cgroup.subtree_control"), ALL_OF);
	assert_int_equal(delegate_prepare(&fake.host, FAKE_BIT(MEMORY), &err), 0);
	assert_string_equal(fake.host.hierarchies[0].own, "/" OWN);
	assert_return_code(fstatat(fake.tree.dir, OWN, &want, 0), errno);
	assert_return_code(fstat(fake.host.hierarchies[0].dir, &got), errno);
	assert_int_equal(got.st_ino, want.st_ino);
	fake_remove(&fake);
}

/* What the tree has and our own cgroup was not given is told, and no failure. */
static void check_partial(void **state)
{
	static const struct fake_edit edits[] = {
		NOT_ROOT, HAS("memory"), GIVES("memory"), { NULL, NULL }
	};
	struct memcage_error err;
	struct fake fake;

	(void) state;
	make(&fake, WE, edits);
	assert_int_equal(delegate_prepare(&fake.host, FAKE_BIT(MEMORY) | FAKE_BIT(CPU), &err), 0);
	assert_int_equal(fake.host.delegation, DELEGATION_PARTIAL);
	assert_int_equal(fake.host.of[CONTROLLER_CPU], -1);
	fake_remove(&fake);
}

/* A cgroup of somebody else, as a plain user sees it. */
static int prepare_denied(enum cgroup_version version, const char *file)
{
	struct memcage_error err;
	struct fake fake;
	char path[64];
	int right;

	fake_make(&fake);
	fake_add(&fake, version, OWN, FAKE_BIT(MEMORY));
	tree_put(&fake.tree, FILE_OF("cgroup.controllers"), "memory\n");
	tree_put(&fake.tree, FILE_OF("cgroup.subtree_control"), "memory\n");
	put_procs(&fake, FILE_OF("cgroup.procs"), WE);
	snprintf(path, sizeof(path), OWN "/%s", file);
	if (fchmodat(fake.tree.dir, OWN, 0777, 0) < 0 ||
	    fchmodat(fake.tree.dir, FILE_OF("cgroup.procs"), 0666, 0) < 0 ||
	    fchmodat(fake.tree.dir, path, 0555, 0) < 0 ||
	    (geteuid() == 0 && setresuid(65534, 65534, 0) < 0))
		return 1;
	right = delegate_prepare(&fake.host, FAKE_BIT(MEMORY), &err) < 0 &&
		fake.host.delegation == DELEGATION_DENIED &&
		strstr(err.text, "/up/own is not delegated to this user; ") != NULL &&
		strstr(err.text, "; see memcage doctor, line delegation") != NULL;
	if (geteuid() != 0)
		setresuid(0, 0, 0);
	fake_remove(&fake);
	return right ? 0 : 2;
}

static const struct denied_row {
	const char *name;
	enum cgroup_version version;
	const char *file;
} denied[] = {
	{ "a plain user's cgroup that is root's", CGROUP_V2, "." },
	{ "a plain user's cgroup of which he has the folder only", CGROUP_V2, "cgroup.procs" },
	{ "a plain user's cgroup that is root's, on v1", CGROUP_V1, "." },
};

/* In a child, since a test that fails would go on as nobody. */
static void check_denied(void **state)
{
	const struct denied_row *row = *state;
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(prepare_denied(row->version, row->file));
	assert_return_code(child, errno);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* v1 has no such rule. */
static void check_v1(void **state)
{
	struct memcage_error err;
	struct fake fake;

	(void) state;
	fake_make(&fake);
	fake_add(&fake, CGROUP_V1, "memory", FAKE_BIT(MEMORY));
	fake_add(&fake, CGROUP_V1, "cpu", FAKE_CPUS);
	put_procs(&fake, "memory/cgroup.procs", WE | OTHERS);
	assert_int_equal(delegate_prepare(&fake.host, FAKE_BIT(MEMORY), &err), 0);
	assert_int_equal(fake.host.of[CONTROLLER_CPU], 1);
	assert_int_equal(tree_count(&fake.tree, "memory"), 2);
	fake_remove(&fake);
}

static const struct restore_row {
	const char *name;
	bool left_own;
	unsigned int members;
	const char *cage;
	const char *subtree, *procs; /* how they begin afterwards */
} restores[] = {
	{ "nothing was changed", false, WE, NULL, "memory\n", "" },
	{ "we alone come back", true, WE, NULL, "-memory ", "0" },
	{ "the last has gone: we come back", true, 0, NULL, "-memory ", "0" },
	{ "others stay, and so does all", true, WE | OTHERS, NULL, "memory\n", "" },
	{ "another cage needs the controllers", true, WE, OWN "/memcage-1-2", "memory\n", "" },
};

static void check_restore(void **state)
{
	static const struct fake_edit edits[] = {
		NOT_ROOT, HAS("memory"), GIVES("memory"), { NULL, NULL }
	};
	const struct restore_row *row = *state;
	struct fake fake;

	make(&fake, 0, edits);
	put_procs(&fake, MEMBERS "/cgroup.procs", row->members);
	if (row->cage)
		tree_put(&fake.tree, row->cage, NULL);
	fake.host.left_own = row->left_own;
	delegate_restore(&fake.host);
	assert_begins(&fake, FILE_OF("cgroup.subtree_control"), row->subtree);
	assert_begins(&fake, FILE_OF("cgroup.procs"), row->procs);
	assert_false(fake.host.left_own);
	fake_remove(&fake);
}

static const struct undo_row {
	const char *name;
	struct delegate_memory memory;
	const char *members; /* NULL: nobody has stepped aside */
	const char *cage;
	const char *subtree, *procs; /* how they begin afterwards */
} undos[] = {
	{ "all who were moved come back", { false, 0 }, "1\n", NULL, "-memory ", "1" },
	{ "who was moved before stays", { true, FAKE_BIT(MEMORY) }, "1\n", NULL, "memory\n", "" },
	{ "what was given before stays", { false, FAKE_BIT(MEMORY) }, NULL, NULL, "memory\n", "" },
	{ "what was added is taken back", { false, 0 }, NULL, NULL, "-memory ", "" },
	{ "a cage was made meanwhile", { false, 0 }, "1\n", OWN "/memcage-1-2", "memory\n", "" },
};

static void check_undo(void **state)
{
	static const struct fake_edit edits[] = {
		NOT_ROOT, HAS("memory"), GIVES("memory"), { NULL, NULL }
	};
	const struct undo_row *row = *state;
	struct fake fake;

	make(&fake, 0, edits);
	if (row->members)
		tree_put(&fake.tree, MEMBERS "/cgroup.procs", row->members);
	if (row->cage)
		tree_put(&fake.tree, row->cage, NULL);
	delegate_undo(&fake.host, &row->memory);
	assert_begins(&fake, FILE_OF("cgroup.subtree_control"), row->subtree);
	assert_begins(&fake, FILE_OF("cgroup.procs"), row->procs);
	fake_remove(&fake);
}

static void check_remember(void **state)
{
	static const struct fake_edit edits[] = {
		NOT_ROOT, HAS("memory pids"), GIVES("pids"), { NULL, NULL }
	};
	struct delegate_memory memory;
	struct fake fake;

	(void) state;
	make(&fake, 0, edits);
	delegate_remember(&fake.host, &memory);
	assert_false(memory.aside);
	assert_int_equal(memory.enabled, FAKE_BIT(PIDS));
	tree_put(&fake.tree, MEMBERS, NULL);
	delegate_remember(&fake.host, &memory);
	assert_true(memory.aside);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "all in a container are moved", check_moved, NULL);
	test_add(&suite, "memcage was called by one who was moved", check_members, NULL);
	test_add(&suite, "a controller that is missing here only", check_partial, NULL);
	test_add(&suite, "nothing is to be done on v1", check_v1, NULL);
	TEST_ROWS(&suite, check_denied, denied);
	TEST_ROWS(&suite, check_restore, restores);
	TEST_ROWS(&suite, check_undo, undos);
	test_add(&suite, "how it stood is remembered", check_remember, NULL);
	return test_run("delegate", &suite);
}

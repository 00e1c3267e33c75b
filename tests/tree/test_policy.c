/* SPDX-License-Identifier: Apache-2.0 */
/* policy on files: what they extend, and what is no file. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"
#include "tree/tree.h"

#define FILES_MOST 4

static struct tree tree;

/* Files in an empty directory, which is where we are. */
static void put_files(const char *const files[FILES_MOST][2])
{
	tree = tree_make(NULL);
	for (int i = 0; i < FILES_MOST && files[i][0]; i++)
		tree_put(&tree, files[i][0], files[i][1]);
	if (chdir(tree.path) < 0)
		abort();
}

static void remove_files(void)
{
	if (chdir("/") < 0)
		abort();
	tree_remove(&tree);
}

static void describe(const struct policy *policy, char *out, size_t size)
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < policy->count && used < size; i++) {
		const struct policy_value *value = &policy->values[i];

		used += (size_t) snprintf(out + used, size - used, "%s %s %s:%u\n", value->key,
					  value->off	? "off"
					  : value->text ? value->text
							: "on",
					  value->file, value->line);
	}
}

static const struct good {
	const char *name;
	const char *files[FILES_MOST][2];
	const char *load, *want; /* NULL: a.yaml */
} goods[] = {
	{ "a file", { { "a.yaml", "oom: kill-process\n" } }, NULL, "oom kill-process a.yaml:1\n" },
	{ "a file by a path",
	  { { "d/a.yaml", "oom: kill-process\n" } },
	  "d/a.yaml",
	  "oom kill-process d/a.yaml:1\n" },
	{ "a file by a slash",
	  { { "a", "oom: kill-process\n" } },
	  "./a",
	  "oom kill-process ./a:1\n" },
	{ "a file by its ending",
	  { { "a.yml", "oom: kill-process\n" } },
	  "a.yml",
	  "oom kill-process a.yml:1\n" },
	{ "a file whose name has a blank",
	  { { "a b", "oom: kill-process\n" } },
	  "a b",
	  "oom kill-process a b:1\n" },
	{ "a file whose name would not show",
	  { { "a\n", "oom: kill-process\n" } },
	  "a\n",
	  "oom kill-process 'a\\n':1\n" },
	{ "a name is no file", { { "default", "oom: kill-process\n" } }, "default", "" },
	{ "own keys override",
	  { { "a.yaml", "oom: kill-job\nextends: b.yaml\n" },
	    { "b.yaml", "network: none\noom: kill-process\n" } },
	  NULL,
	  "network none b.yaml:1\noom kill-job a.yaml:1\n" },
	{ "the later overrides",
	  { { "a.yaml", "extends: [b.yaml, c.yaml]\n" },
	    { "b.yaml", "oom: kill-job\n" },
	    { "c.yaml", "oom: kill-process\n" } },
	  NULL,
	  "oom kill-process c.yaml:1\n" },
	{ "lists add up",
	  { { "a.yaml", "extends: [b.yaml, c.yaml]\nbind: /a\n" },
	    { "b.yaml", "bind: [/b, /d]\n" },
	    { "c.yaml", "bind: /c\n" } },
	  NULL,
	  "bind /b b.yaml:1\nbind /d b.yaml:1\nbind /c c.yaml:1\nbind /a a.yaml:2\n" },
	{ "variables override by name",
	  { { "a.yaml", "extends: b.yaml\nenv: {A: a, N: '2'}\n" },
	    { "b.yaml", "env: {B: b, A: b, N: '{cpus}'}\n" } },
	  NULL,
	  "env B=b b.yaml:1\nenv A=a a.yaml:2\nenv N=2 a.yaml:2\n" },
	{ "rlimits override by name",
	  { { "a.yaml", "extends: b.yaml\nlimits: {rlimits: {CORE: 1}}\n" },
	    { "b.yaml", "limits: {rlimits: {CORE: 0, NOFILE: 5}}\n" } },
	  NULL,
	  "rlimits CORE=1 a.yaml:2\nrlimits NOFILE=5 b.yaml:1\n" },
	{ "a switch is set off again",
	  { { "a.yaml", "extends: b.yaml\nclear-env: false\n" },
	    { "b.yaml", "clear-env: true\n" } },
	  NULL,
	  "clear-env off a.yaml:2\n" },
	{ "a switch is set on again",
	  { { "a.yaml", "extends: b.yaml\nclear-env: true\n" },
	    { "b.yaml", "clear-env: false\n" } },
	  NULL,
	  "clear-env on a.yaml:2\n" },
	{ "a file is relative to the one that extends it",
	  { { "d/a.yaml", "extends: ../e/b.yaml\n" },
	    { "e/b.yaml", "extends: ./c.yaml\n" },
	    { "e/c.yaml", "oom: kill-job\n" } },
	  "d/a.yaml",
	  "oom kill-job d/../e/c.yaml:1\n" },
	{ "what is inherited twice counts once, at its first place",
	  { { "a.yaml", "extends: [b.yaml, c.yaml]\n" },
	    { "b.yaml", "extends: d.yaml\nnetwork: none\n" },
	    { "c.yaml", "extends: d.yaml\noom: kill-process\n" },
	    { "d.yaml", "network: host\noom: kill-job\nbind: /d\n" } },
	  NULL,
	  "network none b.yaml:2\noom kill-process c.yaml:2\nbind /d d.yaml:3\n" },
	{ "the same file by two names",
	  { { "a.yaml", "extends: [b.yaml, ././b.yaml, d/../b.yaml]\n" },
	    { "b.yaml", "bind: /b\n" },
	    { "d", NULL } },
	  NULL,
	  "bind /b b.yaml:1\n" },
};

static void check_good(void **state)
{
	const struct good *row = *state;
	struct policy_faults faults;
	struct policy policy;
	char said[2048];
	int result;

	put_files(row->files);
	result = policy_load(row->load ? row->load : "a.yaml", &policy, &faults);
	remove_files();
	if (result < 0)
		fail_msg("%s", faults.list[0].text);
	describe(&policy, said, sizeof(said));
	assert_string_equal(policy.name, row->load ? row->load : "a.yaml");
	policy_release(&policy);
	assert_string_equal(said, row->want);
}

static const struct bad {
	const char *name;
	const char *files[FILES_MOST][2];
	const char *load, *want;
} bads[] = {
	{ "no such file",
	  { { NULL } },
	  "a.yaml",
	  "cannot read 'a.yaml': No such file or directory" },
	{ "no such directory",
	  { { NULL } },
	  "d/a",
	  "cannot read 'd/a': No such file or directory" },
	{ "no name at all", { { NULL } }, "", "cannot read '': No such file or directory" },
	{ "a directory",
	  { { "a.yaml", NULL } },
	  "a.yaml",
	  "cannot read 'a.yaml': it is no regular file" },
	{ "a directory by its slash",
	  { { "d", NULL } },
	  "d/",
	  "cannot read 'd/': it is no regular file" },
	{ "a file by a slash behind it",
	  { { "a.yaml", "" } },
	  "a.yaml/",
	  "cannot read 'a.yaml/': Not a directory" },
	{ "a device", { { NULL } }, "/dev/zero", "cannot read '/dev/zero': it is no regular file" },
	{ "a device that gives nothing",
	  { { NULL } },
	  "/dev/null",
	  "cannot read '/dev/null': it is no regular file" },
	{ "a file of the kernel's", { { NULL } }, "/proc/self/environ", "/proc/self/environ:1:*" },
	{ "an error names the file that has it",
	  { { "a.yaml", "extends: d/b.yaml\n" }, { "d/b.yaml", "oom: x\n" } },
	  "a.yaml",
	  "d/b.yaml:1:6: oom: 'x' is not right; say kill-job or kill-process" },
	{ "what another overrides is wrong all the same",
	  { { "a.yaml", "extends: b.yaml\noom: kill-job\n" }, { "b.yaml", "oom: x\n" } },
	  "a.yaml",
	  "b.yaml:1:6: oom: 'x' is not right; say kill-job or kill-process" },
	{ "what it extends is no YAML",
	  { { "a.yaml", "extends: b.yaml\n" }, { "b.yaml", "a: b: c\n" } },
	  "a.yaml",
	  "b.yaml:1:5: this is no YAML: mapping values are not allowed in this context" },
	{ "what it extends is not there, and where",
	  { { "d/a.yaml", "\nextends: [b.yaml]\n" } },
	  "d/a.yaml",
	  "d/a.yaml:2:11: extends: cannot read 'd/b.yaml': No such file or directory" },
	{ "what it extends is a directory",
	  { { "a.yaml", "extends: ./d\n" }, { "d", NULL } },
	  "a.yaml",
	  "a.yaml:1:10: extends: cannot read './d': it is no regular file" },
	{ "what extends itself",
	  { { "a.yaml", "extends: a.yaml\n" } },
	  "a.yaml",
	  "a.yaml:1:10: extends: this goes in a circle: a.yaml -> a.yaml" },
	{ "a circle of three",
	  { { "a.yaml", "extends: b.yaml\n" },
	    { "b.yaml", "extends: [c.yaml]\n" },
	    { "c.yaml", "extends: ./a.yaml\n" } },
	  "a.yaml",
	  "c.yaml:1:10: extends: this goes in a circle: a.yaml -> b.yaml -> c.yaml -> ./a.yaml" },
	{ "a circle further down",
	  { { "a.yaml", "extends: b.yaml\n" },
	    { "b.yaml", "extends: c.yaml\n" },
	    { "c.yaml", "extends: b.yaml\n" } },
	  "a.yaml",
	  "c.yaml:1:10: extends: this goes in a circle: a.yaml -> b.yaml -> c.yaml -> b.yaml" },
	{ "a name that would not show",
	  { { "a\033.yaml", "oom: x\n" } },
	  "a\033.yaml",
	  "'a\\x1b.yaml':1:6: oom: 'x' is not right; say kill-job or kill-process" },
};

static void assert_said(const struct policy_faults *faults, const char *want)
{
	char said[sizeof(faults->list[0].text) + 1];
	size_t length = strlen(want);

	assert_int_equal(faults->count, 1);
	assert_int_equal(faults->list[0].code, MEMCAGE_ERROR_USAGE);
	stpcpy(said, faults->list[0].text);
	if (want[length - 1] == '*')
		stpcpy(said + length - 1, "*");
	assert_string_equal(said, want);
}

static void check_bad(void **state)
{
	const struct bad *row = *state;
	struct policy_faults faults;
	struct policy policy;
	int result;

	put_files(row->files);
	result = policy_load(row->load, &policy, &faults);
	remove_files();
	assert_int_equal(result, -1);
	assert_said(&faults, row->want);
}

/* Nobody opens the other end: who waited here would do so for ever. */
static void check_fifo(void **state)
{
	struct policy_faults faults;
	struct policy policy;

	(void) state;
	put_files((const char *const[FILES_MOST][2]) { { NULL } });
	assert_int_equal(mkfifo("a.yaml", 0600), 0);
	assert_int_equal(symlink("a.yaml", "b.yaml"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(policy_load("a.yaml", &policy, &faults), -1);
	assert_said(&faults, "cannot read 'a.yaml': it is no regular file");
	assert_int_equal(policy_load("b.yaml", &policy, &faults), -1);
	assert_said(&faults, "cannot read 'b.yaml': it is no regular file");
	assert_int_equal(policy_load("./loop", &policy, &faults), -1);
	assert_said(&faults, "cannot read './loop': Too many levels of symbolic links");
	remove_files();
}

/* A file without an end that the disk would hold. */
static void check_huge(void **state)
{
	struct policy_faults faults;
	struct policy policy;

	(void) state;
	put_files((const char *const[FILES_MOST][2]) { { "a.yaml", "" } });
	assert_int_equal(truncate("a.yaml", INT64_C(1) << 40), 0);
	assert_int_equal(policy_load("a.yaml", &policy, &faults), -1);
	assert_said(&faults, "a.yaml: more than 65536 bytes are too many for a policy");
	remove_files();
}

/* Files a1.yaml to aN.yaml; each extends all that come after it, or the next. */
static void put_many(int count, bool all)
{
	put_files((const char *const[FILES_MOST][2]) { { NULL } });
	for (int i = 1; i <= count; i++) {
		char path[32], text[2048] = "bind: /x\nextends: [";
		size_t used = strlen(text);

		for (int next = i + 1; next <= count && (all || next == i + 1); next++)
			used += (size_t) snprintf(text + used, sizeof(text) - used, "a%d.yaml, ",
						  next);
		snprintf(text + used, sizeof(text) - used, "]\n");
		snprintf(path, sizeof(path), "a%d.yaml", i);
		tree_put(&tree, path, text);
	}
}

static void check_chain(void **state)
{
	struct policy_faults faults;
	struct policy policy;

	(void) state;
	put_many(POLICY_CHAIN_MOST + 1, false);
	assert_int_equal(policy_load("a2.yaml", &policy, &faults), 0);
	assert_int_equal(policy.count, POLICY_CHAIN_MOST);
	policy_release(&policy);
	assert_int_equal(policy_load("a1.yaml", &policy, &faults), -1);
	assert_said(&faults, "a8.yaml:2:11: extends: more than 8 policies extend each other: "
			     "a1.yaml -> a2.yaml -> a3.yaml -> a4.yaml -> a5.yaml -> a6.yaml -> "
			     "a7.yaml -> a8.yaml -> a9.yaml");
	remove_files();
}

/* Each path through these is another; there are 2 to the power of files. */
static void check_lattice(void **state)
{
	struct policy_faults faults;
	struct policy policy;

	(void) state;
	put_many(POLICY_CHAIN_MOST, true);
	assert_int_equal(policy_load("a1.yaml", &policy, &faults), 0);
	assert_int_equal(policy.count, POLICY_CHAIN_MOST);
	policy_release(&policy);
	remove_files();
}

/* Every file that is extended is broken, and every one is read a thousand times. */
static void check_broken(void **state)
{
	struct policy_faults faults;
	struct policy policy;
	char text[8192] = "extends: [";
	size_t used = strlen(text);

	(void) state;
	put_files((const char *const[FILES_MOST][2]) { { "b", "oom: [" } });
	for (int i = 0; i < 1000; i++)
		used += (size_t) snprintf(text + used, sizeof(text) - used, "./b, ");
	snprintf(text + used, sizeof(text) - used, "]\n");
	tree_put(&tree, "a.yaml", text);
	assert_int_equal(policy_load("a.yaml", &policy, &faults), -1);
	assert_int_equal(faults.count, POLICY_FAULTS_MOST);
	remove_files();
}

/* More files than one policy may be made of. */
static void check_sources(void **state)
{
	struct policy_faults faults;
	struct policy policy;
	char text[2048] = "extends: [";
	size_t used = strlen(text);

	(void) state;
	put_files((const char *const[FILES_MOST][2]) { { NULL } });
	for (int i = 0; i < POLICY_SOURCES_MOST; i++) {
		char path[32];

		snprintf(path, sizeof(path), "b%d.yaml", i);
		tree_put(&tree, path, "oom: kill-job\n");
		used += (size_t) snprintf(text + used, sizeof(text) - used, "%s,\n", path);
	}
	snprintf(text + used, sizeof(text) - used, "]\n");
	tree_put(&tree, "a.yaml", text);
	assert_int_equal(policy_load("a.yaml", &policy, &faults), -1);
	assert_said(&faults, "a.yaml:32:1: extends: more than 32 policies are too many");
	remove_files();
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_good, goods);
	TEST_ROWS(&suite, check_bad, bads);
	test_add(&suite, "a FIFO is not waited for", check_fifo, NULL);
	test_add(&suite, "a file without an end is not read", check_huge, NULL);
	test_add(&suite, "a chain of eight, and of nine", check_chain, NULL);
	test_add(&suite, "a lattice is walked once", check_lattice, NULL);
	test_add(&suite, "broken files are not read for ever", check_broken, NULL);
	test_add(&suite, "more files than there may be", check_sources, NULL);
	return test_run("policy", &suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* process_table on processes of our own, that stand in files as a cgroup's members. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "observe/process_table.h"
#include "tree/fake.h"

#define MIB ((size_t) 1 << 20)
#define SOURCE                                                                                     \
	&(const struct process_source)                                                             \
	{                                                                                          \
		.part = &fake.cgroup.parts[0]                                                      \
	}
#define ROOM 160 /* as the warning of leftovers has */

struct child {
	const char *name;
	size_t mib;
	pid_t pid;
};

static struct child children[] = {
	{ "small", 1, 0 },
	{ "a) R 1 (b ", 24, 0 },
	{ "third", 2, 0 },
	{ "fourth", 3, 0 },
};

/* In a child: takes its memory, says so and waits for its end. */
static _Noreturn void live(const struct child *child, int ready)
{
	char *memory = mmap(NULL, child->mib * MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, child->name);
	memset(memory, 1, child->mib * MIB);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void start(struct child *child)
{
	int pair[2];
	char byte;

	assert_return_code(pipe(pair), errno);
	child->pid = fork();
	if (child->pid == 0)
		live(child, pair[1]);
	close(pair[1]);
	assert_int_equal(read(pair[0], &byte, 1), 1);
	close(pair[0]);
}

/* A process that has ended and that nobody has waited for. */
static pid_t make_zombie(void)
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT);
	return pid;
}

static int start_all(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(children); i++)
		start(&children[i]);
	return 0;
}

static int end_all(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(children); i++) {
		kill(children[i].pid, SIGKILL);
		waitpid(children[i].pid, NULL, 0);
	}
	return 0;
}

/* The first children, in leaf and in a cgroup below it by turns, among what is none. */
static void put_members(const struct fake *fake, size_t count)
{
	static const char *const odd = "0\n-1\nx\n\n2147483646\n";
	char leaf[128], below[128];

	snprintf(leaf, sizeof(leaf), "%s", odd);
	snprintf(below, sizeof(below), "%s", odd);
	for (size_t i = 0; i < count; i++) {
		char *text = i % 2 ? below : leaf;

		snprintf(text + strlen(text), 128 - strlen(text), "%d\n", (int) children[i].pid);
	}
	tree_put(&fake->tree, "job/leaf/cgroup.procs", leaf);
	tree_put(&fake->tree, "job/leaf/own/cgroup.procs", below);
}

static void make(struct fake *fake, size_t count)
{
	fake_make(fake);
	fake_add_all(fake, CGROUP_V2);
	put_members(fake, count);
}

static void check_largest(void **state)
{
	struct process process;
	struct fake fake;

	(void) state;
	make(&fake, ARRAY_LEN(children));
	assert_true(process_largest(SOURCE, &process));
	assert_int_equal(process.pid, children[1].pid);
	assert_string_equal(process.comm, children[1].name);
	/* Pages of the program and of libraries come on top. */
	assert_in_range(process.rss_bytes, 24 * MIB, 24 * MIB + 400 * MIB);
	fake_remove(&fake);
}

static void check_ourselves(void **state)
{
	struct process process;
	struct fake fake;
	char text[32], name[16];

	(void) state;
	make(&fake, 0);
	snprintf(text, sizeof(text), "%d\n", (int) getpid());
	tree_put(&fake.tree, "job/leaf/cgroup.procs", text);
	assert_true(process_largest(SOURCE, &process));
	assert_int_equal(process.pid, getpid());
	prctl(PR_GET_NAME, name);
	assert_string_equal(process.comm, name);
	assert_true(process.rss_bytes > 0);
	fake_remove(&fake);
}

/* None of what stands there lives: other namespaces' processes, ended ones, a zombie. */
static void check_nobody(void **state)
{
	struct process process = { .pid = 77 };
	char text[64], buffer[ROOM] = "old";
	pid_t zombie = make_zombie();
	struct fake fake;

	(void) state;
	make(&fake, 0);
	snprintf(text, sizeof(text), "0\n%d\n", (int) zombie);
	tree_put(&fake.tree, "job/leaf/cgroup.procs", text);
	assert_false(process_largest(SOURCE, &process));
	assert_int_equal(process.pid, 77);
	assert_int_equal(process_names(SOURCE, buffer, sizeof(buffer)), 0);
	assert_string_equal(buffer, "");
	waitpid(zombie, NULL, 0);
	fake_remove(&fake);
}

static size_t count_words(const char *text, const char *word)
{
	size_t count = 0;

	for (; (text = strstr(text, word)); text++)
		count++;
	return count;
}

static void check_names(void **state)
{
	char buffer[ROOM], want[ROOM];
	struct fake fake;

	(void) state;
	make(&fake, 1);
	assert_int_equal(process_names(SOURCE, buffer, sizeof(buffer)), 1);
	snprintf(want, sizeof(want), "small (pid %d)", (int) children[0].pid);
	assert_string_equal(buffer, want);
	put_members(&fake, 3);
	assert_int_equal(process_names(SOURCE, buffer, sizeof(buffer)), 3);
	for (size_t i = 0; i < 3; i++) {
		snprintf(want, sizeof(want), "%s (pid %d)", children[i].name,
			 (int) children[i].pid);
		assert_non_null(strstr(buffer, want));
	}
	assert_null(strstr(buffer, "more"));
	put_members(&fake, 4);
	assert_int_equal(process_names(SOURCE, buffer, sizeof(buffer)), 4);
	assert_string_equal(strstr(buffer, " and"), " and 1 more");
	assert_int_equal(count_words(buffer, " (pid "), 3);
	fake_remove(&fake);
}

/* What does not fit is cut, and nothing is written behind it. */
static void check_room(void **state)
{
	struct fake fake;

	(void) state;
	make(&fake, ARRAY_LEN(children));
	for (size_t size = 1; size < 100; size++) {
		char *buffer = malloc(size);

		assert_int_equal(process_names(SOURCE, buffer, size), 4);
		assert_true(strlen(buffer) < size);
		free(buffer);
	}
	fake_remove(&fake);
}

/* More than are looked at: a fork bomb must not hold memcage up. */
static void check_many(void **state)
{
	char buffer[ROOM], text[300 * 8 + 1] = "";
	struct process process;
	struct fake fake;

	(void) state;
	make(&fake, 0);
	for (int i = 0; i < 300; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d\n",
			 (int) children[0].pid);
	tree_put(&fake.tree, "job/leaf/cgroup.procs", text);
	tree_put(&fake.tree, "job/leaf/own/cgroup.procs", "");
	assert_true(process_largest(SOURCE, &process));
	assert_int_equal(process_names(SOURCE, buffer, sizeof(buffer)), 256);
	assert_non_null(strstr(buffer, " and 253 more"));
	fake_remove(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "the largest process is found, whatever it is called", check_largest, NULL, NULL,
		  NULL },
		{ "a process finds itself", check_ourselves, NULL, NULL, NULL },
		{ "nobody lives there", check_nobody, NULL, NULL, NULL },
		{ "processes are named, three at most", check_names, NULL, NULL, NULL },
		{ "names that do not fit are cut", check_room, NULL, NULL, NULL },
		{ "of very many processes the first are seen", check_many, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("process-table", tests, start_all, end_all);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* job and environment, as far as the host's files do not matter: see tree/test_command.c. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "job/environment.h"
#include "job/job.h"

#define LIST_MOST 8 /* one more than any list here has */

/* ---- the environment ---- */

enum { CLEAR = 1, TMP_IS_SHARED = 2, NO_PRIVATE_PLACE = 4 };

static const struct row {
	const char *name;
	unsigned int flags;
	const char *caller[LIST_MOST];	/* the caller's environment */
	const char *options[LIST_MOST]; /* of --env */
	const char *want[LIST_MOST];
} rows[] = {
	{ "the caller's, and TMPDIR",
	  0,
	  { "A=1", "PATH=/bin" },
	  {},
	  { "A=1", "PATH=/bin", "TMPDIR=/tmp" } },
	{ "an empty one", 0, {}, {}, { "TMPDIR=/tmp" } },
	{ "a TMPDIR elsewhere stays", 0, { "TMPDIR=/home/x" }, {}, { "TMPDIR=/home/x" } },
	{ "a relative TMPDIR stays", 0, { "TMPDIR=tmp" }, {}, { "TMPDIR=tmp" } },
	{ "a TMPDIR below /tmp is not there in the cage",
	  0,
	  { "TMPDIR=/tmp/x", "A=1" },
	  {},
	  { "TMPDIR=/tmp", "A=1" } },
	{ "nor is one below /var/tmp", 0, { "TMPDIR=/var/tmp" }, {}, { "TMPDIR=/tmp" } },
	{ "nor is one below /dev/shm", 0, { "TMPDIR=/dev/shm/a/b" }, {}, { "TMPDIR=/tmp" } },
	{ "a TMPDIR that only begins like /tmp stays",
	  0,
	  { "TMPDIR=/tmpfs" },
	  {},
	  { "TMPDIR=/tmpfs" } },
	{ "an empty TMPDIR", 0, { "TMPDIR=" }, {}, { "TMPDIR=/tmp" } },
	{ "a TMPDIR without '='", 0, { "TMPDIR" }, {}, { "TMPDIR=/tmp" } },
	{ "a TMPDIR in a /tmp that is shared stays",
	  TMP_IS_SHARED,
	  { "TMPDIR=/tmp/x" },
	  {},
	  { "TMPDIR=/tmp/x" } },
	{ "a host without private places",
	  NO_PRIVATE_PLACE,
	  { "TMPDIR=/dev/shm/x" },
	  {},
	  { "TMPDIR=/dev/shm/x" } },
	{ "TMPDIR is set where /tmp is shared too",
	  TMP_IS_SHARED,
	  { "A=1" },
	  {},
	  { "A=1", "TMPDIR=/tmp" } },
	{ "a TMPDIR that is asked for stays",
	  0,
	  { "TMPDIR=/home/x" },
	  { "TMPDIR=/tmp/y" },
	  { "TMPDIR=/tmp/y" } },
	{ "a TMPDIR that is passed on stays",
	  CLEAR,
	  { "TMPDIR=/tmp/x" },
	  { "TMPDIR" },
	  { "TMPDIR=/tmp/x" } },
	{ "a variable that is called nearly so",
	  0,
	  { "A=1" },
	  { "TMPDIRS=/x" },
	  { "A=1", "TMPDIRS=/x", "TMPDIR=/tmp" } },
	{ "nothing but TMPDIR", CLEAR, { "A=1", "PATH=/bin" }, {}, { "TMPDIR=/tmp" } },
	{ "nothing but what is asked for",
	  CLEAR,
	  { "A=1", "B=2" },
	  { "B", "C=3" },
	  { "B=2", "C=3", "TMPDIR=/tmp" } },
	{ "a variable is added",
	  0,
	  { "A=1", "TMPDIR=/x" },
	  { "B=2" },
	  { "A=1", "TMPDIR=/x", "B=2" } },
	{ "a variable is replaced", 0, { "A=1", "TMPDIR=/x" }, { "A=2" }, { "A=2", "TMPDIR=/x" } },
	{ "the last of an option counts",
	  0,
	  { "TMPDIR=/x" },
	  { "A=1", "A=2", "A" },
	  { "TMPDIR=/x", "A=2" } },
	{ "a variable that is passed on stays what it is",
	  0,
	  { "A=1", "TMPDIR=/x" },
	  { "A" },
	  { "A=1", "TMPDIR=/x" } },
	{ "a variable that the caller does not have",
	  0,
	  { "TMPDIR=/x" },
	  { "A" },
	  { "TMPDIR=/x" } },
	{ "a name that is the beginning of another",
	  0,
	  { "AB=1", "TMPDIR=/x" },
	  { "A=2" },
	  { "AB=1", "TMPDIR=/x", "A=2" } },
	{ "an empty value", 0, { "A=1", "TMPDIR=/x" }, { "A=" }, { "A=", "TMPDIR=/x" } },
	{ "values with '=' and newlines",
	  0,
	  { "A=b=c", "TMPDIR=/x" },
	  { "B=\n=" },
	  { "A=b=c", "TMPDIR=/x", "B=\n=" } },
	{ "entries without '=' or name are passed on",
	  0,
	  { "PATH", "=x", "", "TMPDIR=/x" },
	  {},
	  { "PATH", "=x", "", "TMPDIR=/x" } },
	{ "an entry without '=' is replaced by a variable",
	  0,
	  { "A", "TMPDIR=/x" },
	  { "A=1" },
	  { "A=1", "TMPDIR=/x" } },
	{ "duplicates are passed on",
	  0,
	  { "A=1", "TMPDIR=/x", "A=2" },
	  {},
	  { "A=1", "TMPDIR=/x", "A=2" } },
	{ "an option replaces all of a name",
	  0,
	  { "A=1", "TMPDIR=/x", "A=2" },
	  { "A=3" },
	  { "A=3", "TMPDIR=/x" } },
	{ "bytes that are no text",
	  0,
	  { "\xff=\xfe", "TMPDIR=/x" },
	  { "\x01=\x1b" },
	  { "\xff=\xfe", "TMPDIR=/x", "\x01=\x1b" } },
};

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static void free_list(char **list)
{
	for (char **entry = list; *entry; entry++)
		free(*entry);
	free(list);
}

/* ---- a list with others ---- */

static const struct extend_row {
	const char *name;
	const char *list[LIST_MOST], *extra[LIST_MOST], *want[LIST_MOST];
} extend_rows[] = {
	{ "nothing to nothing", {}, {}, {} },
	{ "nothing is added", { "A=1" }, {}, { "A=1" } },
	{ "to nothing", {}, { "A=1", "B=2" }, { "A=1", "B=2" } },
	{ "added behind", { "A=1" }, { "B=2", "C=" }, { "A=1", "B=2", "C=" } },
	{ "instead", { "A=1", "B=2" }, { "A=3" }, { "A=3", "B=2" } },
	{ "instead and added", { "A=1", "B=2" }, { "C=4", "B=3" }, { "A=1", "B=3", "C=4" } },
	{ "of a name twice the last", { "A=1" }, { "B=1", "B=2" }, { "A=1", "B=2" } },
	{ "instead of all of the name",
	  { "A=1", "B=2", "A=3", "C=4", "A=5" },
	  { "A=6" },
	  { "A=6", "B=2", "C=4" } },
	{ "a name that is the beginning of another", { "AB=1" }, { "A=2" }, { "AB=1", "A=2" } },
	{ "instead of one without '='", { "A", "B=1" }, { "A=2" }, { "A=2", "B=1" } },
};

static void check_extend(void **state)
{
	const struct extend_row *row = *state;
	char *const *list = (char *const *) row->list;
	char **made = malloc(environment_extended_size(list, row->extra));
	size_t i = 0;

	assert_non_null(made);
	environment_extend(made, list, row->extra);

	for (; row->want[i]; i++) {
		assert_non_null(made[i]);
		assert_string_equal(made[i], row->want[i]);
	}
	assert_null(made[i]);
	free(made);
}

static char **make_environment(const struct row *row)
{
	char **before = environ, **made;
	struct job job = {
		.settings = { .env = (char **) row->options,
			      .env_count = count(row->options),
			      .clear_env = row->flags & CLEAR },
	};

	for (int i = 0; i < PRIVATE__COUNT; i++)
		job.is_private[i] = !(row->flags & NO_PRIVATE_PLACE);
	if (row->flags & TMP_IS_SHARED)
		job.is_private[PRIVATE_TMP] = false;
	environ = (char **) row->caller;
	made = environment_make(&job);
	environ = before;
	return made;
}

static void check_environment(void **state)
{
	const struct row *row = *state;
	char **made = make_environment(row);

	assert_non_null(made);
	for (size_t i = 0; row->want[i]; i++) {
		assert_non_null(made[i]);
		assert_string_equal(made[i], row->want[i]);
	}
	assert_null(made[count(row->want)]);
	free_list(made);
}

static void check_get(void **state)
{
	static const char *const list[] = { "PATH", "AB=1", "A=", "B=x=y", "A=2", "=z", NULL };
	char *const *environment = (char *const *) list;

	(void) state;
	assert_null(environment_get(environment, "PATH"));
	assert_string_equal(environment_get(environment, "AB"), "1");
	assert_string_equal(environment_get(environment, "A"), "");
	assert_string_equal(environment_get(environment, "B"), "x=y");
	assert_null(environment_get(environment, "C"));
	assert_null(environment_get(environment, "PAT"));
	assert_null(environment_get(environment + 6, "A"));
}

/* As many as no shell has, 10 MB of them. */
static void check_much(void **state)
{
	static char *caller[1001], entry[10000];
	struct job job = { .is_private = { true, true, true } };
	char **before = environ, **made;

	(void) state;
	memset(entry, 'x', sizeof(entry) - 1);
	for (size_t i = 0; i < 1000; i++) {
		snprintf(entry, 20, "V%zu", i);
		entry[strlen(entry)] = '=';
		caller[i] = strdup(entry);
	}
	environ = caller;
	made = environment_make(&job);
	environ = before;
	assert_non_null(made);
	assert_string_equal(made[999], caller[999]);
	assert_string_equal(made[1000], "TMPDIR=/tmp");
	assert_null(made[1001]);
	free_list(made);
	for (size_t i = 0; i < 1000; i++)
		free(caller[i]);
}

/* ---- variables that count CPUs ---- */

static const struct cpus_row {
	const char *name;
	uint64_t cpus;	    /* millionths; 0: not limited */
	const char *cpuset; /* NULL: not limited */
	const char *caller, *option;
	const char *want; /* NULL: there is no such variable */
	bool clear;
} cpus_rows[] = {
	{ "without a limit it is left alone", 0, NULL, NULL, NULL, NULL },
	{ "without a limit the caller's stays", 0, NULL, "N=7", NULL, "7" },
	{ "one CPU", 1000000, NULL, NULL, NULL, "1" },
	{ "a part of a CPU is a CPU", 1000, NULL, NULL, NULL, "1" },
	{ "a CPU and a half are two", 1500000, NULL, NULL, NULL, "2" },
	{ "two CPUs and next to nothing are three", 2000001, NULL, NULL, NULL, "3" },
	{ "max is no limit", LIMIT_NONE, NULL, NULL, NULL, NULL },
	{ "max is no limit, but the set is", LIMIT_NONE, "3", NULL, NULL, "1" },
	{ "a set of one", 0, "5", NULL, NULL, "1" },
	{ "a set of a range", 0, "0-3", NULL, NULL, "4" },
	{ "a set of more", 0, "0-2,5,7-8", NULL, NULL, "6" },
	{ "the smaller is in force: the set", 8000000, "0-1", NULL, NULL, "2" },
	{ "the smaller is in force: the time", 1500000, "0-7", NULL, NULL, "2" },
	{ "what the caller has set stays", 2000000, NULL, "N=7", NULL, "7" },
	{ "what the caller has set to nothing stays", 2000000, NULL, "N=", NULL, "" },
	{ "what an option sets stays", 2000000, NULL, NULL, "N=9", "9" },
	{ "what an option sets overrides the caller", 2000000, NULL, "N=7", "N=9", "9" },
	{ "what an option passes and is not there", 2000000, NULL, NULL, "N", "2" },
	{ "what the caller has set and does not pass", 2000000, NULL, "N=7", NULL, "2", true },
	{ "what an option passes", 2000000, NULL, "N=7", "N", "7", true },
};

static void check_cpus(void **state)
{
	const struct cpus_row *row = *state;
	char *options[] = { (char *) row->option }, *names[] = { (char *) "N" };
	char *caller[] = { (char *) row->caller, NULL }, **before = environ, **made;
	struct job job = {
		.settings = { .env = options,
			      .env_count = row->option ? 1 : 0,
			      .cpus_env = names,
			      .cpus_env_count = 1,
			      .clear_env = row->clear },
		.limits = { [LIMIT_CPUS] = { .set = row->cpus != 0, .number = row->cpus },
			    [LIMIT_CPUSET] = { .set = row->cpuset, .cpus = (char *) row->cpuset } },
	};
	const char *said;

	environ = caller;
	made = environment_make(&job);
	environ = before;
	assert_non_null(made);
	said = environment_get(made, "N");
	if (row->want && said)
		assert_string_equal(said, row->want);
	assert_int_equal(!said, !row->want);
	free_list(made);
}

/* ---- paths ---- */

static const struct below {
	const char *name;
	const char *path, *directory;
	bool want;
} belows[] = {
	{ "a directory is below itself", "/tmp", "/tmp", true },
	{ "a file in it", "/tmp/x", "/tmp", true },
	{ "far below", "/tmp/x/y/z", "/tmp/x", true },
	{ "a name that begins so", "/tmpfs", "/tmp", false },
	{ "the directory above", "/", "/tmp", false },
	{ "the beginning of its name", "/tm", "/tmp", false },
	{ "all is below the root", "/usr", "/", true },
	{ "so is the root", "/", "/", true },
	{ "beside it", "/var/tmp", "/tmp", false },
	{ "a slash too many", "/tmp/", "/tmp", true },
};

static void check_below(void **state)
{
	const struct below *row = *state;

	assert_int_equal(path_is_below(row->path, row->directory), row->want);
}

/* What the contract calls private. */
static void check_private_places(void **state)
{
	static const char *const want[] = { "/tmp", "/var/tmp", "/dev/shm" };

	(void) state;
	assert_int_equal(ARRAY_LEN(want), PRIVATE__COUNT);
	for (int i = 0; i < PRIVATE__COUNT; i++)
		assert_string_equal(private_places[i], want[i]);
}

/* ---- the job itself ---- */

#define SET(value)                                                                                 \
	{                                                                                          \
		.set = true, .number = value                                                       \
	}

static const struct limit_row {
	const char *name;
	struct limit_value memory, swap, want;
} limit_rows[] = {
	{ "no limit on memory, none on swap", {}, {}, {} },
	{ "a limit on memory allows no swap", SET(1 << 20), {}, SET(0) },
	{ "memory without a limit leaves swap alone", SET(LIMIT_NONE), {}, {} },
	{ "swap that is asked for stays", SET(1 << 20), SET(1 << 20), SET(1 << 20) },
	{ "swap without a limit stays", SET(1 << 20), SET(LIMIT_NONE), SET(LIMIT_NONE) },
	{ "swap alone stays", {}, SET(4096), SET(4096) },
};

static char *const shell[] = { (char *) "/bin/sh", (char *) "-c", (char *) "", (char *) "a\nb\xff",
			       NULL };

static void check_limits(void **state)
{
	const struct limit_row *row = *state;
	struct limit_value values[LIMIT__COUNT] = {
		[LIMIT_MEMORY] = row->memory, [LIMIT_SWAP] = row->swap
	};
	struct memcage_error err;
	struct job job;

	assert_int_equal(job_make(&job, &SETTINGS_DEFAULT, values, shell, &err), 0);
	assert_int_equal(job.limits[LIMIT_SWAP].set, row->want.set);
	assert_int_equal(job.limits[LIMIT_SWAP].number, row->want.number);
	assert_int_equal(job.limits[LIMIT_MEMORY].set, row->memory.set);
	job_release(&job);
}

/* Arguments are copied byte by byte, and belong to the job. */
static void check_arguments(void **state)
{
	static const struct limit_value none[LIMIT__COUNT];
	struct memcage_error err;
	struct job job;

	(void) state;
	assert_int_equal(job_make(&job, &SETTINGS_DEFAULT, none, shell, &err), 0);
	for (size_t i = 0; shell[i]; i++) {
		assert_string_equal(job.argv[i], shell[i]);
		assert_ptr_not_equal(job.argv[i], shell[i]);
	}
	assert_null(job.argv[4]);
	assert_string_equal(job.path, "/bin/sh");
	assert_int_equal(job.exec_status, 0);
	job_release(&job);
	assert_null(job.argv);
	job_release(&job);
}

static void check_no_command(void **state)
{
	static const struct limit_value none[LIMIT__COUNT];
	char *const nothing[] = { NULL };
	struct memcage_error err;
	struct job job;

	(void) state;
	assert_int_equal(job_make(&job, &SETTINGS_DEFAULT, none, nothing, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_non_null(strstr(err.text, "no command"));
	assert_non_null(strstr(err.text, "memcage run -m 512M -- python3 job.py"));
}

/* The mask of the caller, unless another is given. */
static void check_mask(void **state)
{
	static const struct limit_value none[LIMIT__COUNT];
	struct settings settings = SETTINGS_DEFAULT;
	struct memcage_error err;
	sigset_t blocked, before;
	struct job job;

	(void) state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	assert_int_equal(job_make(&job, &settings, none, shell, &err), 0);
	assert_int_equal(sigismember(&job.settings.mask, SIGUSR2), 1);
	job_release(&job);
	settings.has_mask = true;
	sigemptyset(&settings.mask);
	assert_int_equal(job_make(&job, &settings, none, shell, &err), 0);
	assert_int_equal(sigismember(&job.settings.mask, SIGUSR2), 0);
	job_release(&job);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_environment, rows);
	TEST_ROWS(&suite, check_cpus, cpus_rows);
	test_add(&suite, "a variable is found by its whole name", check_get, NULL);
	test_add(&suite, "ten megabytes of variables", check_much, NULL);
	TEST_ROWS(&suite, check_below, belows);
	test_add(&suite, "the private places are the contract's", check_private_places, NULL);
	TEST_ROWS(&suite, check_extend, extend_rows);
	TEST_ROWS(&suite, check_limits, limit_rows);
	test_add(&suite, "arguments are the job's own", check_arguments, NULL);
	test_add(&suite, "no command", check_no_command, NULL);
	test_add(&suite, "the signal mask", check_mask, NULL);
	return test_run("job", &suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* command on files; for @T, @O and @t in texts see view.h. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "job/command.h"
#include "tree/view.h"

/* ---- look-up ---- */

#define RUN(...) .argv = { __VA_ARGS__ }
#define BIND(...) .binds = { __VA_ARGS__ }
#define PATH(list) .path = list
#define IN(directory) .cwd = directory
#define FOUND(name_, file_, ...)                                                                   \
	{                                                                                          \
		.name = name_, .found = file_, __VA_ARGS__                                         \
	}
#define FAILS(name_, status_, word, other, ...)                                                    \
	{                                                                                          \
		.name = name_, .status = status_, .words = { word, other }, __VA_ARGS__            \
	}

static const struct row {
	const char *name;
	const char *argv[VIEW_ARGS];
	const char *found; /* the file; NULL: a message instead */
	int status;
	const char *words[2]; /* in the message */
	const char *path;     /* PATH; NULL: @O/bin and the system's */
	const char *cwd;      /* NULL: @O */
	const char *binds[VIEW_BINDS];
} rows[] = {
	FOUND("by an absolute path", "@O/bin/tool", RUN("@O/bin/tool")),
	FOUND("by a relative path", "@O/bin/tool", RUN("bin/tool")),
	FOUND("here", "@O/bin/tool", RUN("./tool"), IN("@O/bin")),
	FOUND("by a path that goes up", "@O/bin/tool", RUN("../bin/./tool"), IN("@O/bin")),
	FOUND("by a symbolic link", "@O/bin/tool", RUN("@O/bin/link")),
	FOUND("in PATH", "@O/bin/tool", RUN("tool")),
	FOUND("in the second place of PATH", "@O/bin/tool", RUN("tool"), PATH("@O/none:@O/bin")),
	FOUND("in the first of two places", "@O/more/tool", RUN("tool"), PATH("@O/more:@O/bin")),
	FOUND("in an empty first place of PATH: here", "@O/bin/tool", RUN("tool"), PATH(":@O/more"),
	      IN("@O/bin")),
	FOUND("in an empty place of PATH: here", "@O/bin/tool", RUN("tool"),
	      PATH("@O/none::@O/more"), IN("@O/bin")),
	FOUND("in an empty last place of PATH: here", "@O/bin/tool", RUN("tool"), PATH("@O/none:"),
	      IN("@O/bin")),
	FOUND("in an empty PATH: here", "@O/bin/tool", RUN("tool"), PATH(""), IN("@O/bin")),
	FOUND("in a relative place of PATH", "@O/bin/tool", RUN("tool"), PATH("none:bin")),
	FOUND("in a place of PATH that is a dot", "@O/bin/tool", RUN("tool"), PATH("."),
	      IN("@O/bin")),
	FOUND("in a place behind one that cannot be executed", "@O/more/plain", RUN("plain"),
	      PATH("@O/bin:@O/more")),
	FOUND("in a place behind a directory", "@O/more/dir", RUN("dir"), PATH("@O/bin:@O/more")),
	FOUND("in PATH behind what is not there", "@O/bin/tool", RUN("tool"),
	      PATH("/nowhere:@O/bin/tool:@O/bin")),
	FAILS("not in PATH", 127, "'nosuchtool'", "not found in PATH", RUN("nosuchtool")),
	FAILS("not in PATH, though here", 127, "'tool'", "not found in PATH", RUN("tool"),
	      PATH("/usr/bin"), IN("@O/bin")),
	FAILS("nowhere", 127, "@O/none/tool'", "No such file or directory", RUN("@O/none/tool")),
	FAILS("below a file", 127, "@O/bin/tool/x'", "Not a directory", RUN("@O/bin/tool/x")),
	FAILS("a directory", 126, "@O/bin/dir'", "Is a directory", RUN("@O/bin/dir")),
	FAILS("a directory in PATH only", 126, "@O/bin/dir'", "Permission denied", RUN("dir"),
	      PATH("@O/bin")),
	FAILS("a file that is not executable", 126, "@O/bin/plain'", "Permission denied",
	      RUN("@O/bin/plain")),
	FAILS("a file in PATH that is not executable", 126, "@O/bin/plain'", "Permission denied",
	      RUN("plain")),
	FAILS("a pipe", 126, "@O/bin/pipe'", "Permission denied", RUN("@O/bin/pipe")),
	FAILS("a link to nowhere", 127, "@O/bin/dangling'", "No such file or directory",
	      RUN("@O/bin/dangling")),
	FAILS("a link to itself", 126, "@O/bin/loop'", "Too many levels of symbolic links",
	      RUN("@O/bin/loop")),
	FAILS("no name at all", 127, "''", "the command is empty", RUN("")),
	FAILS("a name with a newline and an escape", 127, "'a\\nb\\x1b[2J'", "not found",
	      RUN("a\nb\x1b[2J")),
	FAILS("a path that is no text", 127, "/./\\xff\\n'", "No such file", RUN("./\xff\n")),

	FAILS("hidden", 127, "'@T/bin/tool' is hidden", "--bind '@T/bin/tool'", RUN("@T/bin/tool")),
	FAILS("hidden behind a link", 127, "is hidden", "--bind", RUN("@O/bin/to-tmp")),
	FAILS("hidden in PATH", 127, "'@T/bin/tool' is hidden", "--bind", RUN("tool"),
	      PATH("@T/bin:@O/bin")),
	FAILS("hidden here", 127, "@t/bin/tool' is hidden", "--bind", RUN("./@t/bin/tool"),
	      IN("/tmp")),
	FAILS("hidden by a way round", 127, "is hidden", "--bind",
	      RUN("@O/../../../../tmp/@t/bin/tool")),
	FAILS("hidden, with a newline in its name", 127, "/bin/a\\nb' is hidden", "--bind",
	      RUN("@T/bin/a\nb")),
	FAILS("not hidden, as it is not there", 127, "@T/bin/none'", "No such file",
	      RUN("@T/bin/none")),
	FOUND("in PATH behind a private place that lacks it", "@O/more/other", RUN("other"),
	      PATH("@T/bin:@O/more")),
	FOUND("shown by a bind", "@T/bin/tool", RUN("@T/bin/tool"), BIND("@T")),
	FOUND("shown by a bind of the file alone", "@T/bin/tool", RUN("@T/bin/tool"),
	      BIND("@T/bin/tool")),
	FOUND("shown at another place", "/tmp/memcage-no-such/bin/tool",
	      RUN("/tmp/memcage-no-such/bin/tool"), BIND("@O:/tmp/memcage-no-such:ro")),
	FOUND("shown by a bind of all of /tmp", "@T/bin/tool", RUN("@T/bin/tool"), BIND("/tmp")),
	FOUND("another's, where a bind covers it", "@T/bin/other", RUN("@T/bin/other"),
	      BIND("@O/more:@T/bin")),
	FAILS("gone, where a bind covers it", 127, "@O/bin/tool'", "No such file",
	      RUN("@O/bin/tool"), BIND("/usr:@O/bin")),
	FOUND("the last bind counts", "@O/bin/other", RUN("@O/bin/other"),
	      BIND("/usr:@O/bin", "@O/more:@O/bin")),
	FOUND("shown as the working directory", "@T/bin/tool", RUN("./tool"), IN("@T/bin")),
	FOUND("shown below the working directory", "@T/bin/tool", RUN("@T/bin/tool"), IN("@T")),
	FAILS("beside the working directory", 127, "more/tool' is hidden", "--bind",
	      RUN("../more/tool"), IN("@T/bin")),
	FOUND("shown by a way round", "@T/bin/tool", RUN("@T/bin/../../@t/bin/tool"), IN("@T")),
	FOUND("names that begin with two dots", "@T/bin/tool", RUN("@T/..x/../bin/tool"),
	      BIND("@T/bin")),

	FAILS("a script that is hidden", 127, "'@T/script' is hidden", "--bind '@T/script'",
	      RUN("sh", "@T/script")),
	FAILS("a script behind an option", 127, "'@T/script' is hidden", "--bind",
	      RUN("sh", "-x", "@T/script")),
	FAILS("a script behind the end of options", 127, "'@T/script' is hidden", "--bind",
	      RUN("sh", "--", "@T/script")),
	FAILS("a script of a python with a version", 127, "'@T/script' is hidden", "--bind",
	      RUN("python3.11", "@T/script")),
	FAILS("a script that is hidden here", 127, "@t/script' is hidden", "--bind",
	      RUN("sh", "@t/script"), IN("/tmp")),
	FOUND("a script that is not there", "sh", RUN("sh", "@T/none")),
	FOUND("a script that is shown", "sh", RUN("sh", "@T/script"), BIND("@T")),
	FOUND("a script in the working directory", "sh", RUN("sh", "script"), IN("@T")),
	FOUND("a script outside", "sh", RUN("sh", "@O/script")),
	FOUND("a hidden file of a program that is no interpreter", "@O/bin/tool",
	      RUN("tool", "@T/script")),
	FOUND("code is no script", "sh", RUN("sh", "-c", "@t"), IN("/tmp")),
	FOUND("code behind other options is no script", "sh", RUN("sh", "-xc", "@t"), IN("/tmp")),
	FOUND("a module is no script", "@O/bin/python3.11", RUN("python3.11", "-m", "@t"),
	      IN("/tmp")),
	FOUND("an interpreter alone", "sh", RUN("sh")),
	FOUND("an interpreter with options only", "sh", RUN("sh", "-x")),

};

/* What execve in the working directory would take. */
static void assert_found(const struct job *job, const char *want)
{
	char path[2 * PATH_MAX];
	auto_free char *real = NULL, *real_want = NULL;

	if (!job->path)
		fail_msg("%s", job->failure);
	snprintf(path, sizeof(path), "%s/%s", *job->path == '/' ? "" : job->workdir, job->path);
	if (!strchr(want, '/')) {
		assert_string_equal(strrchr(job->path, '/') + 1, want);
		return;
	}
	real = realpath(path, NULL);
	real_want = realpath(want, NULL);
	/* A place that is there in the cage only has no real path. */
	assert_string_equal(real ? real : path + 1, real_want ? real_want : want);
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct memcage_error err = { 0 };
	struct job job;

	view_set_path(row->path);
	if (view_make(&job, row->argv, row->binds, row->cwd, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(job.exec_status, row->status);
	if (row->found) {
		assert_found(&job, view_expand(row->found));
	} else {
		assert_null(job.path);
		view_assert_words(job.failure, row->words, ARRAY_LEN(row->words));
	}
	job_release(&job);
}

/* ---- what execve says ---- */

static const struct explain {
	const char *name;
	const char *command;
	int errnum, status;
	const char *words[2];
	const char *binds[VIEW_BINDS];
} explains[] = {
	{ "a script without a first line",
	  "@O/bin/tool",
	  ENOEXEC,
	  126,
	  { "@O/bin/tool'", "begins with #!" } },
	{ "an interpreter that is not there",
	  "@O/bin/lost",
	  ENOENT,
	  126,
	  { "@O/bin/lost'", "its interpreter '/no/such/sh -e' is not there" } },
	{ "an interpreter with a carriage return",
	  "@O/bin/crlf",
	  ENOENT,
	  126,
	  { "its interpreter '/bin/sh\\r' is not there" } },
	{ "an interpreter for a bound script",
	  "/tmp/memcage-no-such",
	  ENOENT,
	  126,
	  { "'/tmp/memcage-no-such'", "its interpreter '/no/such/sh -e'" },
	  { "@O/bin/lost:/tmp/memcage-no-such" } },
	{ "a program whose loader is not there",
	  "@O/bin/elf",
	  ENOENT,
	  126,
	  { "@O/bin/elf'", "No such file or directory" } },
	{ "a program that may not be executed there",
	  "@O/bin/tool",
	  EACCES,
	  126,
	  { "Permission denied" } },
	{ "a program that is being written", "@O/bin/tool", ETXTBSY, 126, { "Text file busy" } },
	{ "too many arguments", "@O/bin/tool", E2BIG, 126, { "Argument list too long" } },
	{ "no memory", "@O/bin/tool", ENOMEM, 126, { "Cannot allocate memory" } },
};

static void check_explain(void **state)
{
	const struct explain *row = *state;
	const char *argv[VIEW_ARGS] = { row->command };
	struct memcage_error err;
	char text[500];
	struct job job;

	if (view_make(&job, argv, row->binds, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_non_null(job.path);
	assert_int_equal(command_explain(&job, row->errnum, text, sizeof(text)), row->status);
	view_assert_words(text, row->words, ARRAY_LEN(row->words));
	job_release(&job);
}

/* It was there when it was looked up. */
static void check_vanished(void **state)
{
	const char *argv[VIEW_ARGS] = { "@O/bin/brief" }, *binds[VIEW_BINDS] = { NULL };
	struct memcage_error err;
	char text[500];
	struct job job;

	(void) state;
	tree_put(&view_outside, "bin/brief", "#!/bin/sh\n");
	assert_return_code(fchmodat(view_outside.dir, "bin/brief", 0755, 0), errno);
	assert_int_equal(view_make(&job, argv, binds, NULL, NULL, &err), 0);
	assert_return_code(unlinkat(view_outside.dir, "bin/brief", 0), errno);
	assert_int_equal(command_explain(&job, ENOENT, text, sizeof(text)), 127);
	assert_non_null(strstr(text, "No such file or directory"));
	job_release(&job);
}

/* ---- names without end ---- */

static void check_long(void **state)
{
	static const size_t lengths[] = { 255, 256, 4000, 4095, 4096, 5000, 100000 };

	(void) state;
	view_set_path(NULL);
	for (size_t i = 0; i < 2 * ARRAY_LEN(lengths); i++) {
		size_t length = lengths[i / 2];
		char *name = malloc(length + 3), *argv[] = { name, NULL };
		struct memcage_error err;
		struct job job;

		memset(name, 'x', length);
		name[length] = '\0';
		if (i % 2)
			memcpy(name, "./", 2);
		assert_int_equal(job_make(&job, &SETTINGS_DEFAULT, view_no_limits, argv, &err), 0);
		assert_null(job.path);
		assert_in_range(job.exec_status, 126, 127);
		assert_non_null(strstr(job.failure, "xxxx'..."));
		job_release(&job);
		free(name);
	}
}

int main(void)
{
	static struct test_suite suite;
	int failed;

	view_start();
	TEST_ROWS(&suite, check_row, rows);
	TEST_ROWS(&suite, check_explain, explains);
	test_add(&suite, "a command that vanishes before it is executed", check_vanished, NULL);
	test_add(&suite, "names without end", check_long, NULL);
	failed = test_run("command", &suite);
	view_end();
	return failed;
}

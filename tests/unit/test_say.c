/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/say.h"

static const struct memcage_warning forks = { "pids-limit", "12 forks failed, at 100% of 64" };
static const struct memcage_warning two[] = {
	{ "tmp-full", "/tmp was full" },
	{ "cpu-throttled", "throttled for 2 s" },
};

#define OOM                                                                                        \
	.cause = MEMCAGE_CAUSE_OOM, .status = 120, .exit_code = -1, .signal = SIGKILL,             \
	.summary = "x was killed", .hint = "try --memory 1G"
#define EXITED(code)                                                                               \
	.cause = MEMCAGE_CAUSE_EXITED, .exit_code = code, .summary = "exited with status " #code

static const struct row {
	const char *name;
	enum say_format format;
	const char *place;
	const char *want;
	struct memcage_result result;
} rows[] = {
	{ "a mere exit says nothing", SAY_TEXT, NULL, "", { EXITED(3), .quiet = true } },
	{ "a mere exit is no annotation", SAY_GITHUB, NULL, "", { EXITED(3), .quiet = true } },
	{ "a kill is a line, what to do another",
	  SAY_TEXT,
	  NULL,
	  "memcage: x was killed\n"
	  "memcage: try --memory 1G\n",
	  { OOM } },
	{ "a kill is said though the job exits 0",
	  SAY_TEXT,
	  NULL,
	  "memcage: x was killed\n",
	  { .cause = MEMCAGE_CAUSE_OOM, .summary = "x was killed" } },
	{ "quiet says nothing of a kill", SAY_QUIET, NULL, "", { OOM } },
	{ "warnings come before what to do",
	  SAY_TEXT,
	  NULL,
	  "memcage: exited with status 0\n"
	  "memcage: warning: /tmp was full\n"
	  "memcage: warning: throttled for 2 s\n"
	  "memcage: try --tmp 1G\n",
	  { EXITED(0), .hint = "try --tmp 1G", .warnings = two, .warning_count = 2 } },
	{ "a kill is an error in a workflow",
	  SAY_GITHUB,
	  NULL,
	  "\n::error title=memcage%3A out of memory::x was killed%0Atry --memory 1G\n",
	  { OOM } },
	{ "what would end a workflow command is escaped",
	  SAY_GITHUB,
	  NULL,
	  "\n::error title=memcage%3A timeout::a: b, 5%25%0D%0A::error::c\n",
	  { .cause = MEMCAGE_CAUSE_TIMEOUT, .summary = "a: b, 5%\r\n::error::c" } },
	{ "warnings are warnings in a workflow, the first with what to do",
	  SAY_GITHUB,
	  NULL,
	  "\n::warning title=memcage%3A tmp-full::/tmp was full%0Atry --tmp 1G\n"
	  "\n::warning title=memcage%3A cpu-throttled::throttled for 2 s\n",
	  { EXITED(0), .hint = "try --tmp 1G", .warnings = two, .warning_count = 2 } },
	{ "warnings of a job that is killed come after the error",
	  SAY_GITHUB,
	  NULL,
	  "\n::error title=memcage%3A out of memory::x was killed%0Atry --memory 1G\n"
	  "\n::warning title=memcage%3A pids-limit::12 forks failed, at 100%25 of 64\n",
	  { OOM, .warnings = &forks, .warning_count = 1 } },
	{ "an exit with something to say but no warning is a warning",
	  SAY_GITHUB,
	  NULL,
	  "\n::warning title=memcage%3A exited::exited with status 0\n",
	  { EXITED(0) } },
	{ "a report that cannot be written is said in every format",
	  SAY_QUIET,
	  "r.json",
	  "memcage: cannot write the report to r.json: No space left on device\n"
	  "memcage: how the job ended: exited; the command exited with status 3\n",
	  { EXITED(3), .quiet = true, .report_errnum = ENOSPC } },
	{ "a report that cannot be written takes nothing away",
	  SAY_TEXT,
	  "-",
	  "memcage: x was killed\n"
	  "memcage: try --memory 1G\n"
	  "memcage: cannot write the report to -: Broken pipe\n"
	  "memcage: how the job ended: oom; the command was ended by SIGKILL\n",
	  { OOM, .report_errnum = EPIPE } },
	{ "a report without memory for it",
	  SAY_QUIET,
	  NULL,
	  "memcage: cannot write the report: Cannot allocate memory\n"
	  "memcage: how the job ended: setup-failed; the command was not run\n",
	  { .cause = MEMCAGE_CAUSE_SETUP_FAILED, .exit_code = -1, .report_errnum = ENOMEM } },
	{ "a kill without memory for words is said all the same",
	  SAY_GITHUB,
	  NULL,
	  "\n::error title=memcage%3A out of memory::oom\n",
	  { .cause = MEMCAGE_CAUSE_OOM } },
	{ "a command that a real-time signal ended",
	  SAY_QUIET,
	  NULL,
	  "memcage: cannot write the report: Input/output error\n"
	  "memcage: how the job ended: signaled; the command was ended by signal 37\n",
	  { .cause = MEMCAGE_CAUSE_SIGNALED,
	    .exit_code = -1,
	    .signal = 37,
	    .report_errnum = EIO } },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	say_result(to, row->format, &row->result, row->place);
	fclose(to);
	assert_string_equal(text, row->want);
	free(text);
}

static void check_stderr(void **state)
{
	const struct memcage_result result = { OOM };
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	char there[128];
	int pipes[2];
	ssize_t n;

	(void) state;
	assert_int_equal(pipe(pipes), 0);
	dup2(pipes[1], STDERR_FILENO);
	say_result_stderr(SAY_TEXT, &result, NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipes[1]);
	n = read(pipes[0], there, sizeof(there) - 1);
	close(pipes[0]);
	assert_true(n > 0);
	there[n] = '\0';
	assert_string_equal(there, "memcage: x was killed\nmemcage: try --memory 1G\n");
}

static void check_names(void **state)
{
	(void) state;
	for (int format = 0; format < SAY__COUNT; format++)
		assert_int_equal(say_format_find(say_formats[format]), format);
	assert_int_equal(say_format_find("json"), SAY__COUNT);
	assert_int_equal(say_format_find(""), SAY__COUNT);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "stderr gets it all at once", check_stderr, NULL);
	test_add(&suite, "every format has a name", check_names, NULL);
	return test_run("say", &suite);
}

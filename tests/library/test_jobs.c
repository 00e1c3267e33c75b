/* SPDX-License-Identifier: Apache-2.0 */
/* Real jobs by the library, one and many at once. */
#include "library/use.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* Reads a line that never ends. */
#define GREEDY "exec 2>/dev/null; tail /dev/zero"

static const struct row {
	const char *name;
	const char *script; /* NULL: a command that is not there */
	const char *keys[7];
	enum memcage_cause cause;
	enum memcage_scope scope;
	int status, exit_code, signal;
	bool ok, quiet;
	const char *report; /* a part of it */
} rows[] = {
	{ "success",
	  "exit 0",
	  { NULL },
	  MEMCAGE_CAUSE_EXITED,
	  MEMCAGE_SCOPE_NONE,
	  0,
	  0,
	  0,
	  true,
	  true,
	  "\"outcome\": \"ok\"" },
	{ "failure",
	  "exit 7",
	  { NULL },
	  MEMCAGE_CAUSE_EXITED,
	  MEMCAGE_SCOPE_NONE,
	  7,
	  7,
	  0,
	  false,
	  true,
	  "\"exit_code\": 7" },
	{ "a signal",
	  "kill -SEGV $$",
	  { NULL },
	  MEMCAGE_CAUSE_SIGNALED,
	  MEMCAGE_SCOPE_NONE,
	  139,
	  -1,
	  SIGSEGV,
	  false,
	  false,
	  "\"signal\": \"SIGSEGV\"" },
	{ "its own memory limit",
	  "exec 2>/dev/null; exec tail /dev/zero",
	  { "memory", "16M", NULL },
	  MEMCAGE_CAUSE_OOM,
	  MEMCAGE_SCOPE_JOB,
	  120,
	  -1,
	  SIGKILL,
	  false,
	  false,
	  "\"scope\": \"job\"" },
	{ "a kill that is hidden behind exit 0",
	  GREEDY "; exit 0",
	  { "memory", "16M", "oom", "kill-process", NULL },
	  MEMCAGE_CAUSE_OOM,
	  MEMCAGE_SCOPE_JOB,
	  120,
	  0,
	  0,
	  false,
	  false,
	  "\"main_survived\": true" },
	{ "another status for it",
	  GREEDY "; exit 0",
	  { "memory", "16M", "oom", "kill-process", "oom-exit-code", "99", NULL },
	  MEMCAGE_CAUSE_OOM,
	  MEMCAGE_SCOPE_JOB,
	  99,
	  0,
	  0,
	  false,
	  false,
	  "\"status\": 99" },
	{ "the timeout",
	  "sleep 60",
	  { "timeout", "100ms", NULL },
	  MEMCAGE_CAUSE_TIMEOUT,
	  MEMCAGE_SCOPE_NONE,
	  124,
	  -1,
	  SIGTERM,
	  false,
	  false,
	  "\"cause\": \"timeout\"" },
	{ "CPU time",
	  "while :; do :; done",
	  { "cpu-time", "50ms", NULL },
	  MEMCAGE_CAUSE_CPU_TIME,
	  MEMCAGE_SCOPE_NONE,
	  123,
	  -1,
	  SIGTERM,
	  false,
	  false,
	  "\"cause\": \"cpu-time\"" },
	{ "a command that is not there",
	  NULL,
	  { NULL },
	  MEMCAGE_CAUSE_EXEC_FAILED,
	  MEMCAGE_SCOPE_NONE,
	  127,
	  -1,
	  0,
	  false,
	  false,
	  "\"cause\": \"exec-failed\"" },
};

static struct memcage_spec *spec_of(const struct row *row)
{
	struct memcage_spec *spec = use_spec(NULL, NULL);
	struct memcage_error err;

	for (size_t i = 0; row->keys[i]; i += 2)
		assert_int_equal(memcage_spec_set(spec, row->keys[i], row->keys[i + 1], &err), 0);
	return spec;
}

static void check_row(void **state)
{
	const struct row *row = *state;
	char *const *argv = row->script ? SHELL(row->script) : ARGV((char *) "/no/such/command");
	struct memcage_job *job = use_job(spec_of(row), argv);
	const struct memcage_result *result = memcage_result(job);

	if (memcage_step(job) != MEMCAGE_ENDED)
		assert_int_equal(result->cause, MEMCAGE_CAUSE_NONE);
	use_until(job, MEMCAGE_ENDED);
	if (result->cause != row->cause)
		fail_msg("%s", result->summary);
	assert_int_equal(result->scope, row->scope);
	assert_int_equal(result->status, row->status);
	assert_int_equal(result->exit_code, row->exit_code);
	assert_int_equal(result->signal, row->signal);
	assert_int_equal(result->ok, row->ok);
	assert_int_equal(result->quiet, row->quiet);
	assert_true(result->summary && *result->summary && !strchr(result->summary, '\n'));
	assert_int_equal(result->memory_limit_bytes,
			 row->cause == MEMCAGE_CAUSE_OOM ? 16 << 20 : UINT64_MAX);
	assert_int_equal(result->report_errnum, 0);
	if (!strstr(memcage_report(job), row->report))
		fail_msg("%s", memcage_report(job));
}

/* What every end has: nothing to poll, no process, nothing to do. */
static void check_after(void **state)
{
	struct memcage_job *job = use_job(use_spec(NULL, NULL), SHELL("exit 3"));

	(void) state;
	assert_true(memcage_fd(job) >= 0);
	assert_null(memcage_report(job));
	use_until(job, MEMCAGE_ENDED);
	assert_int_equal(memcage_fd(job), -1);
	assert_int_equal(memcage_pid(job), -1);
	assert_int_equal(memcage_step(job), MEMCAGE_ENDED);
	assert_int_equal(memcage_signal(job, SIGTERM), 0);
	memcage_cancel(job, SIGTERM);
	assert_int_equal(memcage_step(job), MEMCAGE_ENDED);
	assert_int_equal(memcage_result(job)->cause, MEMCAGE_CAUSE_EXITED);
	assert_int_equal(use_cages(), 0);
}

static void check_blocking(void **state)
{
	struct memcage_spec *spec = use_spec(NULL, NULL);
	struct memcage_error err;
	struct memcage_job *job;

	(void) state;
	assert_int_equal(memcage_run(spec, SHELL("sleep 0.05; exit 4"), &job, &err), 0);
	use_keep(job);
	assert_int_equal(memcage_result(job)->status, 4);
	assert_in_range((int) (memcage_result(job)->wall_seconds * 1000), 50, 10000);
	assert_int_equal(memcage_run(spec, ARGV((char *) "/no/such"), &job, &err), 0);
	use_keep(job);
	assert_int_equal(memcage_result(job)->status, 127);
}

#define TOGETHER 12

/* Of one spec, in one poll loop; each has its own end, and the loop sleeps in between. */
static void check_together(void **state)
{
	struct memcage_spec *spec = use_spec("memory", "64M", NULL);
	struct pollfd fds[TOGETHER];
	struct memcage_job *jobs[TOGETHER];
	size_t running = TOGETHER, polls = 0;
	char script[64];

	(void) state;
	for (int i = 0; i < TOGETHER; i++) {
		snprintf(script, sizeof(script), "sleep 0.%d; exit %d", 3 - i % 4, i);
		jobs[i] = use_job(spec, SHELL(script));
	}
	memcage_spec_set(spec, "memory", "1M", &(struct memcage_error) { 0 });
	while (running > 0) {
		running = 0;
		for (int i = 0; i < TOGETHER; i++) {
			running += memcage_step(jobs[i]) != MEMCAGE_ENDED;
			fds[i] = (struct pollfd) { memcage_fd(jobs[i]), POLLIN, 0 };
		}
		if (running > 0)
			assert_true(poll(fds, TOGETHER, 20000) > 0);
		polls++;
	}
	for (int i = 0; i < TOGETHER; i++) {
		assert_int_equal(memcage_result(jobs[i])->cause, MEMCAGE_CAUSE_EXITED);
		assert_int_equal(memcage_result(jobs[i])->status, i);
		assert_int_equal(memcage_result(jobs[i])->memory_limit_bytes, 64 << 20);
	}
	assert_in_range(polls, 1, 50 * TOGETHER);
}

/* One is killed for memory, one cancelled: the third knows nothing of it. */
static void check_independent(void **state)
{
	struct memcage_job *greedy = use_job(use_spec("memory", "16M", NULL), SHELL(GREEDY));
	struct memcage_job *endless = use_job(use_spec(NULL, NULL), SHELL("sleep 1000"));
	struct memcage_job *modest = use_job(use_spec(NULL, NULL), SHELL("sleep 0.2; exit 5"));

	(void) state;
	use_until(greedy, MEMCAGE_ENDED);
	memcage_cancel(endless, SIGHUP);
	use_until(modest, MEMCAGE_ENDED);
	use_until(endless, MEMCAGE_ENDED);
	assert_int_equal(memcage_result(greedy)->cause, MEMCAGE_CAUSE_OOM);
	assert_int_equal(memcage_result(endless)->cause, MEMCAGE_CAUSE_CANCELLED);
	assert_int_equal(memcage_result(endless)->status, 128 + SIGHUP);
	assert_int_equal(memcage_result(modest)->status, 5);
}

/* Nothing happens unless it is stepped, and a job that has ended long ago says so. */
static void check_late(void **state)
{
	struct memcage_job *job = use_job(use_spec(NULL, NULL), SHELL("exit 6"));

	(void) state;
	usleep(200000);
	use_until(job, MEMCAGE_ENDED);
	assert_int_equal(memcage_result(job)->status, 6);
}

static void *run_in_thread(void *data)
{
	struct memcage_spec *spec = memcage_spec_new();
	struct memcage_error err;
	struct memcage_job *job;
	char script[64];
	int *status = data;

	snprintf(script, sizeof(script), "sleep 0.05; exit %d", *status);
	for (int i = 0; i < 5; i++) {
		if (memcage_run(spec, SHELL(script), &job, &err) < 0)
			return data;
		if (memcage_result(job)->status != *status)
			*status = -1;
		memcage_job_free(job);
	}
	memcage_spec_free(spec);
	return NULL;
}

static void check_threads(void **state)
{
	int statuses[] = { 1, 2, 3, 4 };
	pthread_t threads[ARRAY_LEN(statuses)];
	void *failed;

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_in_thread, &statuses[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
		assert_int_equal(statuses[i], i + 1);
	}
}

/* What nobody asks for may be left out; what is asked for is there. */
static void check_usage(void **state)
{
	static const char unknown[] = "\"cpu_user_seconds\": null";
	struct memcage_spec *spec = use_spec(NULL, NULL);
	struct memcage_job *job = use_job(spec, SHELL("exit 0"));

	(void) state;
	use_until(job, MEMCAGE_ENDED);
	assert_null(strstr(memcage_report(job), unknown));
	memcage_spec_set_usage(spec, false);
	assert_int_equal(use_run(spec, SHELL("exit 3"))->status, 3);
}

/* The caller's own children are the caller's. */
static void check_children(void **state)
{
	pid_t pid = fork();
	int status = 0;

	(void) state;
	if (pid == 0)
		_exit(33);
	assert_int_equal(use_run(use_spec(NULL, NULL), SHELL("exit 0"))->status, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 33);
}

/* A report's file says that the job has not ended, until it has. */
static void check_report(void **state)
{
	char path[] = "/tmp/memcage-report-XXXXXX", text[8192] = "";
	int fd = mkstemp(path);
	struct memcage_job *job =
		use_job(use_spec("report", path, NULL), SHELL("sleep 0.1; exit 2"));
	FILE *file = fopen(path, "r");

	(void) state;
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_non_null(strstr(text, "\"unfinished\""));
	use_until(job, MEMCAGE_ENDED);
	file = fopen(path, "r");
	memset(text, 0, sizeof(text));
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_string_equal(text, memcage_report(job));
	close(fd);
	unlink(path);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "after the end", check_after, NULL);
	test_add(&suite, "one call that blocks", check_blocking, NULL);
	test_add(&suite, "many at once in one loop", check_together, NULL);
	test_add(&suite, "no job is another's business", check_independent, NULL);
	test_add(&suite, "stepped late", check_late, NULL);
	test_add(&suite, "jobs of several threads", check_threads, NULL);
	test_add(&suite, "what was used", check_usage, NULL);
	test_add(&suite, "children of the caller", check_children, NULL);
	test_add(&suite, "a report in a file", check_report, NULL);
	for (size_t i = 0; i < suite.count; i++) {
		suite.tests[i].setup_func = use_start;
		suite.tests[i].teardown_func = use_end;
	}
	return test_run("jobs", &suite);
}

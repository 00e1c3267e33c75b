/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, ends before the end, and what a caller may do wrong. */
#include "library/use.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- keys and texts ---- */

static const struct row {
	const char *name;
	const char *key, *text;
	const char *words[2]; /* in the message; none: it is right */
} rows[] = {
	{ "a limit", "memory", "512M", { NULL } },
	{ "a limit by its option", "rlimit", "NOFILE=100", { NULL } },
	{ "a limit by its policy key", "rlimits", "NOFILE=100", { NULL } },
	{ "a setting", "hostname", "box", { NULL } },
	{ "a switch", "clear-env", NULL, { NULL } },
	{ "no such key", "memori", "1M", { "there is no option --memori" } },
	{ "no key", "", "1M", { "there is no option --" } },
	{ "a key with its dashes", "--memory", "1M", { "there is no option ----memory" } },
	{ "a short option", "m", "1M", { "there is no option --m" } },
	{ "a key in capitals", "MEMORY", "1M", { "there is no option --MEMORY" } },
	{ "what comes later", "stall", "5s", { "there is no option --stall" } },
	{ "a limit without a value", "memory", NULL, { "--memory: needs a value, such as 512M" } },
	{ "a setting without a value", "oom", NULL, { "--oom: needs a value" } },
	{ "a switch with a value", "clear-env", "yes", { "--clear-env: takes no value" } },
	{ "a wrong limit", "memory", "12Q", { "--memory: '12Q'", "512M" } },
	{ "an empty limit", "memory", "", { "--memory: ''" } },
	{ "a limit that would wrap", "memory", "17179869185G", { "--memory: '17179869185G'" } },
	{ "a limit of zero", "memory", "0", { "--memory: '0'" } },
	{ "a wrong setting", "network", "wifi", { "--network: 'wifi'", "host or none" } },
	{ "a wrong part of a list", "io", "8:0:rbps=x", { "--io '8:0:rbps=x'" } },
};

static void check_set(void **state)
{
	const struct row *row = *state;
	struct memcage_spec *spec = use_spec(NULL, NULL);
	struct memcage_error err = { 0 };

	assert_int_equal(memcage_spec_set(spec, row->key, row->text, &err), row->words[0] ? -1 : 0);
	assert_int_equal(err.code, row->words[0] ? MEMCAGE_ERROR_USAGE : MEMCAGE_ERROR_NONE);
	for (size_t i = 0; i < ARRAY_LEN(row->words) && row->words[i]; i++)
		if (!strstr(err.text, row->words[i]))
			fail_msg("'%s' is not in '%s'", row->words[i], err.text);
}

/* What is refused leaves what was said before; what is said again replaces it. */
static void check_set_again(void **state)
{
	struct memcage_spec *spec =
		use_spec("memory", "64M", "memory", "32M", "env", "A=1", "env", "B=2", NULL);
	struct memcage_error err;

	(void) state;
	assert_int_equal(memcage_spec_set(spec, "memory", "no", &err), -1);
	assert_int_equal(use_run(spec, SHELL("exit $A$B"))->status, 12);
	assert_int_equal(use_run(spec, SHELL("exit 0"))->memory_limit_bytes, 32 << 20);
}

static void check_nothing(void **state)
{
	(void) state;
	assert_null(memcage_spec_free(NULL));
	assert_null(memcage_job_free(NULL));
	assert_null(memcage_spec_free(memcage_spec_new()));
}

static const struct start_row {
	const char *name;
	const char *key, *text;
	const char *command; /* NULL: no command at all */
	const char *words;
} start_rows[] = {
	{ "no command", "memory", "64M", NULL, "no command" },
	{ "a working directory that is not there", "workdir", "/no/such", "true",
	  "--workdir: '/no/such' is not there" },
	{ "a bind that is not there", "bind", "/no/such", "true", "--bind '/no/such'" },
	{ "a descriptor that is not open", "pass-fd", "987", "true",
	  "--pass-fd: '987' is not an open descriptor" },
	{ "a report that cannot be written", "report", "/no/such/r.json", "true", "--report: " },
};

/* Nothing was made, and there is no job. */
static void check_start(void **state)
{
	const struct start_row *row = *state;
	struct memcage_spec *spec = use_spec(row->key, row->text, NULL);
	char *argv[] = { (char *) row->command, NULL };
	struct memcage_job *job = NULL;
	struct memcage_error err = { 0 };

	assert_int_equal(memcage_start(spec, argv, &job, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_null(job);
	if (!strstr(err.text, row->words))
		fail_msg("%s", err.text);
	assert_int_equal(memcage_run(spec, argv, &job, &err), -1);
	assert_null(job);
	assert_int_equal(use_cages(), 0);
}

/* ---- signals ---- */

static struct memcage_job *start_talker(const char *script, int pair[2])
{
	struct memcage_job *job;
	char number[16];

	assert_return_code(pipe2(pair, O_CLOEXEC), errno);
	snprintf(number, sizeof(number), "%d", pair[1]);
	job = use_job(use_spec("pass-fd", number, "env", "PATH", NULL), SHELL(script));
	close(pair[1]);
	return job;
}

/* The script finds its descriptor: all that is open but 0, 1 and 2 is the one that was passed. */
#define SAY                                                                                        \
	"exec 2>/dev/null; for f in /proc/self/fd/*; do n=${f##*/}; "                              \
	"[ \"$n\" -gt 2 ] && [ -p /proc/$$/fd/$n ] && eval \"echo >&$n\"; done; "
#define WAIT "while :; do sleep 0.02; done"

static const struct signal_row {
	const char *name;
	const char *script;
	int signo;
	enum memcage_cause cause;
	int status, exit_code;
} signal_rows[] = {
	{ "USR1 is passed on", "trap 'exit 9' USR1; " SAY WAIT, SIGUSR1, MEMCAGE_CAUSE_EXITED, 9,
	  9 },
	{ "INT is passed on, and the end is the job's", "trap 'exit 8' INT; " SAY WAIT, SIGINT,
	  MEMCAGE_CAUSE_EXITED, 8, 8 },
	{ "QUIT ends who does not catch it", SAY WAIT, SIGQUIT, MEMCAGE_CAUSE_SIGNALED, 131, -1 },
	{ "TERM cancels, whatever the job says", "trap 'exit 0' TERM; " SAY WAIT, SIGTERM,
	  MEMCAGE_CAUSE_CANCELLED, 143, 0 },
	{ "HUP cancels", SAY WAIT, SIGHUP, MEMCAGE_CAUSE_CANCELLED, 129, -1 },
	{ "KILL cancels at once", "trap '' TERM; " SAY WAIT, SIGKILL, MEMCAGE_CAUSE_CANCELLED, 137,
	  -1 },
};

static void check_signal(void **state)
{
	const struct signal_row *row = *state;
	int pair[2];
	struct memcage_job *job = start_talker(row->script, pair);

	use_hear(job, pair[0]);
	use_pid(job);
	assert_int_equal(memcage_signal(job, row->signo), 0);
	use_until(job, MEMCAGE_ENDED);
	assert_int_equal(memcage_result(job)->cause, row->cause);
	assert_int_equal(memcage_result(job)->status, row->status);
	if (memcage_result(job)->exit_code != row->exit_code)
		fail_msg("%s", memcage_report(job));
	close(pair[0]);
}

/* A deaf job is killed by the second TERM, without waiting for the grace time of 2 s. */
static void check_second_term(void **state)
{
	int pair[2];
	struct memcage_job *job = start_talker("trap '' TERM; " SAY WAIT, pair);

	(void) state;
	use_hear(job, pair[0]);
	use_pid(job);
	assert_int_equal(memcage_signal(job, SIGTERM), 0);
	assert_int_equal(memcage_step(job), MEMCAGE_RUNNING);
	assert_int_equal(memcage_signal(job, SIGTERM), 0);
	use_until(job, MEMCAGE_ENDED);
	assert_int_equal(memcage_result(job)->status, 143);
	assert_in_range((int) (memcage_result(job)->wall_seconds * 1000), 0, 1500);
	close(pair[0]);
}

static void check_other_signals(void **state)
{
	static const int others[] = { 0,       -1,	SIGSEGV, SIGCHLD, SIGSTOP,
				      SIGPIPE, SIGALRM, 64,	 65,	  1000 };
	int pair[2];
	struct memcage_job *job = start_talker(SAY WAIT, pair);

	(void) state;
	use_hear(job, pair[0]);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		errno = 0;
		assert_int_equal(memcage_signal(job, others[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
	assert_int_equal(memcage_step(job), MEMCAGE_RUNNING);
	close(pair[0]);
}

/* The main process is the one that was asked for, in our own numbers. */
static void check_pid(void **state)
{
	int pair[2];
	struct memcage_job *job = start_talker(SAY "exec sleep 1000", pair);
	char path[64], comm[32] = "";
	FILE *file = NULL;

	(void) state;
	use_hear(job, pair[0]);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int) use_pid(job));
	for (int i = 0; i < 500 && strcmp(comm, "sleep\n") != 0; i++) {
		file = fopen(path, "r");
		assert_non_null(file);
		assert_non_null(fgets(comm, sizeof(comm), file));
		fclose(file);
		usleep(2000);
	}
	assert_string_equal(comm, "sleep\n");
	memcage_cancel(job, SIGINT);
	use_until(job, MEMCAGE_ENDED);
	assert_int_equal(memcage_pid(job), -1);
	assert_int_equal(memcage_result(job)->status, 130);
	close(pair[0]);
}

static void check_stopped(void **state)
{
	struct memcage_job *job = use_job(use_spec(NULL, NULL), SHELL("kill -TSTP $$; exit 6"));

	(void) state;
	use_until(job, MEMCAGE_STOPPED);
	assert_int_equal(memcage_step(job), MEMCAGE_RUNNING);
	assert_int_equal(memcage_signal(job, SIGCONT), 0);
	use_until(job, MEMCAGE_ENDED);
	assert_int_equal(memcage_result(job)->status, 6);
}

/* A shell would clear it. */
static void check_mask(void **state)
{
	char *const argv[] = { (char *) "grep", (char *) "-q", (char *) "^SigBlk:.*00200$",
			       (char *) "/proc/self/status", NULL };
	struct memcage_spec *spec = use_spec(NULL, NULL);
	sigset_t mask;

	(void) state;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	assert_int_equal(use_run(spec, argv)->status, 1);
	memcage_spec_set_mask(spec, &mask);
	assert_int_equal(use_run(spec, argv)->status, 0);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	assert_int_equal(use_run(use_spec(NULL, NULL), argv)->status, 0);
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
}

/* ---- ends before the end: use_end() looks for what is left ---- */

static void check_free_running(void **state)
{
	int pair[2];
	struct memcage_job *job =
		start_talker("sleep 1001 & setsid sleep 1002 & " SAY "exec sleep 1003", pair);
	pid_t pid;

	(void) state;
	use_hear(job, pair[0]);
	pid = use_pid(job);
	assert_int_equal(kill(pid, 0), 0);
	assert_true(use_cages() > 0);
	close(pair[0]);
	assert_int_equal(use_end(NULL), 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	use_start(NULL);
}

static void check_free_at_once(void **state)
{
	struct memcage_spec *spec = use_spec("memory", "64M", NULL);
	struct memcage_error err;
	struct memcage_job *job;

	(void) state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(memcage_start(spec, SHELL("sleep 1000"), &job, &err), 0);
		for (int steps = 0; steps < i; steps++) {
			struct pollfd fd = { memcage_fd(job), POLLIN, 0 };

			memcage_step(job);
			poll(&fd, 1, 1);
		}
		assert_null(memcage_job_free(job));
	}
	assert_int_equal(use_cages(), 0);
}

static void check_spec_freed(void **state)
{
	struct memcage_spec *spec = memcage_spec_new();
	struct memcage_error err;
	struct memcage_job *job;

	(void) state;
	assert_int_equal(memcage_spec_set(spec, "env", "A=5", &err), 0);
	assert_int_equal(memcage_start(spec, SHELL("sleep 0.05; exit $A"), &job, &err), 0);
	assert_null(memcage_spec_free(spec));
	use_until(use_keep(job), MEMCAGE_ENDED);
	assert_int_equal(memcage_result(job)->status, 5);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_set, rows);
	test_add(&suite, "said again", check_set_again, NULL);
	test_add(&suite, "nothing to free", check_nothing, NULL);
	TEST_ROWS(&suite, check_start, start_rows);
	TEST_ROWS(&suite, check_signal, signal_rows);
	test_add(&suite, "the second TERM kills", check_second_term, NULL);
	test_add(&suite, "signals that are not passed on", check_other_signals, NULL);
	test_add(&suite, "the main process", check_pid, NULL);
	test_add(&suite, "a job that stops itself", check_stopped, NULL);
	test_add(&suite, "a signal mask", check_mask, NULL);
	test_add(&suite, "a running job is freed", check_free_running, NULL);
	test_add(&suite, "jobs are freed as they start", check_free_at_once, NULL);
	test_add(&suite, "a spec is freed before its job", check_spec_freed, NULL);
	for (size_t i = 0; i < suite.count; i++) {
		suite.tests[i].setup_func = use_start;
		suite.tests[i].teardown_func = use_end;
	}
	return test_run("misuse", &suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What callers that were killed have left behind, and what belongs to others. */
#include "library/use.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Our own cgroup's directory, of the memory controller. */
static int open_own(void)
{
	FILE *file = fopen("/proc/self/cgroup", "r");
	char line[PATH_MAX], path[2 * PATH_MAX] = "";

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, ":memory:"))
			snprintf(path, sizeof(path), "/sys/fs/cgroup/memory%s",
				 strstr(line, ":/") + 1);
		else if (!*path && strncmp(line, "0::", 3) == 0)
			snprintf(path, sizeof(path), "/sys/fs/cgroup%s", line + 3);
	}
	fclose(file);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool is_there(int own, const char *name)
{
	return faccessat(own, name, F_OK, 0) == 0;
}

/* A run does not sweep while another makes a cage: some do. */
static bool goes(int own, const char *name)
{
	for (int i = 0; i < 50 && is_there(own, name); i++) {
		assert_true(use_run(use_spec(NULL, NULL), SHELL("exit 0"))->ok);
		use_free();
	}
	return !is_there(own, name);
}

static const struct row {
	const char *name;
	const char *directories[3]; /* the first is looked for in the end */
	bool locked, goes;
} rows[] = {
	{ "an empty cage", { "memcage-1-test" }, false, true },
	{ "a cage with its leaf", { "memcage-1-test", "memcage-1-test/leaf" }, false, true },
	{ "a cage with what its job had made",
	  { "memcage-1-test", "memcage-1-test/leaf", "memcage-1-test/leaf/.x" },
	  false,
	  true },
	{ "a cage that is somebody's", { "memcage-1-test", "memcage-1-test/leaf" }, true, false },
	{ "a cgroup that is called nearly so", { "memcage1-test" }, false, false },
	{ "a cgroup of somebody else's", { "xmemcage-1-test" }, false, false },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	auto_fd int own = open_own(), lock = -1;

	assert_return_code(own, errno);
	for (size_t i = 0; i < ARRAY_LEN(row->directories) && row->directories[i]; i++) {
		assert_return_code(mkdirat(own, row->directories[i], 0755), errno);
		if (row->locked && i == 0) {
			lock = openat(own, row->directories[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			assert_return_code(flock(lock, LOCK_EX), errno);
		}
	}
	if (row->goes) {
		assert_true(goes(own, row->directories[0]));
		return;
	}
	for (int i = 0; i < 5; i++)
		assert_true(use_run(use_spec(NULL, NULL), SHELL("exit 0"))->ok);
	for (size_t i = ARRAY_LEN(row->directories); i-- > 0;)
		if (row->directories[i])
			assert_return_code(unlinkat(own, row->directories[i], AT_REMOVEDIR), errno);
}

/* In a child: tells its main process's pid when it runs, and goes on until it is killed. */
static _Noreturn void call(int pipe_fd, const char *number)
{
	struct memcage_spec *spec = memcage_spec_new();
	struct memcage_error err;
	struct memcage_job *job;
	pid_t pid;

	memcage_spec_set(spec, "pass-fd", number, &err);
	if (memcage_start(spec, SHELL("sleep 1004 & setsid sleep 1005 & exec sleep 1006"), &job,
			  &err) < 0)
		_exit(1);
	pid = use_pid(job);
	if (write(pipe_fd, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	use_until(job, MEMCAGE_ENDED);
	_exit(1);
}

/* The pipe that all processes of the job hold ends when the last of them has. */
static void check_killed(void **state)
{
	pid_t caller, pid = -1;
	int pair[2];
	char number[16];

	(void) state;
	assert_return_code(pipe(pair), errno);
	snprintf(number, sizeof(number), "%d", pair[1]);
	caller = fork();
	if (caller == 0)
		call(pair[1], number);
	close(pair[1]);
	assert_int_equal(read(pair[0], &pid, sizeof(pid)), sizeof(pid));
	assert_true(pid > 0);
	assert_return_code(kill(caller, SIGKILL), errno);
	assert_int_equal(waitpid(caller, NULL, 0), caller);
	alarm(10); /* instead of hanging */
	assert_int_equal(read(pair[0], number, 1), 0);
	alarm(0);
	close(pair[0]);
	for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++)
		usleep(1000);
	assert_int_equal(kill(pid, 0), -1);
	for (int i = 0; i < 50 && use_cages_of(caller) > 0; i++) {
		assert_true(use_run(use_spec(NULL, NULL), SHELL("exit 0"))->ok);
		use_free();
	}
	assert_int_equal(use_cages_of(caller), 0);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "the caller is killed, and nothing outlives it", check_killed, NULL);
	for (size_t i = 0; i < suite.count; i++) {
		suite.tests[i].setup_func = use_start;
		suite.tests[i].teardown_func = use_end;
	}
	return test_run("leftovers", &suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "library/use.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define KEPT_MOST 32
#define PATIENCE 20 /* seconds */

static struct memcage_spec *specs[KEPT_MOST];
static struct memcage_job *jobs[KEPT_MOST];
static size_t spec_count, job_count, descriptors_before;
static struct sigaction handlers_before[NSIG];
static sigset_t mask_before;

static size_t count_descriptors(void)
{
	auto_closedir DIR *entries = opendir("/proc/self/fd");
	size_t count = 0;

	while (entries && readdir(entries))
		count++;
	return count;
}

static size_t cages;
static char cage_prefix[32];

static int look(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void) st;
	if (type == FTW_D && strncmp(path + at->base, cage_prefix, strlen(cage_prefix)) == 0)
		cages++;
	return 0;
}

size_t use_cages_of(pid_t pid)
{
	cages = 0;
	snprintf(cage_prefix, sizeof(cage_prefix), "memcage-%d-", (int) pid);
	nftw("/sys/fs/cgroup", look, 32, FTW_PHYS);
	return cages;
}

size_t use_cages(void)
{
	return use_cages_of(getpid());
}

int use_start(void **state)
{
	(void) state;
	descriptors_before = count_descriptors();
	for (int signo = 1; signo < NSIG; signo++)
		sigaction(signo, NULL, &handlers_before[signo]);
	sigprocmask(SIG_SETMASK, NULL, &mask_before);
	return 0;
}

static void check_signals(void)
{
	struct sigaction now;
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int signo = 1; signo < NSIG; signo++) {
		assert_int_equal(sigismember(&mask, signo), sigismember(&mask_before, signo));
		if (sigaction(signo, NULL, &now) == 0)
			assert_ptr_equal(now.sa_handler, handlers_before[signo].sa_handler);
	}
}

void use_free(void)
{
	while (job_count > 0)
		memcage_job_free(jobs[--job_count]);
	while (spec_count > 0)
		memcage_spec_free(specs[--spec_count]);
}

int use_end(void **state)
{
	(void) state;
	use_free();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(use_cages(), 0);
	assert_int_equal(count_descriptors(), descriptors_before);
	check_signals();
	return 0;
}

struct memcage_spec *use_spec(const char *key, ...)
{
	struct memcage_spec *spec = memcage_spec_new();
	struct memcage_error err;
	va_list args;

	assert_non_null(spec);
	specs[spec_count++] = spec;
	va_start(args, key);
	for (; key; key = va_arg(args, const char *)) {
		const char *text = va_arg(args, const char *);

		if (memcage_spec_set(spec, key, *text ? text : NULL, &err) < 0)
			fail_msg("%s", err.text);
	}
	va_end(args);
	return spec;
}

struct memcage_job *use_keep(struct memcage_job *job)
{
	assert_true(job_count < KEPT_MOST);
	jobs[job_count++] = job;
	return job;
}

struct memcage_job *use_job(struct memcage_spec *spec, char *const argv[])
{
	struct memcage_error err;
	struct memcage_job *job;

	if (memcage_start(spec, argv, &job, &err) < 0)
		fail_msg("%s", err.text);
	return use_keep(job);
}

static void await(struct memcage_job *job, time_t give_up)
{
	struct pollfd fd = { .fd = memcage_fd(job), .events = POLLIN };

	if (poll(&fd, 1, 1000) == 0 && time(NULL) > give_up)
		fail_msg("a job does not get on");
}

void use_until(struct memcage_job *job, enum memcage_state state)
{
	time_t give_up = time(NULL) + PATIENCE;
	enum memcage_state now;

	while ((now = memcage_step(job)) != state) {
		if (now == MEMCAGE_ENDED)
			fail_msg("ended: %s", memcage_result(job)->summary);
		await(job, give_up);
	}
}

const struct memcage_result *use_run(struct memcage_spec *spec, char *const argv[])
{
	struct memcage_job *job = use_job(spec, argv);

	use_until(job, MEMCAGE_ENDED);
	return memcage_result(job);
}

pid_t use_pid(struct memcage_job *job)
{
	time_t give_up = time(NULL) + PATIENCE;
	pid_t pid;

	while ((pid = memcage_pid(job)) <= 0) {
		await(job, give_up);
		if (memcage_step(job) == MEMCAGE_ENDED)
			fail_msg("ended: %s", memcage_result(job)->summary);
	}
	return pid;
}

/* The job is stepped meanwhile: a library does nothing while nobody calls it. */
void use_hear(struct memcage_job *job, int fd)
{
	time_t give_up = time(NULL) + PATIENCE;
	char text[64];

	for (;;) {
		struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
					{ .fd = memcage_fd(job), .events = POLLIN } };

		if (poll(fds, ARRAY_LEN(fds), 1000) == 0 && time(NULL) > give_up)
			fail_msg("the job says nothing");
		if (fds[0].revents) {
			assert_true(read(fd, text, sizeof(text)) > 0);
			return;
		}
		if (memcage_step(job) == MEMCAGE_ENDED)
			fail_msg("ended: %s", memcage_result(job)->summary);
	}
}

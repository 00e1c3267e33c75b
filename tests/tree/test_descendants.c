/* SPDX-License-Identifier: Apache-2.0 */
/* descendants: of processes of our own, whose reaper is a child of ours. */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cage/descendants.h"

#define MOST 64

typedef void grow_fn(void);

static void nap(void)
{
	nanosleep(&(struct timespec) { .tv_nsec = 2000000 }, NULL);
}

static _Noreturn void sleep_on(void)
{
	for (;;)
		pause();
}

static void grow_children(void)
{
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			sleep_on();
}

/* The children of a child. */
static void grow_deep(void)
{
	if (fork() != 0)
		return;
	if (fork() != 0)
		sleep_on();
	fork();
	sleep_on();
}

/* Their parent has ended: they come to the reaper. */
static void grow_orphans(void)
{
	pid_t parent = fork();

	if (parent != 0) {
		waitpid(parent, NULL, 0);
		return;
	}
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			setsid();
			sleep_on();
		}
	_exit(0);
}

static void grow_stopped(void)
{
	grow_children();
	if (fork() == 0) {
		raise(SIGSTOP);
		sleep_on();
	}
}

static void grow_deaf(void)
{
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			sigset_t all;

			sigfillset(&all);
			sigprocmask(SIG_SETMASK, &all, NULL);
			prctl(PR_SET_NAME, "x) Z 1 (");
			sleep_on();
		}
}

static void grow_zombies(void)
{
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			_exit(0);
}

/* Always others, and never many.  They end by themselves, should the test fail to end them. */
static void grow_forkers(void)
{
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			for (int generation = 0; generation < 5000; generation++) {
				pid_t child = fork();

				if (child != 0)
					_exit(0);
				nap();
			}
			_exit(0);
		}
}

static const struct row {
	const char *name;
	grow_fn *grow;
	size_t least, most; /* that are listed */
} rows[] = {
	{ "nobody", NULL, 0, 0 },
	{ "children", grow_children, 3, 3 },
	{ "children of children", grow_deep, 3, 3 },
	{ "orphans", grow_orphans, 3, 3 },
	{ "some that are stopped", grow_stopped, 4, 4 },
	{ "some that hear nothing and have odd names", grow_deaf, 3, 3 },
	{ "zombies are nobody", grow_zombies, 0, 0 },
	{ "some that fork all the time", grow_forkers, 0, 6 },
};

static pid_t start_reaper(grow_fn *grow)
{
	int ready[2];
	pid_t reaper;
	char byte;

	assert_int_equal(pipe(ready), 0);
	reaper = fork();
	if (reaper == 0) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (grow)
			grow();
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		sleep_on();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return reaper;
}

static void check_row(void **state)
{
	const struct row *row = *state;
	pid_t reaper = start_reaper(row->grow), pids[MOST];
	size_t count = descendants_list(reaper, pids, MOST);

	/* Some are just on their way to where they belong. */
	for (int tries = 0; tries < 500 && (count < row->least || count > row->most); tries++) {
		nap();
		count = descendants_list(reaper, pids, MOST);
	}
	assert_in_range(count, row->least, row->most);
	for (size_t i = 0; i < count; i++) {
		assert_int_not_equal(pids[i], reaper);
		assert_int_not_equal(pids[i], getpid());
	}
	assert_true(descendants_list(reaper, pids, 1) <= 1);
	assert_true(descendants_kill(reaper));
	assert_int_equal(descendants_list(reaper, pids, MOST), 0);
	assert_int_equal(kill(reaper, 0), 0);
	kill(reaper, SIGKILL);
	assert_int_equal(waitpid(reaper, NULL, 0), reaper);
}

/* What is not below it is not touched. */
static void check_others(void **state)
{
	pid_t one = start_reaper(grow_children), other = start_reaper(grow_children), pids[MOST];

	(void) state;
	assert_true(descendants_kill(one));
	assert_int_equal(descendants_list(other, pids, MOST), 3);
	assert_true(descendants_list(getpid(), pids, MOST) >= 5);
	assert_true(descendants_kill(other));
	kill(one, SIGKILL);
	kill(other, SIGKILL);
	waitpid(one, NULL, 0);
	waitpid(other, NULL, 0);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "others are left alone", check_others, NULL);
	return test_run("descendants", &suite);
}

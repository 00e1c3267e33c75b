/* SPDX-License-Identifier: Apache-2.0 */
/*
 * many - xargs for a command that reads a file from a descriptor.
 *
 *   many RUNS AT_ONCE FILE -- COMMAND [ARG...]
 *
 * Runs COMMAND RUNS times, AT_ONCE at a time, with FILE opened anew as descriptor 9 of each:
 * bubblewrap reads its filter from one to its end, and under xargs all would share one position.  A
 * shell that opens it would be a program more for each run, and be to blame for part of the time.
 */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_FD 9

extern char **environ;

static void start(const char *file, char **argv)
{
	posix_spawn_file_actions_t actions;
	int failed;

	if (posix_spawn_file_actions_init(&actions) ||
	    posix_spawn_file_actions_addopen(&actions, FILE_FD, file, O_RDONLY, 0))
		errx(125, "memory");
	failed = posix_spawn(&(pid_t) { 0 }, argv[0], &actions, NULL, argv, environ);
	if (failed)
		errx(125, "%s: %s", argv[0], strerror(failed));
	posix_spawn_file_actions_destroy(&actions);
}

static void await_one(void)
{
	int status;

	if (wait(&status) < 0)
		err(125, "wait");
	if (status != 0)
		errx(1, "a run has failed");
}

int main(int argc, char **argv)
{
	unsigned long runs, at_once, running = 0;

	if (argc < 6 || strcmp(argv[4], "--") != 0)
		return 2;
	runs = strtoul(argv[1], NULL, 10);
	at_once = strtoul(argv[2], NULL, 10);
	for (; runs > 0; runs--, running++) {
		for (; running >= at_once; running--)
			await_one();
		start(argv[3], argv + 5);
	}
	for (; running > 0; running--)
		await_one();
	return 0;
}

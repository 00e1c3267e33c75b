/* SPDX-License-Identifier: Apache-2.0 */
#include "contest.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_FD 9

extern char **environ;

/* The only run there is at a time. Global for the handler's sake. */
static volatile pid_t running;

static unsigned int deadline_seconds;

/* Where contest_leave returns to. */
static int own_view, own_dir;

static void out_of_time(int signal)
{
	static const char text[] = "stopwatch: a command hangs and was killed\n";

	(void) signal;
	if (running > 0)
		kill(running, SIGKILL);
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

static void *make_room(size_t count, size_t size)
{
	void *room = calloc(count, size);

	if (!room)
		err(1, "memory");
	return room;
}

static char *next_field(char **line, const char *what)
{
	char *field = strsep(line, "\t");

	if (!field || !*field)
		errx(1, "stdin: a line without %s", what);
	return field;
}

static char **split_rest(char *line)
{
	size_t count = 2;
	char **argv;

	for (const char *c = line; *c; c++)
		count += *c == '\t';
	argv = make_room(count, sizeof(*argv));
	for (size_t i = 0; line; i++)
		argv[i] = strsep(&line, "\t");
	return argv;
}

/* A field that may be "-", for none. */
static char *next_optional(char **line, const char *what)
{
	char *field = next_field(line, what);

	return strcmp(field, "-") ? field : NULL;
}

static int open_or_end(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void parse_line(struct contestant *ret, char *line, size_t rounds)
{
	const char *view;

	line[strcspn(line, "\n")] = '\0';
	ret->name = next_field(&line, "a name");
	ret->status = (int) strtol(next_field(&line, "a status"), NULL, 10);
	ret->file = next_optional(&line, "a file");
	view = next_optional(&line, "a view");
	ret->view = view ? open_or_end(view, O_RDONLY) : -1;
	if (!line || !*line)
		errx(1, "stdin: %s has no command", ret->name);
	ret->argv = split_rest(line);
	ret->samples = make_room(rounds, sizeof(*ret->samples));
}

void contest_read(struct contest *ret, size_t rounds, unsigned int deadline)
{
	char *line = NULL;
	size_t size = 0;

	deadline_seconds = deadline;
	*ret = (struct contest) { .rounds = rounds };
	while (getline(&line, &size, stdin) > 0) {
		ret->all = reallocarray(ret->all, ret->count + 1, sizeof(*ret->all));
		if (!ret->all)
			err(1, "memory");
		ret->all[ret->count] = (struct contestant) { 0 };
		parse_line(&ret->all[ret->count++], line, rounds);
		line = NULL; /* its fields live on in the contestant */
	}
	free(line);
	if (!ret->count)
		errx(1, "stdin: no contestants");
	own_view = open_or_end("/proc/self/ns/mnt", O_RDONLY);
	own_dir = open_or_end(".", O_PATH);
	signal(SIGALRM, out_of_time);
}

void contest_enter(const struct contestant *one)
{
	if (one->view >= 0 && setns(one->view, CLONE_NEWNS) < 0)
		err(1, "%s: its mount namespace", one->name);
}

void contest_leave(const struct contestant *one)
{
	/* entering a mount namespace leaves one in its root */
	if (one->view >= 0 && (setns(own_view, CLONE_NEWNS) < 0 || fchdir(own_dir) < 0))
		err(1, "%s: back from its mount namespace", one->name);
}

static void add_open(posix_spawn_file_actions_t *actions, int fd, const char *path)
{
	int flags = fd == FILE_FD ? O_RDONLY : O_RDWR;

	if (posix_spawn_file_actions_addopen(actions, fd, path, flags, 0))
		errx(1, "memory");
}

static void add_copy(posix_spawn_file_actions_t *actions, int fd, int of)
{
	if (posix_spawn_file_actions_adddup2(actions, of, fd))
		errx(1, "memory");
}

static void add_files(posix_spawn_file_actions_t *actions, const struct contestant *one, int stdio)
{
	for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++) {
		if (stdio < 0)
			add_open(actions, fd, "/dev/null");
		else
			add_copy(actions, fd, stdio);
	}
	if (one->file)
		add_open(actions, FILE_FD, one->file);
}

pid_t contest_spawn(const struct contestant *one, int stdio)
{
	posix_spawn_file_actions_t actions;
	int failed;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	add_files(&actions, one, stdio);
	alarm(deadline_seconds);
	failed = posix_spawn(&pid, one->argv[0], &actions, NULL, one->argv, environ);
	if (failed)
		errx(1, "%s: %s: %s", one->name, one->argv[0], strerror(failed));
	running = pid;
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

void contest_reap(const struct contestant *one, pid_t pid, struct rusage *ret_usage)
{
	int status, code;

	if (wait4(pid, &status, 0, ret_usage) != pid)
		err(1, "%s: wait", one->name);
	running = 0;
	alarm(0);
	if (WIFSIGNALED(status))
		errx(1, "%s: died of signal %d", one->name, WTERMSIG(status));
	code = WEXITSTATUS(status);
	if (code != one->status)
		errx(1, "%s: exit status %d instead of %d", one->name, code, one->status);
}

void contest_note(struct contestant *one, double sample)
{
	one->samples[one->count++] = sample;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *) left, b = *(const double *) right;

	return (a > b) - (a < b);
}

static double percentile(const struct contestant *one, size_t percent)
{
	return one->samples[(one->count - 1) * percent / 100];
}

void contest_print(struct contest *contest)
{
	static const size_t percents[] = { 0, 10, 50, 90, 100 };

	for (size_t i = 0; i < contest->count; i++) {
		struct contestant *one = &contest->all[i];

		qsort(one->samples, one->count, sizeof(*one->samples), compare);
		printf("%s\t%zu", one->name, one->count);
		for (size_t p = 0; p < sizeof(percents) / sizeof(percents[0]); p++)
			printf("\t%.1f", percentile(one, percents[p]));
		putchar('\n');
	}
}

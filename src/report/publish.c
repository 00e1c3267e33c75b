/* SPDX-License-Identifier: Apache-2.0 */
#include "report/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"

#define NAME_TRIES 8
#define STACK_BYTES 16384

struct publication {
	int fd; /* of the nameless file */
	int dir;
	const char *name;
	char path[sizeof("/proc/self/fd/") + 16], second_name[PUBLISH_SECOND_NAME];
};

static struct publication publication_of(int fd, int dir, const char *name)
{
	struct publication file = { .fd = fd, .dir = dir, .name = name };

	snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", fd);
	return file;
}

int publish_choose_name(char name[PUBLISH_SECOND_NAME])
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random))
		return -1;
	snprintf(name, PUBLISH_SECOND_NAME, ".memcage-%016" PRIx64, random);
	return 0;
}

/* The way through /proc is the longer one, but anybody's. */
static int give_name(const struct publication *file, const char *name)
{
	if (linkat(file->fd, "", file->dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT) /* until 6.10 that is for CAP_DAC_READ_SEARCH */
		return -1;
	return linkat(AT_FDCWD, file->path, file->dir, name, AT_SYMLINK_FOLLOW);
}

static int link_and_rename(void *data)
{
	const struct publication *file = data;
	int saved;

	if (give_name(file, file->second_name) < 0)
		return errno;
	if (renameat(file->dir, file->second_name, file->dir, file->name) == 0)
		return 0;
	saved = errno;
	unlinkat(file->dir, file->second_name, 0);
	return saved;
}

/* What such a process has come to: 0 or an errno. */
static int await_process(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int replace_by_rename(struct publication *file)
{
	char stack[STACK_BYTES] __attribute__((aligned(16)));
	pid_t pid = clone(link_and_rename, stack + sizeof(stack), CLONE_VM | CLONE_VFORK, file);

	/* No process to be had: then without that protection. */
	errno = pid < 0 ? link_and_rename(file) : await_process(pid);
	return errno == 0 ? 0 : -1;
}

int publish_new(int fd, int dir, const char *name)
{
	const struct publication file = publication_of(fd, dir, name);

	return give_name(&file, name);
}

int publish_over(int fd, int dir, const char *name)
{
	struct publication file = publication_of(fd, dir, name);

	errno = EEXIST;
	for (int tries = 0; tries < NAME_TRIES && errno == EEXIST; tries++)
		if (publish_choose_name(file.second_name) == 0 && replace_by_rename(&file) == 0)
			return 0;
	return -1;
}

/* ---- while we go on ---- */

struct publisher {
	struct publication file;
	pid_t pid, parent;
	int word; /* an eventfd; -1: it was given from the start */
	bool called_off;
	char stack[STACK_BYTES] __attribute__((aligned(16)));
};

struct publisher *publisher_new(int fd, int dir, const char *name)
{
	struct publisher *publisher = fd >= 0 ? calloc(1, sizeof(*publisher)) : NULL;

	if (!publisher) {
		own_close(&fd);
		return NULL;
	}
	publisher->word = publisher->pid = -1;
	publisher->file = publication_of(fd, dir, name);
	if (publish_choose_name(publisher->file.second_name) == 0)
		return publisher;
	publisher_end(publisher);
	return NULL;
}

int publisher_fd(const struct publisher *publisher)
{
	return publisher->file.fd;
}

/*
 * False: there is nothing to be done any more.  None of these calls fails, so that errno is not
 * written: the signals are blocked that could interrupt read(2).
 */
static bool await_word(const struct publisher *publisher)
{
	uint64_t word;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != publisher->parent)
		return false;
	if (read(publisher->word, &word, sizeof(word)) != (ssize_t) sizeof(word))
		return false;
	return !publisher->called_off && prctl(PR_SET_PDEATHSIG, 0) == 0;
}

static int publish_at_word(void *data)
{
	struct publisher *publisher = data;

	if (publisher->word >= 0 && !await_word(publisher))
		return ECANCELED;
	return link_and_rename(&publisher->file);
}

/* Signals must not find our handlers in it. */
static void start(struct publisher *publisher)
{
	char *end = publisher->stack + sizeof(publisher->stack);
	sigset_t all, mask;

	publisher->parent = getpid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	publisher->pid = clone(publish_at_word, end,
			       CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND, publisher);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

bool publisher_stand_by(struct publisher *publisher)
{
	publisher->word = eventfd(0, EFD_CLOEXEC);
	if (publisher->word >= 0)
		start(publisher);
	return publisher->pid >= 0;
}

static void give_word(const struct publisher *publisher)
{
	const uint64_t word = 1;

	(void) !write(publisher->word, &word, sizeof(word));
}

void publisher_publish(struct publisher *publisher)
{
	if (publisher->pid >= 0)
		give_word(publisher);
	else
		start(publisher);
}

int publisher_end(struct publisher *publisher)
{
	int result = publisher->pid >= 0 ? await_process(publisher->pid) : ECANCELED;

	own_close(&publisher->file.fd);
	own_close(&publisher->word);
	free(publisher);
	return result;
}

void publisher_call_off(struct publisher *publisher)
{
	publisher->called_off = true;
	if (publisher->pid >= 0)
		give_word(publisher);
	publisher_end(publisher);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "nested_watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "cgroup.h"

int nested_watch_register(int dir, int event)
{
	auto_fd int control = openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	char text[32];

	if (event < 0 || control < 0)
		return -1;
	snprintf(text, sizeof(text), "%d %d", event, control);
	return file_write_at(dir, "cgroup.event_control", text);
}

static void watch_directory(struct nested_watch *watch, int dir)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	inotify_add_watch(watch->inotify, path, IN_CREATE | IN_ONLYDIR);
}

static bool is_known(const struct nested_watch *watch, ino_t inode)
{
	for (size_t i = 0; i < watch->count; i++)
		if (watch->known[i] == inode)
			return true;
	return false;
}

static void take_in(int dir, void *data)
{
	struct nested_watch *watch = data;
	struct stat st;

	if (fstat(dir, &st) < 0 || is_known(watch, st.st_ino) || watch->count == NESTED_MOST)
		return;
	watch_directory(watch, dir);
	if (nested_watch_register(dir, watch->event) == 0)
		watch->known[watch->count++] = st.st_ino;
}

void nested_watch_open(struct nested_watch *watch, int leaf)
{
	watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch->inotify >= 0)
		watch_directory(watch, leaf);
}

static void take_in_below(struct nested_watch *watch, int leaf)
{
	struct stat st;

	/* The leaf itself is no cgroup that the job has made. */
	if (fstat(leaf, &st) < 0)
		return;
	if (watch->count == 0)
		watch->known[watch->count++] = st.st_ino;
	cgroup_walk(leaf, take_in, watch);
}

void nested_watch_update(struct nested_watch *watch, int leaf)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(watch->inotify, events, sizeof(events)) > 0)
		;
	take_in_below(watch, leaf);
}

struct census {
	const struct nested_watch *watch;
	size_t living;
};

static void count_known(int dir, void *data)
{
	struct census *census = data;
	struct stat st;

	if (fstat(dir, &st) == 0 && is_known(census->watch, st.st_ino))
		census->living++;
}

uint64_t nested_watch_ooms(struct nested_watch *watch, int leaf)
{
	struct census census = { .watch = watch };
	uint64_t notified = 0, removed;

	if (watch->count == 0 || read(watch->event, &notified, sizeof(notified)) != sizeof(notified))
		return 0;
	cgroup_walk(leaf, count_known, &census);
	removed = watch->count - census.living;
	return notified > removed ? notified - removed : 0;
}

void nested_watch_release(struct nested_watch *watch)
{
	own_close(&watch->inotify);
	own_close(&watch->event);
}

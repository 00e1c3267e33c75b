/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/nested_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "cgroup/cgroup.h"

#define LATE_MSEC 30 /* seen on 6.18: up to 15 ms after the removal */

int nested_watch_register(int dir, int event)
{
	auto_fd int control = openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	char text[32];

	if (event < 0 || control < 0)
		return -1;
	snprintf(text, sizeof(text), "%d %d", event, control);
	return file_write_at(dir, "cgroup.event_control", text);
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
	if (nested_watch_register(dir, watch->event) == 0)
		watch->known[watch->count++] = st.st_ino;
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

static size_t count_removed(const struct nested_watch *watch, int leaf)
{
	struct census census = { .watch = watch };

	cgroup_walk(leaf, count_known, &census);
	return watch->count - census.living;
}

/*
 * While all cgroups are there it is an OOM; afterwards it may be one, or the removal's, which
 * comes late.
 */
static void take_notifications(struct nested_watch *watch, int leaf)
{
	uint64_t notified;

	if (read(watch->event, &notified, sizeof(notified)) != sizeof(notified))
		return;
	if (count_removed(watch, leaf) == 0)
		watch->ooms += notified;
	else
		watch->undecided += notified;
}

/* The leaf itself is no cgroup that the job has made. */
static void leave_leaf_out(struct nested_watch *watch, int leaf)
{
	struct stat st;

	if (watch->count == 0 && fstat(leaf, &st) == 0)
		watch->known[watch->count++] = st.st_ino;
}

bool nested_watch_update(struct nested_watch *watch, int leaf)
{
	bool first = watch->event < 0;

	if (first && cgroup_is_childless(leaf))
		return false;
	if (first)
		watch->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	take_notifications(watch, leaf);
	leave_leaf_out(watch, leaf);
	cgroup_walk(leaf, take_in, watch);
	return first && watch->event >= 0;
}

/* Each removal notifies once, from a work queue: one more than that is an OOM. */
uint64_t nested_watch_ooms(struct nested_watch *watch, int leaf)
{
	struct pollfd late = { .fd = watch->event, .events = POLLIN };
	size_t removed;

	if (watch->count == 0)
		return 0;
	take_notifications(watch, leaf);
	removed = count_removed(watch, leaf);
	while (watch->ooms == 0 && watch->undecided > 0 && watch->undecided <= removed &&
	       poll(&late, 1, LATE_MSEC) > 0)
		take_notifications(watch, leaf);
	return watch->ooms + (watch->undecided > removed ? watch->undecided - removed : 0);
}

bool nested_watch_lost(const struct nested_watch *watch, int leaf)
{
	return (watch->count > 0 && count_removed(watch, leaf) > 0) ||
	       (watch->told && cgroup_is_childless(leaf));
}

void nested_watch_release(struct nested_watch *watch)
{
	own_close(&watch->event);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/cgroup_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "host/delegate.h"

/* A directory has two links, and one more for each below it (fs/kernfs/inode.c). */
static bool has_at_most(int dir, nlink_t children)
{
	struct stat st;

	return fstat(dir, &st) == 0 && st.st_nlink >= 2 && st.st_nlink <= 2 + children;
}

bool cgroup_is_childless(int dir)
{
	return has_at_most(dir, 0);
}

static DIR *list(int dir)
{
	auto_fd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);

	if (entries)
		take_fd(&fd);
	return entries;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/*
 * The next directory in it whose name begins with prefix, or NULL; cgroupfs knows the types of
 * its entries.
 */
static const char *next_directory(DIR *entries, const char *prefix)
{
	for (struct dirent *entry; (entry = readdir(entries));)
		if (entry->d_type == DT_DIR && !is_dots(entry->d_name) &&
		    strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			return entry->d_name;
	return NULL;
}

static int open_directory(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* How far the listing of each level on the way down has been read. */
struct trail {
	off_t *offsets;
	size_t depth, room;
};

static bool go_down(struct trail *trail)
{
	off_t *larger;

	if (++trail->depth < trail->room) {
		trail->offsets[trail->depth] = 0;
		return true;
	}
	larger = reallocarray(trail->offsets, trail->room + 64, sizeof(*larger));
	if (!larger)
		return false;
	trail->offsets = larger;
	trail->room += 64;
	trail->offsets[trail->depth] = 0;
	return true;
}

/*
 * The next child on this level, opened; -1: there is none.  A little of the listing at a time: what
 * is behind the child is read again when we come back, and a job may make thousands.
 */
static int next_child(int dir, off_t *offset)
{
	union {
		struct dirent64 entry;
		char bytes[1024];
	} some;
	ssize_t length;
	int child;

	if (cgroup_is_childless(dir) || lseek(dir, *offset, SEEK_SET) < 0)
		return -1;
	while ((length = getdents64(dir, &some, sizeof(some))) > 0)
		for (ssize_t at = 0; at < length;) {
			const struct dirent64 *entry = (const void *) (some.bytes + at);

			at += entry->d_reclen;
			*offset = entry->d_off;
			if (entry->d_type != DT_DIR || is_dots(entry->d_name))
				continue;
			child = open_directory(dir, entry->d_name);
			if (child >= 0)
				return child;
		}
	return -1;
}

/*
 * A job may nest cgroups deeper than we have descriptors or stack: one directory at a time is
 * held, and left by "..".
 */
void cgroup_walk(int top, cgroup_visit_fn *visit, void *data)
{
	struct trail trail = { .depth = (size_t) -1 };
	auto_fd int dir = cgroup_is_childless(top)
				  ? -1
				  : openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool more = dir >= 0 && go_down(&trail);

	while (more) {
		int next = next_child(dir, &trail.offsets[trail.depth]);

		if (next >= 0) {
			more = go_down(&trail);
		} else if (trail.depth > 0) {
			visit(dir, data);
			next = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			trail.depth--;
		}
		close(dir);
		dir = next;
		more = more && dir >= 0;
	}
	free(trail.offsets);
	visit(top, data);
}

/*
 * Removes the children that can be; the first that cannot is opened: *ret_child, -1 where none is
 * left.
 */
static int remove_children(int dir, int *ret_child)
{
	auto_closedir DIR *entries = NULL;

	*ret_child = -1;
	if (cgroup_is_childless(dir))
		return 0;
	entries = list(dir);
	if (!entries)
		return errno == ENOENT || errno == ENODEV ? 0 : -1;
	for (const char *name; (name = next_directory(entries, ""));) {
		if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		if (errno != EBUSY && errno != ENOTEMPTY)
			return -1;
		*ret_child = open_directory(dir, name);
		return *ret_child < 0 && errno != ENOENT ? -1 : 0;
	}
	return 0;
}

static ino_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/*
 * A job may nest cgroups deeper than we have descriptors or stack, so we hold one directory at a
 * time and climb by "..".  One that we have emptied and that still cannot be removed holds
 * processes.
 */
int cgroup_remove_below(int top)
{
	auto_fd int dir = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ino_t emptied = 0;
	size_t depth = 0;

	while (dir >= 0) {
		int next;

		if (remove_children(dir, &next) < 0)
			return -1;
		if (next < 0 && depth == 0)
			return 0;
		if (next >= 0 && inode_of(next) == emptied) {
			close(next);
			errno = EBUSY;
			return -1;
		}
		if (next < 0) {
			emptied = inode_of(dir);
			next = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			depth--;
		} else {
			depth++;
		}
		close(dir);
		dir = next;
	}
	return -1;
}

bool cgroup_has_cages(int dir)
{
	auto_closedir DIR *entries = list(dir);

	return entries && next_directory(entries, CGROUP_PREFIX) != NULL;
}

static bool remove_cage(int base, const char *name)
{
	auto_fd int dir = open_directory(base, name);

	return dir >= 0 && cgroup_remove_below(dir) == 0 && unlinkat(base, name, AT_REMOVEDIR) == 0;
}

/*
 * Nobody holds its lock: its memcage and its init are dead, and with them every process of the
 * cage.
 */
static bool take_abandoned(int memory, const char *name, int *ret_lock)
{
	*ret_lock = open_directory(memory, name);
	return *ret_lock >= 0 && flock(*ret_lock, LOCK_EX | LOCK_NB) == 0;
}

static void remove_from(const struct hierarchy *hierarchy, const char *name,
			cgroup_removed_fn *said, void *data)
{
	if (remove_cage(hierarchy->dir, name) && said)
		said(hierarchy, name, data);
}

/* In all hierarchies, also those that this run has no need of. */
void cgroup_remove_abandoned(const char *name, cgroup_removed_fn *said, void *data)
{
	struct memcage_error ignored;
	struct host host = HOST_NONE;
	const struct hierarchy *memory;

	if (host_probe(&host, BACKEND_AUTO, ~0U, &ignored) == 0) {
		delegate_find_place(&host);
		memory = host_hierarchy(&host, CONTROLLER_MEMORY);
		for (size_t i = 0; i < host.count; i++)
			if (&host.hierarchies[i] != memory)
				remove_from(&host.hierarchies[i], name, said, data);
		remove_from(memory, name, said, data);
	}
	host_release(&host);
}

/*
 * A cage's directory in the memory hierarchy is made first and removed last, so that all that is
 * left has its name there.  A name that is only elsewhere may be of a memcage whose memory cgroup
 * is another than ours.
 */
int cgroup_find_abandoned(const struct host *host, cgroup_abandoned_fn *found, void *data)
{
	int memory = host_hierarchy(host, CONTROLLER_MEMORY)->dir;
	auto_closedir DIR *entries = cgroup_is_childless(memory) ? NULL : list(memory);

	if (!entries)
		return 0;
	if (flock(memory, LOCK_EX | LOCK_NB) < 0)
		return -1;
	for (const char *name; (name = next_directory(entries, CGROUP_PREFIX));) {
		auto_fd int lock = -1;

		if (take_abandoned(memory, name, &lock))
			found(name, lock, data);
	}
	flock(memory, LOCK_UN);
	return 0;
}

static void sweep_one(const char *name, int lock, void *data)
{
	(void) lock;
	(void) data;
	cgroup_remove_abandoned(name, NULL, NULL);
}

/*
 * For a run, whose own cage is there.  Somebody may be making another just now: the next run will
 * sweep then.
 */
void cgroup_sweep(const struct host *host)
{
	if (!has_at_most(host_hierarchy(host, CONTROLLER_MEMORY)->dir, 1))
		cgroup_find_abandoned(host, sweep_one, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * covers_lay - in init: mounts what covers_plan.c has found.  What is shown is copied first, while
 * the host's tree is still in sight, and attached last.  Paths have been followed once and for all;
 * here they are opened as they are, and checked to be what they were, so that nobody who may write
 * to a directory on the way can turn a bind to another place.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/exact.h"
#include "base/mount_tree.h"
#include "base/own.h"
#include "cage/mounts.h"

static int copy_source(const struct cover *cover)
{
	auto_fd int fd = exact_open(cover->source);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (st.st_dev != cover->device || st.st_ino != cover->inode) {
		errno = ESTALE;
		return -1;
	}
	return mount_tree_copy(fd);
}

int covers_copy(const struct covers *covers, int trees[COVERS_MOST], char *about, size_t size)
{
	for (size_t i = 0; i < covers->count; i++) {
		const struct cover *cover = &covers->list[i];

		trees[i] = -1;
		if (cover->kind != COVER_SHOWN)
			continue;
		trees[i] = copy_source(cover);
		snprintf(about, size, "cannot show %s", cover->source);
		if (trees[i] < 0)
			return -1;
	}
	return 0;
}

/* The last name of a path that is to be made: the place of a bind. */
static int make_last(int dir, const char *name, bool directory)
{
	auto_fd int fd = -1;

	if (directory)
		return exact_make_directory(dir, name, 0755);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno != EEXIST)
		return -1;
	return openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

/* Makes what is not there, below a directory of ours. */
static int make_place(const struct cover *holder, const struct cover *cover)
{
	auto_fd int dir = exact_open(holder->place);
	char parts[PATH_MAX];
	char *name = parts, *slash;

	snprintf(parts, sizeof(parts), "%s", cover->place + strlen(holder->place) + 1);
	for (; dir >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
		int next;

		*slash = '\0';
		next = exact_make_directory(dir, name, 0755);
		own_close(&dir);
		dir = next;
	}
	return dir < 0 ? -1 : make_last(dir, name, cover->directory);
}

static int open_place(const struct covers *covers, size_t index)
{
	const struct cover *cover = &covers->list[index];
	const struct cover *holder = covers_find(covers, index, cover->place);

	if (!holder || holder->kind == COVER_SHOWN || strcmp(holder->place, cover->place) == 0)
		return exact_open(cover->place);
	return make_place(holder, cover);
}

static int show(const struct covers *covers, size_t index, int tree)
{
	const struct cover *cover = &covers->list[index];
	auto_fd int place = open_place(covers, index);

	if (place < 0 || mount_tree_attach(tree, place) < 0)
		return -1;
	return cover->read_only ? mount_tree_read_only(tree, cover->place) : 0;
}

/* Is a place to be made in what hide() lays there? */
static bool holds_places(const struct covers *covers, size_t index)
{
	for (size_t i = index + 1; i < covers->count; i++)
		if (path_is_below(covers->list[i].place, covers->list[index].place))
			return true;
	return false;
}

static int hide(const struct covers *covers, size_t index, struct empty *empty, int *ret_tree)
{
	const struct cover *cover = &covers->list[index];
	auto_fd int place = exact_open(cover->place), tree = -1;
	struct stat st;

	*ret_tree = -1;
	if (place < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	if (fstat(place, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode) || !holds_places(covers, index))
		return empty_lay(empty, place, S_ISDIR(st.st_mode));
	tree = empty_directory_new(0);
	if (tree < 0 || mount_tree_attach(tree, place) < 0)
		return -1;
	*ret_tree = take_fd(&tree);
	return 0;
}

/* Until here places of binds were made in them. */
static int close_hidden(const struct covers *covers, int trees[COVERS_MOST], char *about,
			size_t size)
{
	for (size_t i = 0; i < covers->count; i++) {
		if (trees[i] < 0 || covers->list[i].kind != COVER_HIDDEN)
			continue;
		snprintf(about, size, "cannot hide %s", covers->list[i].place);
		if (mount_one_read_only(trees[i]) < 0)
			return -1;
	}
	return 0;
}

int covers_lay(const struct covers *covers, int trees[COVERS_MOST], struct empty *empty,
	       char *about, size_t size)
{
	for (size_t i = 0; i < covers->count; i++) {
		const struct cover *cover = &covers->list[i];

		if (cover->kind == COVER_PRIVATE)
			continue;
		snprintf(about, size, "cannot %s %s", cover->kind == COVER_SHOWN ? "show" : "hide",
			 cover->place);
		if (cover->kind == COVER_SHOWN ? show(covers, i, trees[i]) < 0
					       : hide(covers, i, empty, &trees[i]) < 0)
			return -1;
	}
	if (close_hidden(covers, trees, about, size) < 0)
		return -1;
	for (size_t i = 0; i < covers->count; i++)
		own_close(&trees[i]);
	return 0;
}

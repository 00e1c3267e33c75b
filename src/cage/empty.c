/* SPDX-License-Identifier: Apache-2.0 */
/*
 * empty - what lies over what a job does not see.  Making a file system costs more than all else
 * about that, so that one is made, and copied for the other places.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/exact.h"
#include "base/mount_tree.h"
#include "base/own.h"
#include "cage/mounts.h"

#define EMPTY_ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int empty_directory_new(unsigned int more_attributes)
{
	/* Room for the places of binds, and for nothing else. */
	static const char *const options[] = {
		"mode", "0755", "size", "4m", "nr_inodes", "4k", NULL
	};

	return mount_tree_new("tmpfs", EMPTY_ATTRIBUTES | more_attributes, options);
}

/* What is copied must be attached: before 6.15 the kernel copies nothing else. */
static int lay_directory(struct empty *empty, int place)
{
	auto_fd int copy = -1;

	if (empty->directory < 0) {
		empty->directory = empty_directory_new(MOUNT_ATTR_RDONLY);
		return empty->directory < 0 ? -1 : mount_tree_attach(empty->directory, place);
	}
	copy = mount_tree_copy(empty->directory);
	return copy < 0 ? -1 : mount_tree_attach(copy, place);
}

/* As an empty file, /dev/null itself: anything else of that name would not be empty. */
static int open_null(void)
{
	auto_fd int fd = exact_open("/dev/null");
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
		errno = ENODEV;
		return -1;
	}
	return take_fd(&fd);
}

static int lay_file(struct empty *empty, int place)
{
	auto_fd int copy = -1;

	if (empty->file < 0)
		empty->file = open_null();
	if (empty->file < 0)
		return -1;
	copy = mount_tree_copy(empty->file);
	return copy < 0 ? -1 : mount_tree_attach(copy, place);
}

int empty_lay(struct empty *empty, int place, bool directory)
{
	return directory ? lay_directory(empty, place) : lay_file(empty, place);
}

void empty_release(struct empty *empty)
{
	own_close(&empty->directory);
	own_close(&empty->file);
}

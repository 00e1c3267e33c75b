/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mount_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/exact.h"
#include "base/own.h"

/*
 * glibc before 2.36 has no wrappers for these, and its <sys/mount.h> does not go with the kernel's
 * header; hence mount(2) too.
 */
static int set_attributes(int tree, unsigned int flags, uint64_t set, uint64_t clear)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear };

	return (int) syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | flags, &attr,
			     sizeof(attr));
}

int mount_tree_copy(int fd)
{
	return (int) syscall(SYS_open_tree, fd, "",
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
}

int mount_tree_new(const char *type, unsigned int attributes, const char *const options[])
{
	auto_fd int fs = (int) syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);

	if (fs < 0)
		return -1;
	for (size_t i = 0; options[i]; i += 2)
		if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, options[i], options[i + 1], 0) <
		    0)
			return -1;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return (int) syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
}

int mount_tree_attach(int tree, int place)
{
	return (int) syscall(SYS_move_mount, tree, "", place, "",
			     MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* ---- before mount_setattr(2), or where a container's filter denies it ---- */

static const struct {
	const char *name;
	unsigned long flag;
} flags[] = {
	{ "nosuid", MS_NOSUID },   { "nodev", MS_NODEV },	    { "noexec", MS_NOEXEC },
	{ "noatime", MS_NOATIME }, { "nodiratime", MS_NODIRATIME }, { "relatime", MS_RELATIME },
};

/* A remount sets all flags anew, and may not take away what a user namespace has locked. */
static unsigned long parse_flags(char *options)
{
	unsigned long found = 0;

	for (char *option; (option = strsep(&options, ","));)
		for (size_t i = 0; i < ARRAY_LEN(flags); i++)
			if (strcmp(option, flags[i].name) == 0)
				found |= flags[i].flag;
	return found;
}

/* "\040" and its like, as mountinfo writes blanks, newlines and backslashes. */
static void decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (*from == '\\' && strspn(from + 1, "01234567") >= 3) {
			*to = (char) ((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static int remount_read_only(int fd, unsigned long kept)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return (int) syscall(SYS_mount, NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | kept,
			     NULL);
}

static bool is_below(const char *path, const char *place)
{
	size_t length = strcmp(place, "/") == 0 ? 0 : strlen(place);

	return strncmp(path, place, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* "36 35 98:0 /root /mount/point rw,nosuid shared:1 - ext4 /dev/x rw" */
static int remount_line(char *line, const char *place)
{
	char *path = line;
	auto_fd int fd = -1;

	for (int field = 0; field < 4 && path; field++)
		path = strchr(path, ' ') ? strchr(path, ' ') + 1 : NULL;
	if (!path)
		return 0;
	line = path;
	path = strsep(&line, " ");
	decode(path);
	if (!line || !is_below(path, place))
		return 0;
	fd = exact_open(path);
	if (fd < 0) /* another mount covers it */
		return 0;
	return remount_read_only(fd, parse_flags(strsep(&line, " ")));
}

static int remount_all(const char *place)
{
	auto_fd int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	char buffer[16384];
	size_t used = 0;
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, buffer + used, sizeof(buffer) - 1 - used)) > 0) {
		char *line = buffer, *end;

		used += (size_t) n;
		buffer[used] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			if (remount_line(line, place) < 0)
				return -1;
		}
		used -= (size_t) (line - buffer);
		memmove(buffer, line, used);
	}
	return n < 0 ? -1 : 0;
}

int mount_tree_read_only(int tree, const char *place)
{
	if (set_attributes(tree, AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0) == 0)
		return 0;
	return errno == ENOSYS || errno == EPERM ? remount_all(place) : -1;
}

int mount_one_read_only(int tree)
{
	if (set_attributes(tree, 0, MOUNT_ATTR_RDONLY, 0) == 0)
		return 0;
	return errno == ENOSYS || errno == EPERM ? remount_read_only(tree, 0) : -1;
}

int mount_one_writable(int tree)
{
	return set_attributes(tree, 0, 0, MOUNT_ATTR_RDONLY);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices - /dev of a confined job: a tmpfs with the usual nodes, which are the host's own where
 * none can be made, and terminals of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/exact.h"
#include "base/mount_tree.h"
#include "base/own.h"
#include "cage/mounts.h"

#define DEV_ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

static const struct {
	const char *path;
	unsigned int major, minor; /* Documentation/admin-guide/devices.txt */
} nodes[] = {
	{ "/dev/null", 1, 3 },	 { "/dev/zero", 1, 5 },	   { "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

#define NAME(path) ((path) + sizeof("/dev/") - 1)

static const struct {
	const char *name, *target;
} links[] = {
	{ "fd", "/proc/self/fd" },	 { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "ptmx", "pts/ptmx" },
};

/* While the host's /dev is in sight; -1 without a device that is what its name says. */
static int copy_node(size_t i, int *ret_tree)
{
	auto_fd int fd = exact_open(nodes[i].path);
	struct stat st;

	*ret_tree = -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(nodes[i].major, nodes[i].minor)) {
		errno = ENODEV;
		return -1;
	}
	*ret_tree = mount_tree_copy(fd);
	return *ret_tree < 0 ? -1 : 0;
}

static int put_node(int dev, size_t i, int tree)
{
	auto_fd int made =
		openat(dev, NAME(nodes[i].path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	auto_fd int place = openat(dev, NAME(nodes[i].path), O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return made < 0 || place < 0 ? -1 : mount_tree_attach(tree, place);
}

static int put_nodes(int dev, const int trees[ARRAY_LEN(nodes)], char *about, size_t size)
{
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		snprintf(about, size, "capabilities: none: cannot show %s", nodes[i].path);
		if (put_node(dev, i, trees[i]) < 0)
			return -1;
	}
	return 0;
}

static int put_terminals(int dev)
{
	static const char *const options[] = { "ptmxmode", "0666", "mode", "0620", NULL };
	auto_fd int place = exact_make_directory(dev, "pts", 0755);
	auto_fd int tree = mount_tree_new("devpts", DEV_ATTRIBUTES, options);

	return place < 0 || tree < 0 ? -1 : mount_tree_attach(tree, place);
}

static int put_others(int dev, char *about, size_t size)
{
	snprintf(about, size, "capabilities: none: cannot make /dev/pts");
	if (put_terminals(dev) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		snprintf(about, size, "capabilities: none: cannot make /dev/%s", links[i].name);
		if (symlinkat(links[i].target, dev, links[i].name) < 0)
			return -1;
	}
	return mkdirat(dev, "shm", 01777);
}

static int attach(int dev, char *about, size_t size)
{
	auto_fd int place = exact_open("/dev");

	snprintf(about, size, "capabilities: none: cannot mount /dev");
	return place < 0 ? -1 : mount_tree_attach(dev, place);
}

static int make_node(int dev, size_t i)
{
	return mknodat(dev, NAME(nodes[i].path), S_IFCHR | 0666,
		       makedev(nodes[i].major, nodes[i].minor));
}

/* All or none: who may not make one may see the host's, which costs a mount each. */
static bool make_nodes(int dev)
{
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		if (make_node(dev, i) == 0)
			continue;
		while (i-- > 0)
			unlinkat(dev, NAME(nodes[i].path), 0);
		return false;
	}
	return true;
}

/* They are copied while the host's /dev is in sight. */
static int attach_with_copies(int dev, char *about, size_t size)
{
	int trees[ARRAY_LEN(nodes)], result = 0;

	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		snprintf(about, size, "capabilities: none: cannot show %s", nodes[i].path);
		if (copy_node(i, &trees[i]) < 0)
			return -1;
	}
	if (attach(dev, about, size) < 0 || put_nodes(dev, trees, about, size) < 0)
		result = -1;
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		own_close(&trees[i]);
	return result;
}

int devices_mount(int *ret_dev, char *about, size_t size)
{
	static const char *const options[] = { "mode",	    "0755", "size", "64k",
					       "nr_inodes", "256",  NULL };
	auto_fd int dev = mount_tree_new("tmpfs", DEV_ATTRIBUTES, options);
	int result;

	snprintf(about, size, "capabilities: none: cannot mount /dev");
	if (dev < 0)
		return -1;
	result = make_nodes(dev) ? attach(dev, about, size) : attach_with_copies(dev, about, size);
	if (result < 0 || put_others(dev, about, size) < 0)
		return -1;
	*ret_dev = take_fd(&dev);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mount ATTEMPT PATH - changes what the cage shows. */
#define _GNU_SOURCE
#include "escape.h"

#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

/* What is below shows. */
static long uncover(char **args)
{
	return umount2(args[0], MNT_DETACH);
}

static long write_to(const char *folder)
{
	char path[256];
	long result;
	int saved;

	snprintf(path, sizeof(path), "%s/escaped", folder);
	result = try_open(path, O_WRONLY | O_CREAT);
	saved = errno;
	unlink(path);
	return result < 0 ? stopped(saved) : 0;
}

/* A read-only bind becomes writable, and is written to. */
static long make_writable(char **args)
{
	mount(NULL, args[0], NULL, MS_REMOUNT | MS_BIND, NULL);
	return write_to(args[0]);
}

static long set_attributes(char **args)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };

	syscall(SYS_mount_setattr, AT_FDCWD, args[0], 0, &attr, sizeof(attr));
	return write_to(args[0]);
}

static long cover(char **args)
{
	return mount("none", args[0], "tmpfs", 0, NULL);
}

static long clone_tree(char **args)
{
	return syscall(SYS_open_tree, AT_FDCWD, args[0], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static long open_file_system(char **args)
{
	return syscall(SYS_fsopen, args[0], FSOPEN_CLOEXEC);
}

/* The way out of a chroot(2): another one, with a folder kept open outside of it. */
static long leave_root(char **args)
{
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (chroot("/tmp") < 0 || fchdir(root) < 0)
		return -1;
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return -1;
	return chroot(".") < 0 ? -1 : access(args[0], F_OK);
}

static const struct attempt attempts[] = {
	{ "uncover", uncover },	  { "remount", make_writable }, { "setattr", set_attributes },
	{ "cover", cover },	  { "open_tree", clone_tree },	{ "fsopen", open_file_system },
	{ "chroot", leave_root },
};

int main(int argc, char **argv)
{
	return escape(argc, argv, attempts, ARRAY_LEN(attempts));
}

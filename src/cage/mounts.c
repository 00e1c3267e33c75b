/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - the order in which the file tree of a cage is made.  What is to be shown of the host is
 * copied first, while all of it is in sight; then the tree becomes read-only, if it is to; then
 * comes what is the cage's own, over that; then what is shown and hidden, over all.
 */
#include "cage/mounts.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/mount_tree.h"
#include "base/own.h"
#include "cage/identity.h"

#define PROC_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* Terminals are files of a file system of their own: programs change their modes and owners. */
static void keep_terminals_writable(void)
{
	auto_fd int fd = open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		mount_one_writable(fd); /* not where it is no mount: it is a part of /dev then */
}

static int make_tree_read_only(char *about, size_t size)
{
	auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	snprintf(about, size, "--root ro: cannot make the file tree read-only");
	if (root < 0 || mount_tree_read_only(root, "/") < 0)
		return -1;
	keep_terminals_writable();
	return 0;
}

static int mount_proc(const struct job *job, char *about, size_t size)
{
	if (job->shared.pids)
		return 0;
	snprintf(about, size,
		 "cannot mount /proc; see memcage doctor, line namespaces; a cage that may do "
		 "without: --allow-unsupported=namespace-unavailable");
	return mount("proc", "/proc", "proc", PROC_FLAGS, NULL);
}

static int hide_all(struct cage_plan *plan, int trees[COVERS_MOST], char *about, size_t size)
{
	struct empty empty = EMPTY_NONE;
	int result = 0;

	if (settings_confine(&plan->job->settings))
		result = masks_lay(plan, &empty, about, size);
	if (result == 0)
		result = cgroup_view_clear(plan, about, size);
	if (result == 0)
		result = covers_lay(&plan->job->covers, trees, &empty, about, size);
	empty_release(&empty);
	return result;
}

/* /dev takes what is bound there until the end. */
static int lay_all(struct cage_plan *plan, int trees[COVERS_MOST], int dev, char *about,
		   size_t size)
{
	if (mount_proc(plan->job, about, size) < 0 || hide_all(plan, trees, about, size) < 0)
		return -1;
	snprintf(about, size, "capabilities: none: cannot make /dev read-only");
	return dev >= 0 ? mount_one_read_only(dev) : 0;
}

int mounts_make(struct cage_plan *plan, int *ret_tmp, char *about, size_t size)
{
	const struct job *job = plan->job;
	int trees[COVERS_MOST];
	auto_fd int dev = -1;

	*ret_tmp = -1;
	snprintf(about, size, "cannot make the mounts private");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (covers_copy(&job->covers, trees, about, size) < 0)
		return -1;
	if (job->settings.root_read_only && make_tree_read_only(about, size) < 0)
		return -1;
	if (settings_confine(&job->settings) && devices_mount(&dev, about, size) < 0)
		return -1;
	if (private_tmp_mount(plan, ret_tmp, about, size) < 0)
		return -1;
	return lay_all(plan, trees, dev, about, size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_view - /sys/fs/cgroup as the job sees it: rooted at its own cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mount_tree.h"
#include "base/own.h"
#include "cage/identity.h"
#include "cage/mounts.h"

#define CGROUP_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define CGROUP_MOUNT "/sys/fs/cgroup"

static bool is_v2_only(const struct host *host)
{
	return host->count == 1 && host->hierarchies[0].version == CGROUP_V2;
}

/*
 * Without a cgroup of its own the job sees memcage's, for the limits that runtimes size themselves
 * by, and must not change it.
 */
static int lock_cgroups(void)
{
	auto_fd int place = open(CGROUP_MOUNT, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (place < 0 || mount_tree_read_only(place, CGROUP_MOUNT) == 0)
		return 0;
	return errno == EINVAL ? 0 : -1; /* no mount is there */
}

/*
 * The host's tree goes, or is covered where it cannot be unmounted.  v1's hierarchies need a
 * folder that we may write.
 */
int cgroup_view_clear(const struct host *host, char *about, size_t size)
{
	bool gone;

	snprintf(about, size, "cannot take %s away", CGROUP_MOUNT);
	if (host->observes)
		return lock_cgroups();
	gone = umount2(CGROUP_MOUNT, MNT_DETACH) == 0;
	if (gone && is_v2_only(host))
		return 0;
	return mount("cgroup", CGROUP_MOUNT, "tmpfs", CGROUP_FLAGS,
		     "mode=0755,size=64k,nr_inodes=64");
}

/*
 * Every controller of the hierarchy in one list, as the kernel wants it to find the hierarchy:
 * "cpu,cpuacct".
 */
static void controller_list(const struct hierarchy *hierarchy, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		if (hierarchy->controllers & (1U << c) && used < size)
			used += (size_t) snprintf(buffer + used, size - used, "%s%s",
						  used ? "," : "",
						  controller_name((enum controller) c, CGROUP_V1));
}

static int make_read_only(const char *path)
{
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | CGROUP_FLAGS, NULL);
}

/* That it is not there may not fail the job: all that it gives is cgroups within the cage. */
static int mount_one(const char *type, const char *path, const char *options, bool confined)
{
	if (mount("cgroup", path, type, CGROUP_FLAGS, options) < 0 || !confined)
		return 0;
	return make_read_only(path);
}

static int mount_v1(const struct hierarchy *hierarchy, bool confined)
{
	char list[64], path[128];

	/*
	 * v1's throttles act only where the processes are: within the job's reach, if it saw
	 * them.
	 */
	if (hierarchy->controllers & (1U << CONTROLLER_IO))
		return 0;

	controller_list(hierarchy, list, sizeof(list));
	snprintf(path, sizeof(path), CGROUP_MOUNT "/%s", list);
	if (mkdir(path, 0755) == 0 && mount_one("cgroup", path, list, confined) < 0)
		return -1;
	for (int c = 0; strchr(list, ',') && c < CONTROLLER__COUNT; c++) {
		if (!(hierarchy->controllers & (1U << c)))
			continue;
		snprintf(path, sizeof(path), CGROUP_MOUNT "/%s",
			 controller_name((enum controller) c, CGROUP_V1));
		if (symlink(list, path) < 0)
			break;
	}
	return 0;
}

static int mount_hierarchy(const struct hierarchy *hierarchy, bool confined)
{
	if (hierarchy->version == CGROUP_V1)
		return mount_v1(hierarchy, confined);
	if (mkdir(CGROUP_MOUNT "/unified", 0755) < 0)
		return 0;
	return mount_one("cgroup2", CGROUP_MOUNT "/unified", NULL, confined);
}

static int mount_all(const struct host *host, bool confined)
{
	for (size_t i = 0; i < host->count; i++)
		if (mount_hierarchy(&host->hierarchies[i], confined) < 0)
			return -1;
	return confined ? make_read_only(CGROUP_MOUNT) : 0;
}

int mounts_cgroup(const struct cage_plan *plan)
{
	const struct covers *covers = &plan->job->covers;
	const struct cover *cover = covers_find(covers, covers->count, CGROUP_MOUNT);
	bool confined = settings_confine(&plan->job->settings);

	if (plan->host->observes || (cover && cover->kind == COVER_HIDDEN))
		return 0;
	if (!is_v2_only(plan->host))
		return mount_all(plan->host, confined);
	return mount_one("cgroup2", CGROUP_MOUNT, NULL, confined);
}

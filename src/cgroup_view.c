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
#include "mounts.h"

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
	snprintf(about, size, "cannot take %s away", CGROUP_MOUNT);
	if (host->observes)
		return lock_cgroups();
	umount2(CGROUP_MOUNT, MNT_DETACH);
	if (is_v2_only(host))
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

static void mount_v1(const struct hierarchy *hierarchy)
{
	char list[64], path[128];

	/*
	 * v1's throttles act only where the processes are: within the job's reach, if it saw
	 * them.
	 */
	if (hierarchy->controllers & (1U << CONTROLLER_IO))
		return;

	controller_list(hierarchy, list, sizeof(list));
	snprintf(path, sizeof(path), CGROUP_MOUNT "/%s", list);
	if (mkdir(path, 0755) == 0)
		mount("cgroup", path, "cgroup", CGROUP_FLAGS, list);
	for (int c = 0; strchr(list, ',') && c < CONTROLLER__COUNT; c++) {
		if (!(hierarchy->controllers & (1U << c)))
			continue;
		snprintf(path, sizeof(path), CGROUP_MOUNT "/%s",
			 controller_name((enum controller) c, CGROUP_V1));
		if (symlink(list, path) < 0)
			return;
	}
}

/* Nothing here may fail the job: all that a mount more gives is cgroups within the cage. */
void mounts_cgroup(const struct cage_plan *plan)
{
	const struct covers *covers = &plan->job->covers;
	const struct cover *cover = covers_find(covers, covers->count, CGROUP_MOUNT);
	const struct host *host = plan->host;

	if (host->observes || (cover && cover->kind == COVER_HIDDEN))
		return;
	if (is_v2_only(host))
		mount("cgroup2", CGROUP_MOUNT, "cgroup2", CGROUP_FLAGS, NULL);
	for (size_t i = 0; !is_v2_only(host) && i < host->count; i++) {
		if (host->hierarchies[i].version == CGROUP_V1)
			mount_v1(&host->hierarchies[i]);
		else if (mkdir(CGROUP_MOUNT "/unified", 0755) == 0)
			mount("cgroup2", CGROUP_MOUNT "/unified", "cgroup2", CGROUP_FLAGS, NULL);
	}
}

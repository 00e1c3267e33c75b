/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_view - /sys/fs/cgroup as the job sees it: rooted at its own cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mount_tree.h"
#include "base/own.h"
#include "base/parse.h"
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

/* v1's throttles act only where the processes are: within the job's reach, if it saw them. */
static bool is_shown(const struct hierarchy *hierarchy)
{
	return hierarchy->version == CGROUP_V2 || !(hierarchy->controllers & (1U << CONTROLLER_IO));
}

/* Where it is mounted: "cpu,cpuacct", to which "cpu" and "cpuacct" lead, or "unified". */
static void folder(const struct hierarchy *hierarchy, char *buffer, size_t size)
{
	char list[64] = "unified";

	if (hierarchy->version == CGROUP_V1)
		controller_list(hierarchy, list, sizeof(list));
	snprintf(buffer, size, CGROUP_MOUNT "/%s", list);
}

static void make_folder(const struct hierarchy *hierarchy)
{
	char path[128];
	const char *list;

	folder(hierarchy, path, sizeof(path));
	if (mkdir(path, 0755) < 0 || !strchr(path, ','))
		return;
	list = strrchr(path, '/') + 1;
	for (int c = 0; c < CONTROLLER__COUNT; c++) {
		char link[128];

		if (!(hierarchy->controllers & (1U << c)))
			continue;
		snprintf(link, sizeof(link), CGROUP_MOUNT "/%s",
			 controller_name((enum controller) c, CGROUP_V1));
		if (symlink(list, link) < 0)
			break;
	}
}

/*
 * The host's tree goes, or is covered where it cannot be unmounted.  v1's hierarchies need folders,
 * and that one is missing may not fail the job: all that it gives is cgroups within the cage.
 */
static int clear(const struct host *host)
{
	bool gone = umount2(CGROUP_MOUNT, MNT_DETACH) == 0;

	if (gone && is_v2_only(host))
		return 0;
	if (mount("cgroup", CGROUP_MOUNT, "tmpfs", CGROUP_FLAGS,
		  "mode=0755,size=64k,nr_inodes=64") < 0)
		return -1;
	for (size_t i = 0; i < host->count && !is_v2_only(host); i++)
		if (is_shown(&host->hierarchies[i]))
			make_folder(&host->hierarchies[i]);
	return 0;
}

int cgroup_view_clear(const struct cage_plan *plan, char *about, size_t size)
{
	snprintf(about, size, "cannot take %s away", CGROUP_MOUNT);
	if (plan->host->observes)
		return lock_cgroups();
	return plan->cgroups_cleared ? 0 : clear(plan->host);
}

/* What is bound from there, or holds it, is copied first. */
static bool shows_cgroups(const struct covers *covers)
{
	for (size_t i = 0; i < covers->count; i++)
		if (covers->list[i].kind == COVER_SHOWN &&
		    (path_is_below(covers->list[i].source, CGROUP_MOUNT) ||
		     path_is_below(CGROUP_MOUNT, covers->list[i].source)))
			return true;
	return false;
}

/*
 * What is mounted on the host later is still to be seen, so far as it is shared (MS_SLAVE).  The
 * folders are one file system for all cages: only root with all capabilities can leave anything
 * there for another.  Where it goes wrong half-way each init clears what is there once more.
 */
bool cgroup_view_clear_for_all(const struct host *host, const struct job *model)
{
	if (host->observes || model->shared.mounts || shows_cgroups(&model->covers))
		return false;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    clear(host) < 0)
		return false;
	return is_v2_only(host) ||
	       mount(NULL, CGROUP_MOUNT, NULL, MS_REMOUNT | MS_RDONLY | CGROUP_FLAGS, NULL) == 0;
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

static int mount_hierarchy(const struct hierarchy *hierarchy, bool confined)
{
	char list[64], path[128];

	folder(hierarchy, path, sizeof(path));
	if (hierarchy->version == CGROUP_V2)
		return mount_one("cgroup2", path, NULL, confined);
	controller_list(hierarchy, list, sizeof(list));
	return mount_one("cgroup", path, list, confined);
}

static int mount_all(const struct host *host, bool confined)
{
	for (size_t i = 0; i < host->count; i++)
		if (is_shown(&host->hierarchies[i]) &&
		    mount_hierarchy(&host->hierarchies[i], confined) < 0)
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private places are three directories of one tmpfs, so that one size holds for them
 * together.  What is to be shown there (the working directory, binds) is cloned first, while the
 * host's tree is still in sight, and moved to its place last.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/own.h"
#include "cage.h"

#define PRIVATE_FLAGS (MS_NOSUID | MS_NODEV)
#define PROC_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define CGROUP_MOUNT "/sys/fs/cgroup"

/* Directories of the tmpfs that appear at the private places. */
static const char *const place_names[PRIVATE__COUNT] = {
	[PRIVATE_TMP] = "tmp",
	[PRIVATE_VAR_TMP] = "var-tmp",
	[PRIVATE_DEV_SHM] = "shm",
};

struct shown {
	int tree; /* a detached clone of the mount tree */
	bool directory;
	bool read_only;
	const char *target;
};

/* glibc before 2.36 has no wrappers for these. */
static int sys_open_tree(const char *path)
{
	return (int) syscall(SYS_open_tree, AT_FDCWD, path,
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static int sys_move_mount(int tree, const char *target)
{
	return (int) syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
}

static int make_read_only(int tree)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	return (int) syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
			     sizeof(attr));
}

static int clone_tree(struct shown *shown, const char *source, const char *target, bool read_only)
{
	struct stat st;

	*shown = (struct shown) { .tree = sys_open_tree(source),
				  .target = target,
				  .read_only = read_only };
	if (shown->tree < 0 || fstat(shown->tree, &st) < 0)
		return -1;
	shown->directory = S_ISDIR(st.st_mode);
	return 0;
}

static int clone_trees(const struct job *job, struct shown *shown, size_t *ret_count, char *about,
		       size_t size)
{
	*ret_count = 0;
	if (job->bind_workdir) {
		snprintf(about, size, "cannot show the working directory %s", job->workdir);
		if (clone_tree(&shown[(*ret_count)++], job->workdir, job->workdir, false) < 0)
			return -1;
	}
	for (size_t i = 0; i < job->settings.bind_count; i++) {
		const struct bind *bind = &job->settings.binds[i];

		snprintf(about, size, "--bind: cannot show %s", bind->source);
		if (clone_tree(&shown[(*ret_count)++], bind->source, bind->target,
			       bind->read_only) < 0)
			return -1;
	}
	return 0;
}

/* The first place that is private; NULL: none is. */
static const char *find_stage(const struct job *job)
{
	for (int i = 0; i < PRIVATE__COUNT; i++)
		if (job->is_private[i])
			return private_places[i];
	return NULL;
}

int mounts_resize(const struct job *job, uint64_t bytes)
{
	/* An empty file costs about 1 KiB of kernel memory: one a page keeps that in proportion. */
	unsigned long long inodes = bytes / 4096 > 1024 ? bytes / 4096 : 1024;
	const char *stage = find_stage(job);
	char options[96] = "size=0";

	if (!stage)
		return 0;
	if (bytes != LIMIT_NONE)
		snprintf(options, sizeof(options), "size=%llu,nr_inodes=%llu",
			 (unsigned long long) bytes, inodes);
	return mount(NULL, stage, NULL, MS_REMOUNT | PRIVATE_FLAGS, options);
}

/*
 * The tmpfs is mounted on the first private place, and its own directories over all of them.  Its
 * size comes later, as that depends on the limits above.
 */
static int mount_private(const struct cage_plan *plan, int *ret_tmp, char *about, size_t size)
{
	const char *stage = find_stage(plan->job);
	char path[64];

	if (!stage)
		return 0;
	snprintf(about, size, "cannot mount the private %s", stage);
	if (mount("memcage", stage, "tmpfs", PRIVATE_FLAGS, "mode=0755") < 0)
		return -1;
	*ret_tmp = open(stage, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_tmp < 0)
		return -1;
	/* The stage last: it covers what the others are bound from. */
	for (int i = PRIVATE__COUNT - 1; i >= 0; i--) {
		if (!plan->job->is_private[i])
			continue;
		snprintf(about, size, "cannot mount the private %s", private_places[i]);
		if (mkdirat(*ret_tmp, place_names[i], 01777) < 0)
			return -1;
		snprintf(path, sizeof(path), "%s/%s", stage, place_names[i]);
		if (mount(path, private_places[i], NULL, MS_BIND, NULL) < 0)
			return -1;
	}
	return 0;
}

/*
 * Makes what is not there, in our own tmpfs only: the working directory, another bind, or a symlink
 * in either, may lead to the host's files.
 */
static int make_there(dev_t tmpfs, const char *path, bool directory)
{
	char parent[PATH_MAX];
	const char *name = strrchr(path, '/') + 1;
	auto_fd int dir = -1, fd = -1;
	struct stat st;

	if (stat(path, &st) == 0)
		return 0;
	snprintf(parent, sizeof(parent), "%.*s", (int) (name - path), path);
	dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0)
		return -1;
	if (st.st_dev != tmpfs) {
		errno = ENOENT;
		return -1;
	}
	if (directory)
		return mkdirat(dir, name, 0755);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return fd < 0 ? -1 : 0;
}

static int make_target(const struct job *job, const struct shown *shown, int tmp)
{
	char path[PATH_MAX];
	bool ours = false;
	struct stat st;

	for (int i = 0; i < PRIVATE__COUNT; i++)
		ours = ours ||
		       (job->is_private[i] && path_is_below(shown->target, private_places[i]));
	if (!ours)
		return 0;
	if (fstat(tmp, &st) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s", shown->target);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (make_there(st.st_dev, path, true) < 0)
			return -1;
		*slash = '/';
	}
	return make_there(st.st_dev, path, shown->directory);
}

static int show(const struct job *job, const struct shown *shown, int tmp)
{
	if (make_target(job, shown, tmp) < 0)
		return -1;
	if (shown->read_only && make_read_only(shown->tree) < 0)
		return -1;
	if (sys_move_mount(shown->tree, shown->target) < 0)
		return -1;
	close(shown->tree);
	return 0;
}

static bool is_v2_only(const struct host *host)
{
	return host->count == 1 && host->hierarchies[0].version == CGROUP_V2;
}

/*
 * The host's tree goes, or is covered where it cannot be unmounted.  v1's hierarchies need a
 * folder that we may write.
 */
static int take_cgroups_away(const struct host *host)
{
	umount2(CGROUP_MOUNT, MNT_DETACH);
	if (is_v2_only(host))
		return 0;
	return mount("cgroup", CGROUP_MOUNT, "tmpfs", PROC_FLAGS,
		     "mode=0755,size=64k,nr_inodes=64");
}

/*
 * Without a cgroup of its own the job sees memcage's, for the limits that runtimes size themselves
 * by, and must not change it.
 */
static int lock_cgroups(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	if (syscall(SYS_mount_setattr, AT_FDCWD, CGROUP_MOUNT, AT_RECURSIVE, &attr, sizeof(attr)) ==
		    0 ||
	    errno == EINVAL) /* no mount is there */
		return 0;
	return errno == ENOSYS
		       ? mount(NULL, CGROUP_MOUNT, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)
		       : -1;
}

int mounts_make(const struct cage_plan *plan, int *ret_tmp, char *about, size_t size)
{
	struct shown shown[BINDS_MOST + 1];
	size_t count;

	*ret_tmp = -1;
	snprintf(about, size, "cannot make the mounts private");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (clone_trees(plan->job, shown, &count, about, size) < 0)
		return -1;
	if (mount_private(plan, ret_tmp, about, size) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		snprintf(about, size, "cannot show %s", shown[i].target);
		if (show(plan->job, &shown[i], *ret_tmp) < 0)
			return -1;
	}
	snprintf(about, size, "cannot take %s away", CGROUP_MOUNT);
	if ((plan->host->observes ? lock_cgroups() : take_cgroups_away(plan->host)) < 0)
		return -1;
	if (plan->job->shared.pids)
		return 0;
	snprintf(about, size,
		 "cannot mount /proc; see memcage doctor, line namespaces; a cage that may do "
		 "without: --allow-unsupported=namespace-unavailable");
	return mount("proc", "/proc", "proc", PROC_FLAGS, NULL);
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
		mount("cgroup", path, "cgroup", PROC_FLAGS, list);
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
void mounts_cgroup(const struct host *host)
{
	if (host->observes)
		return;
	if (is_v2_only(host))
		mount("cgroup2", CGROUP_MOUNT, "cgroup2", PROC_FLAGS, NULL);
	for (size_t i = 0; !is_v2_only(host) && i < host->count; i++) {
		if (host->hierarchies[i].version == CGROUP_V1)
			mount_v1(&host->hierarchies[i]);
		else if (mkdir(CGROUP_MOUNT "/unified", 0755) == 0)
			mount("cgroup2", CGROUP_MOUNT "/unified", "cgroup2", PROC_FLAGS, NULL);
	}
}

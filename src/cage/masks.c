/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masks - parts of /proc and /sys that a confined job does not see, or may not write to: they tell
 * of the machine or change it, and not all of them ask for a capability.  The lists are those that
 * container runtimes have.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/exact.h"
#include "base/mount_tree.h"
#include "base/own.h"
#include "cage/mounts.h"

static const char *const hidden[] = {
	"/proc/acpi",	     "/proc/asound",	    "/proc/interrupts",
	"/proc/kallsyms",    "/proc/kcore",	    "/proc/keys",
	"/proc/key-users",   "/proc/kmsg",	    "/proc/kpagecgroup",
	"/proc/kpagecount",  "/proc/kpageflags",    "/proc/latency_stats",
	"/proc/sched_debug", "/proc/schedstat",	    "/proc/scsi",
	"/proc/slabinfo",    "/proc/sysrq-trigger", "/proc/timer_list",
	"/proc/timer_stats", "/proc/vmallocinfo",   "/sys/devices/virtual/powercap",
	"/sys/firmware",
};

/* Empty but for what is mounted there. */
static const char *const mount_points[] = {
	"/sys/fs/bpf",	     "/sys/fs/pstore",	     "/sys/fs/selinux",
	"/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing",
};

static const char *const read_only[] = {
	"/proc/bus", "/proc/driver", "/proc/fs", "/proc/irq", "/proc/mtrr", "/proc/sys",
};

/* Something else may be mounted there, and masking that would mask nothing. */
static int check_proc(void)
{
	struct statfs fs;

	if (statfs("/proc", &fs) < 0)
		return -1;
	if (fs.f_type != PROC_SUPER_MAGIC) {
		errno = ENODEV;
		return -1;
	}
	return 0;
}

/*
 * What nobody but root may open needs no mask: the job is another user, has no capability, and
 * cannot become root by a program.  In a user namespace one cannot tell whose file it is.
 */
static bool is_out_of_reach(const struct cage_plan *plan, const struct stat *st)
{
	const struct settings *settings = &plan->job->settings;

	return st->st_uid == 0 && (st->st_mode & (S_IRWXG | S_IRWXO)) == 0 &&
	       !plan->maker.rootless && !settings->allow_new_privs &&
	       !(settings->has_user && settings->uid == 0);
}

/* `bare`: the device on which it is empty, unless something is mounted there; or 0. */
static int mask(const struct cage_plan *plan, struct empty *empty, const char *path, dev_t bare)
{
	auto_fd int place = exact_open(path);
	struct stat st;

	if (place < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	if (fstat(place, &st) < 0)
		return -1;
	if (is_out_of_reach(plan, &st) || (bare != 0 && st.st_dev == bare))
		return 0;
	return empty_lay(empty, place, S_ISDIR(st.st_mode));
}

/* Of all that is /sys and nothing that is mounted in it; 0: it is no such file system. */
static dev_t device_of_sys(void)
{
	struct statfs fs;
	struct stat st;

	if (statfs("/sys", &fs) < 0 || fs.f_type != SYSFS_MAGIC || lstat("/sys", &st) < 0)
		return 0;
	return st.st_dev;
}

static int mask_all(const struct cage_plan *plan, struct empty *empty, char *about, size_t size)
{
	dev_t sys = device_of_sys();

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		snprintf(about, size, "capabilities: none: cannot mask %s", hidden[i]);
		if (mask(plan, empty, hidden[i], 0) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(mount_points); i++) {
		snprintf(about, size, "capabilities: none: cannot mask %s", mount_points[i]);
		if (mask(plan, empty, mount_points[i], sys) < 0)
			return -1;
	}
	return 0;
}

/* A copy over itself, as it is no mount of its own. */
static int protect(const char *path)
{
	auto_fd int place = exact_open(path), tree = -1;

	if (place < 0)
		return errno == ENOENT ? 0 : -1;
	tree = mount_tree_copy(place);
	if (tree < 0 || mount_tree_attach(tree, place) < 0)
		return -1;
	return mount_tree_read_only(tree, path);
}

static int protect_sys(void)
{
	auto_fd int place = exact_open("/sys");

	if (place < 0)
		return errno == ENOENT ? 0 : -1;
	return mount_tree_read_only(place, "/sys");
}

int masks_lay(struct cage_plan *plan, struct empty *empty, char *about, size_t size)
{
	snprintf(about, size, "capabilities: none: cannot mask /proc");
	if (check_proc() < 0)
		return -1;
	/* What is opened now stays writable, for who has it. */
	plan->namespace_limits = open("/proc/sys/user", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mask_all(plan, empty, about, size) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(read_only); i++) {
		snprintf(about, size, "capabilities: none: cannot make %s read-only", read_only[i]);
		if (protect(read_only[i]) < 0)
			return -1;
	}
	snprintf(about, size, "capabilities: none: cannot make /sys read-only");
	return protect_sys();
}

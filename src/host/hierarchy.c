/* SPDX-License-Identifier: Apache-2.0 */
#include "host/hierarchy.h"

#include <errno.h>
#include <fcntl.h>
#include <libcgroup.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"

/*
 * Exported by libcgroup 2.0.2, in none of its headers: 1 is v1, 2 is v2
 * (src/libcgroup-internal.h, enum cg_version_t).
 */
int cgroup_get_controller_version(const char *const controller, int *const version);

#define STANDARD_MOUNT "/sys/fs/cgroup"

static bool is_file_system(const char *path, long magic, bool *ret_read_only)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0 || fs.f_type != magic)
		return false;
	*ret_read_only = (fs.f_flags & ST_RDONLY) != 0;
	return true;
}

unsigned int hierarchy_read_controllers(int dir, const char *file)
{
	char text[512], words[514], word[32];
	unsigned int mask = 0;

	if (file_read_at(dir, file, text, sizeof(text)) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	snprintf(words, sizeof(words), " %s ", text);
	for (int c = 0; c < CONTROLLER__COUNT; c++) {
		const char *name = controller_name((enum controller) c, CGROUP_V2);

		snprintf(word, sizeof(word), " %s ", name ? name : "?");
		if (strstr(words, word))
			mask |= 1U << c;
	}
	return mask;
}

bool hierarchy_find_v2(struct hierarchy *ret)
{
	static const char *const mounts[] = { STANDARD_MOUNT, STANDARD_MOUNT "/unified" };

	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		char path[HIERARCHY_MOUNT];

		if (!is_file_system(mounts[i], CGROUP2_SUPER_MAGIC, &ret->read_only))
			continue;
		ret->version = CGROUP_V2;
		snprintf(ret->mount, sizeof(ret->mount), "%s", mounts[i]);
		snprintf(path, sizeof(path), "%s/cgroup.controllers", mounts[i]);
		ret->controllers = hierarchy_read_controllers(AT_FDCWD, path);
		return true;
	}
	return false;
}

static bool find_standard_v1(enum controller controller, struct hierarchy *ret)
{
	snprintf(ret->mount, sizeof(ret->mount), STANDARD_MOUNT "/%s",
		 controller_name(controller, CGROUP_V1));
	ret->version = CGROUP_V1;
	return is_file_system(ret->mount, CGROUP_SUPER_MAGIC, &ret->read_only);
}

static void log_nothing(void *data, int level, const char *format, va_list args)
{
	(void) data;
	(void) level;
	(void) format;
	(void) args;
}

static bool find_by_libcgroup(enum controller controller, struct hierarchy *ret)
{
	auto_free char *mount = NULL;
	int version = 0;

	cgroup_set_logger(log_nothing, CGROUP_LOG_ERROR,
			  NULL); /* else CGROUP_LOGLEVEL makes it write to our stderr */
	if (cgroup_init() != 0)
		return false;
	for (int v = CGROUP_V2; v <= CGROUP_V1; v++) {
		const char *name = controller_name(controller, (enum cgroup_version) v);

		if (!name || cgroup_get_subsys_mount_point(name, &mount) != 0)
			continue;
		if (cgroup_get_controller_version(name, &version) != 0)
			continue;
		ret->version = version == 2 ? CGROUP_V2 : CGROUP_V1;
		snprintf(ret->mount, sizeof(ret->mount), "%s", mount);
		is_file_system(mount, version == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC,
			       &ret->read_only);
		return true;
	}
	return false;
}

int hierarchy_find(enum controller controller, struct hierarchy *ret)
{
	bool read_only;

	if (find_standard_v1(controller, ret))
		return 0;
	/*
	 * A standard tree that lacks it is no reason to ask: only an unusual place of the tree
	 * itself is.
	 */
	if (is_file_system(STANDARD_MOUNT, CGROUP2_SUPER_MAGIC, &read_only) ||
	    access(STANDARD_MOUNT "/memory", F_OK) == 0)
		return -1;
	return find_by_libcgroup(controller, ret) ? 0 : -1;
}

/*
 * The path of the line "N:controllers:path" that names the controller (v1), or of "0::path" (v2).
 */
static int own_path(const char *text, const char *controller, char *ret_path, size_t size)
{
	for (const char *line = text; *line;) {
		const char *end = line + strcspn(line, "\n");
		const char *names = memchr(line, ':', (size_t) (end - line));
		const char *path =
			names ? memchr(names + 1, ':', (size_t) (end - names - 1)) : NULL;

		if (path) {
			char list[256], word[64];

			snprintf(list, sizeof(list), ",%.*s,", (int) (path - names - 1), names + 1);
			snprintf(word, sizeof(word), ",%s,", controller ? controller : "");
			if (controller ? strstr(list, word) != NULL : path == names + 1)
				return snprintf(ret_path, size, "%.*s", (int) (end - path - 1),
						path + 1) < (int) size
					       ? 0
					       : -1;
		}
		line = *end ? end + 1 : end;
	}
	errno = ENOENT;
	return -1;
}

bool hierarchy_on_v1(enum controller controller, const char *proc_self_cgroup)
{
	char path[HIERARCHY_OWN];

	return own_path(proc_self_cgroup, controller_name(controller, CGROUP_V1), path,
			sizeof(path)) == 0;
}

/* Not below the root of our cgroup namespace; below a mount it would lead out of it. */
static bool leads_up(const char *path)
{
	size_t length = strlen(path);

	return strstr(path, "/../") || (length >= 3 && strcmp(path + length - 3, "/..") == 0);
}

/* Is this the hierarchy's own root, and not a part of the tree that was mounted? */
static bool shows_whole_tree(const struct hierarchy *hierarchy)
{
	static const char *const files[CGROUP_VERSION__COUNT] = {
		[CGROUP_V2] = "cgroup.type",	      /* everywhere but there */
		[CGROUP_V1] = "cgroup.sane_behavior", /* only there */
	};
	char path[HIERARCHY_MOUNT + 32];
	bool is_there;

	snprintf(path, sizeof(path), "%s/%s", hierarchy->mount, files[hierarchy->version]);
	is_there = access(path, F_OK) == 0;
	return hierarchy->version == CGROUP_V1 ? is_there : !is_there && errno == ENOENT;
}

static bool holds_us(int dir)
{
	auto_fd int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	auto_fclose FILE *file = fd < 0 ? NULL : fdopen(take_fd(&fd), "re");
	pid_t us = getpid();
	char line[32];

	while (file && fgets(line, sizeof(line), file))
		if (strtol(line, NULL, 10) == us)
			return true;
	return false;
}

int hierarchy_find_own(struct hierarchy *hierarchy, enum controller controller,
		       const char *proc_self_cgroup, bool verify)
{
	const char *name =
		hierarchy->version == CGROUP_V2 ? NULL : controller_name(controller, CGROUP_V1);
	char own[HIERARCHY_OWN];

	errno = ENOENT;
	if (own_path(proc_self_cgroup, name, own, sizeof(own)) < 0)
		return -1;
	/*
	 * Longest first, then without its leading components: a container's mount may begin at
	 * any of them.
	 */
	for (const char *part = own; part; part = *part ? strchr(part + 1, '/') : NULL) {
		const char *relative = strcmp(part, "/") == 0 ? "" : part;
		bool certain = !verify && part == own &&
			       (*relative == '\0' || shows_whole_tree(hierarchy));
		char path[HIERARCHY_MOUNT + HIERARCHY_OWN];

		snprintf(path, sizeof(path), "%s%s", hierarchy->mount, relative);
		auto_fd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0 && !leads_up(relative) && (certain || holds_us(dir))) {
			snprintf(hierarchy->own, sizeof(hierarchy->own), "%s", relative);
			hierarchy->whole_path = part == own;
			hierarchy->dir = take_fd(&dir);
			return 0;
		}
	}
	auto_fd int root = open(hierarchy->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 || !holds_us(root)) {
		errno = ENOENT;
		return -1;
	}
	hierarchy->own[0] = '\0';
	hierarchy->dir = take_fd(&root);
	return 0;
}

bool hierarchy_walk_up(const struct hierarchy *hierarchy, hierarchy_level_fn *visit, void *data)
{
	auto_fd int dir = fcntl(hierarchy->dir, F_DUPFD_CLOEXEC, 3);
	bool part =
		/* of the tree: its root is a cgroup like others, and above is more */
		!hierarchy->whole_path;
	size_t levels = part ? 1 : 0;

	for (const char *at = hierarchy->own; (at = strchr(at, '/')); at++)
		levels++;
	for (size_t i = 0; i < levels; i++) {
		int up;

		if (dir < 0)
			return true;
		if (!visit(dir, i, data))
			return part;
		up = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(dir);
		dir = up;
	}
	return part;
}

void hierarchy_level_name(const struct hierarchy *hierarchy, size_t index, char *buffer,
			  size_t size)
{
	size_t length = strlen(hierarchy->own);

	for (; index > 0; index--)
		while (length > 0 && hierarchy->own[--length] != '/')
			;
	snprintf(buffer, size, "%.*s", length > 0 ? (int) length : 1,
		 length > 0 ? hierarchy->own : "/");
}

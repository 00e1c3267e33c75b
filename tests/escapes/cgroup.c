/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup ATTEMPT [ARG] - leaves its cgroup, or lifts the limit that is on it.  Writes to no cgroup
 * but its own, and to those that it moves to its own pid only.
 */
#define _GNU_SOURCE
#include "escape.h"

#include <limits.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PATH_ROOM (2 * PATH_MAX)

/* Calls visit for the mount point of each cgroup hierarchy that is to be seen. */
static void visit_mounts(void (*visit)(const char *point))
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096], point[PATH_MAX];

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, " - cgroup") && sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1)
			visit(point);
	if (file)
		fclose(file);
}

static void move_to(const char *folder)
{
	static const char *const files[] = { "cgroup.procs", "tasks", "../cgroup.procs" };
	char path[PATH_ROOM];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		put(path, "0");
	}
}

/* Hierarchies anew, in a place of our own. */
static void mount_and_move(const char *type, const char *options)
{
	char folder[] = "/tmp/escape-XXXXXX";

	if (!mkdtemp(folder))
		return;
	if (mount("none", folder, type, 0, options) == 0) {
		move_to(folder);
		umount2(folder, MNT_DETACH);
	}
	rmdir(folder);
}

/*
 * In the host's own cgroup namespace a mount of cgroup2 sets the options of all of them, so that
 * they have to be the same.
 */
static void mount_all_and_move(const char *options)
{
	static const char *const controllers[] = { "memory", "pids", "cpu,cpuacct", "freezer" };

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return;
	mount_and_move("cgroup2", options);
	for (size_t i = 0; i < ARRAY_LEN(controllers); i++)
		mount_and_move("cgroup", controllers[i]);
}

struct places {
	char text[8192];
};

static void read_places(struct places *places)
{
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, places->text, sizeof(places->text) - 1);

	places->text[length < 0 ? 0 : length] = '\0';
	if (fd >= 0)
		close(fd);
}

/* Hierarchies that are new do not count. */
static bool is_still_there(struct places *before, const struct places *after)
{
	for (char *rest = before->text, *line; (line = strsep(&rest, "\n"));) {
		const char *found = strstr(after->text, line);

		if (!found || (found > after->text && found[-1] != '\n') ||
		    (*line && found[strlen(line)] != '\n'))
			return false;
	}
	return true;
}

static long leave(char **args)
{
	struct places before, after;

	read_places(&before);
	visit_mounts(move_to);
	mount_all_and_move(args[0]);
	read_places(&after);
	return is_still_there(&before, &after) ? stopped(EPERM) : 0;
}

/* OPTIONS PID, which is one that sees more of the tree. */
static long leave_by_namespace(char **args)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/cgroup", args[1]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWCGROUP) < 0)
		return -1;
	return leave(args);
}

/* Of the cgroup that this folder is. */
static void lift_at(const char *folder)
{
	static const char *const files[][2] = {
		{ "memory.max", "max" },
		{ "memory.swap.max", "max" },
		{ "memory.memsw.limit_in_bytes", "-1" },
		{ "memory.limit_in_bytes", "-1" },
	};
	char path[PATH_ROOM + 64];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i][0]);
		put(path, files[i][1]);
	}
}

/* Calls act for our own cgroup: in every hierarchy our path is tried, which is there in one. */
static void visit_own(const char *point, void (*act)(const char *folder))
{
	struct places places;
	char folder[PATH_ROOM];

	read_places(&places);
	for (char *rest = places.text, *line; (line = strsep(&rest, "\n"));) {
		const char *path = strchr(line, ':') ? strchr(strchr(line, ':') + 1, ':') : NULL;

		if (!path)
			continue;
		snprintf(folder, sizeof(folder), "%.4095s%.4000s", point, path + 1);
		act(folder);
	}
}

static void lift(const char *point)
{
	visit_own(point, lift_at);
}

/* Lifts the limit on its own cgroup and uses MIB that it has not got. */
static long outgrow(char **args)
{
	size_t size = (size_t) strtol(args[0], NULL, 10) << 20;
	char *memory;

	visit_mounts(lift);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -1;
	for (size_t at = 0; at < size; at += 1024)
		((volatile char *) memory)[at] = 1;
	return 0;
}

static size_t wanted, made;
static bool leaves, downwards;

/* In the memory controller's hierarchy. */
static void make_below(const char *folder)
{
	char name[32];

	if (made > 0 || chdir(folder) < 0)
		return;
	if (access("memory.max", F_OK) < 0 && access("memory.limit_in_bytes", F_OK) < 0)
		return;
	for (; made < wanted; made++) {
		snprintf(name, sizeof(name), "escape-%zu", downwards ? 0 : made);
		if (mkdir(name, 0700) < 0 || (downwards && chdir(name) < 0))
			break;
	}
	for (size_t i = made; i > 0 && !leaves; i--) {
		snprintf(name, sizeof(name), "escape-%zu", downwards ? 0 : i - 1);
		if (downwards)
			chdir("..");
		rmdir(name);
	}
}

static void make(const char *point)
{
	visit_own(point, make_below);
}

/* COUNT [leave]: so many cgroups below its own. */
static long make_many(char **args)
{
	wanted = (size_t) strtol(args[0], NULL, 10);
	leaves = args[1] != NULL;
	visit_mounts(make);
	return made == wanted ? 0 : stopped(ENOSPC);
}

static long make_deep(char **args)
{
	downwards = true;
	return make_many(args);
}

/* Makes and removes them until it is ended: whoever is told of each has much to hear. */
static void flood_at(const char *folder)
{
	if (chdir(folder) < 0)
		return;
	if (access("memory.max", F_OK) < 0 && access("memory.limit_in_bytes", F_OK) < 0)
		return;
	while (mkdir("escape", 0700) == 0 && rmdir("escape") == 0)
		;
}

static void flood(const char *point)
{
	visit_own(point, flood_at);
}

static long make_for_ever(char **args)
{
	(void) args;
	visit_mounts(flood);
	return pause();
}

/* Its own OOM kills take one process, or none. */
static void loosen_at(const char *folder)
{
	char path[PATH_ROOM + 64];

	snprintf(path, sizeof(path), "%s/memory.oom.group", folder);
	put(path, "0");
	snprintf(path, sizeof(path), "%s/memory.oom_control", folder);
	put(path, "1");
}

static void loosen(const char *point)
{
	visit_own(point, loosen_at);
}

/* MIB in a child, which is killed for it; then ends well. */
static long survive(char **args)
{
	visit_mounts(loosen);
	if (fork() == 0)
		_exit(outgrow(args) < 0);
	wait(NULL);
	return 0;
}

static bool agent_found;

static void try_agent(const char *point)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%s/release_agent", point);
	agent_found |= try_open(path, O_WRONLY) >= 0;
}

/* A program that the kernel starts as root, outside. */
static long set_release_agent(char **args)
{
	(void) args;
	visit_mounts(try_agent);
	return agent_found ? 0 : stopped(ENOENT);
}

/* Stops itself by its own cgroup, in whichever hierarchy can. */
static void freeze_at(const char *point)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%s/cgroup.freeze", point);
	put(path, "1");
	snprintf(path, sizeof(path), "%s/freezer.state", point);
	put(path, "FROZEN");
}

static long freeze(char **args)
{
	(void) args;
	visit_mounts(freeze_at);
	return pause();
}

static const struct attempt attempts[] = {
	{ "leave", leave },	{ "leave-by-namespace", leave_by_namespace },
	{ "outgrow", outgrow }, { "release-agent", set_release_agent },
	{ "freeze", freeze },	{ "many", make_many },
	{ "deep", make_deep },	{ "for-ever", make_for_ever },
	{ "survive", survive },
};

int main(int argc, char **argv)
{
	return escape(argc, argv, attempts, ARRAY_LEN(attempts));
}

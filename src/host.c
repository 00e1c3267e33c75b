/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "hierarchy.h"

/* Inode numbers of the initial namespaces: include/linux/proc_ns.h, unchanged since 3.8. */
#define INITIAL_PID_NAMESPACE 0xEFFFFFFCU
#define INITIAL_CGROUP_NAMESPACE 0xEFFFFFFBU

static bool in_namespace(const char *file, ino_t inode)
{
	struct stat st;

	return stat(file, &st) == 0 && st.st_ino == inode;
}

const char *backend_name(enum cgroup_version version)
{
	static const char *const names[CGROUP_VERSION__COUNT] = { [CGROUP_V2] = "v2", [CGROUP_V1] = "v1" };

	return names[version];
}

const struct hierarchy *host_hierarchy(const struct host *host, enum controller controller)
{
	return controller < CONTROLLER__COUNT && host->of[controller] >= 0 ? &host->hierarchies[host->of[controller]]
									     : NULL;
}

enum cgroup_version host_backend(const struct host *host)
{
	return host_hierarchy(host, CONTROLLER_MEMORY)->version;
}

/* Two names of one mount (cpu and cpuacct, or a symlink to "cpu,cpuacct") are one hierarchy. */
static int find_known(const struct host *host, const struct hierarchy *found)
{
	struct stat a, b;

	if (stat(found->mount, &a) < 0)
		return -1;
	for (size_t i = 0; i < host->count; i++)
		if (stat(host->hierarchies[i].mount, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return (int) i;
	return -1;
}

static void add_controller(struct host *host, enum controller controller, const char *proc_self_cgroup)
{
	struct hierarchy *next = &host->hierarchies[host->count];
	int known;

	host->of[controller] = -1;
	*next = (struct hierarchy) { .dir = -1 };
	if (hierarchy_find(controller, next) < 0)
		return;
	known = find_known(host, next);
	if (known < 0) {
		bool verify = host->cgroup_namespace;

		if (hierarchy_find_own(next, controller, proc_self_cgroup, verify) < 0)
			return;
		next->whole_path &= !host->cgroup_namespace;
		known = (int) host->count++;
	}
	host->of[controller] = known;
	host->hierarchies[known].controllers |= 1U << controller;
}

static int check_choice(const struct host *host, enum backend_choice choice, struct memcage_error *err)
{
	const struct hierarchy *memory = host_hierarchy(host, CONTROLLER_MEMORY);

	if (!memory)
		return error_set(err, MEMCAGE_ERROR_SETUP, 0,
				 "this host has no cgroup hierarchy with the memory controller in which memcage "
				 "is a member; mount one on /sys/fs/cgroup: mount -t cgroup2 none /sys/fs/cgroup");
	if (choice == BACKEND_V2 && memory->version != CGROUP_V2)
		return error_set(err, MEMCAGE_ERROR_SETUP, 0,
				 "--backend v2: the memory controller is on cgroup v1 here (%s); use --backend v1 or auto",
				 memory->mount);
	if (choice == BACKEND_V1 && memory->version != CGROUP_V1)
		return error_set(err, MEMCAGE_ERROR_SETUP, 0,
				 "--backend v1: the memory controller is on cgroup v2 here (%s); use --backend v2 or auto",
				 memory->mount);
	return 0;
}

int host_probe(struct host *host, enum backend_choice choice, struct memcage_error *err)
{
	char text[16384];

	*host = HOST_NONE;
	if (file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) < 0)
		return error_setup(err, "/proc/self/cgroup, which says what cgroup memcage is in");
	host->cgroup_namespace = !in_namespace("/proc/self/ns/cgroup", INITIAL_CGROUP_NAMESPACE);
	host->root_pid_namespace = in_namespace("/proc/self/ns/pid", INITIAL_PID_NAMESPACE);
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		add_controller(host, (enum controller) c, text);
	return check_choice(host, choice, err);
}

void host_release(struct host *host)
{
	for (size_t i = 0; i < host->count; i++)
		own_close(&host->hierarchies[i].dir);
	host->count = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "host/hierarchy.h"

/* Inode numbers of the initial namespaces: include/linux/proc_ns.h, unchanged since 3.8. */
#define INITIAL_PID_NAMESPACE 0xEFFFFFFCU
#define INITIAL_CGROUP_NAMESPACE 0xEFFFFFFBU

#define PROC_SELF_CGROUP 8192
/* What costs nothing where the hierarchy is used anyway, and lets the job limit its own tasks. */
#define FREE_WITH_V2 (1U << CONTROLLER_PIDS)

/* "cgroup:[4026531835]": looking at the link costs less than at what it leads to. */
static bool in_namespace(const char *file, unsigned int inode)
{
	char link[64] = "";
	const char *number;

	if (readlink(file, link, sizeof(link) - 1) < 0)
		return false;
	number = strchr(link, '[');
	return number && strtoul(number + 1, NULL, 10) == inode;
}

const struct hierarchy *host_hierarchy(const struct host *host, enum controller controller)
{
	return controller < CONTROLLER__COUNT && host->of[controller] >= 0
		       ? &host->hierarchies[host->of[controller]]
		       : NULL;
}

enum cgroup_version host_backend(const struct host *host)
{
	return host_hierarchy(host, CONTROLLER_MEMORY)->version;
}

const char *host_backend_name(const struct host *host)
{
	static const char *const names[CGROUP_VERSION__COUNT] = {
		[CGROUP_V2] = "v2", [CGROUP_V1] = "v1"
	};

	return host->observes ? "observe" : names[host_backend(host)];
}

/* cpu and cpuacct may be one hierarchy, by two names or by a symlink to "cpu,cpuacct". */
static int find_known(const struct host *host, const struct hierarchy *found)
{
	struct stat st;

	if (host->count == 0 || stat(found->mount, &st) < 0)
		return -1;
	for (size_t i = 0; i < host->count; i++)
		if (host->hierarchies[i].device == st.st_dev)
			return (int) i;
	return -1;
}

/* Opens our own cgroup in it and keeps it; its index, or -1. */
static int keep(struct host *host, struct hierarchy *found, enum controller controller,
		const char *proc_self_cgroup)
{
	struct stat st;

	if (hierarchy_find_own(found, controller, proc_self_cgroup, host->cgroup_namespace) < 0)
		return -1;
	found->whole_path &= !host->cgroup_namespace;
	found->device = fstat(found->dir, &st) == 0 ? st.st_dev : 0;
	host->hierarchies[host->count] = *found;
	return (int) host->count++;
}

static bool all_on_v1(unsigned int wanted, const char *proc_self_cgroup)
{
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		if (wanted & (1U << c) && !hierarchy_on_v1((enum controller) c, proc_self_cgroup))
			return false;
	return true;
}

/* The hierarchy of v2 holds all its controllers at one place. */
static void add_v2(struct host *host, unsigned int wanted, const char *proc_self_cgroup)
{
	struct hierarchy found = { .dir = -1 };
	int index;

	if (all_on_v1(wanted, proc_self_cgroup) || !hierarchy_find_v2(&found) ||
	    (found.controllers & wanted) == 0)
		return;
	found.controllers &= wanted | FREE_WITH_V2;
	index = keep(host, &found, CONTROLLER_MEMORY, proc_self_cgroup);
	for (int c = 0; index >= 0 && c < CONTROLLER__COUNT; c++)
		if (found.controllers & (1U << c))
			host->of[c] = index;
}

static void add_v1(struct host *host, enum controller controller, const char *proc_self_cgroup)
{
	struct hierarchy found = { .dir = -1 };
	int index;

	if (host->of[controller] >= 0 || hierarchy_find(controller, &found) < 0)
		return;
	index = find_known(host, &found);
	if (index < 0)
		index = keep(host, &found, controller, proc_self_cgroup);
	if (index < 0)
		return;
	host->of[controller] = index;
	host->hierarchies[index].controllers |= 1U << controller;
}

static int check_choice(const struct host *host, enum backend_choice choice,
			struct memcage_error *err)
{
	const struct hierarchy *memory = host_hierarchy(host, CONTROLLER_MEMORY);

	if (!memory && access("/sys/fs/cgroup/memory", F_OK) == 0)
		return error_set(
			err, MEMCAGE_ERROR_SETUP, 0,
			"memcage does not find its own cgroup below /sys/fs/cgroup/memory: "
			"it was mounted for another cgroup namespace; mount it anew here");
	if (!memory)
		return error_set(err, MEMCAGE_ERROR_SETUP, 0,
				 "this host has no cgroup hierarchy with the memory controller in "
				 "which memcage is a member; mount one on /sys/fs/cgroup: "
				 "mount -t cgroup2 none /sys/fs/cgroup");
	if (choice == BACKEND_V2 && memory->version != CGROUP_V2)
		return error_set(err, MEMCAGE_ERROR_SETUP, 0,
				 "--backend v2: the memory controller is on cgroup v1 here (%s); "
				 "use --backend v1 or auto",
				 memory->mount);
	if (choice == BACKEND_V1 && memory->version != CGROUP_V1)
		return error_set(err, MEMCAGE_ERROR_SETUP, 0,
				 "--backend v1: the memory controller is on cgroup v2 here (%s); "
				 "use --backend v2 or auto",
				 memory->mount);
	return 0;
}

int host_probe(struct host *host, enum backend_choice choice, unsigned int wanted,
	       struct memcage_error *err)
{
	char text[PROC_SELF_CGROUP];

	if (file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) < 0)
		return error_setup(err, "/proc/self/cgroup, which says what cgroup memcage is in");
	host->cgroup_namespace = !in_namespace("/proc/self/ns/cgroup", INITIAL_CGROUP_NAMESPACE);
	wanted |= 1U << CONTROLLER_MEMORY;
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		host->of[c] = -1;
	add_v2(host, wanted, text);
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		if (wanted & (1U << c))
			add_v1(host, (enum controller) c, text);
	return check_choice(host, choice, err);
}

bool host_is_root_pid_namespace(void)
{
	return in_namespace("/proc/self/ns/pid", INITIAL_PID_NAMESPACE);
}

struct host host_borrow(const struct host *host)
{
	struct host borrowed = *host;

	borrowed.borrowed = true;
	borrowed.left_own = false;
	return borrowed;
}

void host_release(struct host *host)
{
	if (host->borrowed)
		return;
	for (size_t i = 0; i < host->count; i++)
		own_close(&host->hierarchies[i].dir);
	host->count = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "cgroup/cgroup.h"
#include "host/hierarchy.h"

/* Where those go who were in the cgroup; not a name that the sweep takes for a cage. */
#define MEMBERS "memcage.members"
#define SEE_DOCTOR "; see memcage doctor, line delegation"
#define OUTSIDE (-1) /* a process that our PID namespace does not show: it reads as 0 */

static bool is_real_root(int dir)
{
	return faccessat(dir, "cgroup.type", F_OK, 0) !=
	       0; /* all but the root of the tree have one */
}

static int enable(int dir, unsigned int controllers, char sign)
{
	char text[256] = "";
	size_t used = 0;

	for (int c = 0; c < CONTROLLER__COUNT; c++)
		if (controllers & (1U << c))
			used += (size_t) snprintf(text + used, sizeof(text) - used, "%c%s ", sign,
						  controller_name((enum controller) c, CGROUP_V2));
	return used == 0 ? 0 : file_write_at(dir, "cgroup.subtree_control", text);
}

static int move_process(int members, long pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", pid);
	return file_write_at(members, "cgroup.procs", text) < 0 && errno != ESRCH ? -1 : 0;
}

static int refuse_denied(struct host *host, const struct hierarchy *hierarchy,
			 struct memcage_error *err)
{
	const char *advice = "let root run it, or give it a cgroup of its own (mkdir, chown)";

	if (hierarchy->version == CGROUP_V2 && access("/run/systemd/system", F_OK) == 0)
		advice = "run it in one that is: systemd-run --user --scope -p Delegate=yes -- "
			 "memcage run ... (with a user manager: loginctl enable-linger), or as "
			 "root";
	host->delegation = DELEGATION_DENIED;
	return error_set(err, MEMCAGE_ERROR_SETUP, 0,
			 "memcage's own cgroup %s%s is not delegated to this user; %s" SEE_DOCTOR,
			 hierarchy->mount, hierarchy->own, advice);
}

/* What the kernel said to a step on our way, with the file of our own cgroup. */
static int refuse_step(struct host *host, const struct hierarchy *hierarchy, const char *step,
		       const char *file, struct memcage_error *err)
{
	if (errno == EACCES || errno == EPERM)
		return refuse_denied(host, hierarchy, err);
	return error_setup(err, "%s %s%s/%s", step, hierarchy->mount, hierarchy->own, file);
}

/*
 * The kernel asks for the directory, and for cgroup.procs where processes are born below it.  Root
 * is not asked, to whom only a container or a namespace says no, and says it later.
 */
static bool is_ours(const struct hierarchy *hierarchy)
{
	if (geteuid() == 0)
		return true;
	return faccessat(hierarchy->dir, ".", W_OK, 0) == 0 &&
	       faccessat(hierarchy->dir, "cgroup.procs", W_OK, 0) == 0;
}

/*
 * The pids in the cgroup: their number, and the first that is not ours (0: none), for the
 * message.
 */
static int list_members(int dir, size_t *ret_count, long *ret_other, int move_to)
{
	auto_fd int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	auto_fclose FILE *file = fd < 0 ? NULL : fdopen(take_fd(&fd), "re");
	char line[32];

	if (!file)
		return -1;
	*ret_count = 0;
	*ret_other = 0;
	while (fgets(line, sizeof(line), file)) {
		long pid = strtol(line, NULL, 10);

		++*ret_count;
		if (pid != getpid() && *ret_other == 0)
			*ret_other = pid > 0 ? pid : OUTSIDE;
		if (move_to >= 0 && pid != 0 && move_process(move_to, pid) < 0)
			return -1;
	}
	return 0;
}

static int refuse_others(struct host *host, const struct hierarchy *hierarchy, size_t count,
			 long other, struct memcage_error *err)
{
	char file[64], comm[32], who[96] = "of another PID namespace";

	snprintf(file, sizeof(file), "/proc/%ld/comm", other);
	if (other > 0 && file_read_at(AT_FDCWD, file, comm, sizeof(comm)) >= 0) {
		comm[strcspn(comm, "\n")] = '\0';
		snprintf(who, sizeof(who), "%s, pid %ld", comm, other);
	}
	host->delegation = DELEGATION_HELD;
	return error_set(err, MEMCAGE_ERROR_SETUP, 0,
			 "memcage's own cgroup %s holds %zu other process%s (%s), and the kernel "
			 "gives the memory controller only to cgroups without any; run it in a "
			 "cgroup of its own: systemd-run --scope -p Delegate=yes -- memcage run "
			 "..." SEE_DOCTOR,
			 *hierarchy->own ? hierarchy->own : "/", count - 1, count == 2 ? "" : "es",
			 who);
}

/* Members may fork while they are moved: until nobody is left, a bounded number of times. */
static int step_aside(struct host *host, struct hierarchy *hierarchy, struct memcage_error *err)
{
	bool container = host->cgroup_namespace && hierarchy->own[0] == '\0';
	size_t count;
	long other;

	if (list_members(hierarchy->dir, &count, &other, -1) < 0)
		return error_setup(err, "%s%s/cgroup.procs", hierarchy->mount, hierarchy->own);
	if (count == 0)
		return 0;
	if (other == OUTSIDE || (other != 0 && !container))
		return refuse_others(host, hierarchy, count, other, err);
	if (mkdirat(hierarchy->dir, MEMBERS, 0755) < 0 && errno != EEXIST)
		return refuse_step(host, hierarchy, "cannot make the cgroup", MEMBERS, err);

	auto_fd int members = openat(hierarchy->dir, MEMBERS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int tries = 0; tries < 100 && count > 0; tries++)
		if (list_members(hierarchy->dir, &count, &other, members) < 0)
			return refuse_step(host, hierarchy, "cannot move to", MEMBERS, err);
	host->left_own = true;
	return 0;
}

/* A memcage that runs where another has moved its caller to finds its place one level up. */
static void leave_members(struct hierarchy *hierarchy)
{
	char *last = strrchr(hierarchy->own, '/');
	int up;

	if (!last || strcmp(last + 1, MEMBERS) != 0)
		return;
	up = openat(hierarchy->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (up < 0)
		return;
	own_close(&hierarchy->dir);
	hierarchy->dir = up;
	*last = '\0';
}

void delegate_find_place(struct host *host)
{
	for (size_t i = 0; i < host->count; i++)
		if (host->hierarchies[i].version == CGROUP_V2)
			leave_members(&host->hierarchies[i]);
}

static int prepare(struct host *host, struct hierarchy *hierarchy, unsigned int required,
		   struct memcage_error *err)
{
	unsigned int there, enabled;

	leave_members(hierarchy);
	if (!is_ours(hierarchy))
		return refuse_denied(host, hierarchy, err);
	there = hierarchy->controllers &
		hierarchy_read_controllers(hierarchy->dir, "cgroup.controllers");
	enabled = hierarchy_read_controllers(hierarchy->dir, "cgroup.subtree_control");
	if ((there & ~enabled) != 0) {
		if (!is_real_root(hierarchy->dir) && step_aside(host, hierarchy, err) < 0)
			return -1;
		if (enable(hierarchy->dir, there & ~enabled, '+') < 0 &&
		    enable(hierarchy->dir, there & required & ~enabled, '+') < 0)
			return refuse_step(host, hierarchy, "cannot enable controllers in",
					   "cgroup.subtree_control", err);
		enabled = hierarchy_read_controllers(hierarchy->dir, "cgroup.subtree_control");
	}
	if ((hierarchy->controllers & required & ~enabled) != 0)
		host->delegation = DELEGATION_PARTIAL;
	hierarchy->controllers &= enabled;
	return 0;
}

static void forget_disabled(struct host *host)
{
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		if (host->of[c] >= 0 && !(host->hierarchies[host->of[c]].controllers & (1U << c)))
			host->of[c] = -1;
}

static bool has_memory(const struct host *host)
{
	return host->of[CONTROLLER_MEMORY] >= 0 &&
	       host_hierarchy(host, CONTROLLER_MEMORY)->controllers & (1U << CONTROLLER_MEMORY);
}

int delegate_prepare(struct host *host, unsigned int required, struct memcage_error *err)
{
	host->delegation = DELEGATION_NONE;
	for (size_t i = 0; i < host->count; i++) {
		struct hierarchy *hierarchy = &host->hierarchies[i];
		int failed;

		if (hierarchy->version != CGROUP_V2) {
			if (!is_ours(hierarchy))
				return refuse_denied(host, hierarchy, err);
			continue;
		}
		file_lock(hierarchy->dir, LOCK_EX); /* two of us must not both move the members */
		failed = prepare(host, hierarchy, required, err);
		flock(hierarchy->dir, LOCK_UN);
		if (failed)
			return -1;
	}
	if (!has_memory(host))
		return error_set(
			err, MEMCAGE_ERROR_SETUP, 0,
			"the memory controller is not available in memcage's own cgroup; "
			"its parent must have +memory in cgroup.subtree_control" SEE_DOCTOR);
	forget_disabled(host);
	if (host->delegation == DELEGATION_NONE)
		host->delegation = DELEGATION_FULL;
	return 0;
}

/* All of the members, who may fork while they are moved. */
static int move_back(const struct hierarchy *hierarchy, int members)
{
	size_t count = 1;
	long other;

	for (int tries = 0; tries < 100 && count > 0; tries++)
		if (list_members(members, &count, &other, hierarchy->dir) < 0)
			return -1;
	return count == 0 ? 0 : -1;
}

static void restore(const struct hierarchy *hierarchy, bool everybody)
{
	auto_fd int members = openat(hierarchy->dir, MEMBERS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t count;
	long other;

	if (members < 0 || list_members(members, &count, &other, -1) < 0)
		return;
	if ((other != 0 && !everybody) || cgroup_has_cages(hierarchy->dir))
		return;
	if (enable(hierarchy->dir,
		   hierarchy_read_controllers(hierarchy->dir, "cgroup.subtree_control"), '-') < 0)
		return;
	if ((everybody ? move_back(hierarchy, members)
		       : file_write_at(hierarchy->dir, "cgroup.procs", "0")) == 0)
		unlinkat(hierarchy->dir, MEMBERS, AT_REMOVEDIR);
}

static const struct hierarchy *find_v2(const struct host *host)
{
	for (size_t i = 0; i < host->count; i++)
		if (host->hierarchies[i].version == CGROUP_V2)
			return &host->hierarchies[i];
	return NULL;
}

void delegate_restore(struct host *host)
{
	const struct hierarchy *hierarchy = find_v2(host);

	if (host->left_own && hierarchy) {
		file_lock(hierarchy->dir, LOCK_EX);
		restore(hierarchy, false);
		flock(hierarchy->dir, LOCK_UN);
	}
	host->left_own = false;
}

void delegate_remember(const struct host *host, struct delegate_memory *ret)
{
	const struct hierarchy *hierarchy = find_v2(host);

	*ret = (struct delegate_memory) { 0 };
	if (!hierarchy)
		return;
	ret->aside = faccessat(hierarchy->dir, MEMBERS, F_OK, 0) == 0;
	ret->enabled = hierarchy_read_controllers(hierarchy->dir, "cgroup.subtree_control");
}

void delegate_undo(const struct host *host, const struct delegate_memory *memory)
{
	const struct hierarchy *hierarchy = find_v2(host);
	unsigned int added;

	if (!hierarchy)
		return;
	file_lock(hierarchy->dir, LOCK_EX);
	if (!memory->aside)
		restore(hierarchy, true);
	added = hierarchy_read_controllers(hierarchy->dir, "cgroup.subtree_control") &
		~memory->enabled;
	if (added != 0 && !cgroup_has_cages(hierarchy->dir))
		enable(hierarchy->dir, added, '-');
	flock(hierarchy->dir, LOCK_UN);
}

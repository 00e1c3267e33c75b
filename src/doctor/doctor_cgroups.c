/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is tried for the doctor with cgroups: by the very functions that make a cage, so that what
 * is said to work does.  First what can be looked at without a change; then whole cages; then what
 * only a cgroup of our own tells.  At the end memcage's own cgroup is as it was, and what other
 * memcages have left is still there, for it is held by its lock meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/line.h"
#include "base/own.h"
#include "cgroup/cgroup_tree.h"
#include "doctor/doctor_facts.h"
#include "host/delegate.h"
#include "host/hierarchy.h"

#define PROBE "memcage.doctor"

static void copy_error(char *to, size_t size, const struct memcage_error *err)
{
	struct line line = line_start(to, size);

	line_add(&line, "%s", err->text);
	line_end(&line);
}

/* ---- our own cgroup ---- */

static void name_other(long pid, struct doctor_delegation *ret)
{
	char file[64], comm[32];
	struct line line = line_start(ret->other, sizeof(ret->other));

	snprintf(file, sizeof(file), "/proc/%ld/comm", pid);
	if (pid <= 0 || file_read_at(AT_FDCWD, file, comm, sizeof(comm)) < 0) {
		line_add(&line, "of another PID namespace");
	} else {
		comm[strcspn(comm, "\n")] = '\0';
		line_add(&line, "%s, pid %ld", comm, pid);
	}
	line_end(&line);
}

static void count_others(int dir, struct doctor_delegation *ret)
{
	auto_fd int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	auto_fclose FILE *file = fd < 0 ? NULL : fdopen(take_fd(&fd), "re");
	char text[32];

	while (file && fgets(text, sizeof(text), file)) {
		long pid = strtol(text, NULL, 10);

		if (pid != getpid() && ret->others++ == 0)
			name_other(pid, ret);
	}
}

static int try_mkdir(int dir)
{
	char name[64];

	snprintf(name, sizeof(name), PROBE "-%ld", (long) getpid());
	if (mkdirat(dir, name, 0755) < 0)
		return errno;
	unlinkat(dir, name, AT_REMOVEDIR);
	/* Asked for processes that are born in cgroups below. */
	return faccessat(dir, "cgroup.procs", W_OK, AT_EACCESS) < 0 ? errno : 0;
}

static void look_at_own(const struct host *host, struct doctor_delegation *ret)
{
	const struct hierarchy *memory = host_hierarchy(host, CONTROLLER_MEMORY);
	unsigned int enabled = hierarchy_read_controllers(memory->dir, "cgroup.subtree_control");

	ret->found = true;
	ret->version = memory->version;
	snprintf(ret->path, sizeof(ret->path), "%s%s", memory->mount, memory->own);
	ret->mkdir_errnum = try_mkdir(memory->dir);
	ret->tree_root = faccessat(memory->dir, "cgroup.type", F_OK, 0) != 0;
	ret->namespace_root = host->cgroup_namespace && memory->own[0] == '\0';
	ret->memory = memory->version == CGROUP_V1 ||
		      (hierarchy_read_controllers(memory->dir, "cgroup.controllers") &
		       (1U << CONTROLLER_MEMORY)) != 0;
	ret->enabled = (enabled & (1U << CONTROLLER_MEMORY)) != 0;
	count_others(memory->dir, ret);
}

/* ---- limits that hold for all cages here ---- */

static bool is_limit(const char *text)
{
	return strncmp(text, "max", 3) != 0 && text[0] != '-' &&
	       strtoull(text, NULL, 10) < UINT64_C(1) << 62;
}

static void add_limit(const char *path, const char *file, const char *text,
		      struct doctor_limits *ret)
{
	struct doctor_limit *limit = &ret->list[ret->count];

	if (ret->count == DOCTOR_LIMITS_MOST) {
		ret->left_out++;
		return;
	}
	ret->count++;
	snprintf(limit->file, sizeof(limit->file), "%s/%s", path, file);
	snprintf(limit->value, sizeof(limit->value), "%.*s", (int) strcspn(text, "\n"), text);
}

static void look_at_level(const struct hierarchy *hierarchy, int dir, const char *path,
			  struct doctor_limits *ret)
{
	static const enum limit_id ids[] = { LIMIT_MEMORY, LIMIT_MEMORY_HIGH, LIMIT_SWAP,
					     LIMIT_CPUS, LIMIT_PIDS };
	char text[64];

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		const struct limit *limit = &limits[ids[i]];
		const char *file = limit->file[hierarchy->version];
		uint64_t number;

		if (!file || !(hierarchy->controllers & (1U << limit->controller)) ||
		    file_read_at(dir, file, text, sizeof(text)) < 0 || !is_limit(text))
			continue;
		add_limit(path, file, text, ret);
		number = strtoull(text, NULL, 10);
		if (ids[i] == LIMIT_MEMORY && number < ret->memory_bytes)
			ret->memory_bytes = number;
	}
}

static void climb(const struct hierarchy *hierarchy, struct doctor_limits *ret)
{
	char path[HIERARCHY_MOUNT + HIERARCHY_OWN];
	size_t mount = strlen(hierarchy->mount);
	auto_fd int dir = openat(hierarchy->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	snprintf(path, sizeof(path), "%s%s", hierarchy->mount, hierarchy->own);
	while (dir >= 0) {
		int up = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		look_at_level(hierarchy, dir, path, ret);
		own_close(&dir);
		dir = up;
		if (strlen(path) <= mount)
			break;
		*strrchr(path, '/') = '\0';
	}
}

static void look_at_limits(const struct host *host, struct doctor_limits *ret)
{
	ret->known = true;
	ret->hidden = !host_hierarchy(host, CONTROLLER_MEMORY)->whole_path;
	for (size_t i = 0; i < host->count; i++)
		climb(&host->hierarchies[i], ret);
}

/* ---- what dead memcages left ---- */

/* Held until the end: the cage that we try would sweep them. */
struct held {
	const struct hierarchy *memory;
	int locks[DOCTOR_LEFTOVERS_MOST];
	struct doctor_leftovers *ret;
};

static void hold(const char *name, int lock, void *data)
{
	struct held *held = data;
	struct doctor_leftovers *ret = held->ret;

	if (ret->count < DOCTOR_LEFTOVERS_MOST) {
		held->locks[ret->count] = fcntl(lock, F_DUPFD_CLOEXEC, 3);
		snprintf(ret->list[ret->count], sizeof(ret->list[0]), "%s%s/%s",
			 held->memory->mount, held->memory->own, name);
	}
	ret->count++;
}

static void look_at_leftovers(const struct host *host, struct held *held)
{
	held->memory = host_hierarchy(host, CONTROLLER_MEMORY);
	held->ret->known = cgroup_find_abandoned(host, hold, held) == 0;
}

static void let_go(struct held *held)
{
	for (size_t i = 0; i < held->ret->count && i < DOCTOR_LEFTOVERS_MOST; i++)
		own_close(&held->locks[i]);
}

/* ---- what only a cgroup tells ---- */

static pid_t clone_into(int leaf)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP,
				   .exit_signal = SIGCHLD,
				   .cgroup = (uint64_t) leaf };
	pid_t pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(0);
	return pid;
}

/* Some kernels kill the child at birth: cgroup.h. */
static int try_into_cgroup(int leaf)
{
	pid_t pid = clone_into(leaf);
	int status = 0;

	if (pid < 0)
		return errno;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? 0 : KILLED - WTERMSIG(status);
}

static void look_at_features(const struct cgroup *cgroup, struct doctor_kernel *ret)
{
	static const struct {
		enum doctor_feature feature;
		const char *file;
	} files[] = {
		{ FEATURE_CGROUP_KILL, "cgroup.kill" },
		{ FEATURE_MEMORY_PEAK, "memory.peak" },
		{ FEATURE_OOM_GROUP, "memory.oom.group" },
		{ FEATURE_EVENTS_LOCAL, "memory.events.local" },
	};
	const struct cgroup_part *part = cgroup_part(cgroup, CONTROLLER_MEMORY);

	if (!part || part->hierarchy->version != CGROUP_V2)
		return;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		ret->errnum[files[i].feature] =
			faccessat(part->job, files[i].file, F_OK, 0) < 0 ? errno : 0;
	ret->errnum[FEATURE_INTO_CGROUP] = try_into_cgroup(part->leaf);
}

/* May its file be written? */
static int check_io(const struct cgroup *cgroup, struct memcage_error *err)
{
	const struct cgroup_part *part = cgroup_part(cgroup, CONTROLLER_IO);
	const char *file;

	if (!part)
		return error_set(err, MEMCAGE_ERROR_SETUP, 0,
				 "it is not among cgroup.controllers of memcage's own cgroup");
	file = limits[LIMIT_IO].file[part->hierarchy->version];
	if (faccessat(part->leaf, file, W_OK, AT_EACCESS) < 0 &&
	    faccessat(part->job, file, W_OK, AT_EACCESS) < 0)
		return error_setup(err, "%s cannot be written", file);
	return 0;
}

/* With memory, as every cage needs it, and this one if it can be had. */
static int open_host(struct host *host, enum controller controller, struct memcage_error *err)
{
	unsigned int wanted = 1U << CONTROLLER_MEMORY | 1U << controller;

	if (host_probe(host, BACKEND_AUTO, wanted, err) < 0)
		return -1;
	return delegate_prepare(host, 1U << CONTROLLER_MEMORY, err);
}

/* Features of a cgroup; and io's file, where there was no disk to try a limit with. */
static void try_files(struct doctor_facts *facts)
{
	static const struct limit_value none[LIMIT__COUNT];
	struct doctor_controller *io = &facts->controllers[CONTROLLER_IO];
	struct cgroup cgroup = CGROUP_NONE;
	struct memcage_error err = { 0 };
	struct host host = HOST_NONE;
	bool made = open_host(&host, CONTROLLER_IO, &err) == 0 &&
		    cgroup_create(&cgroup, &host, none, &err) == 0;

	if (made)
		look_at_features(&cgroup, &facts->kernel);
	if (io->mounted && !facts->disk) {
		io->works = made && check_io(&cgroup, &err) == 0;
		copy_error(io->why, sizeof(io->why), &err);
	}
	if (made)
		cgroup_remove(&cgroup);
	host_release(&host);
}

static void look_at_mounts(const struct host *host, struct doctor_facts *facts)
{
	for (int c = 0; c < CONTROLLER__COUNT; c++) {
		const struct hierarchy *hierarchy = host_hierarchy(host, (enum controller) c);
		struct doctor_controller *ret = &facts->controllers[c];

		if (!hierarchy)
			continue;
		ret->mounted = true;
		ret->version = hierarchy->version;
		snprintf(ret->mount, sizeof(ret->mount), "%s", hierarchy->mount);
	}
}

/* ---- swap ---- */

/* Lines of /proc/swaps: name, type, size in KiB. */
static bool sum_swap(uint64_t *ret_bytes)
{
	auto_fclose FILE *file = fopen("/proc/swaps", "re");
	unsigned long long kib;
	char line[512];

	*ret_bytes = 0;
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "/%*s %*s %llu", &kib) == 1)
			*ret_bytes += (uint64_t) kib * 1024;
	return file != NULL;
}

static void try_swap(struct doctor_facts *facts)
{
	struct doctor_swap *ret = &facts->swap;
	struct limit_value values[LIMIT__COUNT] = {
		[LIMIT_MEMORY] = { .set = true, .number = UINT64_C(64) << 20 },
		[LIMIT_SWAP] = { .set = true, .number = 0 },
	};
	struct cgroup cgroup = CGROUP_NONE;
	struct memcage_error err = { 0 };
	struct host host = HOST_NONE;

	ret->known = sum_swap(&ret->bytes);
	ret->limited = open_host(&host, CONTROLLER_MEMORY, &err) == 0 &&
		       cgroup_create(&cgroup, &host, values, &err) == 0;
	if (ret->limited)
		cgroup_remove(&cgroup);
	else
		copy_error(ret->why, sizeof(ret->why), &err);
	host_release(&host);
}

/* ---- all of it ---- */

static void look_before(const struct host *host, struct held *held, struct doctor_facts *facts)
{
	look_at_own(host, &facts->delegation);
	look_at_limits(host, &facts->limits);
	look_at_leftovers(host, held);
}

void doctor_try_cgroups(struct doctor_facts *facts, char *const trial[])
{
	struct held held = { .ret = &facts->leftovers };
	struct host before = HOST_NONE;
	struct memcage_error err = { 0 };
	bool found = host_probe(&before, BACKEND_AUTO, ~0U, &err) == 0;
	struct delegate_memory memory;

	facts->limits.memory_bytes = LIMIT_NONE;
	delegate_find_place(&before);
	delegate_remember(&before, &memory);
	if (found)
		look_before(&before, &held, facts);
	else
		copy_error(facts->delegation.why, sizeof(facts->delegation.why), &err);
	look_at_mounts(&before, facts);
	doctor_try_cages(facts, trial);
	try_files(facts);
	try_swap(facts);
	delegate_undo(&before, &memory);
	let_go(&held);
	host_release(&before);
}

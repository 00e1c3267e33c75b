/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "cgroup/cgroup_tree.h"

#define LEAF "leaf"
#define REMOVE_USEC (10 * USEC_PER_SEC)

const struct cgroup_part *cgroup_part(const struct cgroup *cgroup, enum controller controller)
{
	for (size_t i = 0; i < cgroup->count; i++)
		if (controller < CONTROLLER__COUNT &&
		    cgroup->parts[i].hierarchy->controllers & (1U << controller))
			return &cgroup->parts[i];
	return NULL;
}

static void choose_name(struct cgroup *cgroup)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = clock_usec(); /* the name must be unique; mkdir tells if it is not */
	snprintf(cgroup->name, sizeof(cgroup->name), CGROUP_PREFIX "%ld-%016llx", (long) getpid(),
		 (unsigned long long) random);
}

static void choose_parts(struct cgroup *cgroup, const struct host *host)
{
	size_t memory = (size_t) host->of[CONTROLLER_MEMORY];

	for (size_t i = 0; i < host->count; i++) {
		/* memory first: its directory is the one that is locked */
		size_t index = i == 0 ? memory : i <= memory ? i - 1 : i;

		cgroup->parts[cgroup->count++] =
			(struct cgroup_part) { &host->hierarchies[index], -1, -1 };
	}
}

static int make_directory(int parent, const char *name, int *ret_dir)
{
	int saved;

	if (mkdirat(parent, name, 0755) < 0)
		return -1;
	*ret_dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (*ret_dir >= 0)
		return 0;
	saved = errno;
	unlinkat(parent, name, AT_REMOVEDIR);
	errno = saved;
	return -1;
}

static const char *explain_mkdir(int errnum)
{
	switch (errnum) {
	case EROFS:
		return " (the cgroup file system is mounted read-only)";
	case EACCES:
	case EPERM:
		return " (it is not delegated to this user)";
	case EAGAIN:
		return " (cgroup.max.descendants or cgroup.max.depth of a level above is reached)";
	default:
		return "";
	}
}

/* Those below a pool have it from there. */
static bool wants_hierarchy(const struct hierarchy *hierarchy, const struct host *host)
{
	return hierarchy->version == CGROUP_V1 && !host->borrowed;
}

static int make_jobs(struct cgroup *cgroup, const struct host *host, struct memcage_error *err)
{
	for (size_t i = 0; i < cgroup->count; i++) {
		struct cgroup_part *part = &cgroup->parts[i];
		const struct hierarchy *hierarchy = part->hierarchy;

		if (make_directory(hierarchy->dir, cgroup->name, &part->job) < 0)
			return error_setup(err, "cannot make the cgroup %s%s/%s%s",
					   hierarchy->mount, hierarchy->own, cgroup->name,
					   explain_mkdir(errno));
		if (i == 0)
			flock(part->job, LOCK_EX);
		/* Before 5.11 v1's limits may reach no cgroup below; later kernels know only 1. */
		if (i == 0 && wants_hierarchy(hierarchy, host))
			file_write_at(part->job, "memory.use_hierarchy", "1");
	}
	return 0;
}

/* What the kernel makes of it is read from the same descriptor, where it is the same file. */
static int write_limit(const struct cgroup_part *part, enum limit_id id,
		       const struct limit_write *line, struct memcage_error *err)
{
	const char *option = limits[id].option ? limits[id].option : limits[id].key;
	int dir = line->in_leaf ? part->leaf : part->job;
	auto_fd int fd = openat(dir, line->file, O_RDWR | O_CLOEXEC);
	char text[LIMIT_PLAN_TEXT];
	ssize_t length;

	if (fd < 0 || file_write_all(fd, line->line, strlen(line->line)) < 0)
		return error_setup(err, "--%s: cannot write '%s' to %s", option, line->line,
				   line->file);
	length = line->check ? file_read_at(dir, line->check, text, sizeof(text))
			     : file_read_fd(fd, text, sizeof(text));
	if (length < 0)
		return error_setup(err, "--%s: cannot read %s back", option,
				   line->check ? line->check : line->file);
	if (limit_holds(line, text))
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return error_set(err, MEMCAGE_ERROR_SETUP, 0,
			 "--%s: wrote '%s' to %s, but the kernel made it '%s'", option, line->line,
			 line->file, text);
}

/* Those of the job's cgroup before it has a leaf, which inherits them; the leaf's own after. */
static int write_limits(const struct cgroup *cgroup, const struct limit_value values[LIMIT__COUNT],
			bool in_leaf, struct memcage_error *err)
{
	struct limit_plan plan;

	for (int id = 0; id < LIMIT__COUNT; id++) {
		const struct cgroup_part *part = cgroup_part(cgroup, limits[id].controller);

		if (!part || !values[id].set)
			continue;
		plan.count = plan.used = 0;
		limit_plan(values, (enum limit_id) id, part->hierarchy->version, &plan);
		for (size_t i = 0; i < plan.count; i++)
			if (plan.writes[i].in_leaf == in_leaf &&
			    write_limit(part, (enum limit_id) id, &plan.writes[i], err) < 0)
				return -1;
	}
	return 0;
}

/* What the job is given may be passed on by it to cgroups of its own. */
static int pass_on_controllers(const struct cgroup_part *part)
{
	char text[512], line[640] = "";
	size_t used = 0;

	if (file_read_at(part->job, "cgroup.controllers", text, sizeof(text)) < 0)
		return -1;
	for (char *rest = text, *word; (word = strsep(&rest, " \n"));)
		if (*word)
			used += (size_t) snprintf(line + used, sizeof(line) - used, "+%s ", word);
	return used == 0 ? 0 : file_write_at(part->job, "cgroup.subtree_control", line);
}

static int refuse_controllers(const struct cgroup *cgroup, struct memcage_error *err)
{
	return error_setup(err, "cannot enable controllers in %s/cgroup.subtree_control",
			   cgroup->name);
}

static bool needs_leaf(const struct cgroup_part *part,
		       const struct limit_value values[LIMIT__COUNT])
{
	if (part->hierarchy->version == CGROUP_V2 ||
	    part->hierarchy->controllers & (1U << CONTROLLER_MEMORY))
		return true;
	for (int id = 0; id < LIMIT__COUNT; id++)
		if (values[id].set && part->hierarchy->controllers & (1U << limits[id].controller))
			return true;
	return false;
}

static int make_leaves(struct cgroup *cgroup, const struct limit_value values[LIMIT__COUNT],
		       struct memcage_error *err)
{
	for (size_t i = 0; i < cgroup->count; i++) {
		struct cgroup_part *part = &cgroup->parts[i];

		if (!needs_leaf(part, values)) {
			part->leaf = part->job;
			continue;
		}
		if (part->hierarchy->version == CGROUP_V2 && pass_on_controllers(part) < 0)
			return refuse_controllers(cgroup, err);
		if (make_directory(part->job, LEAF, &part->leaf) < 0)
			return error_setup(err, "cannot make the cgroup %s/" LEAF "%s",
					   cgroup->name, explain_mkdir(errno));
	}
	return 0;
}

/* Named, locked, with its limits; in all hierarchies. */
static int create_limited(struct cgroup *cgroup, const struct host *host,
			  const struct limit_value values[LIMIT__COUNT], struct memcage_error *err)
{
	int base = host_hierarchy(host, CONTROLLER_MEMORY)->dir;
	int failed;

	*cgroup = CGROUP_NONE;
	choose_name(cgroup);
	choose_parts(cgroup, host);
	file_lock(base, LOCK_SH);
	failed = make_jobs(cgroup, host, err);
	flock(base, LOCK_UN);
	return failed ? -1 : write_limits(cgroup, values, false, err);
}

static int create_job(struct cgroup *cgroup, const struct host *host,
		      const struct limit_value values[LIMIT__COUNT], struct memcage_error *err)
{
	if (create_limited(cgroup, host, values, err) < 0 || make_leaves(cgroup, values, err) < 0)
		return -1;
	return write_limits(cgroup, values, true, err);
}

/* On v1 a new cgroup has neither CPUs nor nodes unless they are copied: cgroup-v1/cpusets.rst. */
static int pass_on_cpuset(const struct cgroup_part *part)
{
	static const char *const files[] = { "cpuset.mems", "cpuset.cpus" };
	char text[LIMIT_PLAN_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (file_read_at(part->hierarchy->dir, files[i], text, sizeof(text)) < 0 ||
		    file_write_at(part->job, files[i], text) < 0)
			return -1;
	return file_write_at(part->job, "cgroup.clone_children", "1");
}

/* What each job's cgroup is made from. */
static int pass_on(const struct cgroup *cgroup, struct memcage_error *err)
{
	for (size_t i = 0; i < cgroup->count; i++) {
		const struct cgroup_part *part = &cgroup->parts[i];

		if (part->hierarchy->version == CGROUP_V2) {
			if (pass_on_controllers(part) < 0)
				return refuse_controllers(cgroup, err);
		} else if (part->hierarchy->controllers & (1U << CONTROLLER_CPUSET) &&
			   pass_on_cpuset(part) < 0) {
			return error_setup(err, "cannot copy the CPUs and nodes to %s",
					   cgroup->name);
		}
	}
	return 0;
}

static int create_pool(struct cgroup *cgroup, const struct host *host,
		       const struct limit_value values[LIMIT__COUNT], struct memcage_error *err)
{
	return create_limited(cgroup, host, values, err) < 0 ? -1 : pass_on(cgroup, err);
}

#define CREATE_TRIES                                                                               \
	3 /* where the lock was not to be had, a sweep may have taken it for a leftover */

typedef int create_fn(struct cgroup *cgroup, const struct host *host,
		      const struct limit_value values[LIMIT__COUNT], struct memcage_error *err);

static int try_to(create_fn *create, struct cgroup *cgroup, const struct host *host,
		  const struct limit_value values[LIMIT__COUNT], struct memcage_error *err)
{
	for (int tries = 1; create(cgroup, host, values, err) < 0; tries++) {
		cgroup_remove(cgroup);
		if (err->errnum != ENOENT || tries == CREATE_TRIES)
			return -1;
	}
	return 0;
}

int cgroup_create(struct cgroup *cgroup, const struct host *host,
		  const struct limit_value values[LIMIT__COUNT], struct memcage_error *err)
{
	return try_to(create_job, cgroup, host, values, err);
}

int cgroup_create_pool(struct cgroup *cgroup, const struct host *host,
		       const struct limit_value values[LIMIT__COUNT], struct memcage_error *err)
{
	return try_to(create_pool, cgroup, host, values, err);
}

struct host cgroup_pool_host(const struct cgroup *pool, const struct host *host)
{
	struct host below = host_borrow(host);

	for (size_t i = 0; i < pool->count; i++) {
		const struct cgroup_part *part = &pool->parts[i];
		struct hierarchy *hierarchy =
			&below.hierarchies[part->hierarchy - host->hierarchies];
		size_t length = strlen(hierarchy->own);

		snprintf(hierarchy->own + length, sizeof(hierarchy->own) - length, "/%s",
			 pool->name);
		hierarchy->dir = part->job;
	}
	return below;
}

/*
 * A throttled process needs CPU time to die: 30 spinners under 0.1 % took 38 s on 6.12, without
 * the limit 20 ms.
 */
static void lift_throttling(int dir, void *version)
{
	if (*(enum cgroup_version *) version == CGROUP_V2)
		file_write_at(dir, "cpu.max", "max");
	else
		file_write_at(dir, "cpu.cfs_quota_us", "-1");
}

/* Pids of other PID namespaces read as 0, and kill(0) would be our own group. */
static void kill_members(int dir, void *data)
{
	auto_fd int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	auto_fclose FILE *file = fd < 0 ? NULL : fdopen(take_fd(&fd), "re");
	char line[32];

	(void) data;
	while (file && fgets(line, sizeof(line), file)) {
		long pid = strtol(line, NULL, 10);

		if (pid > 0)
			kill((pid_t) pid, SIGKILL);
	}
}

void cgroup_kill(const struct cgroup *cgroup)
{
	const struct cgroup_part *cpu = cgroup_part(cgroup, CONTROLLER_CPU);

	if (cpu && cpu->job >= 0)
		cgroup_walk(cpu->job, lift_throttling,
			    (void *) &(enum cgroup_version) { cpu->hierarchy->version });
	if (cgroup->count == 0 || cgroup->parts[0].job < 0)
		return;
	if (file_write_at(cgroup->parts[0].job, "cgroup.kill", "1") < 0)
		cgroup_walk(cgroup->parts[0].job, kill_members, NULL);
}

static void close_part(struct cgroup_part *part)
{
	if (part->leaf == part->job)
		part->leaf = -1;
	own_close(&part->leaf);
	own_close(&part->job);
}

static bool remove_empty_part(struct cgroup_part *part, const char *name)
{
	if (part->job < 0)
		return true;
	if (part->leaf >= 0 && part->leaf != part->job &&
	    unlinkat(part->job, LEAF, AT_REMOVEDIR) < 0)
		return false;
	if (unlinkat(part->hierarchy->dir, name, AT_REMOVEDIR) < 0)
		return false;
	close_part(part);
	return true;
}

bool cgroup_remove_empty(struct cgroup *cgroup)
{
	for (size_t i = cgroup->count; i-- > 0;)
		if (!remove_empty_part(&cgroup->parts[i], cgroup->name))
			return false;
	cgroup->count = 0;
	return true;
}

static int remove_part(struct cgroup_part *part, const char *name)
{
	if (part->job < 0)
		return 0;
	/*
	 * Most have just their leaf, or failed before: no walk, which needs descriptors that may
	 * be the trouble.
	 */
	if (unlinkat(part->job, LEAF, AT_REMOVEDIR) < 0 && errno != ENOENT &&
	    cgroup_remove_below(part->job) < 0)
		return -1;
	if (unlinkat(part->hierarchy->dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (cgroup_remove_below(part->job) <
	    0) /* beside the leaf there is something that the job has made */
		return -1;
	return unlinkat(part->hierarchy->dir, name, AT_REMOVEDIR);
}

static int remove_parts(struct cgroup *cgroup)
{
	/* The locked one last: while it is there nobody takes the others for leftovers. */
	for (size_t i = cgroup->count; i-- > 0;) {
		struct cgroup_part *part = &cgroup->parts[i];

		if (remove_part(part, cgroup->name) < 0)
			return -1;
		close_part(part);
	}
	return 0;
}

/*
 * After the cage's init has been waited for it is empty, unless somebody has moved a foreign
 * process in: all that is in it dies.
 */
int cgroup_remove(struct cgroup *cgroup)
{
	uint64_t give_up = clock_usec() + REMOVE_USEC;
	uint64_t pause = USEC_PER_MSEC / 4;
	int failed;

	while ((failed = remove_parts(cgroup)) < 0 && errno == EBUSY && clock_usec() < give_up) {
		cgroup_kill(cgroup);
		usleep((useconds_t) pause);
		pause = pause < 50 * USEC_PER_MSEC ? pause * 2 : pause;
	}
	for (size_t i = 0; i < cgroup->count; i++)
		close_part(&cgroup->parts[i]);
	cgroup->count = 0;
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/oom_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "host/hierarchy.h"

#define HUGE_PAGE (UINT64_C(2) << 20)
#define EVENTS_TEXT 512
#define STAT_TEXT 16384

static const struct memory_events events_unknown = { UNREADABLE, UNREADABLE, UNREADABLE,
						     UNREADABLE, UNREADABLE, UNREADABLE };

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t read_key_fd(int fd, const char *key)
{
	char text[EVENTS_TEXT];
	uint64_t number;

	if (fd < 0 || file_read_fd(fd, text, sizeof(text)) < 0 || !file_key(text, key, &number))
		return UNREADABLE;
	return number;
}

static uint64_t read_key_at(int dir, const char *file, const char *key)
{
	auto_fd int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);

	return read_key_fd(fd, key);
}

static int notify_v1(int dir)
{
	auto_fd int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return nested_watch_register(dir, event) < 0 ? -1 : take_fd(&event);
}

/* Notifications since the last call. */
static uint64_t take_notified(int event)
{
	uint64_t count;

	return event >= 0 && read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static const char *limit_file(enum cgroup_version version)
{
	return limits[LIMIT_MEMORY].file[version];
}

static void open_ancestor(struct oom_ancestor *ancestor, int dir, enum cgroup_version version)
{
	ancestor->limit_bytes = LIMIT_NONE;
	file_number_at(dir, limit_file(version), &ancestor->limit_bytes);
	ancestor->ooms = 0;
	if (version == CGROUP_V1) {
		ancestor->fd = notify_v1(dir);
		return;
	}
	ancestor->fd = openat(dir, "memory.events.local", O_RDONLY | O_CLOEXEC);
	if (ancestor->fd >= 0)
		ancestor->ooms = read_key_fd(ancestor->fd, "oom");
}

struct opening {
	struct oom_watch *watch;
	enum cgroup_version version;
};

static bool open_level(int dir, size_t index, void *data)
{
	const struct opening *opening = data;
	struct oom_watch *watch = opening->watch;

	if (index == OBSERVED_ANCESTORS) {
		watch->hidden = true;
		return false;
	}
	open_ancestor(&watch->ancestors[index], dir, opening->version);
	watch->ancestor_count = index + 1;
	watch->hidden |= watch->ancestors[index].fd < 0;
	return true;
}

void oom_watch_open_ancestors(struct oom_watch *watch, const struct host *host)
{
	const struct hierarchy *memory = host_hierarchy(host, CONTROLLER_MEMORY);
	struct opening opening = { watch, memory->version };
	bool unseen = hierarchy_walk_up(memory, open_level, &opening);

	watch->is_v2 = memory->version == CGROUP_V2;
	watch->hidden |= unseen;
}

/* v1: notifications of a level so far, whoever asked for them first. */
static uint64_t count_notified(struct oom_watch *watch, size_t index)
{
	struct oom_ancestor *ancestor = &watch->ancestors[index];

	if (watch->shared)
		return count_notified(watch->shared, index) - ancestor->ooms;
	ancestor->ooms += take_notified(ancestor->fd);
	return ancestor->ooms;
}

void oom_watch_share_ancestors(struct oom_watch *watch, struct oom_watch *shared)
{
	const bool is_v2 = shared->is_v2;

	memcpy(watch->ancestors, shared->ancestors,
	       shared->ancestor_count * sizeof(*watch->ancestors));
	watch->ancestor_count = shared->ancestor_count;
	watch->hidden = shared->hidden;
	watch->shared = shared;
	for (size_t i = 0; i < watch->ancestor_count; i++)
		watch->ancestors[i].ooms = is_v2 ? read_key_fd(watch->ancestors[i].fd, "oom")
						 : count_notified(shared, i);
}

uint64_t oom_watch_limit_above(const struct oom_watch *watch)
{
	uint64_t least = LIMIT_NONE;

	for (size_t i = 0; i < watch->ancestor_count; i++)
		if (watch->ancestors[i].limit_bytes < least)
			least = watch->ancestors[i].limit_bytes;
	return least;
}

int oom_watch_open(struct oom_watch *watch, const struct cgroup *cgroup, struct memcage_error *err)
{
	watch->part = cgroup_part(cgroup, CONTROLLER_MEMORY);
	if (watch->part->hierarchy->version == CGROUP_V1) {
		watch->events = notify_v1(watch->part->job);
		return watch->events < 0 ? error_setup(err, "cannot watch %s/memory.oom_control",
						       cgroup->name)
					 : 0;
	}
	watch->events = openat(watch->part->job, "memory.events", O_RDONLY | O_CLOEXEC);
	watch->local = openat(watch->part->job, "memory.events.local", O_RDONLY | O_CLOEXEC);
	if (watch->events < 0 || watch->local < 0)
		return error_setup(err, "cannot watch %s/memory.events", cgroup->name);
	oom_watch_read(watch, false); /* a file that was never read polls as changed */
	return 0;
}

bool oom_watch_is_open(const struct oom_watch *watch)
{
	return watch->events >= 0 || watch->own >= 0;
}

/* On v1 a read-only hierarchy tells nothing, and is looked at now and then. */
int oom_watch_open_own(struct oom_watch *watch, const struct host *host, struct memcage_error *err)
{
	const struct hierarchy *memory = host_hierarchy(host, CONTROLLER_MEMORY);
	const char *file = memory->version == CGROUP_V2 ? "memory.events" : "memory.oom_control";

	watch->own = memory->dir;
	if (memory->version == CGROUP_V2)
		watch->events = openat(memory->dir, file, O_RDONLY | O_CLOEXEC);
	watch->kills_before = read_key_at(memory->dir, file, "oom_kill");
	watch->ooms_before = read_key_fd(watch->events, "oom");
	if (watch->kills_before == UNREADABLE)
		return error_set(err, MEMCAGE_ERROR_SETUP, 0,
				 "backend observe: memcage's own cgroup %s%s counts no kills (no "
				 "oom_kill in %s); see memcage doctor, line backend",
				 memory->mount, memory->own, file);
	return 0;
}

uint32_t oom_watch_poll_mask(const struct oom_watch *watch)
{
	return watch->local >= 0 || watch->own >= 0 ? EPOLLPRI : EPOLLIN;
}

static void keep_largest(struct oom_watch *watch, const struct memory_parts *now)
{
	if (watch->parts_known &&
	    now->anon_bytes + now->shmem_bytes < watch->parts.anon_bytes + watch->parts.shmem_bytes)
		return;
	watch->parts = *now;
	watch->parts_known = true;
}

bool memory_parts_read(const struct cgroup_part *part, struct memory_parts *ret)
{
	static const char *const keys[CGROUP_VERSION__COUNT][4] = {
		[CGROUP_V2] = { "anon", "file", "shmem", "kernel" },
		[CGROUP_V1] = { "total_rss", "total_cache", "total_shmem", NULL },
	};
	const char *const *key = keys[part->hierarchy->version];
	uint64_t *const to[] = { &ret->anon_bytes, &ret->file_bytes, &ret->shmem_bytes,
				 &ret->kernel_bytes };
	char text[STAT_TEXT];

	if (file_read_at(part->job, "memory.stat", text, sizeof(text)) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(to); i++)
		if (!key[i] || !file_key(text, key[i], to[i]))
			*to[i] = UNREADABLE;
	if (part->hierarchy->version == CGROUP_V1 &&
	    file_number_at(part->job, "memory.kmem.usage_in_bytes", &ret->kernel_bytes) < 0)
		ret->kernel_bytes = UNREADABLE;
	return ret->anon_bytes != UNREADABLE;
}

static uint64_t kills_in(int dir)
{
	uint64_t kills = read_key_at(dir, "memory.oom_control", "oom_kill");

	return kills == UNREADABLE ? 0 : kills;
}

static void add_kills_v1(int dir, void *sum)
{
	*(uint64_t *) sum += kills_in(dir);
}

static void read_own(struct oom_watch *watch)
{
	uint64_t ooms = read_key_fd(watch->events, "oom");
	uint64_t kills = watch->events >= 0
				 ? read_key_fd(watch->events, "oom_kill")
				 : read_key_at(watch->own, "memory.oom_control", "oom_kill");

	if (kills != UNREADABLE && kills > watch->kills_before)
		watch->kills = kills - watch->kills_before;
	if (ooms != UNREADABLE && watch->ooms_before != UNREADABLE && ooms > watch->ooms_before)
		watch->ooms = ooms - watch->ooms_before;
	watch->kills_concern_job = watch->kills > 0;
}

void oom_watch_read(struct oom_watch *watch, bool parts)
{
	struct memory_parts now;

	if (watch->own >= 0) {
		read_own(watch);
		return;
	}
	if (watch->local >= 0) {
		char text[EVENTS_TEXT];

		if (file_read_fd(watch->events, text, sizeof(text)) < 0)
			return; /* ENODEV: removed under us */
		file_key(text, "oom_kill", &watch->kills);
		file_key(text, "oom", &watch->ooms);
	} else {
		uint64_t kills = 0;

		cgroup_walk(watch->part->leaf, add_kills_v1,
			    &kills); /* the job's own directory has no processes */
		watch->kills =
			larger(watch->kills, kills); /* a removed cgroup takes its count along */
		watch->notified += take_notified(watch->events);
		watch->ooms = watch->notified;
		/* Of the machine's own kills v1 tells nothing: those in the leaf itself must be. */
		watch->kills_concern_job = watch->kills > 0 &&
					   (watch->notified > 0 || kills_in(watch->part->leaf) > 0);
	}
	if (parts && memory_parts_read(watch->part, &now))
		keep_largest(watch, &now);
}

/*
 * The mount option memory_localevents makes memory.events local too; the sum of the parts tells
 * all the same.
 */
struct local_sums {
	uint64_t oom, oom_kill;
};

/* The OOMs of this level; UNREADABLE. */
static uint64_t add_local_fd(int fd, struct local_sums *sums)
{
	char text[EVENTS_TEXT];
	uint64_t oom, kills;

	if (fd < 0 || file_read_fd(fd, text, sizeof(text)) < 0 || !file_key(text, "oom", &oom))
		return UNREADABLE;
	sums->oom += oom;
	sums->oom_kill += file_key(text, "oom_kill", &kills) ? kills : 0;
	return oom;
}

static void add_local_v2(int dir, void *sums)
{
	auto_fd int fd = openat(dir, "memory.events.local", O_RDONLY | O_CLOEXEC);

	add_local_fd(fd, sums);
}

/* The OOMs at the nearest level's own limit, which is memcage's own cgroup. */
static uint64_t finish_ancestors_v2(const struct oom_watch *watch, struct memory_seen *ret)
{
	uint64_t nearest = 0;

	for (size_t i = 0; i < watch->ancestor_count; i++) {
		const struct oom_ancestor *ancestor = &watch->ancestors[i];
		uint64_t now = read_key_fd(ancestor->fd, "oom");

		ret->ancestors[i].readable = now != UNREADABLE;
		ret->ancestors[i].limit_hit = now != UNREADABLE && now > ancestor->ooms;
		if (i == 0 && ret->ancestors[i].limit_hit)
			nearest = now - ancestor->ooms;
	}
	return nearest;
}

static void finish_v2(struct oom_watch *watch, struct memory_seen *ret,
		      struct memory_events *events)
{
	struct local_sums sums = { 0 };
	char text[EVENTS_TEXT] = "";
	uint64_t *const to[] = { &events->low, &events->high,	  &events->max,
				 &events->oom, &events->oom_kill, &events->oom_group_kill };
	static const char *const keys[] = { "low", "high",     "max",
					    "oom", "oom_kill", "oom_group_kill" };
	uint64_t own, all;

	file_read_fd(watch->events, text, sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!file_key(text, keys[i], to[i]))
			*to[i] = UNREADABLE;
	own = add_local_fd(watch->local, &sums);
	/* The job's own directory has no processes: a kill that it counts is one of those below. */
	if (events->oom_kill == UNREADABLE || events->oom_kill <= sums.oom_kill)
		cgroup_walk(watch->part->leaf, add_local_v2, &sums);
	ret->oom_kills =
		larger(events->oom_kill == UNREADABLE ? 0 : events->oom_kill, sums.oom_kill);
	all = larger(events->oom == UNREADABLE ? 0 : events->oom, sums.oom);
	ret->own_ooms = own == UNREADABLE ? 0 : own;
	ret->nested_ooms = own == UNREADABLE || own > all ? 0 : all - own;
	ret->own_refused = events->max != UNREADABLE && events->max > 0;
	finish_ancestors_v2(watch, ret);
}

/*
 * Times that the limit refused memory.  One that counts swap too is hit first where both are the
 * same.
 */
static uint64_t hits_v1(int dir)
{
	uint64_t memory = 0, with_swap = 0;

	file_number_at(dir, "memory.failcnt", &memory);
	file_number_at(dir, "memory.memsw.failcnt", &with_swap);
	return memory + with_swap;
}

static void count_hit_limits_v1(int dir, void *count)
{
	uint64_t limit, kills = read_key_at(dir, "memory.oom_control", "oom_kill");

	if (kills != UNREADABLE && kills > 0 &&
	    file_number_at(dir, "memory.limit_in_bytes", &limit) == 0 && limit != LIMIT_NONE &&
	    hits_v1(dir) > 0)
		++*(uint64_t *) count;
}

/*
 * A level's own OOMs are its notifications less those that came from the level above.  The most of
 * any level.
 */
static uint64_t finish_ancestors_v1(struct oom_watch *watch, struct memory_seen *ret)
{
	uint64_t above = 0;

	for (size_t i = watch->ancestor_count; i-- > 0;) {
		uint64_t ooms = count_notified(watch, i);

		ret->ancestors[i].readable = watch->ancestors[i].fd >= 0;
		ret->ancestors[i].limit_hit = ooms > above;
		above = larger(above, ooms);
	}
	return above;
}

/* What is not at memcage's own limit was at one of a cgroup below it, whoever has made that. */
static void finish_own(struct oom_watch *watch, struct memory_seen *ret)
{
	uint64_t own = 0;

	oom_watch_read(watch, false);
	ret->oom_kills = watch->kills;
	if (watch->events < 0) {
		finish_ancestors_v1(watch, ret);
		return;
	}
	own = finish_ancestors_v2(watch, ret);
	if (ret->ancestors[0].readable && watch->ooms > own)
		ret->nested_ooms = watch->ooms - own;
}

/*
 * A charge is at most a huge page: a limit to which the peak came no nearer was never hit.  (The
 * failcnt of 6.18 stays 0 where a limit with swap is hit before one without.)
 */
static bool may_be_full_v1(int dir)
{
	static const struct {
		const char *limit, *peak;
	} counters[] = { { "memory.limit_in_bytes", "memory.max_usage_in_bytes" },
			 { "memory.memsw.limit_in_bytes", "memory.memsw.max_usage_in_bytes" } };

	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		uint64_t limit, peak;

		if (file_number_at(dir, counters[i].limit, &limit) < 0 || limit == LIMIT_NONE)
			continue;
		if (file_number_at(dir, counters[i].peak, &peak) < 0 || peak + HUGE_PAGE >= limit)
			return true;
	}
	return false;
}

static void finish_v1(struct oom_watch *watch, struct memory_seen *ret,
		      struct memory_events *events)
{
	uint64_t above;

	*events = events_unknown;
	oom_watch_read(watch, false);
	above = finish_ancestors_v1(watch, ret);
	ret->oom_kills = watch->kills;
	ret->own_ooms = watch->notified > above ? watch->notified - above : 0;
	/* Above is somebody else's, whose OOMs are told here too: all are, if ours was not hit. */
	if (watch->ancestor_count > 0 && !ret->ancestors[0].readable &&
	    !may_be_full_v1(watch->part->job))
		ret->own_ooms = 0;
	if (watch->notified == 0)
		ret->nested_ooms = nested_watch_ooms(&watch->nested, watch->part->leaf);
	if (watch->notified == 0 && ret->nested_ooms == 0 && ret->oom_kills > 0)
		cgroup_walk(watch->part->leaf, count_hit_limits_v1, &ret->nested_ooms);
	if (ret->oom_kills == 0 &&
	    (ret->nested_ooms > 0 ||
	     (ret->own_ooms > 0 && nested_watch_lost(&watch->nested, watch->part->leaf))))
		ret->oom_kills = 1; /* its count went with its cgroup */
	events->oom_kill = watch->kills;
	events->oom = watch->notified;
}

void oom_watch_finish(struct oom_watch *watch, bool refusals, struct memory_seen *ret,
		      struct memory_events *ret_events)
{
	ret->ancestor_count = watch->ancestor_count;
	ret->ancestors_hidden = watch->hidden;
	if (watch->own >= 0) {
		*ret_events = events_unknown;
		finish_own(watch, ret);
	} else if (watch->local >= 0) {
		finish_v2(watch, ret, ret_events);
	} else {
		finish_v1(watch, ret, ret_events);
	}
	if (watch->own < 0 && watch->local < 0 && refusals) {
		ret_events->max = hits_v1(watch->part->job);
		ret->own_refused = ret_events->max > 0;
	}
}

void oom_watch_ancestor_name(const struct host *host, size_t index, char *buffer, size_t size)
{
	hierarchy_level_name(host_hierarchy(host, CONTROLLER_MEMORY), index, buffer, size);
}

void oom_watch_release(struct oom_watch *watch)
{
	own_close(&watch->events);
	own_close(&watch->local);
	watch->own = -1;
	nested_watch_release(&watch->nested);
	for (size_t i = 0; i < watch->ancestor_count && !watch->shared; i++)
		own_close(&watch->ancestors[i].fd);
	watch->ancestor_count = watch->shared ? 0 : watch->ancestor_count;
}

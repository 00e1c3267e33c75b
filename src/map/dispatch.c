/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that wait become attempts, as admit.h lets them in. */
#include <errno.h>
#include <stdlib.h>

#include "api.h"
#include "base/clock.h"
#include "base/own.h"
#include "map/map_state.h"

#define MEASURE_PAUSE (100 * USEC_PER_MSEC)
#define LEFT_TO_WRITE 64 /* ended jobs, beside four for each at once, whose output is not out */

/* What jobs that run hold is theirs; the rest of the pool is nobody's who could be asked for it. */
static uint64_t held_beside(const struct map *map)
{
	uint64_t beside = map->used_bytes;

	for (const struct task *task = map->running.first; task; task = task->next) {
		uint64_t used = api_memory_used(task->job);

		beside -= used < beside ? used : beside;
	}
	return beside;
}

void dispatch_measure(struct map *map, uint64_t now)
{
	struct budget_readings readings;
	uint64_t pause = MEASURE_PAUSE * (1 + map->running.count / 100);

	if (map->measured_usec != 0 && now < map->measured_usec + pause)
		return;
	map->measured_usec = now;
	map->used_bytes = pool_used(&map->pool);
	if (map->used_bytes != UINT64_MAX && (map->summary->used_peak_bytes == UINT64_MAX ||
					      map->used_bytes > map->summary->used_peak_bytes))
		map->summary->used_peak_bytes = map->used_bytes;
	map->beside_bytes = map->used_bytes == UINT64_MAX ? 0 : held_beside(map);
	if (map->beside_bytes < map->share.bytes)
		map->beside_bytes = map->share.bytes;
	map->available_bytes = UINT64_MAX;
	if (map->options->budget_bytes == 0) {
		budget_read(&map->pool.host, &readings);
		map->available_bytes = budget_available(&readings);
	}
}

static struct admit_pool admit_pool_now(const struct map *map, uint64_t now)
{
	return (struct admit_pool) {
		.budget_bytes = map->pool.budget_bytes,
		.promised_bytes = map->promised_bytes,
		.beside_bytes = map->beside_bytes,
		.allowance_bytes = map->pool.allowance_bytes,
		.available_bytes = map->available_bytes,
		.running = map->running.count,
		.jobs_most = map->pool.jobs_most,
		.alone_runs = map->alone_runs,
		.now_usec = now,
	};
}

static struct admit_decision decide(const struct map *map, struct admit_waiting *queue,
				    uint64_t now)
{
	const struct admit_pool pool = admit_pool_now(map, now);
	/* Without a slot nobody starts: the first says what is waited for. */
	size_t count = 0, most = pool.running < pool.jobs_most ? SIZE_MAX : 1;

	for (const struct task *task = map->waiting.first; task && count < most; task = task->next)
		queue[count++] = (struct admit_waiting) { task->memory_bytes, task->alone,
							  task->not_before_usec, task->overtaken };
	return admit_next(&pool, queue, count);
}

/* Those before it have been overtaken. */
static struct task *take_from_queue(struct map *map, struct admit_waiting *queue, size_t index,
				    uint64_t now)
{
	struct task *task = map->waiting.first;

	admit_overtake(queue, index, now);
	for (size_t i = 0; i < index; i++, task = task->next)
		task->overtaken = queue[i].overtaken;
	task_list_remove(&map->waiting, task);
	return task;
}

/* For want of descriptors or processes it may be started later, when others have ended. */
static void put_off(struct map *map, struct task *task, const struct memcage_error *err)
{
	task_list_add_first(&map->waiting, task);
	if (map->phase != MAP_RUNNING)
		halt_drain(map); /* as those that waited when it began to halt */
	else if (map->running.count == 0)
		halt_broken(map, err);
	else
		task->not_before_usec = clock_usec() + MEASURE_PAUSE;
}

static void start(struct map *map, struct task *task)
{
	struct memcage_error err = { 0 };

	if (attempt_start(map, task, &err) == 0)
		return;
	put_off(map, task, &err);
}

static bool output_has_room(const struct map *map)
{
	return collect_waiting(map->collect) < LEFT_TO_WRITE + 4 * map->pool.jobs_most;
}

/* With --keep-order all output may wait for one that waits itself, as it is run again. */
static struct task *find_turn(const struct map *map)
{
	uint64_t turn = collect_turn(map->collect);
	struct task *task = turn > 0 ? map->waiting.first : NULL;

	while (task && task->item.seq != turn)
		task = task->next;
	return task;
}

static void start_turn(struct map *map, uint64_t now)
{
	struct task *task = find_turn(map);
	struct admit_waiting one;
	struct admit_pool pool;

	dispatch_measure(map, now);
	map->decision = (struct admit_decision) { .reason = ADMIT_NOTHING };
	if (!task)
		return;
	one = (struct admit_waiting) { task->memory_bytes, task->alone, task->not_before_usec,
				       task->overtaken };
	pool = admit_pool_now(map, now);
	map->decision = admit_next(&pool, &one, 1);
	if (map->decision.reason != ADMIT_STARTS)
		return;
	task_list_remove(&map->waiting, task);
	start(map, task);
}

void dispatch(struct map *map)
{
	auto_free struct admit_waiting *queue = calloc(map->waiting.count + 1, sizeof(*queue));
	uint64_t now = clock_usec();

	if (map->phase == MAP_RUNNING && !output_has_room(map))
		start_turn(map, now);
	while (queue && map->phase == MAP_RUNNING && output_has_room(map)) {
		dispatch_measure(map, now);
		map->decision = decide(map, queue, now);
		if (map->decision.reason != ADMIT_STARTS)
			return;
		start(map, take_from_queue(map, queue, map->decision.index, now));
	}
}

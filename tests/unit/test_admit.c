/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdbool.h>
#include <string.h>

#include "admit/admit.h"

#define MIB(n) (UINT64_C(1048576) * (n))
#define QUEUE_MOST 4
#define NOW 1000
#define ANY UINT64_MAX

/* ---- one decision ---- */

#define JOB(mib)                                                                                   \
	{                                                                                          \
		.memory_bytes = MIB(mib)                                                           \
	}
#define ALONE(mib)                                                                                 \
	{                                                                                          \
		.memory_bytes = MIB(mib), .alone = true                                            \
	}
#define LATER(mib, usec)                                                                           \
	{                                                                                          \
		.memory_bytes = MIB(mib), .not_before_usec = usec                                  \
	}
#define TIRED(mib)                                                                                 \
	{                                                                                          \
		.memory_bytes = MIB(mib), .overtaken = ADMIT_OVERTAKEN_MOST                        \
	}
#define ONCE_MORE(mib)                                                                             \
	{                                                                                          \
		.memory_bytes = MIB(mib), .overtaken = ADMIT_OVERTAKEN_MOST - 1                    \
	}
#define POOL(runs, promised, ...)                                                                  \
	{                                                                                          \
		.running = runs, .promised_bytes = MIB(promised), __VA_ARGS__                      \
	}

static const struct row {
	const char *name;
	struct admit_pool pool; /* 0: 8 slots, 1 GiB, on a machine that has enough; it is NOW */
	struct admit_waiting queue[QUEUE_MOST];
	size_t count;
	struct admit_decision want;
} rows[] = {
	{ "an empty queue", POOL(0, 0), {}, 0, { ADMIT_NOTHING } },
	{ "the first starts", POOL(0, 0), { JOB(512), JOB(512) }, 2, { ADMIT_STARTS, 0 } },
	{ "it fits to the last byte", POOL(1, 512), { JOB(512) }, 1, { ADMIT_STARTS, 0 } },
	{ "a MiB is missing", POOL(1, 513), { JOB(512) }, 1, { ADMIT_FOR_PROMISED, 0, MIB(1) } },
	{ "no slot is free", POOL(8, 8), { JOB(1) }, 1, { ADMIT_FOR_SLOT, 0 } },
	{ "with one slot, one runs",
	  POOL(1, 1, .jobs_most = 1),
	  { JOB(1) },
	  1,
	  { ADMIT_FOR_SLOT, 0 } },
	{ "a later one goes before it",
	  POOL(1, 512),
	  { JOB(600), JOB(700), JOB(512) },
	  3,
	  { ADMIT_STARTS, 2 } },
	{ "of all that wait the first is told of",
	  POOL(1, 512),
	  { JOB(600), JOB(700) },
	  2,
	  { ADMIT_FOR_PROMISED, 0, MIB(88) } },
	{ "overtaken once less than the most",
	  POOL(1, 512),
	  { ONCE_MORE(600), JOB(512) },
	  2,
	  { ADMIT_STARTS, 1 } },
	{ "overtaken often enough, all wait for it",
	  POOL(1, 512),
	  { TIRED(600), JOB(512) },
	  2,
	  { ADMIT_FOR_PROMISED, 0, MIB(88) } },
	{ "those before it need not wait for it",
	  POOL(1, 512),
	  { JOB(512), TIRED(600) },
	  2,
	  { ADMIT_STARTS, 0 } },
	{ "a later one that was overtaken often enough holds the rest",
	  POOL(1, 512),
	  { JOB(700), TIRED(600), JOB(1) },
	  3,
	  { ADMIT_FOR_PROMISED, 0, MIB(188) } },

	{ "alone, where nothing runs", POOL(0, 0), { ALONE(1024) }, 1, { ADMIT_STARTS, 0 } },
	{ "alone, where something runs", POOL(1, 1), { ALONE(1) }, 1, { ADMIT_FOR_ALONE, 0 } },
	{ "others go before one that is to be alone",
	  POOL(1, 1),
	  { ALONE(1), JOB(1) },
	  2,
	  { ADMIT_STARTS, 1 } },
	{ "but not for ever",
	  POOL(1, 1),
	  { { .memory_bytes = 1, .alone = true, .overtaken = ADMIT_OVERTAKEN_MOST }, JOB(1) },
	  2,
	  { ADMIT_FOR_ALONE, 0 } },
	{ "nothing starts beside one that is alone",
	  POOL(1, 1, .alone_runs = true),
	  { JOB(1), JOB(2) },
	  2,
	  { ADMIT_FOR_ALONE, 0 } },
	{ "one that was alone has ended",
	  POOL(0, 0, .alone_runs = true),
	  { JOB(1) },
	  1,
	  { ADMIT_STARTS, 0 } },

	{ "a date to come",
	  POOL(1, 1),
	  { LATER(1, NOW + 5) },
	  1,
	  { ADMIT_FOR_DATE, 0, 0, NOW + 5 } },
	{ "a date has come", POOL(1, 1), { LATER(1, NOW) }, 1, { ADMIT_STARTS, 0 } },
	{ "the earliest of all dates",
	  POOL(0, 0),
	  { LATER(1, NOW + 9), LATER(1, NOW + 5), LATER(1, NOW + 7) },
	  3,
	  { ADMIT_FOR_DATE, 1, 0, NOW + 5 } },
	{ "nobody waits for a date",
	  POOL(1, 1),
	  { LATER(1, NOW + 5), JOB(1) },
	  2,
	  { ADMIT_STARTS, 1 } },
	{ "not even for one that was overtaken often enough",
	  POOL(1, 1),
	  { { .memory_bytes = 1, .not_before_usec = NOW + 1, .overtaken = ADMIT_OVERTAKEN_MOST },
	    JOB(1) },
	  2,
	  { ADMIT_STARTS, 1 } },
	{ "who waits for memory is told of rather than who waits for a date",
	  POOL(1, 1024),
	  { LATER(1, NOW + 5), JOB(1) },
	  2,
	  { ADMIT_FOR_PROMISED, 1, MIB(1), NOW + 5 } },
	{ "and a date behind it is told too",
	  POOL(1, 1024),
	  { JOB(1), LATER(1, NOW + 5) },
	  2,
	  { ADMIT_FOR_PROMISED, 0, MIB(1), NOW + 5 } },

	{ "what the pool holds beside counts",
	  POOL(1, 512, .beside_bytes = MIB(100)),
	  { JOB(512) },
	  1,
	  { ADMIT_FOR_BESIDE, 0, MIB(100) } },
	{ "but not what the pool has on top for its own",
	  POOL(1, 512, .beside_bytes = MIB(2), .allowance_bytes = MIB(2)),
	  { JOB(512) },
	  1,
	  { ADMIT_STARTS, 0 } },
	{ "and what is beyond that counts",
	  POOL(1, 512, .beside_bytes = MIB(3), .allowance_bytes = MIB(2)),
	  { JOB(512) },
	  1,
	  { ADMIT_FOR_BESIDE, 0, MIB(1) } },
	{ "what is missing is all that is missing",
	  POOL(1, 512, .beside_bytes = MIB(100)),
	  { JOB(513) },
	  1,
	  { ADMIT_FOR_PROMISED, 0, MIB(101) } },
	{ "a smaller one fits beside it",
	  POOL(1, 512, .beside_bytes = MIB(100)),
	  { JOB(512), JOB(412) },
	  2,
	  { ADMIT_STARTS, 1 } },
	{ "where nothing runs, what is beside holds nobody up",
	  POOL(0, 0, .beside_bytes = MIB(1024)),
	  { JOB(1024) },
	  1,
	  { ADMIT_STARTS, 0 } },
	{ "the machine has less left than the budget says",
	  POOL(1, 1, .available_bytes = MIB(99)),
	  { JOB(100), JOB(101) },
	  2,
	  { ADMIT_FOR_AVAILABLE, 0, MIB(1) } },
	{ "and enough for a smaller one",
	  POOL(1, 1, .available_bytes = MIB(99)),
	  { JOB(100), JOB(99) },
	  2,
	  { ADMIT_STARTS, 1 } },
	{ "where nothing runs, the machine is not asked",
	  POOL(0, 0, .available_bytes = 1),
	  { JOB(100) },
	  1,
	  { ADMIT_STARTS, 0 } },

	{ "larger than the budget, it is never started",
	  POOL(0, 0),
	  { JOB(1025) },
	  1,
	  { ADMIT_FOR_PROMISED, 0, MIB(1) } },
	{ "nor is a job without a limit",
	  POOL(1, 1),
	  { { .memory_bytes = UINT64_MAX } },
	  1,
	  { ADMIT_FOR_PROMISED, 0, UINT64_MAX - MIB(1024) } },
	{ "without a budget all fit but what has no end",
	  POOL(1, 512, .budget_bytes = UINT64_MAX - 1),
	  { { .memory_bytes = UINT64_MAX }, JOB(9999999) },
	  2,
	  { ADMIT_STARTS, 1 } },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	struct admit_pool pool = row->pool;
	struct admit_decision got;

	pool.jobs_most = pool.jobs_most == 0 ? 8 : pool.jobs_most;
	pool.budget_bytes = pool.budget_bytes == 0 ? MIB(1024) : pool.budget_bytes;
	pool.available_bytes = pool.available_bytes == 0 ? ANY : pool.available_bytes;
	pool.now_usec = NOW;
	got = admit_next(&pool, row->queue, row->count);
	assert_int_equal(got.reason, row->want.reason);
	assert_int_equal(got.index, row->want.index);
	assert_int_equal(got.missing_bytes, row->want.missing_bytes);
	assert_int_equal(got.not_before_usec, row->want.not_before_usec);
}

static void check_overtake(void **state)
{
	struct admit_waiting queue[] = { JOB(1), LATER(1, NOW + 1), LATER(1, NOW), JOB(1), JOB(1) };
	const unsigned int want[] = { 1, 0, 1, 0, 0 };

	(void) state;
	admit_overtake(queue, 3, NOW);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(queue[i].overtaken, want[i]);
}

/* ---- many decisions: a map without jobs ---- */

#define MAP_JOBS 400

struct run {
	uint64_t memory_bytes, left; /* turns */
	bool alone;
};

struct map {
	struct admit_pool pool;
	struct admit_waiting queue[MAP_JOBS];
	uint64_t turns[MAP_JOBS]; /* how long each runs: of the same index as in queue */
	size_t count;
	struct run runs[MAP_JOBS];
	uint64_t started, running_most, overtaken_most;
};

static void start(struct map *map, size_t index)
{
	struct admit_waiting *job = &map->queue[index];
	size_t behind = map->count - index - 1;

	admit_overtake(map->queue, index, map->pool.now_usec);
	for (size_t i = 0; i < index; i++)
		if (map->queue[i].overtaken > map->overtaken_most)
			map->overtaken_most = map->queue[i].overtaken;
	assert_true(map->pool.running == 0 || !(map->pool.alone_runs || job->alone));
	assert_true(job->not_before_usec <= map->pool.now_usec);
	map->runs[map->pool.running++] =
		(struct run) { job->memory_bytes, map->turns[index], job->alone };
	map->pool.promised_bytes += job->memory_bytes;
	map->pool.alone_runs = job->alone;
	map->started++;
	memmove(job, job + 1, behind * sizeof(*job));
	memmove(&map->turns[index], &map->turns[index + 1], behind * sizeof(map->turns[0]));
	map->count--;
}

static void start_all(struct map *map)
{
	for (;;) {
		struct admit_decision next = admit_next(&map->pool, map->queue, map->count);

		if (next.reason != ADMIT_STARTS)
			break;
		start(map, next.index);
		assert_true(map->pool.promised_bytes <= map->pool.budget_bytes);
		assert_true(map->pool.running <= map->pool.jobs_most);
	}
	if (map->pool.running > map->running_most)
		map->running_most = map->pool.running;
}

/* A turn later: those whose turns are over have ended. */
static void turn(struct map *map)
{
	uint64_t kept = 0;

	map->pool.now_usec++;
	for (uint64_t i = 0; i < map->pool.running; i++) {
		struct run *run = &map->runs[i];

		if (--run->left > 0) {
			map->runs[kept++] = *run;
			continue;
		}
		map->pool.promised_bytes -= run->memory_bytes;
		map->pool.alone_runs = map->pool.alone_runs && !run->alone;
	}
	map->pool.running = kept;
}

static void put(struct map *map, struct admit_waiting job, uint64_t turns)
{
	map->turns[map->count] = turns;
	map->queue[map->count++] = job;
}

/* 8 CPUs, 8 jobs of 2G, room for three. */
static void check_room_for_three(void **state)
{
	static struct map map;

	(void) state;
	map = (struct map) {
		.pool = { .budget_bytes = MIB(7000), .available_bytes = ANY, .jobs_most = 8 }
	};
	for (int i = 0; i < 8; i++)
		put(&map, (struct admit_waiting) JOB(2048), 1 + (uint64_t) i % 3);
	for (int turns = 0; turns < 24; turns++) {
		start_all(&map);
		turn(&map);
	}
	assert_int_equal(map.started, 8);
	assert_int_equal(map.running_most, 3);
}

/* Small ones of different lengths always leave one at work: without rule 3 it would never start. */
static void check_big_behind_small(void **state)
{
	static struct map map;
	uint64_t before = 0;

	(void) state;
	map = (struct map) {
		.pool = { .budget_bytes = MIB(1024), .available_bytes = ANY, .jobs_most = 8 }
	};
	put(&map, (struct admit_waiting) JOB(10), 7);
	put(&map, (struct admit_waiting) JOB(1024), 1);
	for (int i = 2; i < MAP_JOBS; i++)
		put(&map, (struct admit_waiting) JOB(10), 1 + (uint64_t) i % 7);
	while (map.count > 0) {
		bool waits = map.queue[0].memory_bytes == MIB(1024);

		start_all(&map);
		turn(&map);
		before = waits ? map.started : before;
	}
	assert_int_equal(map.started, MAP_JOBS);
	assert_int_equal(map.overtaken_most, ADMIT_OVERTAKEN_MOST);
	assert_true(before <= 2 + ADMIT_OVERTAKEN_MOST);
	assert_int_equal(map.running_most, 8);
}

/* The same numbers each time (xorshift64). */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static bool one_in(uint64_t *seed, uint64_t n)
{
	return next_random(seed) % n == 0;
}

static struct admit_waiting make_job(uint64_t *seed, uint64_t budget_bytes)
{
	uint64_t most = one_in(seed, 8) ? budget_bytes : budget_bytes / 4;

	return (struct admit_waiting) {
		.memory_bytes = one_in(seed, 50) ? budget_bytes : 1 + next_random(seed) % most,
		.alone = one_in(seed, 30),
		.not_before_usec = one_in(seed, 10) ? next_random(seed) % 500 : 0,
	};
}

/* What else there is comes and goes, at times for good. */
static void disturb(struct map *map, uint64_t *seed)
{
	if (one_in(seed, 5))
		map->pool.beside_bytes = next_random(seed) % (2 * map->pool.budget_bytes);
	if (one_in(seed, 5))
		map->pool.available_bytes =
			one_in(seed, 3) ? ANY : next_random(seed) % map->pool.budget_bytes;
}

static void check_one_random(uint64_t *seed)
{
	static struct map map;
	uint64_t jobs = 1 + next_random(seed) % MAP_JOBS, turns = 0;

	map = (struct map) { .pool = { .budget_bytes = MIB(1024),
				       .available_bytes = ANY,
				       .jobs_most = 1 + next_random(seed) % 16 } };
	for (uint64_t i = 0; i < jobs; i++)
		put(&map, make_job(seed, map.pool.budget_bytes), 1 + next_random(seed) % 9);
	/* If one at a time ran, they would need so many turns. */
	for (; map.count > 0 && turns < 9 * jobs + 500; turns++) {
		disturb(&map, seed);
		start_all(&map);
		turn(&map);
	}
	assert_int_equal(map.started, jobs);
	assert_true(map.overtaken_most <= ADMIT_OVERTAKEN_MOST);
}

static void check_random(void **state)
{
	uint64_t seed = 20261120;

	(void) state;
	for (int i = 0; i < 100; i++)
		check_one_random(&seed);
}

/* ---- words ---- */

static const struct words_row {
	const char *name;
	struct admit_decision decision;
	const char *want;
} words_rows[] = {
	{ "words: it starts", { ADMIT_STARTS }, "" },
	{ "words: nothing", { ADMIT_NOTHING }, "" },
	{ "words: a slot", { ADMIT_FOR_SLOT }, "a slot" },
	{ "words: the budget", { ADMIT_FOR_PROMISED, 0, MIB(64) }, "64 MiB of the budget" },
	{ "words: beside",
	  { ADMIT_FOR_BESIDE, 0, MIB(1536) },
	  "1.5 GiB that shared files and ended jobs hold" },
	{ "words: the machine",
	  { ADMIT_FOR_AVAILABLE, 0, MIB(64) },
	  "64 MiB of memory that others on this machine use" },
	{ "words: alone", { ADMIT_FOR_ALONE }, "others to end: a job is to be alone" },
	{ "words: a date", { ADMIT_FOR_DATE, 0, 0, 5 }, "the pause before a retry" },
};

static void check_words(void **state)
{
	const struct words_row *row = *state;
	char buffer[80], small[5];

	assert_ptr_equal(admit_words(&row->decision, buffer, sizeof(buffer)), buffer);
	assert_string_equal(buffer, row->want);
	assert_true(strlen(admit_words(&row->decision, small, sizeof(small))) < sizeof(small));
}

static void check_every_reason(void **state)
{
	(void) state;
	assert_int_equal(ARRAY_LEN(words_rows), ADMIT_REASON__COUNT);
	for (int i = 0; i < ADMIT_REASON__COUNT; i++)
		assert_int_equal(words_rows[i].decision.reason, i);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "who was due was overtaken", check_overtake, NULL);
	test_add(&suite, "8 jobs with room for 3: never more than 3 at once", check_room_for_three,
		 NULL);
	test_add(&suite, "a big one behind many small ones is not starved", check_big_behind_small,
		 NULL);
	test_add(&suite, "every job of any queue starts in the end, within the budget",
		 check_random, NULL);
	TEST_ROWS(&suite, check_words, words_rows);
	test_add(&suite, "every reason has words", check_every_reason, NULL);
	return test_run("admit", &suite);
}

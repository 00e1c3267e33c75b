/* SPDX-License-Identifier: Apache-2.0 */
#include "admit/admit.h"

#include "base/line.h"

/* Sums of sizes stop at the largest: too much is too much. */
static uint64_t add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t beyond(uint64_t need, uint64_t have)
{
	return need > have ? need - have : 0;
}

static bool is_due(const struct admit_waiting *job, uint64_t now_usec)
{
	return job->not_before_usec <= now_usec;
}

/* What is in the way of its memory; all that it lacks is told, for whatever reason. */
static enum admit_reason look_at_memory(const struct admit_pool *pool,
					const struct admit_waiting *job, uint64_t *ret_missing)
{
	uint64_t promised = add(pool->promised_bytes, job->memory_bytes);
	uint64_t beside = beyond(pool->beside_bytes, pool->allowance_bytes);

	*ret_missing = beyond(add(promised, pool->running > 0 ? beside : 0), pool->budget_bytes);
	if (promised > pool->budget_bytes)
		return ADMIT_FOR_PROMISED;
	if (*ret_missing > 0)
		return ADMIT_FOR_BESIDE;
	*ret_missing = beyond(job->memory_bytes, pool->available_bytes);
	return pool->running > 0 && *ret_missing > 0 ? ADMIT_FOR_AVAILABLE : ADMIT_STARTS;
}

static enum admit_reason look_at(const struct admit_pool *pool, const struct admit_waiting *job,
				 uint64_t *ret_missing)
{
	if (!is_due(job, pool->now_usec))
		return ADMIT_FOR_DATE;
	if (pool->running >= pool->jobs_most)
		return ADMIT_FOR_SLOT;
	if (pool->running > 0 && (pool->alone_runs || job->alone))
		return ADMIT_FOR_ALONE;
	return look_at_memory(pool, job, ret_missing);
}

/* Of all that wait the first that is due is told of, else the one whose date is first. */
static void keep_first(struct admit_decision *decision, enum admit_reason reason, size_t index,
		       uint64_t missing_bytes, uint64_t not_before_usec)
{
	bool earliest =
		decision->not_before_usec == 0 || not_before_usec < decision->not_before_usec;
	bool none_yet = decision->reason == ADMIT_NOTHING || decision->reason == ADMIT_FOR_DATE;

	if (reason == ADMIT_FOR_DATE && earliest)
		decision->not_before_usec = not_before_usec;
	if (!none_yet || (reason == ADMIT_FOR_DATE && !earliest))
		return;
	decision->reason = reason;
	decision->index = index;
	decision->missing_bytes = missing_bytes;
}

struct admit_decision admit_next(const struct admit_pool *pool, const struct admit_waiting queue[],
				 size_t count)
{
	struct admit_decision decision = { .reason = ADMIT_NOTHING };

	for (size_t i = 0; i < count; i++) {
		uint64_t missing_bytes = 0;
		enum admit_reason reason = look_at(pool, &queue[i], &missing_bytes);

		if (reason == ADMIT_STARTS)
			return (struct admit_decision) { .reason = ADMIT_STARTS, .index = i };
		keep_first(&decision, reason, i, missing_bytes, queue[i].not_before_usec);
		if (reason != ADMIT_FOR_DATE && queue[i].overtaken >= ADMIT_OVERTAKEN_MOST)
			break;
	}
	return decision;
}

void admit_overtake(struct admit_waiting queue[], size_t index, uint64_t now_usec)
{
	for (size_t i = 0; i < index; i++)
		if (is_due(&queue[i], now_usec))
			queue[i].overtaken++;
}

static const struct {
	bool missing; /* what it lacks stands in front */
	const char *text;
} words[ADMIT_REASON__COUNT] = {
	[ADMIT_STARTS] = { false, "" },
	[ADMIT_NOTHING] = { false, "" },
	[ADMIT_FOR_SLOT] = { false, "a slot" },
	[ADMIT_FOR_PROMISED] = { true, " of the budget" },
	[ADMIT_FOR_BESIDE] = { true, " that shared files and ended jobs hold" },
	[ADMIT_FOR_AVAILABLE] = { true, " of memory that others on this machine use" },
	[ADMIT_FOR_ALONE] = { false, "others to end: a job is to be alone" },
	[ADMIT_FOR_DATE] = { false, "the pause before a retry" },
};

const char *admit_words(const struct admit_decision *decision, char *buffer, size_t size)
{
	struct line line = line_start(buffer, size);

	if (words[decision->reason].missing)
		line_add_bytes(&line, decision->missing_bytes);
	line_add(&line, "%s", words[decision->reason].text);
	line_end(&line);
	return buffer;
}

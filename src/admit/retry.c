/* SPDX-License-Identifier: Apache-2.0 */
#include "admit/retry.h"

#include "base/clock.h"

#define MIB (UINT64_C(1) << 20)
#define MILLION UINT64_C(1000000)
#define PAUSE_USEC (250 * USEC_PER_MSEC)
#define PAUSE_DOUBLED_MOST 5 /* to 8 s */

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* In parts, so that nothing is too large but the product. */
static uint64_t multiply(uint64_t bytes, uint64_t millionths)
{
	uint64_t whole = millionths / MILLION, part = millionths % MILLION;
	uint64_t more = bytes / MILLION * part + bytes % MILLION * part / MILLION;
	uint64_t product;

	if (__builtin_mul_overflow(bytes, whole, &product) ||
	    __builtin_add_overflow(product, more, &product))
		return UINT64_MAX;
	return product;
}

/* Rounded up, so that even the smallest factor brings a MiB; what a person would say of it. */
static uint64_t grow(uint64_t bytes, const struct retry_rule *rule)
{
	uint64_t grown = multiply(bytes, rule->grow_millionths);

	if (grown >= rule->budget_bytes)
		return rule->budget_bytes;
	if (grown <= bytes)
		grown = bytes + 1;
	return smaller((grown + MIB - 1) / MIB * MIB, rule->budget_bytes);
}

static struct retry no(const struct retry_state *state, const char *why)
{
	return (struct retry) { .memory_bytes = state->memory_bytes,
				.alone = state->alone,
				.why = why };
}

static struct retry with_more(const struct retry_rule *rule, const struct retry_state *state)
{
	bool last = state->ooms + 1 >= rule->oom_most;
	uint64_t bytes = last ? rule->budget_bytes : grow(state->memory_bytes, rule);
	bool whole = bytes >= rule->budget_bytes;

	return (struct retry) {
		.again = true,
		.counts_as_oom = true,
		.memory_bytes = bytes,
		.alone = whole || state->alone,
		.why = whole ? "alone with the whole budget" : "with more memory",
	};
}

static uint64_t pause_usec(unsigned int before)
{
	return PAUSE_USEC << (before < PAUSE_DOUBLED_MOST ? before : PAUSE_DOUBLED_MOST);
}

static struct retry later(const struct retry_state *state)
{
	return (struct retry) {
		.again = true,
		.counts_as_oom = true,
		.memory_bytes = state->memory_bytes,
		.alone = state->alone,
		.pause_usec = pause_usec(state->ooms),
		.why = "later, with the same memory: it was not its own limit",
	};
}

static struct retry after_oom(const struct retry_rule *rule, const struct retry_state *state)
{
	bool own = state->scope == MEMCAGE_SCOPE_JOB;

	if (own && state->memory_bytes >= rule->budget_bytes)
		return no(state, "it had the whole budget");
	if (state->ooms >= rule->oom_most)
		return no(state, "--retry-oom allows no more");
	return own ? with_more(rule, state) : later(state);
}

static struct retry after_other(const struct retry_rule *rule, const struct retry_state *state)
{
	if (state->others >= rule->other_most)
		return no(state, "--retries allows no more");
	return (struct retry) {
		.again = true,
		.memory_bytes = state->memory_bytes,
		.alone = state->alone,
		.why = "with the same memory",
	};
}

struct retry retry_decide(const struct retry_rule *rule, const struct retry_state *state)
{
	if (state->ok)
		return no(state, "it ended well");
	if (state->cause == MEMCAGE_CAUSE_NONE)
		return no(state, "it has not ended");
	if (state->cause == MEMCAGE_CAUSE_CANCELLED)
		return no(state, "it was cancelled");
	if (state->cause == MEMCAGE_CAUSE_OOM && state->scope != MEMCAGE_SCOPE_NESTED)
		return after_oom(rule, state);
	return after_other(rule, state);
}

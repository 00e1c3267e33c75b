/* SPDX-License-Identifier: Apache-2.0 */
#include "admit/predict.h"

#define MIB (UINT64_C(1) << 20)

const char *const predict_basis_names[PREDICT_BASIS__COUNT] = {
	[PREDICT_SAME_ITEM] = "same-item",   [PREDICT_SAME_SIZE] = "same-size",
	[PREDICT_OTHER_SIZE] = "other-size", [PREDICT_COMMAND] = "command",
	[PREDICT_SHARE] = "share",
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#define HUGE (PREDICT_UNKNOWN - 1)

/* times 2^doublings; what does not fit is huge, and not unknown. */
static uint64_t scale_up(uint64_t bytes, unsigned int doublings)
{
	return bytes > HUGE >> doublings ? HUGE : bytes << doublings;
}

uint64_t predict_need(uint64_t peak_bytes, uint64_t limit_bytes)
{
	uint64_t quarter = peak_bytes / 4;

	if (peak_bytes > UINT64_MAX - quarter) /* unknown, too */
		return limit_bytes;
	return smaller(peak_bytes + quarter, limit_bytes);
}

unsigned int predict_class(uint64_t size_bytes)
{
	return size_bytes < 2 ? 0 : 63 - (unsigned int) __builtin_clzll(size_bytes);
}

/*
 * From the classes beside this one.  What a larger input got along with bounds what a smaller one
 * is scaled up to, which for a command of much fixed memory is far too much; but no input is taken
 * to need less than a smaller one did.
 */
static uint64_t need_by_neighbours(const struct predict_past *past, unsigned int class)
{
	uint64_t above = PREDICT_UNKNOWN;

	for (unsigned int i = class + 1; i < PREDICT_CLASSES && above == PREDICT_UNKNOWN; i++)
		above = past->by_class[i];
	for (unsigned int i = class; i-- > 0;) {
		uint64_t below = past->by_class[i];

		if (below != PREDICT_UNKNOWN)
			return larger(below, smaller(scale_up(below, class - i), above));
	}
	return above;
}

static uint64_t need_by_size(const struct predict_past *past, uint64_t size_bytes,
			     enum predict_basis *ret_basis)
{
	unsigned int class = predict_class(size_bytes);

	if (size_bytes == UINT64_MAX)
		return PREDICT_UNKNOWN;
	*ret_basis = PREDICT_SAME_SIZE;
	if (past->by_class[class] != PREDICT_UNKNOWN)
		return past->by_class[class];
	*ret_basis = PREDICT_OTHER_SIZE;
	return need_by_neighbours(past, class);
}

static uint64_t need_of(const struct predict_past *past, uint64_t size_bytes,
			enum predict_basis *ret_basis)
{
	uint64_t need = past->same_item;

	*ret_basis = PREDICT_SAME_ITEM;
	if (need == PREDICT_UNKNOWN)
		need = need_by_size(past, size_bytes, ret_basis);
	if (need == PREDICT_UNKNOWN) {
		*ret_basis = PREDICT_COMMAND;
		need = past->any;
	}
	return need;
}

static uint64_t round_down(uint64_t bytes)
{
	return bytes - bytes % MIB;
}

static uint64_t round_up(uint64_t bytes)
{
	return bytes > UINT64_MAX - MIB ? round_down(bytes) : round_down(bytes + MIB - 1);
}

/* A `most` that is less than PREDICT_LEAST, or no whole MiB, is the harder rule. */
static uint64_t within(uint64_t bytes, uint64_t most_bytes)
{
	uint64_t most = most_bytes < MIB ? most_bytes : round_down(most_bytes);

	return smaller(larger(bytes, PREDICT_LEAST), most);
}

struct prediction predict(const struct predict_past *past, uint64_t size_bytes,
			  uint64_t budget_bytes, uint64_t jobs_most, uint64_t most_bytes)
{
	enum predict_basis basis;
	uint64_t bytes = need_of(past, size_bytes, &basis);

	if (bytes == PREDICT_UNKNOWN) {
		basis = PREDICT_SHARE; /* rounded down: all of them are to fit at once */
		bytes = round_down(budget_bytes / larger(jobs_most, 1));
	} else {
		bytes = round_up(bytes);
	}
	if (past->same_killed != 0 && bytes <= past->same_killed) {
		basis = PREDICT_SAME_ITEM;
		bytes = round_up(scale_up(past->same_killed, 1));
	}
	return (struct prediction) { .memory_bytes = within(bytes, most_bytes), .basis = basis };
}

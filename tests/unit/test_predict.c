/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdbool.h>
#include <string.h>

#include "admit/predict.h"

#define NO PREDICT_UNKNOWN
#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static const struct need_row {
	const char *name;
	uint64_t peak, limit, want;
} needs[] = {
	{ "a need is the peak and a quarter", 100 * MIB, GIB, 125 * MIB },
	{ "a need is no more than the limit that was enough", 100 * MIB, 110 * MIB, 110 * MIB },
	{ "a peak at the limit needs the limit, since page cache fills it", GIB, GIB, GIB },
	{ "without a limit a need is the peak and a quarter", 4, NO, 5 },
	{ "with an unknown peak the limit was enough", NO, GIB, GIB },
	{ "with neither peak nor limit nothing is known", NO, NO, NO },
	{ "a peak of nothing needs nothing", 0, GIB, 0 },
	{ "a peak beyond all sizes does not wrap", NO - 2, GIB, GIB },
};

static void check_need(void **state)
{
	const struct need_row *row = *state;

	assert_int_equal(predict_need(row->peak, row->limit), row->want);
}

static const struct class_row {
	const char *name;
	uint64_t size;
	unsigned int want;
} classes[] = {
	{ "an empty input is of class 0", 0, 0 },
	{ "one byte is of class 0", 1, 0 },
	{ "two bytes are of class 1", 2, 1 },
	{ "three bytes are of class 1", 3, 1 },
	{ "one byte less than a MiB is of class 19", MIB - 1, 19 },
	{ "a MiB is of class 20", MIB, 20 },
	{ "the largest size has a class too", UINT64_MAX, PREDICT_CLASSES - 1 },
};

static void check_class(void **state)
{
	const struct class_row *row = *state;

	assert_int_equal(predict_class(row->size), row->want);
}

/* What is known: 0 stands for not known, in classes too. */
static const struct row {
	const char *name;
	uint64_t same_item, killed;
	struct {
		unsigned int class;
		uint64_t need;
	} known[3];
	uint64_t any, size, budget, jobs, most;
	struct prediction want;
} rows[] = {
	{ "an item gets what it needed the last time", .same_item = 100 * MIB,
	  .known = { { 20, GIB } }, .any = GIB, .size = MIB,
	  .want = { 100 * MIB, PREDICT_SAME_ITEM } },
	{ "a need is rounded up to whole MiB", .same_item = 100 * MIB + 1, .size = MIB,
	  .want = { 101 * MIB, PREDICT_SAME_ITEM } },
	{ "an item that was killed gets twice the limit that was too small", .killed = 100 * MIB,
	  .size = MIB, .jobs = 100, .want = { 200 * MIB, PREDICT_SAME_ITEM } },
	{ "an item that was killed at what it needed before gets twice as much",
	  .same_item = 100 * MIB, .killed = 100 * MIB, .size = MIB,
	  .want = { 200 * MIB, PREDICT_SAME_ITEM } },
	{ "an item that was killed below what others need gets that", .killed = 50 * MIB,
	  .known = { { 20, 80 * MIB } }, .any = 80 * MIB, .size = MIB,
	  .want = { 80 * MIB, PREDICT_SAME_SIZE } },
	{ "an item that was killed above what others need gets more than then", .killed = 80 * MIB,
	  .known = { { 20, 50 * MIB } }, .any = 50 * MIB, .size = MIB,
	  .want = { 160 * MIB, PREDICT_SAME_ITEM } },
	{ "an item that was killed with all that can be given gets that again", .killed = 900 * MIB,
	  .size = MIB, .jobs = 100, .most = GIB, .want = { GIB, PREDICT_SAME_ITEM } },
	{ "an input gets what inputs of its size needed",
	  .known = { { 19, 20 * MIB }, { 20, 40 * MIB }, { 21, 80 * MIB } }, .any = 80 * MIB,
	  .size = 2 * MIB - 1, .want = { 40 * MIB, PREDICT_SAME_SIZE } },
	{ "a larger input gets what smaller ones needed, scaled up",
	  .known = { { 10, 17 * MIB }, { 18, 40 * MIB } }, .any = 40 * MIB, .size = MIB,
	  .want = { 160 * MIB, PREDICT_OTHER_SIZE } },
	{ "a smaller input gets what the next larger ones needed",
	  .known = { { 22, 40 * MIB }, { 30, GIB } }, .any = GIB, .size = MIB,
	  .want = { 40 * MIB, PREDICT_OTHER_SIZE } },
	{ "an input between two sizes gets no more than the larger one needed",
	  .known = { { 10, 40 * MIB }, { 21, 50 * MIB } }, .any = 50 * MIB, .size = MIB,
	  .want = { 50 * MIB, PREDICT_OTHER_SIZE } },
	{ "an input between two sizes gets no less than the smaller one needed",
	  .known = { { 18, 60 * MIB }, { 21, 50 * MIB } }, .any = 60 * MIB, .size = MIB,
	  .want = { 60 * MIB, PREDICT_OTHER_SIZE } },
	{ "scaling up does not wrap", .known = { { 0, 40 * MIB } }, .any = 40 * MIB,
	  .size = UINT64_C(1) << 62, .want = { 8 * GIB, PREDICT_OTHER_SIZE } },
	{ "an empty input is of the smallest size", .known = { { 0, 20 * MIB } }, .any = 20 * MIB,
	  .size = 0, .want = { 20 * MIB, PREDICT_SAME_SIZE } },
	{ "an input of unknown size gets what the hungriest needed",
	  .known = { { 19, 20 * MIB }, { 21, 80 * MIB } }, .any = 80 * MIB, .size = NO,
	  .want = { 80 * MIB, PREDICT_COMMAND } },
	{ "an input whose size is known gets what those of unknown size needed", .any = 80 * MIB,
	  .size = MIB, .want = { 80 * MIB, PREDICT_COMMAND } },
	{ "where nothing is known the budget is shared out", .size = MIB,
	  .want = { 2 * GIB, PREDICT_SHARE } },
	{ "shares are rounded down, so that all of them fit", .size = NO, .budget = 100 * MIB,
	  .jobs = 3, .want = { 33 * MIB, PREDICT_SHARE } },
	{ "a share is not below the least", .size = NO, .budget = 100 * MIB, .jobs = 50,
	  .want = { PREDICT_LEAST, PREDICT_SHARE } },
	{ "a need is not below the least", .same_item = 3 * KIB, .size = NO,
	  .want = { PREDICT_LEAST, PREDICT_SAME_ITEM } },
	{ "no jobs at once are taken for one", .size = NO, .jobs = NO,
	  .want = { 8 * GIB, PREDICT_SHARE } },
	{ "a need is not above the most", .same_item = 12 * GIB, .size = NO,
	  .want = { 8 * GIB, PREDICT_SAME_ITEM } },
	{ "a most between two MiB is rounded down", .same_item = 12 * GIB, .size = NO,
	  .most = 100 * MIB + 5, .want = { 100 * MIB, PREDICT_SAME_ITEM } },
	{ "a most below the least is kept", .same_item = 12 * GIB, .size = NO, .most = 5 * MIB,
	  .want = { 5 * MIB, PREDICT_SAME_ITEM } },
	{ "a most below a MiB is kept as it is", .size = NO, .most = 4096,
	  .want = { 4096, PREDICT_SHARE } },
};

static uint64_t or_unknown(uint64_t number)
{
	return number == 0 ? NO : number;
}

static struct predict_past past_of(const struct row *row)
{
	struct predict_past past = { .same_item = or_unknown(row->same_item),
				     .same_killed = row->killed,
				     .any = or_unknown(row->any) };

	for (size_t i = 0; i < PREDICT_CLASSES; i++)
		past.by_class[i] = NO;
	for (size_t i = 0; i < ARRAY_LEN(row->known); i++)
		if (row->known[i].need != 0)
			past.by_class[row->known[i].class] = row->known[i].need;
	return past;
}

/* A budget of 8 GiB for four jobs, where a row has no other. */
static void check_row(void **state)
{
	const struct row *row = *state;
	struct predict_past past = past_of(row);
	uint64_t jobs = row->jobs == 0 ? 4 : row->jobs == NO ? 0 : row->jobs;
	struct prediction seen = predict(&past, row->size, row->budget ? row->budget : 8 * GIB,
					 jobs, row->most ? row->most : 8 * GIB);

	assert_string_equal(predict_basis_names[seen.basis], predict_basis_names[row->want.basis]);
	assert_int_equal(seen.memory_bytes, row->want.memory_bytes);
}

static void check_names(void **state)
{
	(void) state;
	for (size_t i = 0; i < PREDICT_BASIS__COUNT; i++) {
		assert_non_null(predict_basis_names[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(predict_basis_names[i], predict_basis_names[k]);
	}
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_need, needs);
	TEST_ROWS(&suite, check_class, classes);
	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "every basis has a name of its own", check_names, NULL);
	return test_run("predict", &suite);
}

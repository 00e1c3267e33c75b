/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdbool.h>
#include <string.h>

#include "admit/retry.h"

#define MIB(n) (UINT64_C(1048576) * (n))
#define MSEC(n) (UINT64_C(1000) * (n))
#define MORE "with more memory"
#define WHOLE "alone with the whole budget"
#define HAD_WHOLE "it had the whole budget"
#define LATER "later, with the same memory: it was not its own limit"
#define SAME "with the same memory"
#define NO_OOMS "--retry-oom allows no more"
#define NO_OTHERS "--retries allows no more"

/* Of a budget of 4 GiB, with --grow 2. */
#define RULE(ooms_, others_)                                                                       \
	{                                                                                          \
		ooms_, others_, 2000000, MIB(4096)                                                 \
	}
#define OOM(whose, ...)                                                                            \
	{                                                                                          \
		.cause = MEMCAGE_CAUSE_OOM, .scope = MEMCAGE_SCOPE_##whose, __VA_ARGS__            \
	}
#define END(cause_, ...)                                                                           \
	{                                                                                          \
		.cause = MEMCAGE_CAUSE_##cause_, __VA_ARGS__                                       \
	}
#define AGAIN(oom, bytes, alone_, pause, why_)                                                     \
	{                                                                                          \
		true, oom, bytes, alone_, pause, why_                                              \
	}
#define NO(bytes, alone_, why_)                                                                    \
	{                                                                                          \
		false, false, bytes, alone_, 0, why_                                               \
	}

static const struct row {
	const char *name;
	struct retry_rule rule;
	struct retry_state state;
	struct retry want;
} rows[] = {
	/* Its own limit: more. */
	{ "the first of three: twice the memory", RULE(3, 0), OOM(JOB, .memory_bytes = MIB(512)),
	  AGAIN(true, MIB(1024), false, 0, MORE) },
	{ "the second of three: twice that", RULE(3, 0),
	  OOM(JOB, .memory_bytes = MIB(1024), .ooms = 1), AGAIN(true, MIB(2048), false, 0, MORE) },
	{ "the last of three: the whole budget", RULE(3, 0),
	  OOM(JOB, .memory_bytes = MIB(2048), .ooms = 2), AGAIN(true, MIB(4096), true, 0, WHOLE) },
	{ "the only one is the last", RULE(1, 0), OOM(JOB, .memory_bytes = MIB(64)),
	  AGAIN(true, MIB(4096), true, 0, WHOLE) },
	{ "with a retry it succeeds",
	  RULE(3, 0),
	  { MEMCAGE_CAUSE_EXITED, MEMCAGE_SCOPE_NONE, true, MIB(1024), false, 1, 0 },
	  NO(MIB(1024), false, "it ended well") },
	{ "grown to the budget before the last, it is alone too", RULE(9, 0),
	  OOM(JOB, .memory_bytes = MIB(2048), .ooms = 3), AGAIN(true, MIB(4096), true, 0, WHOLE) },
	{ "never beyond the budget", RULE(9, 0), OOM(JOB, .memory_bytes = MIB(3000)),
	  AGAIN(true, MIB(4096), true, 0, WHOLE) },
	{ "hopeless: it had the whole budget", RULE(9, 0),
	  OOM(JOB, .memory_bytes = MIB(4096), .alone = true, .ooms = 4),
	  NO(MIB(4096), true, HAD_WHOLE) },
	{ "hopeless at once: its limit was the budget", RULE(3, 0),
	  OOM(JOB, .memory_bytes = MIB(4096)), NO(MIB(4096), false, HAD_WHOLE) },
	{ "hopeless is told also where no retry is left", RULE(1, 0),
	  OOM(JOB, .memory_bytes = MIB(4096), .alone = true, .ooms = 1),
	  NO(MIB(4096), true, HAD_WHOLE) },
	{ "no retry is left", RULE(2, 5), OOM(JOB, .memory_bytes = MIB(64), .ooms = 2),
	  NO(MIB(64), false, NO_OOMS) },
	{ "no retry was asked for", RULE(0, 5), OOM(JOB, .memory_bytes = MIB(64)),
	  NO(MIB(64), false, NO_OOMS) },
	{ "retries for other reasons are not counted", RULE(2, 5),
	  OOM(JOB, .memory_bytes = MIB(64), .others = 5), AGAIN(true, MIB(128), false, 0, MORE) },
	{ "a main process that hid the kill ended by it all the same", RULE(3, 0),
	  OOM(JOB, .memory_bytes = MIB(512), .ok = false), AGAIN(true, MIB(1024), false, 0, MORE) },
	{ "alone stays alone", RULE(3, 0), OOM(JOB, .memory_bytes = MIB(512), .alone = true),
	  AGAIN(true, MIB(1024), true, 0, MORE) },

	/* How much more. */
	{ "half as much more",
	  { 3, 0, 1500000, MIB(4096) },
	  OOM(JOB, .memory_bytes = MIB(512)),
	  AGAIN(true, MIB(768), false, 0, MORE) },
	{ "rounded up to a MiB",
	  { 3, 0, 1100000, MIB(4096) },
	  OOM(JOB, .memory_bytes = MIB(512)),
	  AGAIN(true, MIB(564), false, 0, MORE) },
	{ "a factor of next to nothing brings a MiB",
	  { 3, 0, 1000001, MIB(4096) },
	  OOM(JOB, .memory_bytes = MIB(1)),
	  AGAIN(true, MIB(2), false, 0, MORE) },
	{ "so does one that cannot be",
	  { 3, 0, 1000000, MIB(4096) },
	  OOM(JOB, .memory_bytes = MIB(512)),
	  AGAIN(true, MIB(513), false, 0, MORE) },
	{ "a limit of no whole MiB", RULE(3, 0), OOM(JOB, .memory_bytes = MIB(1) + 4096),
	  AGAIN(true, MIB(3), false, 0, MORE) },
	{ "a budget of no whole MiB is not passed by rounding",
	  { 3, 0, 1500000, MIB(768) - 4096 },
	  OOM(JOB, .memory_bytes = MIB(511)),
	  AGAIN(true, MIB(767), false, 0, MORE) },
	{ "nor where it is the whole of it",
	  { 3, 0, 1500000, MIB(768) - 4096 },
	  OOM(JOB, .memory_bytes = MIB(512) - 8192),
	  AGAIN(true, MIB(768) - 4096, true, 0, WHOLE) },
	{ "a factor beyond all numbers",
	  { 3, 0, UINT64_MAX, MIB(4096) },
	  OOM(JOB, .memory_bytes = MIB(512)),
	  AGAIN(true, MIB(4096), true, 0, WHOLE) },
	{ "a memory beyond all numbers",
	  { 3, 0, 2000000, UINT64_MAX },
	  OOM(JOB, .memory_bytes = UINT64_MAX / 2 + 2),
	  AGAIN(true, UINT64_MAX, true, 0, WHOLE) },
	{ "a part of a large memory is exact",
	  { 3, 0, 1250000, UINT64_MAX },
	  OOM(JOB, .memory_bytes = UINT64_C(1) << 62),
	  AGAIN(true, UINT64_C(5) << 60, false, 0, MORE) },

	/* Another's limit: later. */
	{ "an ancestor's", RULE(3, 0), OOM(ANCESTOR, .memory_bytes = MIB(512)),
	  AGAIN(true, MIB(512), false, MSEC(250), LATER) },
	{ "the machine's", RULE(3, 0), OOM(HOST, .memory_bytes = MIB(512)),
	  AGAIN(true, MIB(512), false, MSEC(250), LATER) },
	{ "nobody knows whose", RULE(3, 0), OOM(UNKNOWN, .memory_bytes = MIB(512)),
	  AGAIN(true, MIB(512), false, MSEC(250), LATER) },
	{ "nobody says whose", RULE(3, 0), OOM(NONE, .memory_bytes = MIB(512)),
	  AGAIN(true, MIB(512), false, MSEC(250), LATER) },
	{ "the pause doubles", RULE(3, 0), OOM(HOST, .memory_bytes = MIB(512), .ooms = 1),
	  AGAIN(true, MIB(512), false, MSEC(500), LATER) },
	{ "to 8 s", RULE(9, 0), OOM(HOST, .memory_bytes = MIB(512), .ooms = 5),
	  AGAIN(true, MIB(512), false, MSEC(8000), LATER) },
	{ "and no more", RULE(99, 0), OOM(HOST, .memory_bytes = MIB(512), .ooms = 98),
	  AGAIN(true, MIB(512), false, MSEC(8000), LATER) },
	{ "the last is with the same memory too", RULE(1, 0),
	  OOM(ANCESTOR, .memory_bytes = MIB(512)), AGAIN(true, MIB(512), false, MSEC(250), LATER) },
	{ "with the whole budget, alone again", RULE(3, 0),
	  OOM(ANCESTOR, .memory_bytes = MIB(4096), .alone = true),
	  AGAIN(true, MIB(4096), true, MSEC(250), LATER) },
	{ "an ancestor's, and no retry is left", RULE(2, 9),
	  OOM(ANCESTOR, .memory_bytes = MIB(512), .ooms = 2), NO(MIB(512), false, NO_OOMS) },

	/* Anything else: the same. */
	{ "a limit that the job set inside is another failure", RULE(3, 1),
	  OOM(NESTED, .memory_bytes = MIB(512)), AGAIN(false, MIB(512), false, 0, SAME) },
	{ "and --retry-oom does not help it", RULE(3, 0), OOM(NESTED, .memory_bytes = MIB(512)),
	  NO(MIB(512), false, NO_OTHERS) },
	{ "a status", RULE(3, 1), END(EXITED, .memory_bytes = MIB(512)),
	  AGAIN(false, MIB(512), false, 0, SAME) },
	{ "a signal", RULE(3, 1), END(SIGNALED, .memory_bytes = MIB(512)),
	  AGAIN(false, MIB(512), false, 0, SAME) },
	{ "a timeout", RULE(3, 1), END(TIMEOUT, .memory_bytes = MIB(512)),
	  AGAIN(false, MIB(512), false, 0, SAME) },
	{ "CPU time", RULE(3, 1), END(CPU_TIME, .memory_bytes = MIB(512)),
	  AGAIN(false, MIB(512), false, 0, SAME) },
	{ "a forbidden call", RULE(3, 1), END(SECCOMP, .memory_bytes = MIB(512)),
	  AGAIN(false, MIB(512), false, 0, SAME) },
	{ "a command that is not there", RULE(3, 1), END(EXEC_FAILED, .memory_bytes = MIB(512)),
	  AGAIN(false, MIB(512), false, 0, SAME) },
	{ "a cage that could not be made", RULE(3, 1), END(SETUP_FAILED, .memory_bytes = MIB(512)),
	  AGAIN(false, MIB(512), false, 0, SAME) },
	{ "a status, and no retry is left", RULE(3, 1),
	  END(EXITED, .memory_bytes = MIB(512), .others = 1), NO(MIB(512), false, NO_OTHERS) },
	{ "a status, and no retry was asked for", RULE(3, 0), END(EXITED, .memory_bytes = MIB(512)),
	  NO(MIB(512), false, NO_OTHERS) },
	{ "retries after an OOM are not counted", RULE(3, 1),
	  END(EXITED, .memory_bytes = MIB(512), .ooms = 3, .alone = true),
	  AGAIN(false, MIB(512), true, 0, SAME) },
	{ "a timeout with a kill inside is a timeout", RULE(3, 0),
	  END(TIMEOUT, .memory_bytes = MIB(512), .scope = MEMCAGE_SCOPE_JOB),
	  NO(MIB(512), false, NO_OTHERS) },

	{ "cancelled", RULE(9, 9), END(CANCELLED, .memory_bytes = MIB(512)),
	  NO(MIB(512), false, "it was cancelled") },
	{ "cancelled after a kill", RULE(9, 9),
	  END(CANCELLED, .memory_bytes = MIB(512), .scope = MEMCAGE_SCOPE_JOB),
	  NO(MIB(512), false, "it was cancelled") },
	{ "not ended", RULE(9, 9), END(NONE, .memory_bytes = MIB(512)),
	  NO(MIB(512), false, "it has not ended") },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	struct retry got = retry_decide(&row->rule, &row->state);

	assert_int_equal(got.again, row->want.again);
	assert_int_equal(got.counts_as_oom, row->want.counts_as_oom);
	assert_int_equal(got.memory_bytes, row->want.memory_bytes);
	assert_int_equal(got.alone, row->want.alone);
	assert_int_equal(got.pause_usec, row->want.pause_usec);
	assert_string_equal(got.why, row->want.why);
}

/* A job that needs all there is and more: how often it runs, and that it ends. */
static unsigned int run_hopeless(unsigned int oom_most, uint64_t bytes, uint64_t budget_bytes)
{
	const struct retry_rule rule = { oom_most, 9, 1300000, budget_bytes };
	struct retry_state state = OOM(JOB, .memory_bytes = bytes);
	struct retry next = retry_decide(&rule, &state);
	unsigned int times = 1;

	for (; next.again; times++) {
		assert_true(next.memory_bytes > state.memory_bytes);
		assert_true(next.memory_bytes <= budget_bytes);
		assert_int_equal(next.alone, next.memory_bytes == budget_bytes);
		state.memory_bytes = next.memory_bytes;
		state.alone = next.alone;
		state.ooms += next.counts_as_oom;
		next = retry_decide(&rule, &state);
	}
	return times;
}

static void check_hopeless(void **state)
{
	(void) state;
	assert_int_equal(run_hopeless(0, MIB(64), MIB(1000)), 1);
	assert_int_equal(run_hopeless(1, MIB(64), MIB(1000)), 2);
	assert_int_equal(run_hopeless(3, MIB(64), MIB(1000)), 4);
	/* 64 x 1.3^11 is the first that is more than 1000. */
	assert_int_equal(run_hopeless(99, MIB(64), MIB(1000)), 12);
	assert_int_equal(run_hopeless(99, MIB(1000), MIB(1000)), 1);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "a hopeless job grows each time, to the budget, and ends", check_hopeless,
		 NULL);
	return test_run("retry", &suite);
}

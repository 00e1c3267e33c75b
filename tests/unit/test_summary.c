/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "map/summary.h"

#define MIB(n) (UINT64_C(1048576) * (n))
#define SEC(n) (UINT64_C(1000000) * (n))
#define NO UINT64_MAX
#define JOBS_MOST 8

/* ---- what is kept ---- */

struct attempt {
	struct summary_job job;
	bool ok, final;
};

static void note_all(struct summary *summary, const struct attempt *attempts)
{
	for (size_t i = 0; i < JOBS_MOST && attempts[i].job.seq > 0; i++)
		summary_attempt(summary, &attempts[i].job, attempts[i].ok, attempts[i].final);
}

#define EXITED(code) .cause = MEMCAGE_CAUSE_EXITED, .status = code
#define OOM(whose) .cause = MEMCAGE_CAUSE_OOM, .scope = MEMCAGE_SCOPE_##whose, .status = 120

static const struct order_row {
	const char *name;
	struct attempt attempts[JOBS_MOST];
	const char *slowest, *hungriest; /* their numbers, in order */
} order_rows[] = {
	{ "kept: nothing", {}, "", "" },
	{ "kept: each by what it stands out by",
	  { { { 1, .wall_usec = 5, .peak_bytes = 10 } },
	    { { 2, .wall_usec = 7, .peak_bytes = 30 } },
	    { { 3, .wall_usec = 6, .peak_bytes = 20 } } },
	  "2 3 1 ",
	  "2 3 1 " },
	{ "kept: no more than five",
	  { { { 1, .wall_usec = 1, .peak_bytes = 7 } },
	    { { 2, .wall_usec = 2, .peak_bytes = 6 } },
	    { { 3, .wall_usec = 3, .peak_bytes = 5 } },
	    { { 4, .wall_usec = 4, .peak_bytes = 4 } },
	    { { 5, .wall_usec = 5, .peak_bytes = 3 } },
	    { { 6, .wall_usec = 6, .peak_bytes = 2 } },
	    { { 7, .wall_usec = 7, .peak_bytes = 1 } } },
	  "7 6 5 4 3 ",
	  "1 2 3 4 5 " },
	{ "kept: of those that are as large the first",
	  { { { 1, .wall_usec = 5, .peak_bytes = 1 } },
	    { { 2, .wall_usec = 5, .peak_bytes = 1 } },
	    { { 3, .wall_usec = 5, .peak_bytes = 1 } },
	    { { 4, .wall_usec = 5, .peak_bytes = 1 } },
	    { { 5, .wall_usec = 5, .peak_bytes = 1 } },
	    { { 6, .wall_usec = 5, .peak_bytes = 1 } } },
	  "1 2 3 4 5 ",
	  "1 2 3 4 5 " },
	{ "kept: an item that was tried again stands there once, by its largest",
	  { { { 1, .wall_usec = 5, .peak_bytes = 40 } },
	    { { 2, .wall_usec = 6, .peak_bytes = 30 } },
	    { { 1, .wall_usec = 9, .peak_bytes = 20 } },
	    { { 2, .wall_usec = 2, .peak_bytes = 60 } } },
	  "1 2 ",
	  "2 1 " },
	{ "kept: also where the list is full",
	  { { { 1, .wall_usec = 5, .peak_bytes = 5 } },
	    { { 2, .wall_usec = 4, .peak_bytes = 4 } },
	    { { 3, .wall_usec = 3, .peak_bytes = 3 } },
	    { { 4, .wall_usec = 2, .peak_bytes = 2 } },
	    { { 5, .wall_usec = 1, .peak_bytes = 1 } },
	    { { 5, .wall_usec = 9, .peak_bytes = 9 } },
	    { { 6, .wall_usec = 7, .peak_bytes = 7 } } },
	  "5 6 1 2 3 ",
	  "5 6 1 2 3 " },
	{ "kept: a peak that is not known is none",
	  { { { 1, .wall_usec = 5, .peak_bytes = NO } }, { { 2, .wall_usec = 6 } } },
	  "2 1 ",
	  "" },
};

static void assert_numbers(const struct summary_job list[], unsigned int count, const char *want)
{
	char numbers[64] = "";

	for (unsigned int i = 0; i < count; i++)
		snprintf(numbers + strlen(numbers), sizeof(numbers) - strlen(numbers), "%u ",
			 (unsigned int) list[i].seq);
	assert_string_equal(numbers, want);
}

static void check_order(void **state)
{
	const struct order_row *row = *state;
	struct summary summary = { 0 };

	note_all(&summary, row->attempts);
	assert_numbers(summary.slowest, summary.slowest_count, row->slowest);
	assert_numbers(summary.hungriest, summary.hungriest_count, row->hungriest);
}

/* Two items go well, one of them the second time; one fails for good, one does not start. */
static void check_counts(void **state)
{
	static const struct attempt attempts[JOBS_MOST] = {
		{ { 1, .peak_bytes = 50, EXITED(0) }, true, true },
		{ { 2, .peak_bytes = 64, .limit_bytes = 64, .foretold = true, OOM(JOB) },
		  false,
		  false },
		{ { 2, .peak_bytes = 70, .limit_bytes = 128, .foretold = true, EXITED(0) },
		  true,
		  true },
		{ { 3, .peak_bytes = 90, .limit_bytes = 99, .foretold = true, OOM(HOST) },
		  false,
		  true },
		{ { 4, .peak_bytes = NO, .limit_bytes = 99, .foretold = true,
		    .cause = MEMCAGE_CAUSE_EXEC_FAILED, .status = 127 },
		  false,
		  true },
	};
	struct summary summary = { .items = 6, .skipped = 2 };

	(void) state;
	note_all(&summary, attempts);
	assert_int_equal(summary.attempts, 5);
	assert_int_equal(summary.ok, 2);
	assert_int_equal(summary.failed, 2);
	assert_int_equal(summary.kills, 2);
	assert_int_equal(summary.causes[MEMCAGE_CAUSE_OOM], 1);
	assert_int_equal(summary.causes[MEMCAGE_CAUSE_EXEC_FAILED], 1);
	assert_int_equal(summary.causes[MEMCAGE_CAUSE_EXITED], 0);
	assert_int_equal(summary.peak_ok_bytes, 70);
	assert_int_equal(summary.foretold, 4);
	assert_int_equal(summary.foretold_killed, 1);
	assert_int_equal(summary.foretold_bytes, 64 + 128 + 99);
	assert_int_equal(summary.foretold_peak_bytes, 64 + 70 + 90);
	assert_numbers(summary.killed, summary.killed_count, "3 4 ");
	assert_true(summary_adds_up(&summary));
	summary.items++;
	assert_false(summary_adds_up(&summary));
}

static void check_many_failed(void **state)
{
	struct summary_job job = { 0, EXITED(1) };
	struct summary summary = { 0 };

	(void) state;
	for (job.seq = 1; job.seq <= SUMMARY_KILLED + 3; job.seq++)
		summary_attempt(&summary, &job, false, true);
	assert_int_equal(summary.killed_count, SUMMARY_KILLED);
	assert_numbers(summary.killed, summary.killed_count, "1 2 3 4 5 6 7 8 9 10 ");
	assert_int_equal(summary.failed, SUMMARY_KILLED + 3);
}

/* ---- what is said ---- */

#define DONE .input_complete = true
#define POOL .budget_bytes = MIB(4096), .jobs_most = 8
#define ONE_OK                                                                                     \
	{                                                                                          \
		{ 1, .wall_usec = SEC(1), .peak_bytes = MIB(500), EXITED(0) }, true, true          \
	}
#define FIRST_LINE "1 item: 0 ok, 1 failed, 0 skipped; 1 attempt, in 2 s\n"
#define KILL_LINE "1 item: 0 ok, 1 failed, 0 skipped; 1 attempt, 1 with a kill for memory, in 2 s\n"
#define ONE .items = 1, .wall_usec = SEC(2), DONE

/* clang-format off */
#define FAILS(name, words, ...)                                                                    \
	{ name, { ONE }, { { { 1, "'x'", __VA_ARGS__ }, false, true } },                           \
	  FIRST_LINE "item 1 'x': " words "\n" }
#define KILLED(name, words, ...)                                                                   \
	{ name, { ONE }, { { { 1, "'x'", __VA_ARGS__ }, false, true } },                           \
	  KILL_LINE "item 1 'x': " words "\n" }
/* clang-format on */

static const struct say_row {
	const char *name;
	struct summary summary;
	struct attempt attempts[JOBS_MOST];
	const char *want; /* without what each line begins with */
} say_rows[] = {
	{ "said: nothing was to do",
	  { DONE },
	  {},
	  "0 items: 0 ok, 0 failed, 0 skipped; 0 attempts, in 0 s\n" },
	{ "said: all was done before, and some had failed",
	  { .items = 3, .skipped = 3, .skipped_failed = 1, .wall_usec = SEC(1), DONE },
	  {},
	  "3 items: 0 ok, 0 failed, 3 skipped (1 of them had failed before); 0 attempts, in 1 "
	  "s\n" },
	{ "said: the input was not read to its end",
	  { .wall_usec = SEC(1) },
	  {},
	  "0 items: 0 ok, 0 failed, 0 skipped; 0 attempts, in 1 s\n"
	  "the input was not read to its end: there may be more items\n" },
	{ "said: counts that do not add up",
	  { .items = 2, .wall_usec = SEC(1), DONE },
	  {},
	  "2 items: 0 ok, 0 failed, 0 skipped; 0 attempts, in 1 s\n"
	  "these counts do not add up, which is a fault in memcage: the ledger says what was "
	  "done\n" },
	{ "said: all that there is",
	  { .items = 4,
	    .skipped = 1,
	    .wall_usec = SEC(123),
	    DONE,
	    POOL,
	    .promised_peak_bytes = MIB(4000),
	    .used_peak_bytes = MIB(1000),
	    .memory_auto = true },
	  { { { 1, "'a'", SEC(3), MIB(505), MIB(1024), EXITED(0), 1, true }, true, true },
	    { { 2, "'b'", SEC(4), MIB(512), MIB(512), OOM(JOB), 1, true }, false, false },
	    { { 2, "'b'", SEC(5), MIB(1024), MIB(1024), OOM(JOB), 2 }, false, true },
	    { { 3, "'c'", SEC(1), MIB(20), MIB(512), EXITED(3), 1, true }, false, true } },
	  "4 items: 1 ok, 2 failed, 1 skipped; 4 attempts, 2 with a kill for memory, in 2 min 3 s\n"
	  "failed: 1 exited, 1 oom\n"
	  "item 2 'b': killed for memory: it reached its limit of 1 GiB, the last of 2 attempts\n"
	  "item 3 'c': exited with status 3\n"
	  "slowest: item 2 'b' 5 s, item 1 'a' 3 s, item 3 'c' 1 s\n"
	  "hungriest: item 2 'b' 1 GiB, item 1 'a' 505 MiB, item 3 'c' 20 MiB\n"
	  "-m auto foretold the limits of 3 attempts: 683 MiB on average, of which 346 MiB was "
	  "used; too little for 1\n"
	  "-m 640M -j 4 would have been enough for all that ended well: the hungriest used 505 "
	  "MiB; what was killed for memory needs more\n"
	  "of memory, at most 3.9 GiB was promised at once and 1 GiB used: 2.9 GiB was never "
	  "needed\n" },

	FAILS("said: a status", "exited with status 9", EXITED(9)),
	FAILS("said: a signal", "killed by SIGSEGV", .cause = MEMCAGE_CAUSE_SIGNALED,
	      .status = 128 + SIGSEGV),
	FAILS("said: a signal that nobody knows", "killed by a signal",
	      .cause = MEMCAGE_CAUSE_SIGNALED),
	FAILS("said: time", "did not end in time (--timeout)", .cause = MEMCAGE_CAUSE_TIMEOUT),
	FAILS("said: CPU time", "used up its CPU time (--cpu-time)",
	      .cause = MEMCAGE_CAUSE_CPU_TIME),
	FAILS("said: a call", "killed for a forbidden system call", .cause = MEMCAGE_CAUSE_SECCOMP),
	FAILS("said: a cancel", "cancelled", .cause = MEMCAGE_CAUSE_CANCELLED),
	FAILS("said: no command", "the command could not be executed",
	      .cause = MEMCAGE_CAUSE_EXEC_FAILED),
	FAILS("said: no cage", "the cage could not be made", .cause = MEMCAGE_CAUSE_SETUP_FAILED),
	FAILS("said: no end", "not ended", .cause = MEMCAGE_CAUSE_NONE),
	FAILS("said: the third time", "exited with status 9, the last of 3 attempts", EXITED(9),
	      .attempts = 3),
	KILLED("said: a kill that is not the cause", "cancelled, after a kill for memory",
	       .cause = MEMCAGE_CAUSE_CANCELLED, .scope = MEMCAGE_SCOPE_JOB),
	KILLED("said: its limit, which is not known", "killed for memory: it reached its limit",
	       OOM(JOB), .limit_bytes = NO),
	KILLED("said: a limit above",
	       "killed for memory: a limit above it was reached; it used 5 MiB", OOM(ANCESTOR),
	       .peak_bytes = MIB(5)),
	KILLED("said: the machine", "killed for memory: the machine ran out of memory", OOM(HOST),
	       .peak_bytes = NO),
	KILLED("said: a limit inside",
	       "killed for memory: a limit that it had set inside was reached", OOM(NESTED)),
	KILLED("said: nobody knows whose limit",
	       "killed for memory: whose limit was reached cannot be seen here", OOM(UNKNOWN)),
	{ "said: an item without words, and one that is no good on a terminal",
	  { .items = 2, .wall_usec = SEC(2), DONE },
	  { { { 1, "", SEC(1), EXITED(1) }, false, true },
	    { { 2, "\033[2J", SEC(2), EXITED(1) }, false, true } },
	  "2 items: 0 ok, 2 failed, 0 skipped; 2 attempts, in 2 s\n"
	  "failed: 2 exited\n"
	  "item 1: exited with status 1\n"
	  "item 2 ?[2J: exited with status 1\n"
	  "slowest: item 2 ?[2J 2 s, item 1 1 s\n" },

	{ "said: as many as there are slots for",
	  { .items = 9,
	    .skipped = 8,
	    .wall_usec = SEC(2),
	    DONE,
	    .budget_bytes = MIB(4096),
	    .jobs_most = 5 },
	  { ONE_OK },
	  "9 items: 1 ok, 0 failed, 8 skipped; 1 attempt, in 2 s\n"
	  "-m 640M -j 5 would have been enough for all that ended well: the hungriest used 500 "
	  "MiB\n" },
	{ "said: as many as there are items",
	  { ONE, .budget_bytes = MIB(4096) },
	  { ONE_OK },
	  "1 item: 1 ok, 0 failed, 0 skipped; 1 attempt, in 2 s\n"
	  "-m 640M -j 1 would have been enough for all that ended well: the hungriest used 500 "
	  "MiB\n" },
	{ "said: as many as fit",
	  { .items = 9, .skipped = 8, .wall_usec = SEC(2), DONE, POOL },
	  { ONE_OK },
	  "9 items: 1 ok, 0 failed, 8 skipped; 1 attempt, in 2 s\n"
	  "-m 640M -j 6 would have been enough for all that ended well: the hungriest used 500 "
	  "MiB\n" },
	{ "said: a budget that is not known",
	  { ONE, .budget_bytes = NO },
	  { ONE_OK },
	  "1 item: 1 ok, 0 failed, 0 skipped; 1 attempt, in 2 s\n"
	  "-m 640M would have been enough for all that ended well: the hungriest used 500 MiB\n" },
	{ "said: no -m beyond the budget",
	  { ONE, .budget_bytes = MIB(600) },
	  { ONE_OK },
	  "1 item: 1 ok, 0 failed, 0 skipped; 1 attempt, in 2 s\n"
	  "the whole budget and -j 1 would have been enough for all that ended well: the hungriest "
	  "used 500 MiB\n" },
	{ "said: -m auto that knew nothing",
	  { ONE, .memory_auto = true },
	  { { { 1, EXITED(0) }, true, true } },
	  "1 item: 1 ok, 0 failed, 0 skipped; 1 attempt, in 2 s\n"
	  "-m auto knew no peaks of this command yet\n" },
	{ "said: -m auto where peaks cannot be read",
	  { ONE, .memory_auto = true },
	  { { { 1, .peak_bytes = NO, .limit_bytes = MIB(5), .foretold = true, EXITED(0) },
	      true,
	      true } },
	  "1 item: 1 ok, 0 failed, 0 skipped; 1 attempt, in 2 s\n"
	  "-m auto foretold the limits of 1 attempt; enough for each\n" },
	{ "said: all that was promised was used",
	  { ONE, .promised_peak_bytes = MIB(5), .used_peak_bytes = MIB(5) },
	  { { { 1, EXITED(0) }, true, true } },
	  "1 item: 1 ok, 0 failed, 0 skipped; 1 attempt, in 2 s\n" },
	{ "said: what was used is not known",
	  { ONE, .promised_peak_bytes = MIB(5), .used_peak_bytes = NO },
	  { { { 1, EXITED(0) }, true, true } },
	  "1 item: 1 ok, 0 failed, 0 skipped; 1 attempt, in 2 s\n" },
};

static char *say(const struct summary *summary)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	summary_say(summary, to);
	assert_int_equal(fclose(to), 0);
	return text;
}

/* Each line tells who says it. */
static void drop_names(char *text)
{
	static const char name[] = "memcage: ";
	char *to = text;

	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n") + 1 - strlen(name);

		assert_int_equal(strncmp(line, name, strlen(name)), 0);
		assert_int_equal(line[strcspn(line, "\n")], '\n');
		memmove(to, line + strlen(name), length);
		to += length;
		line += strlen(name) + length;
	}
	*to = '\0';
}

static void check_say(void **state)
{
	const struct say_row *row = *state;
	struct summary summary = row->summary;
	auto_free char *text = NULL;

	note_all(&summary, row->attempts);
	text = say(&summary);
	drop_names(text);
	assert_string_equal(text, row->want);
}

/* However many failed, the lines are few, and each is whole. */
static void check_few_lines(void **state)
{
	struct summary_job job = { 0, .wall_usec = SEC(5), .peak_bytes = MIB(5), OOM(JOB) };
	struct summary summary = { .items = 1000, DONE, POOL };
	auto_free char *text = NULL;
	int lines = 0;

	(void) state;
	memset(job.item, 'x', sizeof(job.item) - 1);
	for (job.seq = 1; job.seq <= 1000; job.seq++)
		summary_attempt(&summary, &job, false, true);
	text = say(&summary);
	for (const char *at = text; (at = strstr(at, "memcage: ")); at++)
		lines++;
	assert_int_equal(lines, SUMMARY_KILLED + 5);
	assert_non_null(strstr(text, "memcage: and 990 more that failed: the ledger has all\n"));
	assert_null(strstr(text, "..."));
}

static void check_json(void **state)
{
	const struct summary summary = { .items = 7,
					 .ok = 3,
					 .failed = 2,
					 .skipped = 2,
					 .attempts = 8,
					 .input_complete = true,
					 .wall_usec = 3214000,
					 .status = 1 };
	auto_free char *line = summary_json(&summary);

	(void) state;
	assert_non_null(line);
	assert_string_equal(line, "{\"schema\":\"memcage.summary/1\",\"items\":7,\"ok\":3,"
				  "\"failed\":2,\"skipped\":2,\"attempts\":8,"
				  "\"input_complete\":true,\"wall_seconds\":3.214,\"status\":1}\n");
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_order, order_rows);
	test_add(&suite, "counted: attempts, items, causes, peaks", check_counts, NULL);
	test_add(&suite, "counted: of those that fail the first are named", check_many_failed,
		 NULL);
	TEST_ROWS(&suite, check_say, say_rows);
	test_add(&suite, "said: few lines, however many failed", check_few_lines, NULL);
	test_add(&suite, "JSON: the keys of the contract", check_json, NULL);
	return test_run("summary", &suite);
}

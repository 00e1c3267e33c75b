/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "map/progress.h"

#define MIB(n) (UINT64_C(1048576) * (n))
#define SEC(n) (UINT64_C(1000000) * (n))
#define NO UINT64_MAX

/* ---- the time left ---- */

static const struct eta_row {
	const char *name;
	struct progress progress;
	uint64_t want;
} eta_rows[] = {
	{ "time left: nothing has ended", { .items_total = 10, .running = 2, .jobs_most = 2 }, NO },
	{ "time left: how many there are is not known",
	  { .items_total = NO,
	    .items_read = 10,
	    .ok = 5,
	    .running = 1,
	    .attempts_ended = 5,
	    .attempts_usec = SEC(5) },
	  NO },
	{ "time left: until all was read",
	  { .items_total = NO,
	    .items_read = 10,
	    .input_complete = true,
	    .ok = 6,
	    .jobs_most = 1,
	    .attempts_ended = 6,
	    .attempts_usec = SEC(6) },
	  SEC(4) },
	{ "time left: two at a time, half done",
	  { .items_total = 10,
	    .ok = 4,
	    .running = 2,
	    .jobs_most = 2,
	    .attempts_ended = 4,
	    .attempts_usec = SEC(40) },
	  SEC(25) },
	{ "time left: what fails costs as much",
	  { .items_total = 10,
	    .ok = 1,
	    .failed = 3,
	    .running = 2,
	    .jobs_most = 2,
	    .attempts_ended = 4,
	    .attempts_usec = SEC(40) },
	  SEC(25) },
	{ "time left: each item was tried twice, and so will be the rest",
	  { .items_total = 10,
	    .ok = 4,
	    .retried = 4,
	    .running = 2,
	    .jobs_most = 2,
	    .attempts_ended = 8,
	    .attempts_usec = SEC(80) },
	  SEC(50) },
	{ "time left: attempts ended, but no item",
	  { .items_total = 10,
	    .retried = 2,
	    .running = 2,
	    .jobs_most = 2,
	    .attempts_ended = 2,
	    .attempts_usec = SEC(20) },
	  NO },
	{ "time left: what was skipped took no time",
	  { .items_total = 110,
	    .skipped = 100,
	    .ok = 4,
	    .running = 2,
	    .jobs_most = 2,
	    .attempts_ended = 4,
	    .attempts_usec = SEC(40) },
	  SEC(25) },
	{ "time left: the budget lets fewer run than there are slots",
	  { .items_total = 10,
	    .ok = 4,
	    .running = 2,
	    .jobs_most = 64,
	    .attempts_ended = 4,
	    .attempts_usec = SEC(40) },
	  SEC(25) },
	{ "time left: the last one",
	  { .items_total = 10,
	    .ok = 9,
	    .running = 1,
	    .jobs_most = 8,
	    .attempts_ended = 9,
	    .attempts_usec = SEC(90) },
	  SEC(5) },
	{ "time left: more run than are left to end",
	  { .items_total = 10,
	    .ok = 9,
	    .running = 2,
	    .jobs_most = 8,
	    .attempts_ended = 9,
	    .attempts_usec = SEC(90) },
	  SEC(5) },
	{ "time left: nothing runs just now",
	  { .items_total = 12,
	    .ok = 4,
	    .jobs_most = 2,
	    .attempts_ended = 4,
	    .attempts_usec = SEC(40) },
	  SEC(40) },
	{ "time left: all has ended", { .items_total = 3, .ok = 2, .failed = 1 }, 0 },
	{ "time left: there was nothing to do", { .items_total = NO, .input_complete = true }, 0 },
	{ "time left: more than was known has ended", { .items_total = 3, .ok = 5 }, 0 },
	{ "time left: longer than anybody lives",
	  { .items_total = NO - 1,
	    .ok = 1,
	    .running = 1,
	    .attempts_ended = 1,
	    .attempts_usec = SEC(90) },
	  NO },
};

static void check_eta(void **state)
{
	const struct eta_row *row = *state;

	assert_int_equal(progress_eta(&row->progress), row->want);
}

/* ---- the bar ---- */

#define LARGE                                                                                      \
	.items_total = 120, .items_read = 60, .ok = 38, .failed = 1, .skipped = 2, .retried = 2,   \
	.running = 8, .waiting = 3, .memory_used_bytes = MIB(3174), .budget_bytes = MIB(4096),     \
	.wall_usec = SEC(40), .attempts_ended = 41, .attempts_usec = SEC(339), .jobs_most = 8
#define SMALL .items_total = 4, .ok = 1, .running = 1, .memory_used_bytes = NO, .budget_bytes = NO
#define WAITS .waits_for = "512 MiB of the budget"

static const struct bar_row {
	const char *name;
	struct progress progress;
	unsigned int columns;
	const char *want;
} bar_rows[] = {
	{ "bar: all that there is to say",
	  { LARGE, WAITS },
	  200,
	  "[===>      ] 41/120 ok 38 failed 1 skipped 2 retried 2 running 8, 3.1 of 4 GiB, "
	  "1 min 21 s left, waits for 512 MiB of the budget" },
	{ "bar: as wide as the buffer",
	  { LARGE, WAITS },
	  0,
	  "[===>      ] 41/120 ok 38 failed 1 skipped 2 retried 2 running 8, 3.1 of 4 GiB, "
	  "1 min 21 s left, waits for 512 MiB of the budget" },
	{ "bar: to the last column",
	  { LARGE },
	  95,
	  "[===>      ] 41/120 ok 38 failed 1 skipped 2 retried 2 running 8, 3.1 of 4 GiB, "
	  "1 min 21 s left" },
	{ "bar: a column less, and the bar goes",
	  { LARGE },
	  94,
	  "41/120 ok 38 failed 1 skipped 2 retried 2 running 8, 3.1 of 4 GiB, 1 min 21 s left" },
	{ "bar: then what stands last",
	  { LARGE, WAITS },
	  60,
	  "41/120 ok 38 failed 1 skipped 2 retried 2 running 8, 3.1 ..." },
	{ "bar: three columns", { SMALL }, 3, "..." },
	{ "bar: two columns", { SMALL }, 2, "1/" },
	{ "bar: nothing known beside the counts",
	  { SMALL },
	  80,
	  "[==>       ] 1/4 ok 1 running 1" },
	{ "bar: nothing was done yet",
	  { .items_total = 4, .running = 2, .memory_used_bytes = 0, .budget_bytes = MIB(64) },
	  80,
	  "[>         ] 0/4 ok 0 running 2, 0 bytes of 64 MiB" },
	{ "bar: all was done",
	  { .items_total = 4, .ok = 4, .memory_used_bytes = NO },
	  80,
	  "[==========] 4/4 ok 4 running 0" },
	{ "bar: nearly all was done",
	  { .items_total = 1000, .ok = 999, .running = 1, .memory_used_bytes = NO },
	  80,
	  "[=========>] 999/1000 ok 999 running 1" },
	{ "bar: how many there are is not known",
	  { .items_total = NO, .items_read = 9, .ok = 1, .running = 1, .memory_used_bytes = NO },
	  80,
	  "1/9+ ok 1 running 1" },
	{ "bar: all was read",
	  { .items_total = NO,
	    .items_read = 9,
	    .input_complete = true,
	    .ok = 3,
	    .running = 1,
	    .memory_used_bytes = NO },
	  80,
	  "[===>      ] 3/9 ok 3 running 1" },
	{ "bar: no items at all",
	  { .items_total = NO, .input_complete = true, .memory_used_bytes = NO },
	  80,
	  "0/0 ok 0 running 0" },
	{ "bar: memory of another unit than the budget",
	  { .items_total = 4,
	    .running = 1,
	    .memory_used_bytes = MIB(512),
	    .budget_bytes = MIB(4096) },
	  80,
	  "[>         ] 0/4 ok 0 running 1, 512 MiB of 4 GiB" },
	{ "bar: memory without a budget",
	  { .items_total = 4, .memory_used_bytes = MIB(512), .budget_bytes = NO },
	  80,
	  "[>         ] 0/4 ok 0 running 0, 512 MiB" },
	{ "bar: words that are no good on a terminal",
	  { SMALL, .waits_for = "\033[2J\n\xff" },
	  80,
	  "[==>       ] 1/4 ok 1 running 1, waits for ?[2J??" },
	{ "bar: no words", { SMALL, .waits_for = "" }, 80, "[==>       ] 1/4 ok 1 running 1" },
};

static void check_bar(void **state)
{
	const struct bar_row *row = *state;
	char buffer[256];

	progress_bar(&row->progress, row->columns, buffer, sizeof(buffer));
	assert_string_equal(buffer, row->want);
}

static void check_every_width(void **state)
{
	const struct progress progress = { LARGE, WAITS };
	char buffer[256];

	(void) state;
	for (unsigned int columns = 1; columns < 150; columns++) {
		progress_bar(&progress, columns, buffer, sizeof(buffer));
		assert_true(strlen(buffer) <= columns);
		assert_true(strlen(buffer) > 0);
	}
	for (size_t size = 1; size < 150; size++) {
		progress_bar(&progress, 200, buffer, size);
		assert_true(strlen(buffer) < size);
	}
}

/* ---- JSON ---- */

static const struct json_row {
	const char *name;
	struct progress progress;
	const char *want;
} json_rows[] = {
	{ "JSON: all that there is to say",
	  { LARGE, WAITS },
	  "{\"schema\":\"memcage.progress/1\",\"items_read\":60,\"items_total\":120,\"ok\":38,"
	  "\"failed\":1,\"skipped\":2,\"retried\":2,\"running\":8,\"waiting\":3,"
	  "\"memory_used_bytes\":3328180224,\"budget_bytes\":4294967296,\"wall_seconds\":40.0,"
	  "\"eta_seconds\":81.490384,\"waits_for\":\"512 MiB of the budget\"}\n" },
	{ "JSON: what is not known is null",
	  { .items_total = NO, .memory_used_bytes = NO, .budget_bytes = NO },
	  "{\"schema\":\"memcage.progress/1\",\"items_read\":0,\"items_total\":null,\"ok\":0,"
	  "\"failed\":0,\"skipped\":0,\"retried\":0,\"running\":0,\"waiting\":0,"
	  "\"memory_used_bytes\":null,\"budget_bytes\":null,\"wall_seconds\":0.0,"
	  "\"eta_seconds\":null,\"waits_for\":null}\n" },
};

static void check_json(void **state)
{
	const struct json_row *row = *state;
	auto_free char *line = progress_json(&row->progress);

	assert_non_null(line);
	assert_string_equal(line, row->want);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_eta, eta_rows);
	TEST_ROWS(&suite, check_bar, bar_rows);
	test_add(&suite, "bar: it fits into every width", check_every_width, NULL);
	TEST_ROWS(&suite, check_json, json_rows);
	return test_run("progress", &suite);
}

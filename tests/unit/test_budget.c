/* SPDX-License-Identifier: Apache-2.0 */
/* budget: the pure parts.  What is read of cgroups has its rows in the suite `tree`. */
#include "test.h"

#include <string.h>

#include "admit/budget.h"

#define MIB(n) (UINT64_C(1048576) * (n))
#define KIB(n) (UINT64_C(1024) * (n))
#define NO BUDGET_UNKNOWN
#define UNKNOWN_WHY "neither the machine's memory nor a limit can be read"

/* ---- /proc/meminfo ---- */

static const struct machine_row {
	const char *name;
	const char *text;
	uint64_t machine_bytes, available_bytes;
} machine_rows[] = {
	{ "as kernels write it",
	  "MemTotal:       16318412 kB\nMemFree:          812344 kB\nMemAvailable:   12345678 kB\n"
	  "Buffers:          102400 kB\n",
	  KIB(16318412), KIB(12345678) },
	{ "a machine of more than 4 TiB", "MemTotal: 6442450944 kB\nMemAvailable: 6442450943 kB\n",
	  KIB(6442450944), KIB(6442450943) },
	{ "before 3.14", "MemTotal:  1024 kB\nMemFree:  512 kB\n", KIB(1024), NO },
	{ "nothing", "", NO, NO },
	{ "cut before a number", "MemTotal:  1024 kB\nMemAvailable:", KIB(1024), NO },
	{ "no newline at the end", "MemTotal:  1024 kB\nMemAvailable: 7 kB", KIB(1024), KIB(7) },
	{ "a key is not found within a line", "x MemTotal: 1 kB\nXMemAvailable: 2 kB\n", NO, NO },
	{ "a number beyond all", "MemTotal: 99999999999999999999 kB\nMemAvailable: 1 kB\n", NO,
	  KIB(1) },
};

static void check_machine(void **state)
{
	const struct machine_row *row = *state;
	struct budget_readings readings = { 0 };

	budget_read_machine(row->text, &readings);
	assert_int_equal(readings.machine_bytes, row->machine_bytes);
	assert_int_equal(readings.available_bytes, row->available_bytes);
}

/* ---- what is left, and whose limit it is ---- */

#define MACHINE(total, available) .machine_bytes = total, .available_bytes = available
#define LEVELS(n, ...) .level_count = n, .levels = { __VA_ARGS__ }

static const struct row {
	const char *name;
	struct budget_readings readings;
	uint64_t available, budget;
	const char *why;
} rows[] = {
	{ "the machine, no levels",
	  { MACHINE(MIB(16384), MIB(8192)) },
	  MIB(8192),
	  MIB(7680),
	  "the machine" },
	{ "the reserve is 32 MiB at least",
	  { MACHINE(MIB(512), MIB(256)) },
	  MIB(256),
	  MIB(224),
	  "the machine" },
	{ "the reserve is 1 GiB at most",
	  { MACHINE(MIB(65536), MIB(65536)) },
	  MIB(65536),
	  MIB(64512),
	  "the machine" },
	{ "whole MiB",
	  { MACHINE(MIB(512), MIB(256) + 4096) },
	  MIB(256) + 4096,
	  MIB(224),
	  "the machine" },
	{ "nothing is left beside the reserve",
	  { MACHINE(MIB(512), MIB(32)) },
	  MIB(32),
	  0,
	  "the machine" },
	{ "less than a MiB is left beside it",
	  { MACHINE(MIB(512), MIB(33) - 1) },
	  MIB(33) - 1,
	  0,
	  "the machine" },
	{ "nothing is left at all", { MACHINE(MIB(512), 0) }, 0, 0, "the machine" },
	{ "a kernel that does not say what is available",
	  { MACHINE(MIB(1024), NO) },
	  MIB(1024),
	  MIB(960),
	  "the machine" },
	{ "nothing is known", { MACHINE(NO, NO) }, NO, 0, UNKNOWN_WHY },
	{ "nor is a level's limit",
	  { MACHINE(NO, NO), LEVELS(1, { "/a", NO, MIB(5), 0 }) },
	  NO,
	  0,
	  UNKNOWN_WHY },
	{ "a level alone is known",
	  { MACHINE(NO, NO), LEVELS(1, { "/a", MIB(1024), 0, 0 }) },
	  MIB(1024),
	  MIB(960),
	  "the cgroup /a" },
	{ "a level leaves less than the machine",
	  { MACHINE(MIB(16384), MIB(8192)), LEVELS(1, { "/a", MIB(2048), MIB(1024), 0 }) },
	  MIB(1024),
	  MIB(960),
	  "the cgroup /a" },
	{ "a level without limit leaves all",
	  { MACHINE(MIB(16384), MIB(8192)), LEVELS(1, { "/a", NO, MIB(4096), 0 }) },
	  MIB(8192),
	  MIB(7680),
	  "the machine" },
	{ "cold file cache is left too",
	  { MACHINE(MIB(16384), MIB(8192)), LEVELS(1, { "/a", MIB(2048), MIB(2048), MIB(1024) }) },
	  MIB(1024),
	  MIB(960),
	  "the cgroup /a" },
	{ "but not beyond the limit",
	  { MACHINE(MIB(16384), MIB(8192)), LEVELS(1, { "/a", MIB(1024), MIB(10), MIB(500) }) },
	  MIB(1024),
	  MIB(960),
	  "the cgroup /a" },
	{ "the level that leaves least, not that of the least limit",
	  { MACHINE(MIB(16384), MIB(8192)),
	    LEVELS(3, { "/a/b/c", NO, MIB(1), 0 }, { "/a/b", MIB(2048), MIB(10), 0 },
		   { "/a", MIB(4096), MIB(3072), 0 }) },
	  MIB(1024),
	  MIB(960),
	  "the cgroup /a" },
	{ "of two that leave as much, the nearest",
	  { MACHINE(MIB(16384), MIB(8192)),
	    LEVELS(2, { "/a/b", MIB(1024), 0, 0 }, { "/a", MIB(1024), 0, 0 }) },
	  MIB(1024),
	  MIB(960),
	  "the cgroup /a/b" },
	{ "a level over its limit leaves nothing",
	  { MACHINE(MIB(16384), MIB(8192)), LEVELS(1, { "/a", MIB(100), MIB(200), MIB(50) }) },
	  0,
	  0,
	  "the cgroup /a" },
	{ "a level that does not say what it uses",
	  { MACHINE(MIB(16384), MIB(8192)), LEVELS(1, { "/a", MIB(1024), NO, 0 }) },
	  MIB(1024),
	  MIB(960),
	  "the cgroup /a" },
	{ "a container's root",
	  { MACHINE(MIB(16384), MIB(8192)), LEVELS(1, { "/", MIB(1024), 0, 0 }) },
	  MIB(1024),
	  MIB(960),
	  "the container that memcage is in" },
	{ "a name that is no good on a terminal",
	  { MACHINE(MIB(16384), MIB(8192)), LEVELS(1, { "/\033[2J", MIB(1024), 0, 0 }) },
	  MIB(1024),
	  MIB(960),
	  "the cgroup /?[2J" },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	char why[BUDGET_WHY];

	assert_int_equal(budget_available(&row->readings), row->available);
	assert_int_equal(budget_decide(&row->readings, why, sizeof(why)), row->budget);
	assert_string_equal(why, row->why);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_machine, machine_rows);
	TEST_ROWS(&suite, check_row, rows);
	return test_run("budget", &suite);
}

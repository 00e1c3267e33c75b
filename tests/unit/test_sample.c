/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "supervise/sample.h"
#include "tree/fake.h"

#define NO UNREADABLE
#define PACE 500000

static const struct row {
	const char *name;
	enum cgroup_version version;
	const char *fixture; /* NULL: no files at all */
	struct sample want;
} rows[] = {
	{ "a sample on 6.1, without pressure",
	  CGROUP_V2,
	  "v2-6.1-busy",
	  { 7, 1146880, { 0, 1048576, 1048576, 4096 }, 680000, -1 } },
	{ "a sample on 6.12",
	  CGROUP_V2,
	  "v2-6.12-busy",
	  { 7, 7278592, { 0, 6791168, 1048576, 163840 }, 1242775, 0 } },
	{ "a sample on v1",
	  CGROUP_V1,
	  "v1-6.18-busy",
	  { 7, 14295040, { 11407360, 2158592, 2097152, 299008 }, 318406, -1 } },
	{ "a sample where nothing can be read",
	  CGROUP_V2,
	  NULL,
	  { 7, NO, { NO, NO, NO, NO }, NO, -1 } },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	struct samples samples;
	const struct sample *sample;
	struct fake fake;

	fake_make(&fake);
	fake_add_all(&fake, row->version);
	if (row->fixture)
		tree_load(&fake.tree, row->fixture);
	assert_int_equal(samples_start(&samples, PACE), 0);
	assert_int_equal(samples.count, 0);
	samples_take(&samples, &fake.cgroup, 7);
	assert_int_equal(samples.count, 1);
	sample = &samples.list[0];
	assert_int_equal(sample->at_usec, 7);
	assert_int_equal(sample->memory_bytes, row->want.memory_bytes);
	assert_int_equal(sample->parts.anon_bytes, row->want.parts.anon_bytes);
	assert_int_equal(sample->parts.file_bytes, row->want.parts.file_bytes);
	assert_int_equal(sample->parts.shmem_bytes, row->want.parts.shmem_bytes);
	assert_int_equal(sample->parts.kernel_bytes, row->want.parts.kernel_bytes);
	assert_int_equal(sample->cpu_usec, row->want.cpu_usec);
	assert_float_equal(sample->memory_some_percent, row->want.memory_some_percent, 0.001);
	samples_release(&samples);
	assert_null(samples.list);
	fake_remove(&fake);
}

static void check_even(const struct samples *samples, uint64_t last)
{
	assert_in_range(samples->count, 1, SAMPLES_MOST);
	assert_int_equal(samples->list[0].at_usec, 0);
	assert_int_equal(samples->list[samples->count - 1].at_usec, last);
	for (size_t i = 1; i < samples->count; i++)
		assert_int_equal(samples->list[i].at_usec - samples->list[i - 1].at_usec,
				 samples->interval_usec);
}

/* However long the job runs: from its start to now, at one pace, in the same memory. */
static void check_bounded(void **state)
{
	struct samples samples;
	struct fake fake;
	uint64_t at = 0, paces = 0;

	(void) state;
	fake_make(&fake);
	fake_add_all(&fake, CGROUP_V2);
	assert_int_equal(samples_start(&samples, PACE), 0);
	for (int i = 0; i < 5000; i++) {
		uint64_t pace = samples.interval_usec;

		samples_take(&samples, &fake.cgroup, at);
		if (samples.interval_usec != pace)
			paces++;
		check_even(&samples, at);
		at += samples.interval_usec;
	}
	/* 1024 until it is full, and then 512 a pace. */
	assert_int_equal(paces, (5000 - SAMPLES_MOST + SAMPLES_MOST / 2 - 1) / (SAMPLES_MOST / 2));
	assert_int_equal(samples.interval_usec, (uint64_t) PACE << paces);
	samples_release(&samples);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "a timeline is bounded and even", check_bounded, NULL);
	return test_run("sample", &suite);
}

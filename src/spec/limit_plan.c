/* SPDX-License-Identifier: Apache-2.0 */
/* From values to the lines that cgroup files take, and what these files then say. */
#include "spec/limit_row.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The usual period of the CPU limit, the longest, and the least quota (kernel/sched/core.c). */
#define PERIOD_USEC UINT64_C(100000)
#define PERIOD_MOST_USEC UINT64_C(1000000)
#define QUOTA_LEAST_USEC UINT64_C(1000)
#define MILLION UINT64_C(1000000)

struct limit_write *limit_plan_add(struct limit_plan *plan, const char *file, const char *format,
				   ...)
{
	struct limit_write *write = &plan->writes[plan->count];
	size_t room = sizeof(plan->text) - plan->used;
	char *line = plan->text + plan->used;
	va_list args;
	int length;

	assert(plan->count < LIMIT_PLAN_MOST);
	va_start(args, format);
	length = vsnprintf(line, room, format, args);
	va_end(args);
	assert(length >= 0 && (size_t) length < room);
	*write = (struct limit_write) { .file = file, .line = line };
	plan->count++;
	plan->used += (size_t) length + 1;
	return write;
}

void limit_plan_v2_number(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			  struct limit_plan *plan)
{
	limit_plan_add(plan, limits[id].file[CGROUP_V2], "%" PRIu64, values[id].number);
}

void limit_plan_v2_bytes(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			 struct limit_plan *plan)
{
	limit_plan_v2_number(values, id, plan);
	/* The most that the kernel counts (PAGE_COUNTER_MAX) is its "max"; v1 prints the number. */
	if (values[id].number >= limit_whole_pages(INT64_MAX))
		plan->writes[0].read_back = "max";
}

void limit_plan_v1_number(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			  struct limit_plan *plan)
{
	limit_plan_add(plan, limits[id].file[CGROUP_V1], "%" PRIu64, values[id].number);
}

/* v1 limits memory and swap together; both are below 2^63. */
void limit_plan_v1_swap(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			struct limit_plan *plan)
{
	uint64_t both = values[LIMIT_MEMORY].number + values[id].number;

	if (both > limit_whole_pages(INT64_MAX))
		both = limit_whole_pages(INT64_MAX);
	limit_plan_add(plan, limits[id].file[CGROUP_V1], "%" PRIu64, both);
}

/* The quota in a period that is long enough for the kernel to take it. */
static uint64_t quota_of(uint64_t millionths, uint64_t *ret_period)
{
	uint64_t quota = millionths * PERIOD_USEC / MILLION;

	*ret_period = quota < QUOTA_LEAST_USEC ? PERIOD_MOST_USEC : PERIOD_USEC;
	return millionths * *ret_period / MILLION;
}

void limit_plan_v2_cpus(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			struct limit_plan *plan)
{
	uint64_t period, quota = quota_of(values[id].number, &period);

	limit_plan_add(plan, limits[id].file[CGROUP_V2], "%" PRIu64 " %" PRIu64, quota, period);
}

void limit_plan_v1_cpus(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			struct limit_plan *plan)
{
	uint64_t period, quota = quota_of(values[id].number, &period);

	/* Without a quota any period is right; with one, a period may not fit to those above. */
	limit_plan_add(plan, "cpu.cfs_period_us", "%" PRIu64, period);
	limit_plan_add(plan, limits[id].file[CGROUP_V1], "%" PRIu64, quota);
}

/* v2's usual weight of 100 is v1's 1024; the kernel turns the one into the other so, too. */
void limit_plan_v1_weight(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			  struct limit_plan *plan)
{
	limit_plan_add(plan, limits[id].file[CGROUP_V1], "%" PRIu64,
		       (values[id].number * 1024 + 50) / 100);
}

static bool is_limited(const struct limit_value *value)
{
	return value->set && value->number != LIMIT_NONE;
}

const char *limit_unsupported(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			      enum cgroup_version version)
{
	if (!is_limited(&values[id]) || version != CGROUP_V1)
		return NULL;
	if (id == LIMIT_MEMORY_HIGH)
		return "cgroup v1 has no throttling limit";
	if (id == LIMIT_SWAP && !is_limited(&values[LIMIT_MEMORY]))
		return "cgroup v1 limits swap only together with memory; say --memory, too";
	return NULL;
}

void limit_plan(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
		enum cgroup_version version, struct limit_plan *plan)
{
	limit_plan_fn *fill = limits[id].plan[version];

	plan->count = 0;
	plan->used = 0;
	if (fill && is_limited(&values[id]) && !limit_unsupported(values, id, version))
		fill(values, id, plan);
}

bool limit_holds(const struct limit_write *write, const char *file_text)
{
	const char *want = write->read_back ? write->read_back : write->line;
	const char *line = file_text;

	while (*line) {
		size_t length = strcspn(line, "\n");

		if (length == strlen(want) && memcmp(line, want, length) == 0)
			return true;
		line += length + (line[length] == '\n');
	}
	return false;
}

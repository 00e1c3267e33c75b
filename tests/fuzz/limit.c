/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines "KEY=TEXT" set limits, as options do.  What is taken can be said again in another way and
 * is the same; each backend can plan it, and finds in force what it wrote.
 */
#include "fuzz.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "spec/limit.h"
#include "spec/limit_row.h"
#include "tree/tree.h"

static struct tree sysfs;

/* Disks 8:0, with a partition 8:1, and 252:0. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	sysfs = tree_make(NULL);
	tree_put(&sysfs, "dev/block/8:0/dev", "8:0\n");
	tree_put(&sysfs, "dev/block/252:0/dev", "252:0\n");
	tree_put(&sysfs, "dev/block/dev", "8:0\n");
	tree_put(&sysfs, "dev/block/8:1/partition", "1\n");
	return 0;
}

/* On a machine that is always the same. */
static int set(enum limit_id id, const char *text, struct limit_value *value,
	       struct memcage_error *err)
{
	struct limit_value fresh = { .set = true };

	if (id == LIMIT_IO) {
		if (limit_io_read(text, sysfs.dir, value, err) < 0)
			return -1;
		value->set = true;
		return 0;
	}
	if (id != LIMIT_CPUSET || strcmp(text, "max") == 0)
		return limit_parse(id, text, value, err);
	if (limit_cpuset_read(text, "0-63,65", "0-1", &fresh, err) < 0)
		return -1;
	limit_release(value);
	*value = fresh;
	return 0;
}

static void spell_number(enum limit_unit unit, uint64_t number, char text[64])
{
	uint64_t million = 1000000;

	if (number == LIMIT_NONE)
		snprintf(text, 64, "max");
	else if (unit == LIMIT_USEC || unit == LIMIT_MILLIONTHS)
		snprintf(text, 64, "%" PRIu64 ".%06" PRIu64 "%s", number / million,
			 number % million, unit == LIMIT_USEC ? "s" : "");
	else
		snprintf(text, 64, "%" PRIu64, number);
}

static void check_number(enum limit_id id, const struct limit_value *value)
{
	struct limit_value again = { 0 };
	struct memcage_error err;
	char text[64];

	spell_number(limits[id].unit, value->number, text);
	assert(limit_parse(id, text, &again, &err) == 0);
	assert(again.number == value->number);
}

/* Plain digits are what the C library takes them for, to a page; nothing wraps. */
static void check_digits(enum limit_id id, const char *text, uint64_t number)
{
	uint64_t scale =
		limits[id].unit == LIMIT_USEC || limits[id].unit == LIMIT_MILLIONTHS ? 1000000 : 1;
	unsigned long long plain;

	if (limits[id].unit == LIMIT_LIST || text[strspn(text, "0123456789")] != '\0')
		return;
	errno = 0;
	plain = strtoull(text, NULL, 10);
	assert(errno == 0 && plain <= UINT64_MAX / scale);
	plain *= scale;
	assert(number <= plain && plain - number < (uint64_t) sysconf(_SC_PAGESIZE));
}

static void check_cpuset(const struct limit_value *value)
{
	struct limit_value again = { 0 };
	struct memcage_error err;

	if (!value->cpus)
		return;
	assert(limit_cpuset_read(value->cpus, "0-63,65", "0-1", &again, &err) == 0);
	assert(strcmp(again.cpus, value->cpus) == 0);
	limit_release(&again);
}

static void check_rlimits(const struct limit_value *value)
{
	struct limit_value again = { 0 };
	struct memcage_error err;

	for (size_t i = 0; i < value->count; i++) {
		const struct limit_rlimit *one = &value->rlimits[i];
		char soft[64], hard[64], text[256];

		assert(one->soft <= one->hard);
		spell_number(LIMIT_COUNT, one->soft, soft);
		spell_number(LIMIT_COUNT, one->hard, hard);
		snprintf(text, sizeof(text), "%s=%s:%s", limit_rlimit_name(one->resource), soft,
			 hard);
		assert(limit_parse(LIMIT_RLIMITS, text, &again, &err) == 0);
		assert(again.count == i + 1 && again.rlimits[i].resource == one->resource);
		assert(again.rlimits[i].soft == one->soft && again.rlimits[i].hard == one->hard);
	}
	limit_release(&again);
}

static void check_io(const struct limit_value *value)
{
	struct limit_value again = { 0 };
	struct memcage_error err;

	for (size_t i = 0; i < value->count; i++) {
		const struct limit_io *one = &value->io[i];
		char rates[4][64], text[512];

		assert(one->minor == 0); /* a whole disk */
		spell_number(LIMIT_BYTES, one->rbps, rates[0]);
		spell_number(LIMIT_BYTES, one->wbps, rates[1]);
		spell_number(LIMIT_COUNT, one->riops, rates[2]);
		spell_number(LIMIT_COUNT, one->wiops, rates[3]);
		snprintf(text, sizeof(text), "%u:%u:rbps=%s,wbps=%s,riops=%s,wiops=%s", one->major,
			 one->minor, rates[0], rates[1], rates[2], rates[3]);
		assert(limit_io_read(text, sysfs.dir, &again, &err) == 0);
		assert(again.count == i + 1 && memcmp(&again.io[i], one, sizeof(*one)) == 0);
	}
	limit_release(&again);
}

static void check_value(enum limit_id id, const struct limit_value *value)
{
	if (id == LIMIT_CPUSET)
		check_cpuset(value);
	else if (id == LIMIT_RLIMITS)
		check_rlimits(value);
	else if (id == LIMIT_IO)
		check_io(value);
	else
		check_number(id, value);
}

static void check_plan(const struct limit_value *values, enum limit_id id,
		       enum cgroup_version version)
{
	static struct limit_plan plan;

	plan.count = plan.used = 0;
	limit_plan(values, id, version, &plan);
	assert(plan.count <= LIMIT_PLAN_MOST && plan.used <= LIMIT_PLAN_TEXT);
	assert(plan.count == 0 || !limit_unsupported(values, id, version));
	for (size_t i = 0; i < plan.count; i++) {
		const struct limit_write *write = &plan.writes[i];

		assert(write->file && *write->file && !strchr(write->line, '\n'));
		assert(limit_holds(write, write->read_back ? write->read_back : write->line));
	}
}

static void set_line(struct limit_value *values, char *line)
{
	struct memcage_error err = { 0 };
	char *text = strchr(line, '=');
	enum limit_id id;
	size_t count;

	if (text)
		*text++ = '\0';
	id = limit_find(line);
	if (!text || id == LIMIT__COUNT)
		return;
	count = values[id].count;
	if (set(id, text, &values[id], &err) < 0) {
		fuzz_check_refusal(&err);
		assert(values[id].count == count);
	} else {
		check_digits(id, text, values[id].number);
		check_value(id, &values[id]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct limit_value values[LIMIT__COUNT] = { 0 };
	auto_free char *text = fuzz_text(data, size);

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		set_line(values, line);
	for (int id = 0; id < LIMIT__COUNT; id++)
		for (int version = 0; version < CGROUP_VERSION__COUNT; version++)
			check_plan(values, (enum limit_id) id, (enum cgroup_version) version);
	for (int id = 0; id < LIMIT__COUNT; id++)
		limit_release(&values[id]);
	return 0;
}

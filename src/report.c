/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/utf8.h"
#include "text.h"

const char *const warning_names[WARNING__COUNT] = {
	[WARNING_PIDS_LIMIT] = "pids-limit",
	[WARNING_TMP_FULL] = "tmp-full",
	[WARNING_CPU_THROTTLED] = "cpu-throttled",
	[WARNING_MEMORY_HIGH] = "memory-high",
	[WARNING_MEMORY_PRESSURE] = "memory-pressure",
	[WARNING_NESTED_OOM] = "nested-oom",
	[WARNING_LEFTOVER_PROCESSES] = "leftover-processes",
	[WARNING_LIMIT_NOT_BELOW_ANCESTOR] = "limit-not-below-ancestor",
	[WARNING_LIMIT_UNSUPPORTED] = "limit-unsupported",
	[WARNING_NAMESPACE_UNAVAILABLE] = "namespace-unavailable",
	[WARNING_TMP_NOT_PRIVATE] = "tmp-not-private",
	[WARNING_TMP_DISCARDED] = "tmp-discarded",
};

static const char *const victim_sources[VICTIM_SOURCE__COUNT] = {
	[VICTIM_KMSG] = "kmsg",
	[VICTIM_PROCESS_TABLE] = "process-table",
};

/*
 * What memory ran out for shows as a missing value, so a writer need not look at each call: `whole`
 * falls with the first, and close_json() then gives NULL, which falls through to the next one out.
 */
struct writer {
	json_t *json;
	bool whole;
};

/* A row of numbers in a struct that become members of an object. */
enum member_kind { MEMBER_NUMBER, MEMBER_USEC };

struct member {
	const char *key;
	size_t offset;
	enum member_kind kind;
};

/* clang-format off */
#define NUMBER(type, field) { #field, offsetof(struct type, field), MEMBER_NUMBER }
#define SECONDS(type, name) { #name "_seconds", offsetof(struct type, name##_usec), MEMBER_USEC }
/* clang-format on */

static const struct member event_members[] = {
	NUMBER(memory_events, low),	 NUMBER(memory_events, high),
	NUMBER(memory_events, max),	 NUMBER(memory_events, oom),
	NUMBER(memory_events, oom_kill), NUMBER(memory_events, oom_group_kill),
};

static const struct member part_members[] = {
	NUMBER(memory_parts, anon_bytes),
	NUMBER(memory_parts, file_bytes),
	NUMBER(memory_parts, shmem_bytes),
	NUMBER(memory_parts, kernel_bytes),
};

static const struct member usage_members[] = {
	NUMBER(usage, memory_peak_bytes), NUMBER(usage, swap_peak_bytes),
	SECONDS(usage, cpu_user),	  SECONDS(usage, cpu_system),
	SECONDS(usage, cpu_throttled),	  NUMBER(usage, pids_peak),
	NUMBER(usage, tmp_peak_bytes),	  NUMBER(usage, io_read_bytes),
	NUMBER(usage, io_write_bytes),
};

static struct writer open_json(json_t *json)
{
	return (struct writer) { .json = json, .whole = json != NULL };
}

static json_t *close_json(struct writer *writer)
{
	if (writer->whole)
		return writer->json;
	json_decref(writer->json);
	return NULL;
}

static void put(struct writer *object, const char *key, json_t *value)
{
	if (json_object_set_new(object->json, key, value) < 0)
		object->whole = false;
}

static void append(struct writer *array, json_t *value)
{
	if (json_array_append_new(array->json, value) < 0)
		array->whole = false;
}

static json_t *number_or_null(uint64_t number)
{
	if (number == UNREADABLE)
		return json_null();
	return json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t) number);
}

static json_t *seconds_or_null(uint64_t usec)
{
	return usec == UNREADABLE ? json_null() : json_real((double) usec / (double) USEC_PER_SEC);
}

static json_t *text_or_null(const char *text, size_t most)
{
	auto_free char *copy = NULL;

	if (!text)
		return json_null();
	copy = utf8_copy(text, most);
	return copy ? json_string(copy) : NULL;
}

static void put_text(struct writer *object, const char *key, const char *text)
{
	put(object, key, text_or_null(text, text ? strlen(text) : 0));
}

/* Without a base nothing is known, and all are null. */
static void put_members(struct writer *object, const void *base, const struct member *members,
			size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t number = UNREADABLE;

		if (base)
			memcpy(&number, (const char *) base + members[i].offset, sizeof(number));
		put(object, members[i].key,
		    members[i].kind == MEMBER_USEC ? seconds_or_null(number)
						   : number_or_null(number));
	}
}

uint64_t report_limit(const struct report *report, enum limit_id id)
{
	return report->limits && report->limits[id].set ? report->limits[id].number : UNREADABLE;
}

uint64_t report_limit_hit(const struct report *report)
{
	if (report->verdict.scope == MEMCAGE_SCOPE_JOB)
		return report_limit(report, LIMIT_MEMORY);
	if (report->verdict.scope == MEMCAGE_SCOPE_ANCESTOR && report->ancestor_limit_bytes != 0)
		return report->ancestor_limit_bytes;
	return UNREADABLE;
}

bool report_has_warning(const struct report *report, enum warning_code code)
{
	for (size_t i = 0; i < report->warning_count; i++)
		if (report->warnings[i].code == code)
			return true;
	return false;
}

/* Files left in a private /tmp are what it is for. */
static bool is_said(const struct warning *warning)
{
	return warning->code != WARNING_TMP_DISCARDED;
}

size_t report_warnings_said(const struct report *report, struct memcage_warning ret[WARNINGS_MOST])
{
	size_t count = 0;

	for (size_t i = 0; i < report->warning_count && count < WARNINGS_MOST; i++) {
		const struct warning *warning = &report->warnings[i];

		if (is_said(warning))
			ret[count++] = (struct memcage_warning) {
				.code = warning_names[warning->code],
				.message = warning->message,
			};
	}
	return count;
}

static json_t *command_json(char *const *command)
{
	struct writer array = open_json(json_array());

	for (; command && *command; command++)
		append(&array, text_or_null(*command, strlen(*command)));
	return close_json(&array);
}

static void put_date(struct writer *object, const struct timespec *date)
{
	char text[80];
	struct tm utc;

	if (date->tv_sec == 0 || !gmtime_r(&date->tv_sec, &utc)) {
		put(object, "started_at", json_null());
		return;
	}
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ", utc.tm_year + 1900,
		 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
		 date->tv_nsec / 1000);
	put_text(object, "started_at", text);
}

static void put_job(struct writer *object, const struct report *report)
{
	put_text(object, "schema", "memcage.report/1");
	put_text(object, "id", report->id);
	put(object, "command", command_json(report->command));
	put_text(object, "policy", report->policy);
	put_text(object, "backend", report->backend);
	put(object, "item", json_null());
	put(object, "seq", json_null());
	put(object, "attempt", json_null());
	put_date(object, &report->started_at);
}

static void put_unfinished(struct writer *object)
{
	static const char *const unknown[] = {
		"cause", "exit_code", "signal", "core_dumped", "status", "summary", "hint", "oom",
	};

	put(object, "wall_seconds", json_null());
	put_text(object, "outcome", "unfinished");
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
		put(object, unknown[i], json_null());
}

static void put_main(struct writer *object, const struct verdict *verdict)
{
	char name[32];

	text_signal(verdict->signal, name, sizeof(name));
	put(object, "exit_code",
	    verdict->exit_code >= 0 ? json_integer(verdict->exit_code) : json_null());
	put_text(object, "signal", verdict->signal > 0 ? name : NULL);
	put(object, "core_dumped", json_boolean(verdict->core_dumped));
	put(object, "status", json_integer(verdict->status));
}

static void put_words(struct writer *object, const struct report *report)
{
	char words[TEXT_LINE];

	if (report->summary) {
		put_text(object, "summary", report->summary);
		put_text(object, "hint", report->hint);
		return;
	}
	text_summary(report, words, sizeof(words));
	put_text(object, "summary", words);
	put_text(object, "hint", text_hint(report, words, sizeof(words)) ? words : NULL);
}

static json_t *victim_json(const struct victim *victim)
{
	struct writer object = open_json(json_object());

	put(&object, "pid", victim->pid > 0 ? json_integer(victim->pid) : json_null());
	put(&object, "comm", text_or_null(victim->comm, sizeof(victim->comm)));
	put(&object, "rss_bytes", number_or_null(victim->rss_bytes));
	put_text(&object, "source", victim_sources[victim->source]);
	return close_json(&object);
}

static json_t *victims_json(const struct report *report)
{
	struct writer array = open_json(json_array());

	for (size_t i = 0; i < report->victim_count; i++)
		append(&array, victim_json(&report->victims[i]));
	return close_json(&array);
}

static json_t *parts_json(const struct report *report)
{
	struct writer object;

	if (!report->memory_parts_known)
		return json_null();
	object = open_json(json_object());
	put_members(&object, &report->memory_parts, part_members, ARRAY_LEN(part_members));
	return close_json(&object);
}

/* Whatever the cause is: a job that was cancelled and then killed for memory was killed for it. */
static json_t *oom_json(const struct report *report)
{
	const struct verdict *verdict = &report->verdict;
	struct writer object;

	if (verdict->scope == MEMCAGE_SCOPE_NONE)
		return json_null();
	object = open_json(json_object());
	put_text(&object, "scope", memcage_scope_name(verdict->scope));
	put_text(&object, "by", verdict->by_memcage ? "memcage" : "kernel");
	put(&object, "kills",
	    number_or_null(report->seen ? report->seen->memory.oom_kills : UNREADABLE));
	put(&object, "group_kill", json_boolean(verdict->group_kill));
	put(&object, "main_survived", json_boolean(verdict->main_survived));
	put(&object, "limit_bytes", number_or_null(report_limit_hit(report)));
	put(&object, "peak_bytes", number_or_null(report->usage.memory_peak_bytes));
	put(&object, "victims", victims_json(report));
	put(&object, "memory", parts_json(report));
	return close_json(&object);
}

static void put_end(struct writer *object, const struct report *report)
{
	put(object, "wall_seconds", seconds_or_null(report->wall_usec));
	put_text(object, "outcome", report->verdict.ok ? "ok" : "failed");
	put_text(object, "cause", memcage_cause_name(report->verdict.cause));
	put_main(object, &report->verdict);
	put_words(object, report);
	put(object, "oom", oom_json(report));
}

static json_t *limit_json(enum limit_unit unit, uint64_t number)
{
	if (number == UNREADABLE)
		return json_null();
	/* Both are millionths: of a CPU, of a second. */
	if (unit == LIMIT_USEC || unit == LIMIT_MILLIONTHS)
		return seconds_or_null(number);
	return number_or_null(number);
}

static json_t *limits_json(const struct report *report)
{
	struct writer object = open_json(json_object());

	for (int id = 0; id < LIMIT__COUNT; id++) {
		const struct limit *limit = &limits[id];

		if (!limit->report)
			continue;
		put(&object, limit->report, limit_json(limit->unit, report_limit(report, id)));
		if (id == LIMIT_MEMORY)
			put(&object, "memory_effective_bytes",
			    number_or_null(report->memory_effective_bytes));
	}
	return close_json(&object);
}

static json_t *events_json(const struct memory_events *events)
{
	struct writer object = open_json(json_object());

	put_members(&object, events, event_members, ARRAY_LEN(event_members));
	return close_json(&object);
}

static json_t *usage_json(const struct usage *usage)
{
	struct writer object = open_json(json_object());

	put_members(&object, usage, usage_members, ARRAY_LEN(usage_members));
	put(&object, "memory_events", events_json(usage ? &usage->events : NULL));
	return close_json(&object);
}

static json_t *warnings_json(const struct report *report)
{
	struct writer array = open_json(json_array());

	for (size_t i = 0; i < report->warning_count; i++) {
		struct writer object = open_json(json_object());

		put_text(&object, "code", warning_names[report->warnings[i].code]);
		put_text(&object, "message", report->warnings[i].message);
		append(&array, close_json(&object));
	}
	return close_json(&array);
}

static json_t *sample_json(const struct sample *sample)
{
	struct writer object = open_json(json_object());
	double percent = sample->memory_some_percent;

	put(&object, "at_seconds", seconds_or_null(sample->at_usec));
	put(&object, "memory_bytes", number_or_null(sample->memory_bytes));
	put_members(&object, &sample->parts, part_members, ARRAY_LEN(part_members));
	put(&object, "cpu_seconds", seconds_or_null(sample->cpu_usec));
	put(&object, "memory_some_percent",
	    isfinite(percent) && percent >= 0 ? json_real(percent) : json_null());
	return close_json(&object);
}

static json_t *samples_json(const struct report *report)
{
	struct writer array;

	if (!report->samples)
		return json_null();
	array = open_json(json_array());
	for (size_t i = 0; i < report->sample_count; i++)
		append(&array, sample_json(&report->samples[i]));
	return close_json(&array);
}

static json_t *build(const struct report *report)
{
	struct writer object = open_json(json_object());

	put_job(&object, report);
	if (report->ended)
		put_end(&object, report);
	else
		put_unfinished(&object);
	put(&object, "seccomp", json_null());
	put(&object, "limits", limits_json(report));
	put(&object, "usage", usage_json(report->ended ? &report->usage : NULL));
	put(&object, "warnings", warnings_json(report));
	put(&object, "samples", report->ended ? samples_json(report) : json_null());
	return close_json(&object);
}

/* 15 digits are what a double surely holds: 3.214 and not 3.2140000000000004. */
#define STYLE (JSON_INDENT(2) | JSON_REAL_PRECISION(15))

char *report_json(const struct report *report)
{
	json_t *json = build(report);
	auto_free char *text = json ? json_dumps(json, STYLE) : NULL;
	char *line = NULL;

	json_decref(json);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	if (!line)
		errno = ENOMEM;
	return line;
}

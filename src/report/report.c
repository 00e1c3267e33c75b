/* SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "filter/arch.h"
#include "filter/filter_compile.h"
#include "report/text.h"

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
	[WARNING_OBSERVE_ONLY] = "observe-only",
	[WARNING_TMP_DISCARDED] = "tmp-discarded",
};

static const char *const victim_sources[VICTIM_SOURCE__COUNT] = {
	[VICTIM_KMSG] = "kmsg",
	[VICTIM_PROCESS_TABLE] = "process-table",
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

/* Without a base nothing is known, and all are null. */
static void put_members(struct json_writer *object, const void *base, const struct member *members,
			size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t number = UNREADABLE;

		if (base)
			memcpy(&number, (const char *) base + members[i].offset, sizeof(number));
		if (members[i].kind == MEMBER_USEC)
			json_put_usec(object, members[i].key, number);
		else
			json_put_number(object, members[i].key, number);
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

static struct json_t *command_json(char *const *command)
{
	struct json_writer array = json_open_array();

	for (; command && *command; command++)
		json_append_text(&array, *command);
	return json_close(&array);
}

static void put_date(struct json_writer *object, const struct timespec *date)
{
	char text[80];
	struct tm utc;

	if (date->tv_sec == 0 || !gmtime_r(&date->tv_sec, &utc)) {
		json_put_null(object, "started_at");
		return;
	}
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ", utc.tm_year + 1900,
		 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
		 date->tv_nsec / 1000);
	json_put_text(object, "started_at", text);
}

static void put_job(struct json_writer *object, const struct report *report)
{
	json_put_text(object, "schema", "memcage.report/1");
	json_put_text(object, "id", report->id);
	json_put(object, "command", command_json(report->command));
	json_put_text(object, "policy", report->policy);
	json_put_text(object, "backend", report->backend);
	json_put_text(object, "item", report->item);
	json_put_number(object, "seq", report->seq ? report->seq : UNREADABLE);
	json_put_number(object, "attempt", report->attempt ? report->attempt : UNREADABLE);
	put_date(object, &report->started_at);
}

static void put_unfinished(struct json_writer *object)
{
	static const char *const unknown[] = {
		"cause", "exit_code", "signal", "core_dumped", "status", "summary", "hint", "oom",
	};

	json_put_null(object, "wall_seconds");
	json_put_text(object, "outcome", "unfinished");
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
		json_put_null(object, unknown[i]);
}

static void put_main(struct json_writer *object, const struct verdict *verdict)
{
	char name[32];

	text_signal(verdict->signal, name, sizeof(name));
	json_put_number(object, "exit_code",
			verdict->exit_code >= 0 ? (uint64_t) verdict->exit_code : UNREADABLE);
	json_put_text(object, "signal", verdict->signal > 0 ? name : NULL);
	json_put_bool(object, "core_dumped", verdict->core_dumped);
	json_put_number(object, "status", (uint64_t) verdict->status);
}

static void put_words(struct json_writer *object, const struct report *report)
{
	char words[TEXT_LINE];

	if (report->summary) {
		json_put_text(object, "summary", report->summary);
		json_put_text(object, "hint", report->hint);
		return;
	}
	text_summary(report, words, sizeof(words));
	json_put_text(object, "summary", words);
	json_put_text(object, "hint", text_hint(report, words, sizeof(words)) ? words : NULL);
}

static struct json_t *victim_json(const struct victim *victim)
{
	struct json_writer object = json_open_object();
	char comm[sizeof(victim->comm) + 1]; /* the kernel's may be without an end */

	json_put_number(&object, "pid", victim->pid > 0 ? (uint64_t) victim->pid : UNREADABLE);
	snprintf(comm, sizeof(comm), "%.*s", (int) sizeof(victim->comm), victim->comm);
	json_put_text(&object, "comm", comm);
	json_put_number(&object, "rss_bytes", victim->rss_bytes);
	json_put_text(&object, "source", victim_sources[victim->source]);
	return json_close(&object);
}

static struct json_t *victims_json(const struct report *report)
{
	struct json_writer array = json_open_array();

	for (size_t i = 0; i < report->victim_count; i++)
		json_append(&array, victim_json(&report->victims[i]));
	return json_close(&array);
}

static struct json_t *parts_json(const struct report *report)
{
	struct json_writer object;

	if (!report->memory_parts_known)
		return json_make_null();
	object = json_open_object();
	put_members(&object, &report->memory_parts, part_members, ARRAY_LEN(part_members));
	return json_close(&object);
}

/* Whatever the cause is: a job that was cancelled and then killed for memory was killed for it. */
static struct json_t *oom_json(const struct report *report)
{
	const struct verdict *verdict = &report->verdict;
	struct json_writer object;

	if (verdict->scope == MEMCAGE_SCOPE_NONE)
		return json_make_null();
	object = json_open_object();
	json_put_text(&object, "scope", memcage_scope_name(verdict->scope));
	json_put_text(&object, "by", verdict->by_memcage ? "memcage" : "kernel");
	json_put_number(&object, "kills",
			report->seen ? report->seen->memory.oom_kills : UNREADABLE);
	json_put_bool(&object, "group_kill", verdict->group_kill);
	json_put_bool(&object, "main_survived", verdict->main_survived);
	json_put_number(&object, "limit_bytes", report_limit_hit(report));
	json_put_number(&object, "peak_bytes", report->usage.memory_peak_bytes);
	json_put(&object, "victims", victims_json(report));
	json_put(&object, "memory", parts_json(report));
	return json_close(&object);
}

static struct json_t *args_json(const struct call_seen *call)
{
	struct json_writer array;

	if (!call->args_known)
		return json_make_null();
	array = json_open_array();
	for (size_t i = 0; i < ARRAY_LEN(call->args); i++)
		json_append_number(&array, (int64_t) call->args[i]);
	return json_close(&array);
}

/* Whatever the cause is: see oom_json(). */
static struct json_t *seccomp_json(const struct report *report)
{
	const struct call_seen *call = report->call;
	enum arch arch;
	struct json_writer object;
	char name[64];

	if (!call)
		return json_make_null();
	object = json_open_object();
	arch = call->known ? arch_of_call(call->audit, call->number) : ARCH__COUNT;
	json_put_text(&object, "syscall",
		      call->known ? filter_call_name(call->audit, call->number, name, sizeof(name))
				  : NULL);
	json_put_number(&object, "number",
			call->known && call->number >= 0 ? (uint64_t) call->number : UNREADABLE);
	json_put_text(&object, "arch", arch < ARCH__COUNT ? arches[arch].shown : NULL);
	json_put(&object, "args", args_json(call));
	json_put_number(&object, "pid", call->pid > 0 ? (uint64_t) call->pid : UNREADABLE);
	json_put_text(&object, "comm", call->comm[0] ? call->comm : NULL);
	return json_close(&object);
}

static void put_end(struct json_writer *object, const struct report *report)
{
	json_put_usec(object, "wall_seconds", report->wall_usec);
	json_put_text(object, "outcome", report->verdict.ok ? "ok" : "failed");
	json_put_text(object, "cause", memcage_cause_name(report->verdict.cause));
	put_main(object, &report->verdict);
	put_words(object, report);
	json_put(object, "oom", oom_json(report));
}

static void put_limit(struct json_writer *object, const struct limit *limit, uint64_t number)
{
	/* Both are millionths: of a CPU, of a second. */
	if (limit->unit == LIMIT_USEC || limit->unit == LIMIT_MILLIONTHS)
		json_put_usec(object, limit->report, number);
	else
		json_put_number(object, limit->report, number);
}

static struct json_t *limits_json(const struct report *report)
{
	struct json_writer object = json_open_object();

	for (int id = 0; id < LIMIT__COUNT; id++) {
		const struct limit *limit = &limits[id];

		if (!limit->report)
			continue;
		put_limit(&object, limit, report_limit(report, id));
		if (id == LIMIT_MEMORY)
			json_put_number(&object, "memory_effective_bytes",
					report->memory_effective_bytes);
	}
	return json_close(&object);
}

static struct json_t *events_json(const struct memory_events *events)
{
	struct json_writer object = json_open_object();

	put_members(&object, events, event_members, ARRAY_LEN(event_members));
	return json_close(&object);
}

static struct json_t *usage_json(const struct usage *usage)
{
	struct json_writer object = json_open_object();

	put_members(&object, usage, usage_members, ARRAY_LEN(usage_members));
	json_put(&object, "memory_events", events_json(usage ? &usage->events : NULL));
	return json_close(&object);
}

static struct json_t *warnings_json(const struct report *report)
{
	struct json_writer array = json_open_array();

	for (size_t i = 0; i < report->warning_count; i++) {
		struct json_writer object = json_open_object();

		json_put_text(&object, "code", warning_names[report->warnings[i].code]);
		json_put_text(&object, "message", report->warnings[i].message);
		json_append(&array, json_close(&object));
	}
	return json_close(&array);
}

static struct json_t *sample_json(const struct sample *sample)
{
	struct json_writer object = json_open_object();
	double percent = sample->memory_some_percent;

	json_put_usec(&object, "at_seconds", sample->at_usec);
	json_put_number(&object, "memory_bytes", sample->memory_bytes);
	put_members(&object, &sample->parts, part_members, ARRAY_LEN(part_members));
	json_put_usec(&object, "cpu_seconds", sample->cpu_usec);
	json_put_real(&object, "memory_some_percent", percent >= 0 ? percent : NAN);
	return json_close(&object);
}

static struct json_t *samples_json(const struct report *report)
{
	struct json_writer array;

	if (!report->samples)
		return json_make_null();
	array = json_open_array();
	for (size_t i = 0; i < report->sample_count; i++)
		json_append(&array, sample_json(&report->samples[i]));
	return json_close(&array);
}

static struct json_t *build(const struct report *report)
{
	struct json_writer object = json_open_object();

	put_job(&object, report);
	if (report->ended)
		put_end(&object, report);
	else
		put_unfinished(&object);
	json_put(&object, "seccomp", seccomp_json(report));
	json_put(&object, "limits", limits_json(report));
	json_put(&object, "usage", usage_json(report->ended ? &report->usage : NULL));
	json_put(&object, "warnings", warnings_json(report));
	json_put(&object, "samples", report->ended ? samples_json(report) : json_make_null());
	return json_close(&object);
}

char *report_json(const struct report *report, bool one_line)
{
	struct json_t *json = build(report);

	return one_line ? json_print_line(json) : json_print(json);
}

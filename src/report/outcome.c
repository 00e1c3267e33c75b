/* SPDX-License-Identifier: Apache-2.0 */
#include "report/outcome.h"

#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "report/text.h"

/* Made only where a report is: the C library reads the time zone's file for it. */
static void make_id(struct outcome *outcome)
{
	unsigned short random = 0;
	struct tm utc;
	size_t length;

	if (outcome->id[0])
		return;
	gmtime_r(&outcome->started_at.tv_sec, &utc);
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (unsigned short) outcome->started_at.tv_nsec;
	length = strftime(outcome->id, sizeof(outcome->id), "%Y%m%dT%H%M%S", &utc);
	snprintf(outcome->id + length, sizeof(outcome->id) - length, "-%04x", random);
}

void outcome_begin(struct outcome *outcome)
{
	clock_gettime(CLOCK_REALTIME, &outcome->started_at);
	outcome->result.exit_code = -1;
	outcome->result.memory_limit_bytes = outcome->result.memory_peak_bytes = UINT64_MAX;
}

static const char *missing_evidence(const struct run *run)
{
	if (run->host.observes && host_backend(&run->host) == CGROUP_V1)
		return "of a read-only cgroup v1 the kernel tells the kills, but not whose limit "
		       "it was";
	if (run->host.observes)
		return "levels above are hidden, and no limit that can be read was hit";
	if (run->kernel_log < 0)
		return "levels above are hidden by a cgroup namespace, and the kernel log "
		       "(/dev/kmsg) is not readable";
	return "levels above are hidden by a cgroup namespace, and the kernel log does not name "
	       "the limit";
}

static uint64_t effective_limit(const struct run *run)
{
	uint64_t above = oom_watch_limit_above(&run->watch);
	const struct limit_value *own = &run->limits[LIMIT_MEMORY];

	return own->set && own->number < above ? own->number : above;
}

static void gather_memory_parts(struct report *report, const struct run *run)
{
	const struct kmsg_evidence *log = &run->evidence;

	report->memory_parts_known = log->memory_known || run->watch.parts_known;
	if (log->memory_known)
		report->memory_parts =
			(struct memory_parts) { log->anon_bytes, log->file_bytes, log->shmem_bytes,
						log->kernel_bytes };
	else
		report->memory_parts = run->watch.parts;
}

static void gather(struct report *report, const struct outcome *outcome, const struct run *run)
{
	bool began = run->host.count > 0;

	*report = (struct report) {
		.id = outcome->id,
		.command = run->job->argv,
		.policy = run->job->settings.policy ? run->job->settings.policy : "default",
		.item = run->job->settings.item,
		.seq = run->job->settings.seq,
		.attempt = run->job->settings.attempt,
		.backend = began && run->host.of[CONTROLLER_MEMORY] >= 0
				   ? host_backend_name(&run->host)
				   : NULL,
		.started_at = outcome->started_at,
		.seen = &run->seen,
		.limits = run->limits,
		.memory_effective_bytes = effective_limit(run),
		.usage = run->usage,
		.victims = run->victims,
		.victim_count = run->victim_count,
		.warnings = run->warnings,
		.warning_count = run->warning_count,
		.samples = run->samples.list,
		.sample_count = run->samples.count,
		.seccomp = run->job->settings.seccomp,
		.call = run->seen.seccomp_killed ? &run->call : NULL,
		.no_listener_errnum = run->no_listener_errnum,
		.failure = run->failure.text[0] ? run->failure.text : NULL,
	};
	if (run->seen.end_usec > run->seen.start_usec)
		report->wall_usec = run->seen.end_usec - run->seen.start_usec;
	gather_memory_parts(report, run);
}

static const struct usage usage_unknown = {
	UNREADABLE, UNREADABLE,
	UNREADABLE, UNREADABLE,
	UNREADABLE, UNREADABLE,
	UNREADABLE, UNREADABLE,
	UNREADABLE, { UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE },
};

char *outcome_unfinished(struct outcome *outcome, const struct run *run)
{
	struct report report;

	make_id(outcome);
	gather(&report, outcome, run);
	report.usage = usage_unknown;
	return report_json(&report, false);
}

static void fill_result(struct outcome *outcome, const struct report *report)
{
	const struct verdict *verdict = &report->verdict;
	struct memcage_result *result = &outcome->result;

	result->cause = verdict->cause;
	result->scope = verdict->scope;
	result->ok = verdict->ok;
	result->status = verdict->status;
	result->exit_code = verdict->exit_code;
	result->signal = verdict->signal;
	result->memory_limit_bytes = report_limit(report, LIMIT_MEMORY);
	result->memory_peak_bytes = report->usage.memory_peak_bytes;
	result->wall_seconds = (double) report->wall_usec / (double) USEC_PER_SEC;
	result->backend = report->backend;
	result->warning_count = report_warnings_said(report, outcome->warnings);
	result->warnings = outcome->warnings;
	result->quiet = verdict->cause == MEMCAGE_CAUSE_EXITED && result->warning_count == 0;
	result->summary =
		outcome->summary ? outcome->summary : ""; /* no memory: the numbers tell */
	result->hint = outcome->hint;
}

static void gather_verdict(struct outcome *outcome, const struct run *run)
{
	struct report *report = &outcome->report;

	report->ended = true;
	report->verdict = verdict_decide(&run->seen, run->job->settings.oom_exit_code);
	if (run->seen.setup_failed || run->seen.start_usec == 0)
		report->usage = usage_unknown;
	if (report->verdict.scope == MEMCAGE_SCOPE_UNKNOWN)
		report->missing_evidence = missing_evidence(run);
	if (report->verdict.ancestor < 0)
		return;
	oom_watch_ancestor_name(&run->host, (size_t) report->verdict.ancestor, outcome->ancestor,
				sizeof(outcome->ancestor));
	report->ancestor_name = outcome->ancestor;
	report->ancestor_limit_bytes = run->watch.ancestors[report->verdict.ancestor].limit_bytes;
}

#define DENIED_LINE 160

/* Lines and their texts in one piece.  At least one, so that a user sees that it was looked at. */
static void tell_denied(struct outcome *outcome, const struct run *run)
{
	size_t known = run->denials ? run->denials->count : 0, count = 0;
	char *text;

	outcome->denied = calloc(known + 1, sizeof(char *) + DENIED_LINE);
	if (!outcome->denied)
		return;
	text = (char *) (outcome->denied + known + 1);
	for (; count < known; count++, text += DENIED_LINE) {
		const struct denial *denial = &run->denials->list[count];
		uint32_t action = denial->verdict & SECCOMP_RET_ACTION_FULL;
		int errnum = (int) (denial->verdict & SECCOMP_RET_DATA);

		text_denied(&denial->first, action == SECCOMP_RET_ERRNO ? errnum : -1,
			    denial->times, text, DENIED_LINE);
		outcome->denied[count] = text;
	}
	if (known == 0)
		snprintf(text, DENIED_LINE, "no system call was denied");
	else if (run->denials->others > 0)
		snprintf(text, DENIED_LINE, "and %llu more calls",
			 (unsigned long long) run->denials->others);
	if (*text)
		outcome->denied[count++] = text;
	outcome->result.denied = outcome->denied;
	outcome->result.denied_count = count;
}

void outcome_decide(struct outcome *outcome, const struct run *run)
{
	char summary[TEXT_LINE], hint[TEXT_LINE];

	outcome_release(outcome);
	gather(&outcome->report, outcome, run);
	gather_verdict(outcome, run);
	text_summary(&outcome->report, summary, sizeof(summary));
	outcome->summary = strdup(summary);
	outcome->hint = text_hint(&outcome->report, hint, sizeof(hint)) ? strdup(hint) : NULL;
	outcome->report.summary = outcome->summary;
	outcome->report.hint = outcome->hint;
}

void outcome_end(struct outcome *outcome, const struct run *run)
{
	fill_result(outcome, &outcome->report);
	if (run->job->settings.seccomp_log && run->seen.main_started)
		tell_denied(outcome, run);
}

const char *outcome_json(struct outcome *outcome)
{
	if (!outcome->json && outcome->report.ended) {
		make_id(outcome);
		outcome->json = report_json(&outcome->report, false);
	}
	return outcome->json;
}

char *outcome_json_line(struct outcome *outcome)
{
	if (!outcome->report.ended)
		return NULL;
	make_id(outcome);
	return report_json(&outcome->report, true);
}

char *outcome_refused(const struct report *known)
{
	struct outcome outcome = { 0 };
	struct report report = *known;

	outcome_begin(&outcome);
	make_id(&outcome);
	report.id = outcome.id;
	report.started_at = outcome.started_at;
	report.ended = true;
	report.policy = known->policy ? known->policy : "default";
	report.failure = known->summary;
	report.verdict = (struct verdict) {
		.cause = MEMCAGE_CAUSE_SETUP_FAILED,
		.exit_code = -1,
		.status = 125,
	};
	report.usage = usage_unknown;
	return report_json(&report, true);
}

void outcome_release(struct outcome *outcome)
{
	free(outcome->json);
	free(outcome->summary);
	free(outcome->hint);
	free(outcome->denied);
	outcome->json = outcome->summary = outcome->hint = NULL;
	outcome->denied = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second half of text.h: what to do.  A hint that proposes a value gives the whole option.
 */
#include "report/text.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "base/line.h"
#include "base/own.h"

#define SIZE_TEXT 32

/* A hint adds nothing where it has nothing to say. */
typedef void hint_fn(struct line *line, const struct report *report);

/* No value is proposed from a limit so large that twice as much means nothing. */
static bool can_double(uint64_t limit)
{
	return limit != 0 && limit < UINT64_MAX / 4;
}

static void add_size(struct line *line, const char *option, uint64_t bytes)
{
	char size[SIZE_TEXT];

	text_size_option(bytes, size, sizeof(size));
	line_add(line, "%s %s", option, size);
}

static void try_memory(struct line *line, const struct report *report)
{
	uint64_t limit = report_limit(report, LIMIT_MEMORY);

	if (!can_double(limit))
		return;
	line_add(line, "%sry ", line->used > 0 ? ". T" : "t");
	add_size(line, "--memory", limit * 2);
}

static void add_when(struct line *line, const struct report *report)
{
	const struct observation *seen = report->seen;
	uint64_t hit;

	if (!seen || seen->start_usec == 0)
		return;
	hit = seen->oom_usec != 0 ? seen->oom_usec : seen->end_usec;
	if (seen->no_victim_usec != 0)
		hit = seen->no_victim_usec;
	if (hit < seen->start_usec)
		return;
	line_add(line, "it stood at the limit after ");
	line_add_usec(line, hit - seen->start_usec);
}

/* What the kernel cannot give back by itself; page cache (file) it can. */
static const struct part {
	size_t offset;
	const char *name;
} parts[] = {
	{ offsetof(struct memory_parts, anon_bytes), "anonymous memory" },
	{ offsetof(struct memory_parts, shmem_bytes), "files in /tmp or shared memory" },
	{ offsetof(struct memory_parts, kernel_bytes),
	  "kernel memory (pipes, sockets, page tables)" },
};

static uint64_t part_bytes(const struct report *report, const struct part *part)
{
	uint64_t bytes;

	memcpy(&bytes, (const char *) &report->memory_parts + part->offset, sizeof(bytes));
	return bytes == UNREADABLE || !report->memory_parts_known ? 0 : bytes;
}

static const struct part *largest_part(const struct report *report)
{
	const struct part *largest = &parts[0];

	for (size_t i = 1; i < ARRAY_LEN(parts); i++)
		if (part_bytes(report, &parts[i]) > part_bytes(report, largest))
			largest = &parts[i];
	return largest;
}

static void add_part(struct line *line, const struct report *report, const struct part *part)
{
	uint64_t bytes = part_bytes(report, part);

	if (bytes == 0)
		return;
	line_add(line, line->used > 0 ? ", with " : "it held ");
	line_add_bytes(line, bytes);
	line_add(line, " of %s", part->name);
}

/* Files in a tmpfs outlive their writer: what starts after the kill stands at the limit again. */
static void add_shmem_advice(struct line *line, const struct report *report)
{
	uint64_t tmp = report_limit(report, LIMIT_TMP);
	uint64_t memory = report_limit(report, LIMIT_MEMORY);

	line_add(line, ". Files there count until they are deleted");
	if (tmp == UNREADABLE || memory == UNREADABLE || tmp < memory / 2)
		return;
	line_add(line, "; with ");
	add_size(line, "--tmp", memory / 8);
	line_add(line, " a full /tmp is an error and not a kill");
}

static void hint_job_limit(struct line *line, const struct report *report)
{
	const struct part *part = largest_part(report);

	add_when(line, report);
	add_part(line, report, part);
	if (part->offset == offsetof(struct memory_parts, shmem_bytes))
		add_shmem_advice(line, report);
	if (report->verdict.by_memcage)
		line_add(line,
			 "%sprocesses whose oom_score_adj is -1000 are never killed by the kernel",
			 line->used > 0 ? "; " : "");
	try_memory(line, report);
}

static void hint_ancestor_limit(struct line *line, const struct report *report)
{
	uint64_t own = report_limit(report, LIMIT_MEMORY);
	uint64_t hit = report_limit_hit(report);

	if (report->backend && strcmp(report->backend, "observe") == 0)
		line_add(line, "raise that limit, or run the job elsewhere");
	else if (text_is_bystander(report) || (own != UNREADABLE && hit != UNREADABLE && own < hit))
		line_add(line, "others share that limit: run fewer at once below it, raise it, "
			       "or run the job elsewhere");
	else
		line_add(line, "raise that limit, run the job elsewhere, or set --memory below it");
}

static void hint_host_limit(struct line *line, const struct report *report)
{
	if (report_limit(report, LIMIT_MEMORY) == UNREADABLE)
		line_add(line, "run fewer jobs at once, and give each a --memory, so that "
			       "one cannot take it all");
	else
		line_add(line, "run fewer jobs at once, or each with a smaller --memory");
}

static void hint_nested_limit(struct line *line, const struct report *report)
{
	(void) report;
	line_add(line, "the limit to raise is the one that was set inside the job");
}

static void hint_unknown_limit(struct line *line, const struct report *report)
{
	if (report->missing_evidence)
		line_add(line, "what would tell is not readable here: %s",
			 report->missing_evidence);
	else
		line_add(line,
			 "the counters above the job, which would tell, are not readable here");
}

static hint_fn *const limit_hints[MEMCAGE_SCOPE__COUNT] = {
	[MEMCAGE_SCOPE_JOB] = hint_job_limit,
	[MEMCAGE_SCOPE_ANCESTOR] = hint_ancestor_limit,
	[MEMCAGE_SCOPE_HOST] = hint_host_limit,
	[MEMCAGE_SCOPE_NESTED] = hint_nested_limit,
	[MEMCAGE_SCOPE_UNKNOWN] = hint_unknown_limit,
};

static void hint_pids(struct line *line, const struct report *report)
{
	uint64_t limit = report_limit(report, LIMIT_PIDS);

	if (can_double(limit))
		line_add(line, "try --pids %" PRIu64, limit * 2);
}

static void hint_tmp(struct line *line, const struct report *report)
{
	uint64_t limit = report_limit(report, LIMIT_TMP);

	if (report->verdict.signal == SIGBUS)
		line_add(line, "/tmp was full, and a mapped file in it could not grow");
	if (!can_double(limit))
		return;
	line_add(line, "%sry ", line->used > 0 ? ". T" : "t");
	add_size(line, "--tmp", limit * 2);
	line_add(line, ", which counts against --memory");
}

/* What a warning suggests, the most telling first. */
static const struct {
	enum warning_code code;
	hint_fn *hint;
} warning_hints[] = {
	{ WARNING_TMP_FULL, hint_tmp },
	{ WARNING_PIDS_LIMIT, hint_pids },
	{ WARNING_MEMORY_PRESSURE, try_memory },
};

static void hint_warnings(struct line *line, const struct report *report)
{
	for (size_t i = 0; i < ARRAY_LEN(warning_hints) && line->used == 0; i++)
		if (report_has_warning(report, warning_hints[i].code))
			warning_hints[i].hint(line, report);
}

static void hint_oom(struct line *line, const struct report *report)
{
	hint_fn *hint = limit_hints[report->verdict.scope];

	if (hint)
		hint(line, report);
}

static void hint_signaled(struct line *line, const struct report *report)
{
	hint_warnings(line, report);
	if (line->used == 0 && report->verdict.signal == SIGKILL && report->seen &&
	    report->seen->memory.oom_kills == 0)
		line_add(line, "somebody sent it: the job itself, a person, or a daemon that "
			       "watches memory (systemd-oomd, earlyoom)");
}

/* A job that used little CPU waited; one that was throttled would have needed less time. */
static void add_where_time_went(struct line *line, const struct report *report)
{
	const struct usage *usage = &report->usage;
	uint64_t cpu = usage->cpu_user_usec + usage->cpu_system_usec;

	if (usage->cpu_throttled_usec != UNREADABLE &&
	    usage->cpu_throttled_usec > report->wall_usec / 4) {
		line_add(line, "--cpus made its threads wait for ");
		line_add_usec(line, usage->cpu_throttled_usec);
	} else if (usage->cpu_user_usec != UNREADABLE && usage->cpu_system_usec != UNREADABLE &&
		   cpu < report->wall_usec / 20) {
		line_add(line, "it used ");
		line_add_usec(line, cpu);
		line_add(line, " of CPU time, so it waited for something");
	}
}

static void try_time(struct line *line, const struct report *report, enum limit_id id,
		     const char *option)
{
	uint64_t limit = report_limit(report, id);
	char duration[SIZE_TEXT];

	if (!can_double(limit))
		return;
	text_duration_option(limit * 2, duration, sizeof(duration));
	line_add(line, "%sry %s %s", line->used > 0 ? ". T" : "t", option, duration);
}

static void hint_timeout(struct line *line, const struct report *report)
{
	if (report_has_warning(report, WARNING_MEMORY_PRESSURE)) {
		line_add(line, "it was slow for want of memory");
		try_memory(line, report);
	} else {
		add_where_time_went(line, report);
	}
	try_time(line, report, LIMIT_TIMEOUT, "--timeout");
}

static void hint_cpu_time(struct line *line, const struct report *report)
{
	try_time(line, report, LIMIT_CPU_TIME, "--cpu-time");
}

static void hint_seccomp(struct line *line, const struct report *report)
{
	if (report->no_listener_errnum == EBUSY)
		line_add(line, "a filter above memcage has the one listener that there can be: ");
	else if (report->no_listener_errnum != 0)
		line_add(line, "the filter could have no listener (%s): ",
			 strerror(report->no_listener_errnum));
	if (report->no_listener_errnum != 0 && report->call && report->call->known)
		line_add(line, "the arguments are not known; ");
	else if (report->no_listener_errnum != 0)
		line_add(line, "which call it was is not known, nor whether a filter of the job's "
			       "own killed; ");
	line_add(line, "what a command needs a profile can allow: --seccomp FILE");
}

static hint_fn *const hints[MEMCAGE_CAUSE__COUNT] = {
	[MEMCAGE_CAUSE_NONE] = NULL,
	[MEMCAGE_CAUSE_EXITED] = hint_warnings,
	[MEMCAGE_CAUSE_SIGNALED] = hint_signaled,
	[MEMCAGE_CAUSE_OOM] = hint_oom,
	[MEMCAGE_CAUSE_TIMEOUT] = hint_timeout,
	[MEMCAGE_CAUSE_CPU_TIME] = hint_cpu_time,
	[MEMCAGE_CAUSE_SECCOMP] = hint_seccomp,
};

bool text_hint(const struct report *report, char *buffer, size_t size)
{
	struct line line = line_start(buffer, size);
	hint_fn *hint = hints[report->verdict.cause];

	if (hint)
		hint(&line, report);
	if (line.used == 0 && report->verdict.scope != MEMCAGE_SCOPE_NONE)
		hint_oom(&line, report);
	line_end(&line);
	return line.used > 0;
}

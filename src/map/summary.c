/* SPDX-License-Identifier: Apache-2.0 */
#include "map/summary.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/line.h"
#include "base/own.h"
#include "report/text.h"

#define UNKNOWN UINT64_MAX
#define SIZE_TEXT 32

static bool is_known(uint64_t bytes)
{
	return bytes != 0 && bytes != UNKNOWN;
}

/* "1 item", "2 items". */
static void add_count(struct line *line, uint64_t count, const char *what)
{
	line_add(line, "%" PRIu64 " %s%s", count, what, count == 1 ? "" : "s");
}

/* ---- as attempts end ---- */

typedef uint64_t key_fn(const struct summary_job *job);

static uint64_t wall_of(const struct summary_job *job)
{
	return job->wall_usec;
}

static uint64_t peak_of(const struct summary_job *job)
{
	return job->peak_bytes;
}

static void drop(struct summary_job list[], unsigned int *count, unsigned int at)
{
	memmove(&list[at], &list[at + 1], (--*count - at) * sizeof(list[0]));
}

/* The largest first, of those that are as large the first to come, and each item once. */
static void keep(struct summary_job list[SUMMARY_NAMED], unsigned int *count,
		 const struct summary_job *job, key_fn *key)
{
	unsigned int at = 0;

	for (unsigned int i = 0; i < *count; i++) {
		if (list[i].seq != job->seq)
			continue;
		if (key(&list[i]) >= key(job))
			return;
		drop(list, count, i);
		break;
	}
	while (at < *count && key(&list[at]) >= key(job))
		at++;
	if (at == SUMMARY_NAMED)
		return;
	if (*count == SUMMARY_NAMED)
		--*count;
	memmove(&list[at + 1], &list[at], (*count - at) * sizeof(list[0]));
	list[at] = *job;
	++*count;
}

static void note_foretold(struct summary *summary, const struct summary_job *job)
{
	summary->foretold++;
	if (job->cause == MEMCAGE_CAUSE_OOM && job->scope == MEMCAGE_SCOPE_JOB)
		summary->foretold_killed++;
	if (job->peak_bytes == UNKNOWN || job->limit_bytes == UNKNOWN)
		return;
	summary->foretold_bytes += job->limit_bytes;
	summary->foretold_peak_bytes += job->peak_bytes;
}

static void note_end(struct summary *summary, const struct summary_job *job, bool ok)
{
	if (ok) {
		summary->ok++;
		return;
	}
	summary->failed++;
	summary->causes[job->cause]++;
	if (summary->killed_count < SUMMARY_KILLED)
		summary->killed[summary->killed_count++] = *job;
}

void summary_attempt(struct summary *summary, const struct summary_job *job, bool ok, bool final)
{
	summary->attempts++;
	summary->kills += job->scope != MEMCAGE_SCOPE_NONE;
	keep(summary->slowest, &summary->slowest_count, job, wall_of);
	if (is_known(job->peak_bytes))
		keep(summary->hungriest, &summary->hungriest_count, job, peak_of);
	if (ok && is_known(job->peak_bytes) && job->peak_bytes > summary->peak_ok_bytes)
		summary->peak_ok_bytes = job->peak_bytes;
	if (job->foretold)
		note_foretold(summary, job);
	if (final)
		note_end(summary, job, ok);
}

bool summary_adds_up(const struct summary *summary)
{
	return summary->items == summary->ok + summary->failed + summary->skipped;
}

/* ---- in words ---- */

/* A line of what is said; one that adds nothing is none. */
typedef void say_fn(struct line *line, const struct summary *summary);

static void say_counts(struct line *line, const struct summary *summary)
{
	add_count(line, summary->items, "item");
	line_add(line, ": %" PRIu64 " ok, %" PRIu64 " failed, %" PRIu64 " skipped", summary->ok,
		 summary->failed, summary->skipped);
	if (summary->skipped_failed > 0)
		line_add(line, " (%" PRIu64 " of them had failed before)", summary->skipped_failed);
	line_add(line, "; ");
	add_count(line, summary->attempts, "attempt");
	if (summary->kills > 0)
		line_add(line, ", %" PRIu64 " with a kill for memory", summary->kills);
	line_add(line, ", in ");
	line_add_usec(line, summary->wall_usec);
}

static void say_doubt(struct line *line, const struct summary *summary)
{
	if (!summary_adds_up(summary))
		line_add(line, "these counts do not add up, which is a fault in memcage: the "
			       "ledger says what was done");
}

static void say_unread(struct line *line, const struct summary *summary)
{
	if (!summary->input_complete)
		line_add(line, "the input was not read to its end: there may be more items");
}

static void say_causes(struct line *line, const struct summary *summary)
{
	const char *before = "failed: ";

	for (int cause = 0; summary->failed > 1 && cause < MEMCAGE_CAUSE__COUNT; cause++) {
		const char *name = memcage_cause_name((enum memcage_cause) cause);

		if (summary->causes[cause] == 0)
			continue;
		line_add(line, "%s%" PRIu64 " %s", before, summary->causes[cause],
			 name ? name : "not ended");
		before = ", ";
	}
}

static void add_item(struct line *line, const struct summary_job *job)
{
	line_add(line, "item %" PRIu64, job->seq);
	if (job->item[0])
		line_add(line, " %.*s", (int) sizeof(job->item), job->item);
}

/* "slowest: item 7 'x' 3.2 s, item 9 'y' 1 s" */
static void add_list(struct line *line, const char *what, const struct summary_job list[],
		     unsigned int count, key_fn *key, void (*add)(struct line *, uint64_t))
{
	for (unsigned int i = 0; i < count; i++) {
		line_add(line, "%s", i == 0 ? what : ", ");
		add_item(line, &list[i]);
		line_add(line, " ");
		add(line, key(&list[i]));
	}
}

/* Of one job there is nothing to compare. */
static void say_slowest(struct line *line, const struct summary *summary)
{
	if (summary->slowest_count > 1)
		add_list(line, "slowest: ", summary->slowest, summary->slowest_count, wall_of,
			 line_add_usec);
}

static void say_hungriest(struct line *line, const struct summary *summary)
{
	if (summary->hungriest_count > 1)
		add_list(line, "hungriest: ", summary->hungriest, summary->hungriest_count, peak_of,
			 line_add_bytes);
}

static void say_foretold(struct line *line, const struct summary *summary)
{
	uint64_t count = summary->foretold;

	if (!summary->memory_auto)
		return;
	if (count == 0) {
		line_add(line, "-m auto knew no peaks of this command yet");
		return;
	}
	line_add(line, "-m auto foretold the limits of ");
	add_count(line, count, "attempt");
	if (summary->foretold_peak_bytes > 0) {
		line_add(line, ": ");
		line_add_bytes(line, summary->foretold_bytes / count);
		line_add(line, " on average, of which ");
		line_add_bytes(line, summary->foretold_peak_bytes / count);
		line_add(line, " was used");
	}
	if (summary->foretold_killed > 0)
		line_add(line, "; too little for %" PRIu64, summary->foretold_killed);
	else
		line_add(line, "; enough for each");
}

/* As many as fit, but no more than there were items or slots for. */
static uint64_t jobs_that_fit(const struct summary *summary, uint64_t memory_bytes)
{
	uint64_t jobs = summary->budget_bytes / memory_bytes;

	if (summary->jobs_most > 0 && jobs > summary->jobs_most)
		jobs = summary->jobs_most;
	return jobs > summary->items && summary->items > 0 ? summary->items : jobs;
}

/* A quarter on top, since the next run is never quite the same. */
static void say_advice(struct line *line, const struct summary *summary)
{
	uint64_t peak = summary->peak_ok_bytes;
	uint64_t memory = text_size_round(peak > UNKNOWN / 2 ? peak : peak + peak / 4);
	char size[SIZE_TEXT];

	if (peak == 0 || memory == UNKNOWN)
		return;
	text_size_option(memory, size, sizeof(size));
	if (!is_known(summary->budget_bytes))
		line_add(line, "-m %s", size);
	else if (memory > summary->budget_bytes)
		line_add(line, "the whole budget and -j 1");
	else
		line_add(line, "-m %s -j %" PRIu64, size, jobs_that_fit(summary, memory));
	line_add(line, " would have been enough for all that ended well: the hungriest used ");
	line_add_bytes(line, peak);
	if (summary->causes[MEMCAGE_CAUSE_OOM] > 0)
		line_add(line, "; what was killed for memory needs more");
}

static void say_unused(struct line *line, const struct summary *summary)
{
	uint64_t promised = summary->promised_peak_bytes, used = summary->used_peak_bytes;

	/* It is looked at now and then; what one job has had is known. */
	if (used != UNKNOWN && summary->hungriest_count > 0 &&
	    used < summary->hungriest[0].peak_bytes)
		used = summary->hungriest[0].peak_bytes;
	if (!is_known(promised) || used == UNKNOWN || used >= promised)
		return;
	line_add(line, "of memory, at most ");
	line_add_bytes(line, promised);
	line_add(line, " was promised at once and ");
	line_add_bytes(line, used);
	line_add(line, " used: ");
	line_add_bytes(line, promised - used);
	line_add(line, " was never needed");
}

/* ---- how an item failed ---- */

static void add_limit(struct line *line, const struct summary_job *job)
{
	line_add(line, "killed for memory: it reached its limit");
	if (is_known(job->limit_bytes)) {
		line_add(line, " of ");
		line_add_bytes(line, job->limit_bytes);
	}
}

static void add_oom(struct line *line, const struct summary_job *job)
{
	static const char *const others[MEMCAGE_SCOPE__COUNT] = {
		[MEMCAGE_SCOPE_NONE] = "whose limit was reached cannot be seen here",
		[MEMCAGE_SCOPE_ANCESTOR] = "a limit above it was reached",
		[MEMCAGE_SCOPE_HOST] = "the machine ran out of memory",
		[MEMCAGE_SCOPE_NESTED] = "a limit that it had set inside was reached",
		[MEMCAGE_SCOPE_UNKNOWN] = "whose limit was reached cannot be seen here",
	};

	if (job->scope == MEMCAGE_SCOPE_JOB) {
		add_limit(line, job);
		return;
	}
	line_add(line, "killed for memory: %s", others[job->scope]);
	if (is_known(job->peak_bytes)) {
		line_add(line, "; it used ");
		line_add_bytes(line, job->peak_bytes);
	}
}

static void add_cause(struct line *line, const struct summary_job *job)
{
	static const char *const words[MEMCAGE_CAUSE__COUNT] = {
		[MEMCAGE_CAUSE_NONE] = "not ended",
		[MEMCAGE_CAUSE_TIMEOUT] = "did not end in time (--timeout)",
		[MEMCAGE_CAUSE_CPU_TIME] = "used up its CPU time (--cpu-time)",
		[MEMCAGE_CAUSE_SECCOMP] = "killed for a forbidden system call",
		[MEMCAGE_CAUSE_CANCELLED] = "cancelled",
		[MEMCAGE_CAUSE_EXEC_FAILED] = "the command could not be executed",
		[MEMCAGE_CAUSE_SETUP_FAILED] = "the cage could not be made",
	};
	char name[SIZE_TEXT];

	if (job->cause == MEMCAGE_CAUSE_OOM) {
		add_oom(line, job);
	} else if (job->cause == MEMCAGE_CAUSE_SIGNALED) {
		text_signal(job->status - 128, name, sizeof(name));
		line_add(line, "killed by %s", name[0] ? name : "a signal");
	} else if (job->cause == MEMCAGE_CAUSE_EXITED) {
		line_add(line, "exited with status %d", job->status);
	} else {
		line_add(line, "%s", words[job->cause]);
	}
	/* A kill that is not the cause is not silent either. */
	if (job->cause != MEMCAGE_CAUSE_OOM && job->scope != MEMCAGE_SCOPE_NONE)
		line_add(line, ", after a kill for memory");
}

static void put_line(struct line *line, FILE *to)
{
	line_end(line);
	if (line->used > 0)
		fprintf(to, "memcage: %s\n", line->text);
}

static void say_failed_job(const struct summary_job *job, FILE *to)
{
	char text[TEXT_LINE];
	struct line line = line_start(text, sizeof(text));

	add_item(&line, job);
	line_add(&line, ": ");
	add_cause(&line, job);
	if (job->attempts > 1)
		line_add(&line, ", the last of %u attempts", job->attempts);
	put_line(&line, to);
}

static void say_failed(const struct summary *summary, FILE *to)
{
	uint64_t more = summary->failed - summary->killed_count;

	for (unsigned int i = 0; i < summary->killed_count; i++)
		say_failed_job(&summary->killed[i], to);
	if (more > 0)
		fprintf(to, "memcage: and %" PRIu64 " more that failed: the ledger has all\n",
			more);
}

static void say(const struct summary *summary, FILE *to, say_fn *const lines[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[TEXT_LINE];
		struct line line = line_start(text, sizeof(text));

		lines[i](&line, summary);
		put_line(&line, to);
	}
}

void summary_say(const struct summary *summary, FILE *to)
{
	static say_fn *const first[] = { say_counts, say_doubt, say_unread, say_causes };
	static say_fn *const then[] = { say_slowest, say_hungriest, say_foretold, say_advice,
					say_unused };

	say(summary, to, first, ARRAY_LEN(first));
	say_failed(summary, to);
	say(summary, to, then, ARRAY_LEN(then));
}

char *summary_json(const struct summary *summary)
{
	struct json_writer object = json_open_object();

	json_put_text(&object, "schema", "memcage.summary/1");
	json_put_number(&object, "items", summary->items);
	json_put_number(&object, "ok", summary->ok);
	json_put_number(&object, "failed", summary->failed);
	json_put_number(&object, "skipped", summary->skipped);
	json_put_number(&object, "attempts", summary->attempts);
	json_put_bool(&object, "input_complete", summary->input_complete);
	json_put_usec(&object, "wall_seconds", summary->wall_usec);
	json_put_number(&object, "status", (uint64_t) summary->status);
	return json_print_line(json_close(&object));
}

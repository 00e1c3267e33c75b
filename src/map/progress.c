/* SPDX-License-Identifier: Apache-2.0 */
#include "map/progress.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/line.h"
#include "base/own.h"

#define BAR_WIDTH 10
#define BYTES_TEXT 32
#define UNKNOWN UINT64_MAX

/* Beyond that an estimate says nothing, and a double cannot be made a number. */
#define ETA_MOST_USEC 1e18

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t items_done(const struct progress *progress)
{
	return progress->ok + progress->failed + progress->skipped;
}

static uint64_t items_total(const struct progress *progress)
{
	return progress->input_complete ? progress->items_read : progress->items_total;
}

uint64_t progress_eta(const struct progress *progress)
{
	uint64_t total = items_total(progress), done = items_done(progress);
	uint64_t ended = progress->ok + progress->failed; /* here: skipping costs nothing */
	uint64_t left = total > done ? total - done : 0;
	uint64_t at_once = progress->running > 0 ? progress->running : progress->jobs_most;
	double items, each;

	if (total == UNKNOWN)
		return UNKNOWN;
	if (left == 0)
		return 0;
	at_once = smaller(at_once, left);
	if (ended == 0 || progress->attempts_ended == 0 || at_once == 0)
		return UNKNOWN;
	items = (double) left - (double) smaller(progress->running, left) / 2;
	each = (double) progress->attempts_usec / (double) ended;
	items *= each / (double) at_once;
	return items < ETA_MOST_USEC ? (uint64_t) items : UNKNOWN;
}

static void add_bar(struct line *line, uint64_t done, uint64_t total)
{
	char bar[BAR_WIDTH + 1];
	size_t full =
		done >= total ? BAR_WIDTH : (size_t) ((double) done * BAR_WIDTH / (double) total);

	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '=', full);
	if (full < BAR_WIDTH)
		bar[full] = '>';
	bar[BAR_WIDTH] = '\0';
	line_add(line, "[%s] ", bar);
}

static void add_counts(struct line *line, const struct progress *progress)
{
	const struct {
		const char *name;
		uint64_t count;
		bool always;
	} counts[] = {
		{ "ok", progress->ok, true },
		{ "failed", progress->failed, false },
		{ "skipped", progress->skipped, false },
		{ "retried", progress->retried, false },
		{ "running", progress->running, true },
	};
	uint64_t total = items_total(progress);
	uint64_t shown = total == UNKNOWN ? progress->items_read : total;

	/* "41/120+": there may be more. */
	line_add(line, "%" PRIu64 "/%" PRIu64 "%s", items_done(progress), shown,
		 total == UNKNOWN ? "+" : "");
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		if (counts[i].always || counts[i].count > 0)
			line_add(line, " %s %" PRIu64, counts[i].name, counts[i].count);
}

static const char *put_bytes(uint64_t bytes, char buffer[BYTES_TEXT])
{
	struct line line = line_start(buffer, BYTES_TEXT);

	line_add_bytes(&line, bytes);
	line_end(&line);
	return buffer;
}

/* "3.1 of 4 GiB", "512 MiB of 4 GiB". */
static void add_memory(struct line *line, const struct progress *progress)
{
	char used[BYTES_TEXT], budget[BYTES_TEXT];
	char *unit;

	if (progress->memory_used_bytes == UNKNOWN)
		return;
	put_bytes(progress->memory_used_bytes, used);
	if (progress->budget_bytes == UNKNOWN) {
		line_add(line, ", %s", used);
		return;
	}
	put_bytes(progress->budget_bytes, budget);
	unit = strchr(used, ' ');
	if (unit && strcmp(unit, strchr(budget, ' ')) == 0)
		*unit = '\0';
	line_add(line, ", %s of %s", used, budget);
}

static void add_rest(struct line *line, const struct progress *progress)
{
	uint64_t eta = progress_eta(progress);

	add_memory(line, progress);
	if (eta != UNKNOWN && eta > 0) {
		line_add(line, ", ");
		line_add_usec(line, eta);
		line_add(line, " left");
	}
	if (progress->waits_for && *progress->waits_for)
		line_add(line, ", waits for %s", progress->waits_for);
}

/* Was there room for it all? */
static bool put_line(const struct progress *progress, bool bar, char *buffer, size_t size)
{
	struct line line = line_start(buffer, size);
	uint64_t total = items_total(progress);

	if (bar && total != UNKNOWN && total > 0)
		add_bar(&line, items_done(progress), total);
	add_counts(&line, progress);
	add_rest(&line, progress);
	line_end(&line);
	return !line.cut;
}

/* No character has more columns than bytes. */
void progress_bar(const struct progress *progress, unsigned int columns, char *buffer, size_t size)
{
	if (columns > 0 && size > (size_t) columns + 1)
		size = (size_t) columns + 1;
	if (!put_line(progress, true, buffer, size))
		put_line(progress, false, buffer, size);
}

char *progress_json(const struct progress *progress)
{
	struct json_writer object = json_open_object();

	json_put_text(&object, "schema", "memcage.progress/1");
	json_put_number(&object, "items_read", progress->items_read);
	json_put_number(&object, "items_total", items_total(progress));
	json_put_number(&object, "ok", progress->ok);
	json_put_number(&object, "failed", progress->failed);
	json_put_number(&object, "skipped", progress->skipped);
	json_put_number(&object, "retried", progress->retried);
	json_put_number(&object, "running", progress->running);
	json_put_number(&object, "waiting", progress->waiting);
	json_put_number(&object, "memory_used_bytes", progress->memory_used_bytes);
	json_put_number(&object, "budget_bytes", progress->budget_bytes);
	json_put_usec(&object, "wall_seconds", progress->wall_usec);
	json_put_usec(&object, "eta_seconds", progress_eta(progress));
	json_put_text(&object, "waits_for", progress->waits_for);
	return json_print_line(json_close(&object));
}

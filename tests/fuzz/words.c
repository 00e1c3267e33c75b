/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a name that a job gave itself: on a terminal, in a message and in the report they
 * are harmless, and the report is JSON.
 */
#include "fuzz.h"

#include <jansson.h>

#include "base/line.h"
#include "base/parse.h"
#include "report/report.h"
#include "report/text.h"

/* In a buffer of each size, down to those that cut it. */
static void check_line(const char *text)
{
	char buffer[64];

	for (size_t room = 1; room <= sizeof(buffer); room += 7) {
		struct line line = line_start(buffer, room);

		line_add(&line, "%s", text);
		line_end(&line);
		assert(strlen(buffer) < room && fuzz_is_shown(buffer));
	}
}

static void check_quote(const char *text)
{
	char buffer[PARSE_QUOTED];

	for (size_t room = 6; room <= sizeof(buffer); room += 11) {
		const char *quoted = parse_quote(text, buffer, room);

		assert(strlen(quoted) < room && fuzz_is_shown(quoted) && *quoted == '\'');
	}
}

static void check_json(const struct report *report, const char *text)
{
	auto_free char *json = report_json(report, false), *copy = utf8_copy(text, strlen(text));
	json_t *read, *command, *victims;

	assert(json && copy);
	read = json_loads(json, 0, NULL);
	command = json_object_get(read, "command");
	assert(strcmp(json_string_value(json_array_get(command, 1)), copy) == 0);
	victims = json_object_get(json_object_get(read, "oom"), "victims");
	assert(json_string_value(json_object_get(json_array_get(victims, 0), "comm")));
	json_decref(read);
}

static void check_words(const struct report *report)
{
	char line[TEXT_LINE];

	text_summary(report, line, sizeof(line));
	assert(*line && fuzz_is_shown(line));
	if (text_hint(report, line, sizeof(line)))
		assert(*line && fuzz_is_shown(line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = fuzz_text(data, size);
	char *command[] = { (char *) "cat", text, NULL };
	struct victim victim = { .pid = 7, .rss_bytes = 4096 };
	struct observation seen = {
		.main_known = true,
		.memory.oom_kills = 1,
		.start_usec = 1,
		.oom_usec = 2,
	};
	struct report report = {
		.ended = true,
		.id = "x",
		.command = command,
		.seen = &seen,
		.victims = &victim,
		.victim_count = 1,
		.failure = text,
		.ancestor_name = text,
		.verdict = { .cause = MEMCAGE_CAUSE_OOM, .scope = MEMCAGE_SCOPE_ANCESTOR },
	};

	memcpy(victim.comm, text, strnlen(text, sizeof(victim.comm) - 1));
	check_line(text);
	check_quote(text);
	check_words(&report);
	check_json(&report, text);
	return 0;
}

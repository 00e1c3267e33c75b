/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel log, a record a line.  Whatever it says, the evidence is in order; and the same words
 * from user space, which may write to /dev/kmsg, are no evidence at all.
 */
#include "fuzz.h"

#include "observe/kmsg.h"
#include "observe/kmsg_line.h"

#define JOB "/memcage-7f3a9c2e51d04b68"

static void check(const struct kmsg_evidence *evidence)
{
	assert(evidence->victim_count <= KMSG_VICTIMS_MOST);
	assert(evidence->unnamed <= evidence->victim_count ||
	       evidence->victim_count == KMSG_VICTIMS_MOST);
	for (size_t i = 0; i < evidence->victim_count; i++) {
		const struct kmsg_victim *victim = &evidence->victims[i];

		assert(victim->pid > 0 && memchr(victim->comm, '\0', sizeof(victim->comm)));
	}
	if (evidence->victim_count > evidence->unnamed)
		assert(evidence->own || evidence->nested || evidence->ancestor || evidence->host ||
		       evidence->killed > 0);
}

static void parse_line(struct kmsg_parser *parser, const char *line)
{
	auto_free char *record = NULL;

	assert(asprintf(&record, "%s\n", line) > 0);
	kmsg_parse(parser, record);
}

/* What a program writes has its facility: 8 or more. */
static void parse_as_user(struct kmsg_parser *parser, const char *line)
{
	auto_free char *record = NULL;
	const char *comma = strchr(line, ',');

	assert(asprintf(&record, "12%s", comma ? comma : line) > 0);
	parse_line(parser, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kmsg_evidence evidence, none, nothing;
	static struct kmsg_parser kernel, user;
	auto_free char *text = fuzz_text(data, size);

	memset(&evidence, 0, sizeof(evidence));
	evidence.members[evidence.member_count++] = 4121;
	evidence.whole_path = size % 2 != 0;
	none = nothing;
	kernel = (struct kmsg_parser) { .job_path = JOB, .evidence = &evidence };
	user = (struct kmsg_parser) { .job_path = JOB, .evidence = &none };
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		parse_line(&kernel, line);
		parse_as_user(&user, line);
		assert(kernel.length < sizeof(kernel.line));
	}
	kmsg_finish(&kernel);
	kmsg_finish(&user);
	check(&evidence);
	assert(memcmp(&none, &nothing, sizeof(none)) == 0);
	return 0;
}

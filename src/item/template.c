/* SPDX-License-Identifier: Apache-2.0 */
#include "item/template.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MOST 21 /* of 64 bits, with a NUL */

/* What stands for {} and {#}. */
struct values {
	const char *text, *seq;
};

/* The value of the mark at `at`, and behind it; NULL: there is none. */
static const char *find_value(const struct values *values, const char *at, const char **ret_behind)
{
	bool is_seq = strncmp(at, "{#}", 3) == 0;

	if (!is_seq && strncmp(at, "{}", 2) != 0)
		return NULL;
	*ret_behind = at + (is_seq ? 3 : 2);
	return is_seq ? values->seq : values->text;
}

/* Bytes of a filled word with its NUL; written where `out` is not NULL. */
static size_t fill_word(const char *word, const struct values *values, char *out)
{
	size_t used = 0;

	while (*word) {
		const char *from = word, *behind = word + 1;
		const char *value = find_value(values, word, &behind);
		size_t length = value ? strlen(value) : 1;

		if (out)
			memcpy(out + used, value ? value : from, length);
		used += length;
		word = behind;
	}
	if (out)
		out[used] = '\0';
	return used + 1;
}

static bool takes_item(char *const command[])
{
	for (; *command; command++)
		if (strstr(*command, "{}"))
			return true;
	return false;
}

char **template_fill(char *const command[], const struct item *item, bool append)
{
	char seq[DIGITS_MOST];
	struct values values = { .text = item->text, .seq = seq };
	size_t words = 0, bytes = 0;
	char **argv, *out;

	snprintf(seq, sizeof(seq), "%" PRIu64, item->seq);
	append = append && !takes_item(command);
	for (; command[words]; words++)
		bytes += fill_word(command[words], &values, NULL);
	if (append)
		bytes += strlen(item->text) + 1;
	argv = malloc((words + append + 1) * sizeof(*argv) + bytes);
	if (!argv)
		return NULL;
	out = (char *) (argv + words + append + 1);
	for (size_t i = 0; i < words; i++) {
		argv[i] = out;
		out += fill_word(command[i], &values, out);
	}
	if (append)
		argv[words] = memcpy(out, item->text, strlen(item->text) + 1);
	argv[words + append] = NULL;
	return argv;
}

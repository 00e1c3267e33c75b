/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "item/template.h"

#define WORDS_MOST 8

static const struct row {
	const char *name;
	const char *command[WORDS_MOST];
	const char *text;
	uint64_t seq;
	bool append;
	const char *want[WORDS_MOST];
} rows[] = {
	{ "the item is a last argument", { "gzip", "-9" }, "a", 1, true, { "gzip", "-9", "a" } },
	{ "it is not where that is not wanted", { "gzip" }, "a", 1, false, { "gzip" } },
	{ "it stands for {}", { "cp", "{}", "/x" }, "a b", 1, true, { "cp", "a b", "/x" } },
	{ "it stands for {} within a word", { "x{}y" }, "a", 1, true, { "xay" } },
	{ "{} may be there many times", { "{}{}", "{}" }, "ab", 1, true, { "abab", "ab" } },
	{ "{} may be the program", { "{}", "x" }, "ls", 1, true, { "ls", "x" } },
	{ "{#} is the number", { "a", "{#}" }, "i", 42, false, { "a", "42" } },
	{ "{#} alone leaves the item to be appended",
	  { "a", "{#}" },
	  "i",
	  7,
	  true,
	  { "a", "7", "i" } },
	{ "both in one word", { "{#}-{}-{#}" }, "i", 7, true, { "7-i-7" } },
	{ "the largest number", { "{#}" }, "i", UINT64_MAX, false, { "18446744073709551615" } },
	{ "an item that looks like a mark stays",
	  { "{}", "{#}" },
	  "{#}{}",
	  3,
	  true,
	  { "{#}{}", "3" } },
	{ "an item that completes a mark makes none",
	  { "{{}}", "{{}#}" },
	  "#",
	  3,
	  true,
	  { "{#}", "{##}" } },
	{ "an item of a brace completes none", { "{}}" }, "{", 3, true, { "{}" } },
	{ "an appended item that looks like a mark stays",
	  { "a" },
	  "{#}",
	  3,
	  true,
	  { "a", "{#}" } },
	{ "an empty item is an empty word", { "a", "{}" }, "", 1, true, { "a", "" } },
	{ "an empty item is appended", { "a" }, "", 1, true, { "a", "" } },
	{ "an empty word stays", { "a", "", "{}" }, "x", 1, true, { "a", "", "x" } },
	{ "other braces stay",
	  { "{ }", "{a}", "{", "}", "{#", "{##}" },
	  "x",
	  1,
	  false,
	  { "{ }", "{a}", "{", "}", "{#", "{##}" } },
	{ "any bytes", { "{}" }, "\xff\n\t'", 1, true, { "\xff\n\t'" } },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	struct item item = { .seq = row->seq, .text = (char *) row->text };
	auto_free char **argv = template_fill((char *const *) row->command, &item, row->append);
	size_t i = 0;

	assert_non_null(argv);
	for (; row->want[i]; i++) {
		assert_non_null(argv[i]);
		assert_string_equal(argv[i], row->want[i]);
	}
	assert_null(argv[i]);
}

/* valgrind and ASan see a block that is too small. */
static void check_long(void **state)
{
	auto_free char *text = malloc(ITEM_BYTES_MOST);
	const char *const command[] = { "{}", "a{}b{#}", NULL };
	auto_free char **argv = NULL;
	size_t length = ITEM_BYTES_MOST - 1;

	(void) state;
	memset(text, 'x', length);
	text[length] = '\0';
	argv = template_fill((char *const *) command, &(struct item) { .seq = 10, .text = text },
			     true);
	assert_non_null(argv);
	assert_string_equal(argv[0], text);
	assert_int_equal(strlen(argv[1]), length + 4);
	assert_string_equal(argv[1] + 1 + length, "b10");
	assert_null(argv[2]);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "the longest item fits wherever it is wanted", check_long, NULL);
	return test_run("template", &suite);
}

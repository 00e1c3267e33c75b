/* SPDX-License-Identifier: Apache-2.0 */
/* Files are read through item_source, as the program does it. */
#include "stdin_of.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/line.h"
#include "item/item.h"
#include "item/jobs_file.h"
#include "tree/tree.h"

static struct tree tree;
static char path[TREE_PATH + 8]; /* of tree's file "f" */

static void add_overrides(struct line *line, const char *what, const struct item_override *list,
			  size_t count)
{
	for (size_t i = 0; i < count; i++)
		line_add(line, " %s:%s=%s", what, list[i].key, list[i].text);
}

/* "seq [word][word] item=text limit:key=text env:name=text", and a newline. */
static void add_item(struct line *line, const struct item *item)
{
	line_add(line, "%llu ", (unsigned long long) item->seq);
	for (char **word = item->command; *word; word++)
		line_add(line, "[%s]", *word);
	line_add(line, " item=%s", item->text);
	add_overrides(line, "limit", item->limits, item->limit_count);
	add_overrides(line, "env", item->env, item->env_count);
	line_add(line, "\n");
}

static void add_all(struct line *line, struct item_source *source)
{
	struct memcage_error err = { 0 };
	enum item_next next;
	struct item item;

	while ((next = item_source_next(source, &item, &err)) != ITEM_END) {
		assert_int_not_equal(next, ITEM_BROKEN);
		if (next == ITEM_LATER)
			continue;
		add_item(line, &item);
		item_release(&item);
	}
}

static struct item_source *open_jobs(const char *file, struct memcage_error *err)
{
	struct item_options options = { .origin = ITEM_JOBS, .file = file };
	struct item_source *source = NULL;

	return item_source_open(&options, &source, err) < 0 ? NULL : source;
}

static const struct good {
	const char *name;
	const char *text, *want;
} goods[] = {
	{ "no jobs", "", "" },
	{ "a command alone is its own item", "{\"command\": [\"gzip\", \"-9\", \"a b\"]}\n",
	  "1 [gzip][-9][a b] item=gzip -9 a b\n" },
	{ "a last line without a newline", "{\"command\": [\"a\"]}\n{\"command\": [\"b\"]}",
	  "1 [a] item=a\n2 [b] item=b\n" },
	{ "lines of blanks are skipped and not counted as items",
	  "\n{\"command\": [\"a\"]}\r\n \t\r\n\n{\"command\": [\"b\"]}\n\n",
	  "1 [a] item=a\n2 [b] item=b\n" },
	{ "an item of its own", "{\"item\": \"x y\", \"command\": [\"a\"]}", "1 [a] item=x y\n" },
	{ "an empty item stays empty", "{\"item\": \"\", \"command\": [\"a\"]}", "1 [a] item=\n" },
	{ "a number as an item", "{\"item\": 42, \"command\": [\"a\"]}", "1 [a] item=42\n" },
	{ "a negative number as an item", "{\"item\": -7, \"command\": [\"a\"]}",
	  "1 [a] item=-7\n" },
	{ "a real number as an item", "{\"item\": 0.1, \"command\": [\"a\"]}", "1 [a] item=0.1\n" },
	{ "no digit of a number is lost", "{\"item\": 0.30000000000000004, \"command\": [\"a\"]}",
	  "1 [a] item=0.30000000000000004\n" },
	{ "empty words stay but for the program", "{\"command\": [\"a\", \"\", \"\"]}",
	  "1 [a][][] item=a  \n" },
	{ "limits are texts or numbers, under the keys of their rows",
	  "{\"command\": [\"a\"], \"limits\": {\"memory\": \"512M\", \"cpus\": 1.5, \"pids\": 64, "
	  "\"timeout\": 90, \"rlimit\": \"nofile=64\"}}",
	  "1 [a] item=a limit:memory=512M limit:cpus=1.5 limit:pids=64 limit:timeout=90 "
	  "limit:rlimits=nofile=64\n" },
	{ "variables, also empty ones",
	  "{\"command\": [\"a\"], \"env\": {\"A\": \"x=y\", \"B\": \"\", \"a.b [0]\": \"c\"}}",
	  "1 [a] item=a env:A=x=y env:B= env:a.b [0]=c\n" },
	{ "empty limits and env", "{\"command\": [\"a\"], \"limits\": {}, \"env\": {}}",
	  "1 [a] item=a\n" },
	{ "null is as if absent",
	  "{\"command\": [\"a\"], \"item\": null, \"limits\": null, \"env\": null}",
	  "1 [a] item=a\n" },
	{ "texts with escapes", "{\"command\": [\"\\u00e4\\n\\\"\"]}",
	  "1 [\u00e4\n\"] item=\u00e4\n\"\n" },
};

static void check_good(void **state)
{
	const struct good *row = *state;
	struct memcage_error err = { 0 };
	struct item_source *source;
	char got[1000];
	struct line line = line_start(got, sizeof(got));

	tree_put(&tree, "f", row->text);
	source = open_jobs(path, &err);
	if (!source)
		fail_msg("%s", err.text);
	add_all(&line, source);
	assert_string_equal(got, row->want);
	item_source_close(source);
}

#define FIRST "{\"command\": [\"true\"]}\n\n" /* two lines that are right */

static const struct bad {
	const char *name;
	const char *line;
	const char *message; /* from the column on; its end is not compared */
} bads[] = {
	{ "no JSON", "gzip a", "4: '[' or '{' expected near 'gzip'; each line is one job: {" },
	{ "JSON that breaks off", "{\"command\": [\"a\"]", "17: '}' expected near end of file" },
	{ "two objects in a line", "{\"command\": [\"a\"]} {}",
	  "20: end of file expected near '{'" },
	{ "a key twice", "{\"command\": [\"a\"], \"command\": [\"b\"]}",
	  "28: duplicate object key near '\"command\"'" },
	{ "a list", "[\"gzip\"]", "1: a line has to be an object: {\"command\": [\"PROGRAM\"" },
	{ "an unknown key", "{\"command\": [\"a\"], \"limit\": {}}",
	  "29: unknown key 'limit'; a job is {\"command\": [\"PROGRAM\"" },
	{ "an unknown key of null", "{\"command\": [\"a\"], \"x\": null}", "25: unknown key 'x'" },
	{ "an unknown key that no terminal should see", "{\"\\u001b[2J\": 1}",
	  "1: unknown key '\\x1b[2J'" },
	{ "no command", "{\"item\": 1}", "1: there is no command; a job is {" },
	{ "a command of null", "{\"command\": null}", "1: there is no command; a job is {" },
	{ "a command that is a text", "{\"command\": \"gzip a\"}",
	  "13: command has to be a list of texts, such as [\"gzip\", \"a b.txt\"]" },
	{ "an empty command", "{\"command\": []}",
	  "13: command is empty; it begins with a program" },
	{ "a command with an empty program", "{\"command\": [\"\", \"a\"]}",
	  "14: command[0] is empty; it has to be a program" },
	{ "a command with a number", "{\"command\": [\"head\", 5]}",
	  "22: command[1] has to be a text, in quotes" },
	{ "a command with null", "{\"command\": [\"a\", null]}",
	  "19: command[1] has to be a text, in quotes" },
	{ "a text with a NUL", "{\"command\": [\"a\\u0000\"]}",
	  "22: \\u0000 is not allowed without" },
	{ "an item that is a list", "{\"command\": [\"a\"], \"item\": []}",
	  "28: item has to be a text or a number" },
	{ "an item that is true", "{\"command\": [\"a\"], \"item\": true}",
	  "28: item has to be a text or a number" },
	{ "a number beyond 64 bits", "{\"command\": [\"a\"], \"item\": 99999999999999999999}",
	  "47: too big integer near '99999999999999999999'" },
	{ "limits that are a list", "{\"command\": [\"a\"], \"limits\": []}",
	  "30: limits has to be an object, such as {\"memory\": \"1G\"}" },
	{ "an unknown limit", "{\"command\": [\"a\"], \"limits\": {\"mem\": 1}}",
	  "38: limits.mem is no limit; those are memory, cpus, pids, timeout and others" },
	{ "a wrong size", "{\"command\": [\"a\"], \"limits\": {\"memory\": \"5X\"}}",
	  "41: limits.memory: '5X' is not a size; say 512M, 1.5G or max" },
	{ "a wrong number", "{\"command\": [\"a\"], \"limits\": {\"memory\": -1}}",
	  "41: limits.memory: '-1' is not a size; say 512M, 1.5G or max" },
	{ "a limit of null", "{\"command\": [\"a\"], \"limits\": {\"memory\": null}}",
	  "41: limits.memory has to be a text or a number, such as \"" },
	{ "a limit that is a list", "{\"command\": [\"a\"], \"limits\": {\"io\": [\"x\"]}}",
	  "37: limits.io has to be a text or a number, such as \"" },
	{ "env that is a list", "{\"command\": [\"a\"], \"env\": [\"A=1\"]}",
	  "27: env has to be an object, such as {\"NAME\": \"TEXT\"}" },
	{ "a name with =", "{\"command\": [\"a\"], \"env\": {\"A=1\": \"b\"}}",
	  "35: env.A=1: a name is not empty and has no '='" },
	{ "an empty name", "{\"command\": [\"a\"], \"env\": {\"\": \"b\"}}",
	  "32: env.'': a name is not empty and has no '='" },
	{ "a variable that is a number", "{\"command\": [\"a\"], \"env\": {\"A\": 1}}",
	  "33: env.A has to be a text, in quotes" },
};

static void assert_told(const struct memcage_error *err, const char *file, const char *message)
{
	char want[900];

	snprintf(want, sizeof(want), "%s:3:%s", file, message);
	if (strncmp(err->text, want, strlen(want)) != 0)
		fail_msg("%s, and not %s", err->text, want);
	assert_int_equal(err->code, MEMCAGE_ERROR_USAGE);
}

static void put_bad(const char *line)
{
	char text[1000];

	snprintf(text, sizeof(text), FIRST "%s\n{\"command\": [\"last\"]}\n", line);
	tree_put(&tree, "f", text);
}

static void check_bad(void **state)
{
	const struct bad *row = *state;
	struct memcage_error err = { 0 };

	put_bad(row->line);
	assert_null(open_jobs(path, &err));
	assert_told(&err, path, row->message);
}

/* What comes from a pipe is told when it comes. */
static void check_bad_from_pipe(void **state)
{
	const struct bad *row = *state;
	struct memcage_error err = { 0 };
	struct item_source *source;
	auto_free char *text = NULL;
	int ends[2], was;
	struct item item;

	put_bad(row->line);
	text = tree_get(&tree, "f");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	was = stdin_take(ends[0]);
	source = open_jobs("-", &err);
	assert_non_null(source);
	assert_int_equal(item_source_next(source, &item, &err), ITEM_LATER);
	assert_int_equal(file_write_all(ends[1], text, strlen(text)), 0);
	close(ends[1]);
	assert_int_equal(item_source_next(source, &item, &err), ITEM_NEXT);
	assert_string_equal(item.text, "true");
	item_release(&item);
	for (int i = 0; i < 2; i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(item_source_next(source, &item, &err), ITEM_BROKEN);
		assert_told(&err, "stdin", row->message);
	}
	item_source_close(source);
	stdin_give_back(was);
}

#define MANY 100000

/* Before anything is made, and with no more in memory than one line. */
static void check_late_line(void **state)
{
	static const char line[] = "{\"command\": [\"true\"]}\n", last[] = "{\"command\": []}\n";
	auto_free char *text = malloc(MANY * strlen(line) + sizeof(last));
	struct memcage_error err = { 0 };
	char want[600], *at = text;

	(void) state;
	assert_non_null(text);
	for (int i = 0; i < MANY; i++)
		at = mempcpy(at, line, strlen(line));
	memcpy(at, last, sizeof(last));
	tree_put(&tree, "f", text);
	assert_null(open_jobs(path, &err));
	snprintf(want, sizeof(want), "%s:%d:13: command is empty; it begins with a program", path,
		 MANY + 1);
	assert_string_equal(err.text, want);
}

/* As a shell's `{ read -r line; memcage map --jobs-file -; } < FILE` leaves it. */
static void check_place_of_stdin(void **state)
{
	struct memcage_error err = { 0 };
	struct item_source *source;
	char got[200];
	struct line line = line_start(got, sizeof(got));
	int was;

	(void) state;
	tree_put(&tree, "f", "no JSON\n{\"command\": [\"a\"]}\n{\"command\": [\"b\"]}\n");
	was = stdin_take(open(path, O_RDONLY | O_CLOEXEC));
	assert_int_equal(lseek(STDIN_FILENO, 8, SEEK_SET), 8);
	source = open_jobs(NULL, &err);
	assert_non_null(source);
	assert_int_equal(lseek(STDIN_FILENO, 0, SEEK_CUR), 8);
	add_all(&line, source);
	assert_string_equal(got, "1 [a] item=a\n2 [b] item=b\n");
	item_source_close(source);
	stdin_give_back(was);
}

/* `before`, so many x, `behind`, in tree's file. */
static void put_long(const char *before, size_t count, const char *behind)
{
	auto_free char *text = malloc(strlen(before) + count + strlen(behind) + 1);
	char *at;

	assert_non_null(text);
	at = stpcpy(text, before);
	memset(at, 'x', count);
	stpcpy(at + count, behind);
	tree_put(&tree, "f", text);
}

static const struct size_row {
	const char *name;
	const char *before;
	size_t count;
	const char *behind, *message;
} sizes[] = {
	{ "a line of more than 2 MiB", FIRST "{\"command\": [\"", JOBS_LINE_MOST, "\"]}\n",
	  "1: the line is longer than 2097152 bytes, more than a command can be" },
	{ "a word that is no argument", FIRST "{\"command\": [\"a\", \"", ITEM_BYTES_MOST, "\"]}",
	  "19: command[1] is longer than an argument can be, 131071 bytes" },
	{ "a variable that is none", FIRST "{\"command\": [\"a\"], \"env\": {\"A\": \"",
	  ITEM_BYTES_MOST - 2, "\"}}", "33: env.A is longer than a variable can be, 131071 bytes" },
	{ "a limit of a MiB", FIRST "{\"command\": [\"a\"], \"limits\": {\"memory\": \"", 1 << 20,
	  "\"}}", "41: limits.memory: 'xxx" },
};

static void check_size(void **state)
{
	const struct size_row *row = *state;
	struct memcage_error err = { 0 };

	put_long(row->before, row->count, row->behind);
	assert_null(open_jobs(path, &err));
	assert_told(&err, path, row->message);
}

static struct item read_one(void)
{
	struct memcage_error err = { 0 };
	struct item_source *source = open_jobs(path, &err);
	struct item item = { 0 };

	if (!source)
		fail_msg("%s", err.text);
	while (item_source_next(source, &item, &err) == ITEM_LATER)
		;
	assert_non_null(item.text);
	item_source_close(source);
	return item;
}

static void check_long_item(void **state)
{
	struct item item;

	(void) state;
	put_long("{\"command\": [\"a\"], \"item\": \"", ITEM_BYTES_MOST - 1, "\"}");
	item = read_one();
	assert_false(item.too_long);
	assert_int_equal(strlen(item.text), ITEM_BYTES_MOST - 1);
	item_release(&item);
	put_long("{\"command\": [\"a\"], \"item\": \"", ITEM_BYTES_MOST, "\"}");
	item = read_one();
	assert_true(item.too_long);
	assert_int_equal(strlen(item.text), ITEM_BYTES_MOST - 1);
	assert_int_equal(item.size_bytes, ITEM_SIZE_UNKNOWN);
	item_release(&item);
}

/* What stands for an item is cut; the words are not. */
static void check_long_command(void **state)
{
	struct item item;

	(void) state;
	put_long("{\"command\": [\"a\", \"", ITEM_BYTES_MOST - 1, "\", \"b\"]}");
	item = read_one();
	assert_false(item.too_long);
	assert_int_equal(strlen(item.text), ITEM_BYTES_MOST - 1);
	assert_int_equal(strlen(item.command[1]), ITEM_BYTES_MOST - 1);
	assert_string_equal(item.command[2], "b");
	item_release(&item);
}

int main(void)
{
	static struct test_suite suite;
	int failed;

	tree = tree_make(NULL);
	snprintf(path, sizeof(path), "%s/f", tree.path);
	TEST_ROWS(&suite, check_good, goods);
	TEST_ROWS(&suite, check_bad, bads);
	TEST_ROWS(&suite, check_bad_from_pipe, bads);
	TEST_ROWS(&suite, check_size, sizes);
	test_add(&suite, "a wrong line far down is told when the file is opened", check_late_line,
		 NULL);
	test_add(&suite, "stdin is read from where it stands", check_place_of_stdin, NULL);
	test_add(&suite, "an item that no argument holds is its beginning", check_long_item, NULL);
	test_add(&suite, "a long command has a cut item", check_long_command, NULL);
	failed = test_run("jobs-file", &suite);
	tree_remove(&tree);
	return failed;
}

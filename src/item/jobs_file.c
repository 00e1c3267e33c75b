/* SPDX-License-Identifier: Apache-2.0 */
#include "item/jobs_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/line.h"
#include "base/own.h"
#include "base/parse.h"
#include "spec/limit.h"

#define SHAPE                                                                                      \
	"{\"command\": [\"PROGRAM\", ...], \"item\": \"TEXT\", \"limits\": {\"memory\": \"1G\"}, " \
	"\"env\": {\"NAME\": \"TEXT\"}}"
#define PATH_MOST 256

/* A line being read. */
struct reader {
	const struct lines_line *line;
	const char *file;
	struct item *item;
	struct memcage_error *err;
};

/* ---- what is wrong ---- */

/* "FILE:LINE:COLUMN: WORDS", the place being that of the value at the path; -1. */
static int refuse(const struct reader *reader, const char *path, const char *format, ...)
	PRINTF_LIKE(3, 4);

static int refuse(const struct reader *reader, const char *path, const char *format, ...)
{
	struct json_problem place;
	char words[sizeof(reader->err->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	json_place(reader->line->text, reader->line->length, path, &place);
	return error_usage(reader->err, "%s:%" PRIu64 ":%u: %s", reader->file, reader->line->number,
			   place.column, words);
}

static int out_of_memory(const struct reader *reader)
{
	return error_set(reader->err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

/* A member, by a path for json_place() and by words for the user. */
struct place {
	char path[PATH_MOST], words[PATH_MOST];
};

static struct place place_of(const char *object, const char *key)
{
	char shown[PARSE_QUOTED];
	struct place place;
	struct line path = line_start(place.path, sizeof(place.path));
	struct line words = line_start(place.words, sizeof(place.words));

	line_add(&path, "%s.%s", object, key);
	line_add(&words, "%s.%s", object, parse_show(key, shown, sizeof(shown)));
	return place;
}

/* ---- the members ---- */

static bool is_number(const struct json_t *value)
{
	enum json_kind kind = json_kind_of(value);

	return kind == JSON_KIND_NUMBER || kind == JSON_KIND_REAL;
}

/* A text, or a number as text; the caller's. */
static char *copy_text(const struct json_t *value)
{
	return is_number(value) ? json_spell_number(value) : strdup(json_text(value));
}

static int check_word(const struct reader *reader, const struct json_t *list, size_t index)
{
	const struct json_t *word = json_item(list, index);
	char path[PATH_MOST];

	snprintf(path, sizeof(path), "command[%zu]", index);
	if (json_kind_of(word) != JSON_KIND_TEXT)
		return refuse(reader, path, "%s has to be a text, in quotes", path);
	if (index == 0 && *json_text(word) == '\0')
		return refuse(reader, path, "command[0] is empty; it has to be a program");
	if (strlen(json_text(word)) >= ITEM_BYTES_MOST)
		return refuse(reader, path, "%s is longer than an argument can be, %d bytes", path,
			      ITEM_BYTES_MOST - 1);
	return 0;
}

/* Pointers and words in one block. */
static char **copy_words(const struct json_t *list)
{
	size_t count = json_count(list), bytes = 0;
	char **words, *out;

	for (size_t i = 0; i < count; i++)
		bytes += strlen(json_text(json_item(list, i))) + 1;
	words = malloc((count + 1) * sizeof(*words) + bytes);
	if (!words)
		return NULL;
	out = (char *) (words + count + 1);
	for (size_t i = 0; i < count; i++) {
		words[i] = out;
		out = stpcpy(out, json_text(json_item(list, i))) + 1;
	}
	words[count] = NULL;
	return words;
}

static int read_command(struct reader *reader, const struct json_t *list)
{
	if (json_kind_of(list) != JSON_KIND_ARRAY)
		return refuse(reader, "command",
			      "command has to be a list of texts, such as [\"gzip\", \"a b.txt\"]");
	if (json_count(list) == 0)
		return refuse(reader, "command", "command is empty; it begins with a program");
	for (size_t i = 0; i < json_count(list); i++)
		if (check_word(reader, list, i) < 0)
			return -1;
	reader->item->command = copy_words(list);
	return reader->item->command ? 0 : out_of_memory(reader);
}

static int read_item(struct reader *reader, const struct json_t *value)
{
	struct item *item = reader->item;

	if (json_kind_of(value) != JSON_KIND_TEXT && !is_number(value))
		return refuse(reader, "item", "item has to be a text or a number");
	item->text = copy_text(value);
	if (!item->text)
		return out_of_memory(reader);
	item->too_long = strlen(item->text) >= ITEM_BYTES_MOST;
	if (item->too_long)
		item->text[ITEM_BYTES_MOST - 1] = '\0';
	return 0;
}

/* One more key and text, which it takes; the text may be NULL where memory ran out. */
static int add_override(struct reader *reader, struct item_override **list, size_t *count,
			const char *key, char *text)
{
	struct item_override *larger = reallocarray(*list, *count + 1, sizeof(**list));
	struct item_override added = { .key = strdup(key), .text = text };

	if (larger)
		*list = larger;
	if (!larger || !added.key || !text) {
		free(added.key);
		free(text);
		return out_of_memory(reader);
	}
	larger[(*count)++] = added;
	return 0;
}

/* By its parser, so that a wrong one is told with its place and not when its turn comes. */
static int check_limit(const struct reader *reader, const struct place *place, enum limit_id id,
		       const char *text)
{
	struct limit_value value = { 0 };
	struct memcage_error problem = { 0 };
	int status = limit_parse(id, text, &value, &problem);

	limit_release(&value);
	if (status == 0)
		return 0;
	if (problem.code != MEMCAGE_ERROR_USAGE) {
		*reader->err = problem;
		return -1;
	}
	return refuse(reader, place->path, "%s: %s", place->words, problem.text);
}

static int read_limit(struct reader *reader, const char *key, const struct json_t *value)
{
	struct place place = place_of("limits", key);
	enum limit_id id = limit_find(key);
	auto_free char *text = NULL;

	if (id == LIMIT__COUNT)
		return refuse(reader, place.path,
			      "%s is no limit; those are memory, cpus, pids, timeout and others, "
			      "see memcage run --help",
			      place.words);
	if (json_kind_of(value) != JSON_KIND_TEXT && !is_number(value))
		return refuse(reader, place.path, "%s has to be a text or a number, such as \"%s\"",
			      place.words, limits[id].example);
	text = copy_text(value);
	if (!text)
		return out_of_memory(reader);
	if (check_limit(reader, &place, id, text) < 0)
		return -1;
	return add_override(reader, &reader->item->limits, &reader->item->limit_count,
			    limits[id].key, take_pointer(text));
}

static int read_variable(struct reader *reader, const char *name, const struct json_t *value)
{
	struct place place = place_of("env", name);

	if (*name == '\0' || strchr(name, '='))
		return refuse(reader, place.path, "%s: a name is not empty and has no '='",
			      place.words);
	if (json_kind_of(value) != JSON_KIND_TEXT)
		return refuse(reader, place.path, "%s has to be a text, in quotes", place.words);
	if (strlen(name) + strlen(json_text(value)) + 1 >= ITEM_BYTES_MOST)
		return refuse(reader, place.path, "%s is longer than a variable can be, %d bytes",
			      place.words, ITEM_BYTES_MOST - 1);
	return add_override(reader, &reader->item->env, &reader->item->env_count, name,
			    strdup(json_text(value)));
}

typedef int read_fn(struct reader *reader, const char *key, const struct json_t *value);

static int read_members(struct reader *reader, const char *name, const struct json_t *object,
			read_fn *read)
{
	const char *key = NULL;

	if (json_kind_of(object) != JSON_KIND_OBJECT)
		return refuse(reader, name, "%s has to be an object, such as {%s}", name,
			      read == read_limit ? "\"memory\": \"1G\"" : "\"NAME\": \"TEXT\"");
	while ((key = json_next_key(object, key)))
		if (read(reader, key, json_member(object, key)) < 0)
			return -1;
	return 0;
}

static int read_limits(struct reader *reader, const struct json_t *value)
{
	return read_members(reader, "limits", value, read_limit);
}

static int read_env(struct reader *reader, const struct json_t *value)
{
	return read_members(reader, "env", value, read_variable);
}

/* ---- the line ---- */

static const struct member {
	const char *key;
	int (*read)(struct reader *reader, const struct json_t *value);
} members[] = {
	{ "command", read_command },
	{ "item", read_item },
	{ "limits", read_limits },
	{ "env", read_env },
};

static int read_member(struct reader *reader, const char *key, const struct json_t *value)
{
	char quoted[PARSE_QUOTED];

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (strcmp(key, members[i].key) == 0)
			return value ? members[i].read(reader, value) : 0; /* null: as if absent */
	return refuse(reader, key, "unknown key %s; a job is " SHAPE,
		      parse_quote(key, quoted, sizeof(quoted)));
}

/* What stands for a job that has no item: the command's words, to be shown and not to be run. */
static int join_words(struct reader *reader)
{
	char **words = reader->item->command;
	size_t bytes = 0, most = ITEM_BYTES_MOST - 1;
	char *out;

	for (size_t i = 0; words[i]; i++)
		bytes += strlen(words[i]) + 1;
	reader->item->text = out = malloc(bytes + 1); /* to clang-tidy there may be no word */
	if (!out)
		return out_of_memory(reader);
	for (size_t i = 0; words[i]; i++) {
		out = stpcpy(out, words[i]);
		*out++ = words[i + 1] ? ' ' : '\0';
	}
	if (bytes > most)
		reader->item->text[most] = '\0';
	return 0;
}

static int read_job(struct reader *reader, const struct json_t *job)
{
	const char *key = NULL;

	if (json_kind_of(job) != JSON_KIND_OBJECT)
		return refuse(reader, "", "a line has to be an object: " SHAPE);
	while ((key = json_next_key(job, key)))
		if (read_member(reader, key, json_member(job, key)) < 0)
			return -1;
	if (!reader->item->command)
		return refuse(reader, "", "there is no command; a job is " SHAPE);
	return reader->item->text ? 0 : join_words(reader);
}

static int refuse_syntax(const struct reader *reader, const struct json_problem *problem)
{
	return error_usage(reader->err, "%s:%" PRIu64 ":%u: %s; each line is one job: " SHAPE,
			   reader->file, reader->line->number, problem->column, problem->text);
}

bool jobs_line_is_blank(const struct lines_line *line)
{
	return !line->cut && line->text[strspn(line->text, " \t\r")] == '\0';
}

int jobs_line_read(const struct lines_line *line, const char *file, struct item *ret,
		   struct memcage_error *err)
{
	struct item item = { .size_bytes = ITEM_SIZE_UNKNOWN };
	struct reader reader = { .line = line, .file = file, .item = &item, .err = err };
	struct json_problem problem;
	struct json_t *job;
	int status;

	if (line->cut)
		return error_usage(err,
				   "%s:%" PRIu64
				   ":1: the line is longer than %d bytes, more than a "
				   "command can be",
				   file, line->number, JOBS_LINE_MOST);
	job = json_read(line->text, line->length, &problem);
	if (!job)
		return refuse_syntax(&reader, &problem);
	status = read_job(&reader, job);
	json_free(job);
	if (status < 0)
		item_release(&item);
	else
		*ret = item;
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/line.h"
#include "base/own.h"
#include "base/utf8.h"

/* 15 digits are what a double surely holds: 3.214 and not 3.2140000000000004. */
#define STYLE JSON_REAL_PRECISION(15)

#define LINE_ROOM 4096 /* a report has some 2000 bytes */

/* The kernel's gift to each process (getauxval(3)): jansson would read /dev/urandom for as much. */
static void seed(void)
{
	const void *random =
		(const void *) getauxval(AT_RANDOM); /* NOLINT(performance-no-int-to-ptr) */
	size_t bytes = 0;

	if (random)
		memcpy(&bytes, random, sizeof(bytes));
	json_object_seed(bytes); /* but for the first time nothing is done; 0: by /dev/urandom */
}

static struct json_writer open_json(json_t *json)
{
	return (struct json_writer) { .json = json, .whole = json != NULL };
}

struct json_writer json_open_object(void)
{
	seed();
	return open_json(json_object());
}

struct json_writer json_open_array(void)
{
	return open_json(json_array());
}

json_t *json_close(struct json_writer *writer)
{
	if (writer->whole)
		return writer->json;
	json_decref(writer->json);
	return NULL;
}

static json_t *text_or_null(const char *text)
{
	auto_free char *copy = NULL;
	json_t *json = text ? json_string(text) : json_null();

	if (json || !text)
		return json;
	copy = utf8_copy(text, strlen(text));
	return copy ? json_string_nocheck(copy) : NULL; /* utf8_copy() has checked */
}

void json_put(struct json_writer *object, const char *key, json_t *value)
{
	if (json_object_set_new_nocheck(object->json, key, value) < 0) /* our keys are ASCII */
		object->whole = false;
}

void json_put_null(struct json_writer *object, const char *key)
{
	json_put(object, key, json_null());
}

void json_put_bool(struct json_writer *object, const char *key, bool value)
{
	json_put(object, key, json_boolean(value));
}

void json_put_number(struct json_writer *object, const char *key, uint64_t number)
{
	if (number == UINT64_MAX)
		json_put_null(object, key);
	else
		json_put(object, key,
			 json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t) number));
}

void json_put_usec(struct json_writer *object, const char *key, uint64_t usec)
{
	json_put_real(object, key,
		      usec == UINT64_MAX ? (double) NAN : (double) usec / (double) USEC_PER_SEC);
}

void json_put_real(struct json_writer *object, const char *key, double number)
{
	json_put(object, key, isfinite(number) ? json_real(number) : json_null());
}

void json_put_text(struct json_writer *object, const char *key, const char *text)
{
	json_put(object, key, text_or_null(text));
}

void json_append(struct json_writer *array, json_t *value)
{
	if (json_array_append_new(array->json, value) < 0)
		array->whole = false;
}

void json_append_number(struct json_writer *array, int64_t number)
{
	json_append(array, json_integer(number));
}

void json_append_text(struct json_writer *array, const char *text)
{
	json_append(array, text_or_null(text));
}

json_t *json_make_null(void)
{
	return json_null();
}

/* Into a buffer that nearly all fit into: json_dumps() makes its own grow, and is half as fast. */
static char *dump_line(const json_t *value, size_t flags, size_t room)
{
	char *line = malloc(room);
	size_t length = line ? json_dumpb(value, line, room, flags | STYLE) : 0;

	if (length > 0 && length + 2 <= room) {
		line[length] = '\n';
		line[length + 1] = '\0';
		return line;
	}
	free(line);
	return length + 2 > room ? dump_line(value, flags, length + 2) : NULL;
}

static char *print(json_t *value, size_t flags)
{
	char *line = value ? dump_line(value, flags, LINE_ROOM) : NULL;

	json_decref(value);
	if (!line)
		errno = ENOMEM;
	return line;
}

char *json_print(json_t *value)
{
	return print(value, JSON_INDENT(2));
}

char *json_print_line(json_t *value)
{
	return print(value, JSON_COMPACT);
}

/* ---- reading ---- */

static void say_place(struct json_problem *problem, const char *text, const char *at)
{
	problem->line = problem->column = 1;
	for (; text < at; text++) {
		problem->column++;
		if (*text == '\n') {
			problem->line++;
			problem->column = 1;
		}
	}
}

static void say_problem(struct json_problem *problem, const char *words)
{
	struct line line = line_start(problem->text, sizeof(problem->text));

	line_add(&line, "%s", words);
	line_end(&line); /* jansson quotes what it finds */
}

/* Behind a string that begins at `at`; the end where it has none. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at < end ? at + 1 : end;
}

/* jansson's reader calls itself for each level; NULL where there are not too many. */
static const char *find_too_deep(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		if ((*at == '{' || *at == '[') && ++depth > JSON_DEPTH_MOST)
			return at;
		if ((*at == '}' || *at == ']') && depth > 0)
			depth--;
		at++;
	}
	return NULL;
}

json_t *json_read(const char *text, size_t length, struct json_problem *ret)
{
	const char *deep = find_too_deep(text, text + length);
	json_error_t error;
	json_t *json;

	if (deep) {
		say_place(ret, text, deep);
		say_problem(ret, "nested too deep");
		return NULL;
	}
	json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!json) {
		ret->line = error.line > 0 ? (unsigned int) error.line : 1;
		ret->column = error.column > 0 ? (unsigned int) error.column : 1;
		say_problem(ret, error.text);
	}
	return json;
}

void json_free(json_t *json)
{
	json_decref(json);
}

enum json_kind json_kind_of(const json_t *json)
{
	if (json_is_object(json))
		return JSON_KIND_OBJECT;
	if (json_is_array(json))
		return JSON_KIND_ARRAY;
	if (json_is_string(json))
		return JSON_KIND_TEXT;
	if (json_is_integer(json))
		return JSON_KIND_NUMBER;
	return json_is_real(json) ? JSON_KIND_REAL : JSON_KIND_OTHER;
}

const json_t *json_member(const json_t *object, const char *key)
{
	const json_t *member = json_object_get(object, key);

	return json_is_null(member) ? NULL : member;
}

const char *json_next_key(const json_t *object, const char *key)
{
	json_t *own = (json_t *) object; /* jansson's readers of it take no const */
	void *member = key ? json_object_iter_next(own, json_object_key_to_iter(key))
			   : json_object_iter(own);

	return member ? json_object_iter_key(member) : NULL;
}

size_t json_count(const json_t *array)
{
	return json_array_size(array);
}

const json_t *json_item(const json_t *array, size_t index)
{
	return json_array_get(array, index);
}

const char *json_text(const json_t *text)
{
	return json_string_value(text);
}

int64_t json_number(const json_t *number)
{
	return json_integer_value(number);
}

static bool spells(const char *text, const json_t *number)
{
	json_error_t error;
	json_t *again = json_loads(text, JSON_DECODE_ANY, &error);
	bool same = again && json_equal(again, (json_t *) number);

	json_decref(again);
	return same;
}

char *json_spell_number(const json_t *number)
{
	size_t digits = 15; /* that a double surely holds; 17 tell all doubles apart */
	char *text;

	for (;;) {
		text = json_dumps(number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
		if (!text || digits == 17 || spells(text, number))
			break;
		free(text);
		digits++;
	}
	if (!text)
		errno = ENOMEM;
	return text;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && strchr(" \t\r\n", *at))
		at++;
	return at;
}

static const char *skip_value(const char *at, const char *end)
{
	size_t depth = 0;

	for (at = skip_blanks(at, end); at < end; at++) {
		if (*at == '"') {
			at = skip_string(at, end) - 1;
		} else if (*at == '{' || *at == '[') {
			depth++;
		} else if (*at == '}' || *at == ']') {
			if (depth == 0)
				break;
			depth--;
		} else if (depth == 0 && (*at == ',' || *at == ':')) {
			break;
		}
	}
	return at;
}

/* In the object at `at`; NULL where it has no such member. */
static const char *find_member(const char *at, const char *end, const char *key, size_t length)
{
	for (at++; at < end && *at != '}'; at++) {
		const char *name = skip_blanks(at, end), *behind = skip_string(name, end);
		const char *value = skip_blanks(skip_value(behind, end) + 1, end);

		if ((size_t) (behind - name) == length + 2 && memcmp(name + 1, key, length) == 0)
			return value;
		at = skip_value(value, end);
		if (at < end && *at != ',')
			return NULL;
	}
	return NULL;
}

static const char *find_item(const char *at, const char *end, unsigned long index)
{
	for (at++; at < end && index > 0; index--) {
		at = skip_value(at, end);
		if (at >= end || *at != ',')
			return NULL;
		at++;
	}
	return skip_blanks(at, end);
}

void json_place(const char *text, size_t length, const char *path, struct json_problem *ret)
{
	const char *end = text + length, *at = skip_blanks(text, end), *next = at;

	while (next && *path) {
		at = next;
		if (*path == '[') {
			char *behind;

			next = find_item(at, end, strtoul(path + 1, &behind, 10));
			path = behind + (*behind == ']');
		} else {
			size_t name = strcspn(path += *path == '.', ".[");

			next = find_member(at, end, path, name);
			path += name;
		}
	}
	say_place(ret, text, next ? next : at);
}

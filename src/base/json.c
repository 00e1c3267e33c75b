/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/utf8.h"

/* 15 digits are what a double surely holds: 3.214 and not 3.2140000000000004. */
#define STYLE (JSON_INDENT(2) | JSON_REAL_PRECISION(15))

static struct json_writer open_json(json_t *json)
{
	return (struct json_writer) { .json = json, .whole = json != NULL };
}

struct json_writer json_open_object(void)
{
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

	if (!text)
		return json_null();
	copy = utf8_copy(text, strlen(text));
	return copy ? json_string(copy) : NULL;
}

void json_put(struct json_writer *object, const char *key, json_t *value)
{
	if (json_object_set_new(object->json, key, value) < 0)
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

void json_append_text(struct json_writer *array, const char *text)
{
	json_append(array, text_or_null(text));
}

json_t *json_make_null(void)
{
	return json_null();
}

char *json_print(json_t *value)
{
	auto_free char *text = value ? json_dumps(value, STYLE) : NULL;
	char *line = NULL;

	json_decref(value);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	if (!line)
		errno = ENOMEM;
	return line;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - JSON texts, by jansson, which only json.c knows.
 *
 * What memory ran out for shows as a missing value, so that nobody need look at each call: `whole`
 * falls with the first, json_close() then gives NULL, which falls through to the next one out, and
 * json_print() fails.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct json_t;

struct json_writer {
	struct json_t *json;
	bool whole;
};

struct json_writer json_open_object(void);
struct json_writer json_open_array(void);
/* The value, the caller's to put somewhere or to print; NULL where memory ran out. */
struct json_t *json_close(struct json_writer *writer);

/* Into an object; the value is then the object's. */
void json_put(struct json_writer *object, const char *key, struct json_t *value);
void json_put_null(struct json_writer *object, const char *key);
void json_put_bool(struct json_writer *object, const char *key, bool value);
/* UINT64_MAX, what could not be read, is null; larger than INT64_MAX is INT64_MAX. */
void json_put_number(struct json_writer *object, const char *key, uint64_t number);
/* Microseconds as seconds; UINT64_MAX is null. */
void json_put_usec(struct json_writer *object, const char *key, uint64_t usec);
/* What is not finite is null. */
void json_put_real(struct json_writer *object, const char *key, double number);
/* Any bytes: those that are not UTF-8 become U+FFFD.  NULL is null. */
void json_put_text(struct json_writer *object, const char *key, const char *text);

/* Into an array. */
void json_append(struct json_writer *array, struct json_t *value);
void json_append_text(struct json_writer *array, const char *text);

struct json_t *json_make_null(void);

/*
 * Takes the value; its text, ended by a newline, which the caller frees; NULL with errno ENOMEM,
 * also for NULL.
 */
char *json_print(struct json_t *value);

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
#include <stddef.h>
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
void json_append_number(struct json_writer *array, int64_t number);
void json_append_text(struct json_writer *array, const char *text);

struct json_t *json_make_null(void);

/*
 * Takes the value; its text, ended by a newline, which the caller frees; NULL with errno ENOMEM,
 * also for NULL.
 */
char *json_print(struct json_t *value);
/* The same, as one line without blanks: a record of a file that is read line by line. */
char *json_print_line(struct json_t *value);

/* ---- reading ---- */

#define JSON_DEPTH_MOST 32

/* A place in a text, from 1, and what is wrong there. */
struct json_problem {
	unsigned int line, column;
	char text[160]; /* one line, safe on a terminal */
};

/*
 * An object or array; the caller's, for json_free().  NULL with *ret filled where the text is none:
 * also where an object has a key twice, a number does not fit into 64 bits with a sign, or it is
 * nested deeper than JSON_DEPTH_MOST.
 */
struct json_t *json_read(const char *text, size_t length, struct json_problem *ret);
void json_free(struct json_t *json);

enum json_kind {
	JSON_KIND_OBJECT,
	JSON_KIND_ARRAY,
	JSON_KIND_TEXT,
	JSON_KIND_NUMBER, /* a whole one */
	JSON_KIND_REAL,
	JSON_KIND_OTHER
};

enum json_kind json_kind_of(const struct json_t *json);
/* The member, owned by the object; NULL where there is none, or where it is null. */
const struct json_t *json_member(const struct json_t *object, const char *key);
/*
 * The names of an object's members in the order of its text: the one behind `key`, which it gave
 * before; NULL: the first.  NULL behind the last.
 */
const char *json_next_key(const struct json_t *object, const char *key);
size_t json_count(const struct json_t *array);
const struct json_t *json_item(const struct json_t *array, size_t index);
const char *json_text(const struct json_t *text); /* without NUL in it */
int64_t json_number(const struct json_t *number);
/* A number, whole or real, in as few digits as make it again; the caller's; NULL with ENOMEM. */
char *json_spell_number(const struct json_t *number);

/*
 * Where the value at a path such as "syscalls[3].action" begins in a text that json_read() has
 * taken; where it has no such value, as far as the path is right.
 */
void json_place(const char *text, size_t length, const char *path, struct json_problem *ret);

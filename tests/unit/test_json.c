/* SPDX-License-Identifier: Apache-2.0 */
/* json: what is printed.  What is read has its rows in test_profile.c. */
#include "test.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/json.h"

/* ---- printed on one line ---- */

typedef struct json_t *make_fn(void);

static struct json_t *make_empty(void)
{
	struct json_writer object = json_open_object();

	return json_close(&object);
}

static struct json_t *make_kinds(void)
{
	struct json_writer object = json_open_object();

	json_put_text(&object, "text", "a b");
	json_put_number(&object, "number", 42);
	json_put_number(&object, "not known", UINT64_MAX);
	json_put_number(&object, "large", (uint64_t) INT64_MAX + 1);
	json_put_bool(&object, "yes", true);
	json_put_null(&object, "null");
	return json_close(&object);
}

static struct json_t *make_order(void)
{
	struct json_writer object = json_open_object();

	json_put_number(&object, "z", 1);
	json_put_number(&object, "a", 2);
	json_put_number(&object, "m", 3);
	return json_close(&object);
}

static struct json_t *make_nested(void)
{
	struct json_writer object = json_open_object(), array = json_open_array();

	json_append_number(&array, -1);
	json_append_text(&array, "x");
	json_append_text(&array, NULL);
	json_put(&object, "list", json_close(&array));
	json_put(&object, "object", make_empty());
	return json_close(&object);
}

static struct json_t *make_texts(void)
{
	struct json_writer object = json_open_object();

	json_put_text(&object, "line end", "a\nb\r\tc");
	json_put_text(&object, "quotes", "\"\\");
	json_put_text(&object, "bytes", "\xff\xc3\xa4");
	return json_close(&object);
}

static struct json_t *make_times(void)
{
	struct json_writer object = json_open_object();

	json_put_usec(&object, "usec", 3214000);
	json_put_usec(&object, "unknown", UINT64_MAX);
	json_put_real(&object, "infinite", HUGE_VAL);
	return json_close(&object);
}

static struct json_t *make_array(void)
{
	struct json_writer array = json_open_array();

	json_append(&array, make_order());
	json_append(&array, json_make_null());
	return json_close(&array);
}

static const struct row {
	const char *name;
	make_fn *make;
	const char *want;
} rows[] = {
	{ "an empty object", make_empty, "{}\n" },
	{ "every kind of value, without blanks", make_kinds,
	  "{\"text\":\"a b\",\"number\":42,\"not known\":null,\"large\":9223372036854775807,"
	  "\"yes\":true,\"null\":null}\n" },
	{ "keys stay in their order", make_order, "{\"z\":1,\"a\":2,\"m\":3}\n" },
	{ "what is nested stays on the line", make_nested,
	  "{\"list\":[-1,\"x\",null],\"object\":{}}\n" },
	{ "line ends in texts do not end the line", make_texts,
	  "{\"line "
	  "end\":\"a\\nb\\r\\tc\",\"quotes\":\"\\\"\\\\\",\"bytes\":\"\xef\xbf\xbd\xc3\xa4\"}"
	  "\n" },
	{ "seconds have the digits that they need", make_times,
	  "{\"usec\":3.214,\"unknown\":null,\"infinite\":null}\n" },
	{ "an array", make_array, "[{\"z\":1,\"a\":2,\"m\":3},null]\n" },
};

static void check_line(void **state)
{
	const struct row *row = *state;
	auto_free char *line = json_print_line(row->make());

	assert_non_null(line);
	assert_string_equal(line, row->want);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

/* The same but for blanks: for a person. */
static void check_page(void **state)
{
	auto_free char *page = json_print(make_nested());

	(void) state;
	assert_string_equal(page, "{\n  \"list\": [\n    -1,\n    \"x\",\n    null\n  ],\n"
				  "  \"object\": {}\n}\n");
}

static void check_no_memory(void **state)
{
	(void) state;
	errno = 0;
	assert_null(json_print_line(NULL));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(json_print(NULL));
	assert_int_equal(errno, ENOMEM);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_line, rows);
	test_add(&suite, "a page has a line for each value", check_page, NULL);
	test_add(&suite, "a value that memory ran out for is not printed", check_no_memory, NULL);
	return test_run("json", &suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test - what cmocka wants to be included before it, and tables of rows as tests.
 *
 * A row begins with `const char *name`, a sentence without '#', which TAP would read as a
 * directive.  A check is an ordinary cmocka test that finds its row in *state:
 *
 *	static struct test_suite suite;
 *
 *	TEST_ROWS(&suite, check_size, sizes);
 *	test_add(&suite, "every row is complete", check_table, NULL);
 *	return test_run("parse", &suite);
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/own.h"

#define TESTS_MOST 512

struct test_suite {
	struct CMUnitTest tests[TESTS_MOST];
	size_t count;
};

static inline void test_add(struct test_suite *suite, const char *name, CMUnitTestFunction check,
			    const void *row)
{
	if (suite->count == TESTS_MOST)
		abort();
	suite->tests[suite->count++] =
		(struct CMUnitTest) { name, check, NULL, NULL, (void *) row };
}

#define TEST_ROWS(suite, check, rows)                                                              \
	do {                                                                                       \
		for (size_t row_ = 0; row_ < ARRAY_LEN(rows); row_++)                              \
			test_add(suite, (rows)[row_].name, check, &(rows)[row_]);                  \
	} while (0)

/* The number of failed tests: what main() returns. */
static inline int test_run(const char *name, const struct test_suite *suite)
{
	return _cmocka_run_group_tests(name, suite->tests, suite->count, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base/parse.h"

typedef int parse_fn(const char *text, uint64_t *ret, struct memcage_error *err);

#define KIBI UINT64_C(1024)
#define SEC UINT64_C(1000000)
#define DAY (86400 * SEC)

struct good {
	const char *name;
	parse_fn *parse;
	const char *text;
	uint64_t want;
};

static const struct good goods[] = {
	{ "a bare number is bytes", parse_size, "1000000", 1000000 },
	{ "K is kibibytes", parse_size, "3K", 3 * KIBI },
	{ "M is mebibytes", parse_size, "512M", 512 * KIBI *KIBI },
	{ "G is gibibytes", parse_size, "2G", 2 * KIBI *KIBI *KIBI },
	{ "T is tebibytes", parse_size, "1T", KIBI *KIBI *KIBI *KIBI },
	{ "KiB is kibibytes", parse_size, "64KiB", 64 * KIBI },
	{ "MiB is mebibytes", parse_size, "10MiB", 10 * KIBI *KIBI },
	{ "GiB is gibibytes", parse_size, "1GiB", KIBI *KIBI *KIBI },
	{ "TiB is tebibytes", parse_size, "1TiB", KIBI *KIBI *KIBI *KIBI },
	{ "KB is a thousand bytes", parse_size, "5KB", 5000 },
	{ "MB is a million bytes", parse_size, "10MB", 10000000 },
	{ "GB is a billion bytes", parse_size, "1GB", 1000000000 },
	{ "TB is a trillion bytes", parse_size, "1TB", UINT64_C(1000000000000) },
	{ "a suffix may be small", parse_size, "10m", 10 * KIBI *KIBI },
	{ "a long suffix may be small", parse_size, "1kib", KIBI },
	{ "a suffix may be mixed", parse_size, "1mIb", KIBI *KIBI },
	{ "decimals multiply with the suffix", parse_size, "1.5G", 3 * KIBI *KIBI *KIBI / 2 },
	{ "decimals work with powers of a thousand", parse_size, "0.25MB", 250000 },
	{ "a decimal is rounded down to bytes", parse_size, "0.3K", 307 },
	{ "any number of decimals is exact", parse_size, "0.9999999999999999999999999K", 1023 },
	{ "zeros behind change nothing", parse_size, "1.50000000000000000000000000000M", 1572864 },
	{ "a byte and a half is a byte", parse_size, "1.5", 1 },
	{ "zeros in front change nothing", parse_size, "0000000000000000000000000512", 512 },
	{ "zero is a size here", parse_size, "0", 0 },
	{ "a tenth of a terabyte is exact", parse_size, "0.1TB", UINT64_C(100000000000) },
	{ "max is no limit", parse_size, "max", PARSE_MAX },
	{ "the largest size is one below 2^63", parse_size, "9223372036854775807", INT64_MAX },
	{ "a large size in tebibytes", parse_size, "8388607.999T", UINT64_C(9223372035755264180) },

	{ "a bare number is seconds", parse_duration, "90", 90 * SEC },
	{ "s is seconds", parse_duration, "1.5s", 3 * SEC / 2 },
	{ "ms is milliseconds", parse_duration, "500ms", SEC / 2 },
	{ "m is minutes", parse_duration, "3m", 180 * SEC },
	{ "h is hours", parse_duration, "2h", 7200 * SEC },
	{ "d is days", parse_duration, "1d", DAY },
	{ "half a millisecond", parse_duration, "0.5ms", 500 },
	{ "a hundredth of a second without a suffix", parse_duration, "0.01", 10000 },
	{ "a duration is rounded down to microseconds", parse_duration, "0.0000019", 1 },
	{ "no duration", parse_duration, "0", 0 },
	{ "a million days is the longest", parse_duration, "1000000d", 1000000 * DAY },
	{ "nanoseconds would overflow", parse_duration, "9223372037", 9223372037 * SEC },
	{ "max is no deadline", parse_duration, "max", PARSE_MAX },

	{ "a count", parse_count, "42", 42 },
	{ "a count of none", parse_count, "0", 0 },
	{ "a count of 2^31", parse_count, "2147483648", UINT64_C(2147483648) },
	{ "max is any count", parse_count, "max", PARSE_MAX },
	{ "the largest count", parse_count, "9223372036854775807", INT64_MAX },

	{ "a decimal", parse_decimal, "1.5", 1500000 },
	{ "a whole decimal", parse_decimal, "2", 2000000 },
	{ "six decimals", parse_decimal, "0.000001", 1 },
	{ "max is any decimal", parse_decimal, "max", PARSE_MAX },
	{ "the largest decimal", parse_decimal, "9223372036854.775807", INT64_MAX },
};

static void check_good(void **state)
{
	const struct good *row = *state;
	struct memcage_error err = { 0 };
	uint64_t number = 77;

	assert_int_equal(row->parse(row->text, &number, &err), 0);
	assert_int_equal(number, row->want);
	assert_string_equal(err.text, "");
}

#define NOT_SIZE " is not a size; say 512M, 1.5G or max"
#define LARGE_SIZE " is too large for a size; say 512M, 1.5G or max"
#define NOT_DURATION " is not a duration; say 90, 500ms, 1.5h or max"
#define LARGE_DURATION " is too large for a duration; say 90, 500ms, 1.5h or max"
#define NOT_COUNT " is not a whole number; say 256 or max"
#define LARGE_COUNT " is too large for a whole number; say 256 or max"
#define NOT_DECIMAL " is not a number with at most six decimals; say 0.5, 2 or max"
#define LARGE_DECIMAL " is too large for a number with at most six decimals; say 0.5, 2 or max"

struct bad {
	const char *name;
	parse_fn *parse;
	const char *text;
	const char *message; /* behind the quoted text */
};

static const struct bad bads[] = {
	{ "2^63 bytes are refused", parse_size, "9223372036854775808", LARGE_SIZE },
	{ "2^64 bytes do not wrap to 0", parse_size, "18446744073709551616", LARGE_SIZE },
	{ "2^64 - 1 bytes are not max", parse_size, "18446744073709551615", LARGE_SIZE },
	{ "a size that the kernel wraps to 1 GiB", parse_size, "17179869185G", LARGE_SIZE },
	{ "a size far beyond 64 bits", parse_size, "99999999999G", LARGE_SIZE },
	{ "exactly 2^63 in tebibytes", parse_size, "8388608T", LARGE_SIZE },
	{ "too large with the suffix alone", parse_size, "8388608TiB", LARGE_SIZE },
	{ "a wrong suffix comes before too large", parse_size, "99999999999999999999X", NOT_SIZE },
	{ "exabytes are no suffix", parse_size, "16E", NOT_SIZE },
	{ "petabytes are no suffix", parse_size, "1P", NOT_SIZE },
	{ "an unknown suffix", parse_size, "1.5X", NOT_SIZE },
	{ "a plain B is no suffix", parse_size, "512B", NOT_SIZE },
	{ "Ki alone is no suffix", parse_size, "512Ki", NOT_SIZE },
	{ "bits are no suffix", parse_size, "10Mbit", NOT_SIZE },
	{ "a per cent of what", parse_size, "50%", NOT_SIZE },
	{ "a negative size", parse_size, "-1", NOT_SIZE },
	{ "a size with a plus", parse_size, "+5", NOT_SIZE },
	{ "a size with an exponent", parse_size, "1e9", NOT_SIZE },
	{ "a hexadecimal size", parse_size, "0x10", NOT_SIZE },
	{ "an empty size", parse_size, "", NOT_SIZE },
	{ "a blank size", parse_size, " ", NOT_SIZE },
	{ "a blank before a size", parse_size, " 10M", NOT_SIZE },
	{ "a blank behind a size", parse_size, "10M ", NOT_SIZE },
	{ "a newline behind a size", parse_size, "10M\n", NOT_SIZE },
	{ "a blank before the suffix", parse_size, "10 M", NOT_SIZE },
	{ "not a number", parse_size, "NaN", NOT_SIZE },
	{ "inf is not max", parse_size, "inf", NOT_SIZE },
	{ "infinity is not max", parse_size, "infinity", NOT_SIZE },
	{ "unlimited is not max", parse_size, "unlimited", NOT_SIZE },
	{ "MAX is not max", parse_size, "MAX", NOT_SIZE },
	{ "max with a tail", parse_size, "maximum", NOT_SIZE },
	{ "an underscore between digits", parse_size, "1_000", NOT_SIZE },
	{ "a comma between digits", parse_size, "1,5G", NOT_SIZE },
	{ "full-width digits", parse_size, "\uff11\uff12M", NOT_SIZE },
	{ "Arabic digits", parse_size, "\u0661M", NOT_SIZE },
	{ "a word behind a size", parse_size, "10M please", NOT_SIZE },
	{ "two suffixes", parse_size, "1MM", NOT_SIZE },
	{ "a suffix alone", parse_size, "M", NOT_SIZE },
	{ "a point without a digit in front", parse_size, ".5G", NOT_SIZE },
	{ "a point without a digit behind", parse_size, "1.G", NOT_SIZE },
	{ "a point alone", parse_size, ".", NOT_SIZE },
	{ "two points", parse_size, "1.5.5G", NOT_SIZE },
	{ "a Turkish small i is no i", parse_size, "1K\u0131B", NOT_SIZE },
	{ "control characters in a size", parse_size, "1\x1b[31mM", NOT_SIZE },
	{ "bytes that are not UTF-8", parse_size, "1\xff\xfeM", NOT_SIZE },

	{ "a duration without a number", parse_duration, "s", NOT_DURATION },
	{ "an empty duration", parse_duration, "", NOT_DURATION },
	{ "a negative duration", parse_duration, "-1", NOT_DURATION },
	{ "a duration with a plus", parse_duration, "+1s", NOT_DURATION },
	{ "a duration of two units", parse_duration, "1h30", NOT_DURATION },
	{ "a duration of two units, both named", parse_duration, "1h30m", NOT_DURATION },
	{ "a duration with an exponent", parse_duration, "1e308", NOT_DURATION },
	{ "a clock time is no duration", parse_duration, "1:30", NOT_DURATION },
	{ "microseconds are no suffix", parse_duration, "5us", NOT_DURATION },
	{ "M could be months", parse_duration, "5M", NOT_DURATION },
	{ "H is not h", parse_duration, "5H", NOT_DURATION },
	{ "a word for seconds", parse_duration, "5 seconds", NOT_DURATION },
	{ "an endless duration is max", parse_duration, "inf", NOT_DURATION },
	{ "not a duration", parse_duration, "NaN", NOT_DURATION },
	{ "more than a million days", parse_duration, "1000001d", LARGE_DURATION },
	{ "a microsecond more than a million days", parse_duration, "86400000000.000001",
	  LARGE_DURATION },
	{ "a duration beyond 64 bits", parse_duration, "99999999999999999999999", LARGE_DURATION },

	{ "an empty count", parse_count, "", NOT_COUNT },
	{ "a negative count", parse_count, "-1", NOT_COUNT },
	{ "a count with a plus", parse_count, "+5", NOT_COUNT },
	{ "half a process", parse_count, "1.5", NOT_COUNT },
	{ "a count with nothing behind the point", parse_count, "1.", NOT_COUNT },
	{ "a count with a suffix", parse_count, "1K", NOT_COUNT },
	{ "a hexadecimal count", parse_count, "0x10", NOT_COUNT },
	{ "a count with an exponent", parse_count, "1e3", NOT_COUNT },
	{ "a blank count", parse_count, " 1", NOT_COUNT },
	{ "a count of 2^63", parse_count, "9223372036854775808", LARGE_COUNT },
	{ "a count of 2^64 does not wrap", parse_count, "18446744073709551617", LARGE_COUNT },

	{ "an empty decimal", parse_decimal, "", NOT_DECIMAL },
	{ "a per cent is no decimal", parse_decimal, "50%", NOT_DECIMAL },
	{ "seven decimals", parse_decimal, "0.1234567", NOT_DECIMAL },
	{ "a negative decimal", parse_decimal, "-0.5", NOT_DECIMAL },
	{ "a decimal comma", parse_decimal, "0,5", NOT_DECIMAL },
	{ "a decimal with an exponent", parse_decimal, "1e-3", NOT_DECIMAL },
	{ "a decimal with a suffix", parse_decimal, "500m", NOT_DECIMAL },
	{ "a decimal beyond 64 bits", parse_decimal, "9223372036854.775808", LARGE_DECIMAL },
};

static void check_bad(void **state)
{
	const struct bad *row = *state;
	struct memcage_error err = { 0 };
	char quoted[PARSE_QUOTED], want[300];
	uint64_t number = 77;

	snprintf(want, sizeof(want), "%s%s", parse_quote(row->text, quoted, sizeof(quoted)),
		 row->message);
	assert_int_equal(row->parse(row->text, &number, &err), -1);
	assert_string_equal(err.text, want);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_int_equal(number, 77);
}

static const struct bounded {
	const char *name;
	const char *text;
	uint64_t most, want;
	const char *message; /* NULL: the number is right */
} bounded[] = {
	{ "a number below its bound", "42", 255, 42, NULL },
	{ "a number at its bound", "255", 255, 255, NULL },
	{ "a number of 0", "0", 255, 0, NULL },
	{ "a number above its bound", "256", 255, 77, "'256' is not a whole number from 0 to 255" },
	{ "a number has no max", "max", 255, 77, "'max' is not a whole number from 0 to 255" },
	{ "an empty number", "", 9, 77, "'' is not a whole number from 0 to 9" },
	{ "a number with a sign", "+1", 9, 77, "'+1' is not a whole number from 0 to 9" },
	{ "a number that wraps at 2^64", "18446744073709551617", 9, 77,
	  "'18446744073709551617' is not a whole number from 0 to 9" },
};

static void check_bounded(void **state)
{
	const struct bounded *row = *state;
	struct memcage_error err = { 0 };
	uint64_t number = 77;
	int result = parse_number(row->text, row->most, &number, &err);

	assert_int_equal(result, row->message ? -1 : 0);
	assert_int_equal(number, row->want);
	assert_string_equal(err.text, row->message ? row->message : "");
}

static const struct quote {
	const char *name;
	const char *text;
	size_t size;
	const char *want;
} quotes[] = {
	{ "an ordinary text is put in quotes", "512M", 100, "'512M'" },
	{ "an empty text is two quotes", "", 100, "''" },
	{ "umlauts, signs and emojis stay", "gr\u00f6\u00dfe \u20ac \U0001f600", 100,
	  "'gr\u00f6\u00dfe \u20ac \U0001f600'" },
	{ "a newline does not end the line", "a\nb", 100, "'a\\nb'" },
	{ "tab and carriage return have letters", "\t\r", 100, "'\\t\\r'" },
	{ "an escape does not reach the terminal", "\x1b[2J", 100, "'\\x1b[2J'" },
	{ "delete does not reach the terminal", "\x7f", 100, "'\\x7f'" },
	{ "C1 control characters neither",
	  "\xc2\x9b"
	  "2J",
	  100, "'\\xc2\\x9b2J'" },
	{ "quotes and backslashes stay apart", "it's a \\", 100, "'it\\'s a \\\\'" },
	{ "a lone byte above 127", "a\xff", 100, "'a\\xff'" },
	{ "a lone continuation byte",
	  "\x80"
	  "a",
	  100, "'\\x80a'" },
	{ "a character that is cut off", "a\xe2\x82", 100, "'a\\xe2\\x82'" },
	{ "an overlong slash", "\xc0\xaf", 100, "'\\xc0\\xaf'" },
	{ "an overlong slash of three bytes", "\xe0\x80\xaf", 100, "'\\xe0\\x80\\xaf'" },
	{ "a lone surrogate", "\xed\xa0\x80", 100, "'\\xed\\xa0\\x80'" },
	{ "beyond the last code point", "\xf4\x90\x80\x80", 100, "'\\xf4\\x90\\x80\\x80'" },
	{ "a byte that starts nothing", "\xfc\x80\x80\x80", 100, "'\\xfc\\x80\\x80\\x80'" },
	{ "an override of the direction", "\u202e", 100, "'\\xe2\\x80\\xae'" },
	{ "a zero-width space", "1\u200bM", 100, "'1\\xe2\\x80\\x8bM'" },
	{ "a byte order mark", "\ufeff1", 100, "'\\xef\\xbb\\xbf1'" },
	{ "a long text is cut and says so", "0123456789", 10, "'0123'..." },
	{ "a text that leaves room for the mark is not cut", "012", 9, "'012'" },
	{ "a character is not cut in two", "ab\u20accd", 10, "'ab'..." },
	{ "an escape is not cut in two", "abc\xff", 10, "'abc'..." },
	{ "the smallest buffer", "abc", 6, "''..." },
};

static void check_quote(void **state)
{
	const struct quote *row = *state;
	char buffer[101];

	memset(buffer, '#', sizeof(buffer));
	assert_ptr_equal(parse_quote(row->text, buffer, row->size), buffer);
	assert_string_equal(buffer, row->want);
	assert_int_equal(buffer[row->size], '#');
}

/* Whatever stands in argv, the message is one line of plain text that fits. */
static void check_message_of_all_bytes(void **state)
{
	struct memcage_error err;
	uint64_t number;
	char text[256];

	(void) state;
	for (int i = 1; i < 256; i++)
		text[i - 1] = (char) i;
	text[255] = '\0';
	assert_int_equal(parse_size(text, &number, &err), -1);
	for (const char *at = err.text; *at; at++)
		assert_in_range((unsigned char) *at, ' ', '~');
}

static void check_message_of_long_text(void **state)
{
	static char text[64 * 1024];
	struct memcage_error err;
	uint64_t number;

	(void) state;
	memset(text, '9', sizeof(text) - 1);
	assert_int_equal(parse_size(text, &number, &err), -1);
	assert_non_null(strstr(err.text, "999'..." LARGE_SIZE));
	text[1] = '.';
	assert_int_equal(parse_size(text, &number, &err), 0);
	assert_int_equal(number, 9);
}

static const struct pair {
	const char *name;
	const char *text, *word;
	bool want;
} pairs[] = {
	{ "the same letters are the same", "nofile", "nofile", true },
	{ "case does not matter", "NoFile", "nOFILE", true },
	{ "the first may not be longer", "nofiles", "nofile", false },
	{ "the second may not be longer", "nofil", "nofile", false },
	{ "nothing is the same as nothing", "", "", true },
	{ "signs beside the letters are no letters", "@[", "`{", false },
};

static void check_pair(void **state)
{
	const struct pair *row = *state;

	assert_int_equal(parse_same(row->text, row->word), row->want);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_good, goods);
	TEST_ROWS(&suite, check_bad, bads);
	TEST_ROWS(&suite, check_bounded, bounded);
	TEST_ROWS(&suite, check_quote, quotes);
	TEST_ROWS(&suite, check_pair, pairs);
	test_add(&suite, "a message of any bytes is plain", check_message_of_all_bytes, NULL);
	test_add(&suite, "a message of a long text is cut", check_message_of_long_text, NULL);
	return test_run("parse", &suite);
}

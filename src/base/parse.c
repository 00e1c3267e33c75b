/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/utf8.h"

#define MOST ((uint64_t) INT64_MAX)
#define DIGITS "0123456789"

#define MINUTE (60 * USEC_PER_SEC)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

struct scale {
	const char *suffix;
	uint64_t factor;
};

/* How one kind of number is written. */
struct measure {
	const char *noun, *examples;
	uint64_t most;
	size_t decimals; /* digits after the point, at most */
	bool any_case;	 /* of the suffixes */
	const struct scale *scales;
	size_t scale_count;
};

enum reading { READ_WELL, READ_WRONG, READ_TOO_LARGE };

static const struct scale size_scales[] = {
	{ "", 1 },
	{ "k", UINT64_C(1) << 10 },
	{ "kib", UINT64_C(1) << 10 },
	{ "kb", UINT64_C(1000) },
	{ "m", UINT64_C(1) << 20 },
	{ "mib", UINT64_C(1) << 20 },
	{ "mb", UINT64_C(1000000) },
	{ "g", UINT64_C(1) << 30 },
	{ "gib", UINT64_C(1) << 30 },
	{ "gb", UINT64_C(1000000000) },
	{ "t", UINT64_C(1) << 40 },
	{ "tib", UINT64_C(1) << 40 },
	{ "tb", UINT64_C(1000000000000) },
};

static const struct scale duration_scales[] = {
	{ "", USEC_PER_SEC }, { "ms", USEC_PER_MSEC }, { "s", USEC_PER_SEC },
	{ "m", MINUTE },      { "h", HOUR },	       { "d", DAY },
};

static const struct scale plain[] = { { "", 1 } };
static const struct scale millionths[] = { { "", 1000000 } };

static const struct measure a_size = {
	.noun = "a size",
	.examples = "512M, 1.5G or max",
	.most = MOST,
	.decimals = SIZE_MAX,
	.any_case = true,
	.scales = size_scales,
	.scale_count = ARRAY_LEN(size_scales),
};

static const struct measure a_duration = {
	.noun = "a duration",
	.examples = "90, 500ms, 1.5h or max",
	.most = 1000000 * DAY,
	.decimals = SIZE_MAX,
	.scales = duration_scales,
	.scale_count = ARRAY_LEN(duration_scales),
};

static const struct measure a_count = {
	.noun = "a whole number",
	.examples = "256 or max",
	.most = MOST,
	.scales = plain,
	.scale_count = ARRAY_LEN(plain),
};

static const struct measure a_decimal = {
	.noun = "a number with at most six decimals",
	.examples = "0.5, 2 or max",
	.most = MOST,
	.decimals = 6,
	.scales = millionths,
	.scale_count = ARRAY_LEN(millionths),
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

bool parse_same(const char *text, const char *word)
{
	while (*text && lower(*text) == lower(*word)) {
		text++;
		word++;
	}
	return lower(*text) == lower(*word);
}

/* The number of the digits at the start; PARSE_MAX where it is above MOST. */
static uint64_t read_whole(const char *digits, size_t length)
{
	uint64_t number = 0;

	for (size_t i = 0; i < length; i++) {
		uint64_t digit = (uint64_t) (digits[i] - '0');

		if (number > (MOST - digit) / 10)
			return PARSE_MAX;
		number = number * 10 + digit;
	}
	return number;
}

/*
 * factor times 0.DIGITS, rounded down.  From the last digit on and exact for any number of them, as
 * rounding down between the divisions by ten does not change what rounding at the end gives.
 */
static uint64_t read_part(const char *digits, size_t length, uint64_t factor)
{
	uint64_t part = 0;

	while (length-- > 0)
		part = (part + (uint64_t) (digits[length] - '0') * factor) / 10;
	return part;
}

static uint64_t find_factor(const struct measure *measure, const char *suffix)
{
	for (size_t i = 0; i < measure->scale_count; i++) {
		const struct scale *scale = &measure->scales[i];

		if (measure->any_case ? parse_same(suffix, scale->suffix)
				      : strcmp(suffix, scale->suffix) == 0)
			return scale->factor;
	}
	return 0;
}

static enum reading read_number(const char *text, const struct measure *measure, uint64_t *ret)
{
	size_t length = strspn(text, DIGITS), decimals = 0;
	const char *suffix = text + length, *point = suffix;
	uint64_t whole = read_whole(text, length), factor;

	if (*point == '.') {
		decimals = strspn(point + 1, DIGITS);
		suffix = point + 1 + decimals;
	}
	factor = find_factor(measure, suffix);
	if (length == 0 || factor == 0 || (*point == '.' && decimals == 0) ||
	    decimals > measure->decimals)
		return READ_WRONG;
	if (whole > measure->most / factor)
		return READ_TOO_LARGE;
	whole = whole * factor + read_part(point + 1, decimals, factor);
	if (whole > measure->most)
		return READ_TOO_LARGE;
	*ret = whole;
	return READ_WELL;
}

static int parse_measure(const char *text, const struct measure *measure, uint64_t *ret,
			 struct memcage_error *err)
{
	char quoted[PARSE_QUOTED];
	enum reading reading;

	if (strcmp(text, "max") == 0) {
		*ret = PARSE_MAX;
		return 0;
	}
	reading = read_number(text, measure, ret);
	if (reading == READ_WELL)
		return 0;
	return error_usage(err, "%s is %s %s; say %s", parse_quote(text, quoted, sizeof(quoted)),
			   reading == READ_TOO_LARGE ? "too large for" : "not", measure->noun,
			   measure->examples);
}

int parse_size(const char *text, uint64_t *ret_bytes, struct memcage_error *err)
{
	return parse_measure(text, &a_size, ret_bytes, err);
}

int parse_duration(const char *text, uint64_t *ret_usec, struct memcage_error *err)
{
	return parse_measure(text, &a_duration, ret_usec, err);
}

int parse_count(const char *text, uint64_t *ret_count, struct memcage_error *err)
{
	return parse_measure(text, &a_count, ret_count, err);
}

int parse_decimal(const char *text, uint64_t *ret_millionths, struct memcage_error *err)
{
	return parse_measure(text, &a_decimal, ret_millionths, err);
}

int parse_number(const char *text, uint64_t most, uint64_t *ret_number, struct memcage_error *err)
{
	char quoted[PARSE_QUOTED];
	uint64_t number;

	if (read_number(text, &a_count, &number) != READ_WELL || number > most)
		return error_usage(err, "%s is not a whole number from 0 to %" PRIu64,
				   parse_quote(text, quoted, sizeof(quoted)), most);
	*ret_number = number;
	return 0;
}

/* Code points that do not show, show as something else, or reorder what stands beside them. */
static bool is_plain(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} others[] = {
		{ 0, 0x1f },	    { '\'', '\'' },	{ '\\', '\\' },	      { 0x7f, 0x9f },
		{ 0xad, 0xad },	    { 0x200b, 0x200f }, { 0x2028, 0x202e },   { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (code >= others[i].first && code <= others[i].last)
			return false;
	return true;
}

/* Bytes of the UTF-8 character at text; 0 where there is none, or none that may be shown. */
static size_t plain_length(const char *text)
{
	size_t length = utf8_length(text);
	uint32_t code = (unsigned char) *text;

	if (length > 1)
		code &= 0x7fU >> length;
	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((unsigned char) text[i] & 0x3f);
	return is_plain(code) ? length : 0;
}

#define ESCAPED 5 /* room for \xNN */

static size_t escape(char c, char out[ESCAPED])
{
	static const char specials[] = "\nn\tt\rr''\\\\";

	for (const char *special = specials; *special; special += 2)
		if (*special == c)
			return (size_t) snprintf(out, ESCAPED, "\\%c", special[1]);
	return (size_t) snprintf(out, ESCAPED, "\\x%02x", (unsigned char) c);
}

const char *parse_quote(const char *text, char *buffer, size_t size)
{
	static const char whole[] = "'", cut[] = "'...";
	char *out = buffer, *end = buffer + size - sizeof(cut);

	assert(size > sizeof(cut));
	*out++ = '\'';
	while (*text) {
		char escaped[ESCAPED];
		size_t plain_bytes = plain_length(text);
		size_t length = plain_bytes ? plain_bytes : escape(*text, escaped);

		if (length > (size_t) (end - out))
			break;
		memcpy(out, plain_bytes ? text : escaped, length);
		out += length;
		text += plain_bytes ? plain_bytes : 1;
	}
	memcpy(out, *text ? cut : whole, *text ? sizeof(cut) : sizeof(whole));
	return buffer;
}

const char *parse_show(const char *text, char *buffer, size_t size)
{
	const char *at = text;
	size_t length;

	while (*at && (length = plain_length(at)) > 0)
		at += length;
	return *at || at == text || (size_t) (at - text) >= size ? parse_quote(text, buffer, size)
								 : text;
}

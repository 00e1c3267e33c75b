/* SPDX-License-Identifier: Apache-2.0 */
/* Any number: what a hint tells people to type is taken, and is enough. */
#include "fuzz.h"

#include "base/parse.h"
#include "report/text.h"

static void check_size(uint64_t bytes)
{
	struct memcage_error err;
	uint64_t read;
	char text[64];

	text_size_option(bytes, text, sizeof(text));
	assert(parse_size(text, &read, &err) == 0);
	assert(read >= bytes && read >= 1 << 20);
}

static void check_duration(uint64_t usec)
{
	struct memcage_error err;
	uint64_t read;
	char text[64];

	text_duration_option(usec, text, sizeof(text));
	if (parse_duration(text, &read, &err) == 0)
		assert(read >= usec);
	else
		assert(usec > UINT64_C(1000000) * 86400 * 1000000);
}

static void check_words(uint64_t number)
{
	char text[64];

	text_bytes(number, text, sizeof(text));
	assert(*text && fuzz_is_shown(text));
	text_usec(number, text, sizeof(text));
	assert(*text && fuzz_is_shown(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, data, size < sizeof(number) ? size : sizeof(number));
	check_size(number);
	check_duration(number);
	check_words(number);
	return 0;
}

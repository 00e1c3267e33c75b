/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

/* Well-formed sequences by their first byte (Unicode, table 3-7); only the second one varies. */
static const struct form {
	unsigned char first, last;
	unsigned char second_least, second_most;
	unsigned char length;
} forms[] = {
	{ 0x01, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static bool follows(const struct form *form, const unsigned char *at)
{
	if (form->length > 1 && (at[1] < form->second_least || at[1] > form->second_most))
		return false;
	for (size_t i = 2; i < form->length; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return false;
	return true;
}

size_t utf8_length(const char *text)
{
	const unsigned char *at = (const unsigned char *) text;

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (at[0] >= forms[i].first && at[0] <= forms[i].last)
			return follows(&forms[i], at) ? forms[i].length : 0;
	return 0;
}

#define REPLACEMENT "\xef\xbf\xbd"

char *utf8_copy(const char *bytes, size_t most)
{
	size_t size = strnlen(bytes, most);
	char *copy = malloc(strlen(REPLACEMENT) * size + 1), *to = copy, *at;

	if (!copy)
		return NULL;
	/* From the end of the buffer to its start: what is written never catches up. */
	at = memcpy(copy + (strlen(REPLACEMENT) - 1) * size, bytes, size);
	at[size] = '\0';
	while (*at) {
		size_t length = utf8_length(at);

		to = mempcpy(to, length > 0 ? at : REPLACEMENT,
			     length > 0 ? length : strlen(REPLACEMENT));
		at += length > 0 ? length : 1;
	}
	*to = '\0';
	return copy;
}

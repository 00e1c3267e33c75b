/* SPDX-License-Identifier: Apache-2.0 */
#include "base/line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/utf8.h"

struct line line_start(char *buffer, size_t size)
{
	if (size > 0)
		buffer[0] = '\0';
	return (struct line) { .text = buffer, .size = size, .cut = size == 0 };
}

void line_add(struct line *line, const char *format, ...)
{
	size_t room = line->size - line->used;
	va_list args;
	int length;

	if (line->cut)
		return;
	va_start(args, format);
	length = vsnprintf(line->text + line->used, room, format, args);
	va_end(args);
	if (length < 0)
		return;
	line->cut = (size_t) length >= room;
	line->used += line->cut ? room - 1 : (size_t) length;
}

/* A number of units, to a tenth where that is more than one part in a thousand. */
static void add_units(struct line *line, uint64_t number, uint64_t unit, const char *name)
{
	uint64_t tenths = number / unit * 10 + (number % unit * 10 + unit / 2) / unit;

	if (tenths % 10 == 0 || tenths >= 1000)
		line_add(line, "%" PRIu64 " %s", (tenths + 5) / 10, name);
	else
		line_add(line, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, name);
}

void line_add_bytes(struct line *line, uint64_t bytes)
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB" };
	uint64_t unit = 1024;
	size_t i = 0;

	if (bytes < unit) {
		line_add(line, bytes == 1 ? "%" PRIu64 " byte" : "%" PRIu64 " bytes", bytes);
		return;
	}
	/* "1024 MiB" is what rounding would make of the last half unit before a GiB. */
	for (; i + 1 < ARRAY_LEN(names) && bytes >= unit * 1024 - unit / 2; i++)
		unit *= 1024;
	add_units(line, bytes, unit, names[i]);
}

void line_add_usec(struct line *line, uint64_t usec)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = {
		{ UINT64_C(24) * 3600, "d" },
		{ 3600, "h" },
		{ 60, "min" },
		{ 1, "s" },
	};
	uint64_t seconds = usec / USEC_PER_SEC;
	size_t i = 0;

	if (usec > 0 && seconds == 0) {
		add_units(line, usec, USEC_PER_MSEC, "ms");
		return;
	}
	if (seconds < 60) {
		add_units(line, usec, USEC_PER_SEC, "s");
		return;
	}
	while (seconds < units[i].seconds)
		i++;
	line_add(line, "%" PRIu64 " %s", seconds / units[i].seconds, units[i].name);
	seconds = seconds % units[i].seconds / units[i + 1].seconds;
	if (seconds > 0)
		line_add(line, " %" PRIu64 " %s", seconds, units[i + 1].name);
}

/* Also the controls of ISO 6429 above ASCII: U+009B starts an escape sequence as ESC [ does. */
static bool is_control(const char *at, size_t length)
{
	const unsigned char *byte = (const unsigned char *) at;

	return (length == 1 && (byte[0] < 0x20 || byte[0] == 0x7f)) ||
	       (length == 2 && byte[0] == 0xc2 && byte[1] < 0xa0);
}

static void clean(char *text)
{
	while (*text) {
		size_t length = utf8_length(text);

		if (length == 0 || is_control(text, length)) {
			*text = '?';
			length = 1;
		}
		text += length;
	}
}

void line_end(struct line *line)
{
	size_t keep = 0;

	if (line->size == 0)
		return;
	clean(line->text);
	if (!line->cut || line->size < sizeof("..."))
		return;
	for (size_t next = 0; next <= line->size - sizeof("...");
	     next += utf8_length(line->text + next))
		keep = next;
	memcpy(line->text + keep, "...", sizeof("..."));
	line->used = keep + strlen("...");
}

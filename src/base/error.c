/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A cut text ends in "..." so that the cut shows. */
static void mark_cut(struct memcage_error *err, int length)
{
	if (length >= (int) sizeof(err->text))
		memcpy(err->text + sizeof(err->text) - 4, "...", 4);
}

int error_set(struct memcage_error *err, enum memcage_error_code code, int errnum,
	      const char *format, ...)
{
	va_list args;
	int length;

	err->code = code;
	err->errnum = errnum;
	va_start(args, format);
	length = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (errnum != 0 && length < (int) sizeof(err->text))
		length += snprintf(err->text + length, sizeof(err->text) - (size_t) length, ": %s",
				   strerror(errnum));
	mark_cut(err, length);
	return -1;
}

int error_prefix(struct memcage_error *err, const char *format, ...)
{
	struct memcage_error old = *err;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (length < (int) sizeof(err->text))
		length += snprintf(err->text + length, sizeof(err->text) - (size_t) length, ": %s",
				   old.text);
	mark_cut(err, length);
	return -1;
}

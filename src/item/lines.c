/* SPDX-License-Identifier: Apache-2.0 */
#include "item/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

int lines_init(struct lines *lines, int fd, char end, size_t most)
{
	size_t size = most + READ_BYTES + 1; /* for the NUL of a last line without an end */
	char *buffer = malloc(size);

	if (!buffer)
		return -1;
	*lines = (struct lines) {
		.fd = fd, .end = end, .most = most, .buffer = buffer, .size = size, .number = 1
	};
	return 0;
}

void lines_release(struct lines *lines)
{
	free(lines->buffer);
	*lines = LINES_NONE;
}

/* The line from `start` to `stop` is whole; the next one begins at `next`. */
static void take(struct lines *lines, size_t stop, size_t next, struct lines_line *ret)
{
	size_t length = stop - lines->start;

	if (length > lines->most) {
		length = lines->most;
		lines->cut = true;
	}
	*ret = (struct lines_line) {
		.text = lines->buffer + lines->start,
		.length = length,
		.number = lines->number++,
		.cut = lines->cut,
	};
	ret->text[length] = '\0';
	lines->start = lines->looked = next;
	lines->cut = false;
}

/* In what is there; LINES_LATER: no line is whole. */
static enum lines_state look(struct lines *lines, struct lines_line *ret)
{
	char *from = lines->buffer + lines->looked;
	size_t length = lines->filled - lines->looked;
	char *end = memchr(from, lines->end, length);

	/* Told as soon as it is seen: names that end in NULs are one line without an end. */
	if (lines->end != '\0' && memchr(from, '\0', end ? (size_t) (end - from) : length))
		return LINES_NUL;
	lines->looked = lines->filled;
	if (!end)
		return LINES_LATER;
	take(lines, (size_t) (end - lines->buffer), (size_t) (end - lines->buffer) + 1, ret);
	return LINES_HERE;
}

/* Makes room to read into: drops lines that were given, and what is beyond the most of this one. */
static void make_room(struct lines *lines)
{
	if (lines->filled - lines->start > lines->most) {
		lines->cut = true;
		lines->looked = lines->filled = lines->start + lines->most;
	}
	if (lines->start == 0 || lines->size - 1 - lines->filled >= READ_BYTES)
		return;
	memmove(lines->buffer, lines->buffer + lines->start, lines->filled - lines->start);
	lines->looked -= lines->start;
	lines->filled -= lines->start;
	lines->start = 0;
}

static enum lines_state read_some(struct lines *lines)
{
	struct pollfd ready = { .fd = lines->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&ready, 1, 0) <= 0)
		return LINES_LATER;
	make_room(lines);
	n = read(lines->fd, lines->buffer + lines->filled, READ_BYTES);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? LINES_LATER : LINES_FAILED;
	lines->filled += (size_t) n;
	lines->ended = n == 0;
	return LINES_LATER;
}

enum lines_state lines_next(struct lines *lines, struct lines_line *ret)
{
	enum lines_state state = look(lines, ret);

	if (state != LINES_LATER)
		return state;
	if (!lines->ended && read_some(lines) == LINES_FAILED)
		return LINES_FAILED;
	state = look(lines, ret);
	if (state != LINES_LATER || !lines->ended)
		return state;
	if (lines->start == lines->filled && !lines->cut)
		return LINES_END;
	take(lines, lines->filled, lines->filled, ret);
	return LINES_HERE;
}

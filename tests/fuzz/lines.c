/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte: do NULs end the lines, and how much of each is kept; the second, how much comes
 * through the pipe at once; then lines.  They are those that a reader finds that has all of them
 * before it, and never is there one too early.
 */
#include "fuzz.h"

#include <fcntl.h>

#include "base/file.h"
#include "item/lines.h"

/* What is to come: all bytes, and those that no line has had yet. */
struct rest {
	const char *at, *stop; /* up to stop has gone through the pipe */
	const char *end;
	uint64_t number;
	bool nul_ends, closed;
};

/* The next line from what is there; LINES_NUL, LINES_LATER or LINES_END where there is none. */
static enum lines_state find(struct rest *rest, const char **ret_line, size_t *ret_length)
{
	size_t there = (size_t) (rest->stop - rest->at);
	const char *end = memchr(rest->at, rest->nul_ends ? '\0' : '\n', there);
	size_t length = end ? (size_t) (end - rest->at) : there;

	if (!rest->nul_ends && memchr(rest->at, '\0', length))
		return LINES_NUL;
	if (!end && !rest->closed)
		return LINES_LATER;
	if (!end && there == 0)
		return LINES_END;
	*ret_line = rest->at;
	*ret_length = length;
	rest->at = end ? end + 1 : rest->stop;
	rest->number++;
	return LINES_HERE;
}

static void check_line(const struct lines *lines, const struct lines_line *got, const char *want,
		       size_t length)
{
	size_t kept = length < lines->most ? length : lines->most;

	assert(got->cut == (length > lines->most));
	assert(got->length == kept && memcmp(got->text, want, kept) == 0);
	assert(got->text[kept] == '\0');
}

/* All lines that are there; what is then said of the next. */
static enum lines_state check_lines(struct lines *lines, struct rest *rest)
{
	for (;;) {
		const char *want = NULL;
		size_t length = 0;
		enum lines_state should = find(rest, &want, &length), is;
		struct lines_line got;

		do
			is = lines_next(lines, &got);
		while (is == LINES_LATER && should != LINES_LATER);
		assert(is == should);
		if (is != LINES_HERE)
			return is;
		assert(got.number == rest->number);
		check_line(lines, &got, want, length);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rest rest = { 0 };
	enum lines_state now = LINES_LATER;
	struct lines lines;
	int ends[2];
	size_t piece;

	if (size < 2)
		return 0;
	assert(pipe2(ends, O_CLOEXEC) == 0);
	piece = (size_t) data[1] * 8 + 1;
	rest.nul_ends = data[0] & 1;
	rest.at = rest.stop = (const char *) data + 2;
	rest.end = (const char *) data + size;
	assert(lines_init(&lines, ends[0], rest.nul_ends ? '\0' : '\n', data[0] >> 1) == 0);
	while (rest.stop < rest.end && now == LINES_LATER) {
		size_t left = (size_t) (rest.end - rest.stop), more = piece < left ? piece : left;

		assert(file_write_all(ends[1], rest.stop, more) == 0);
		rest.stop += more;
		now = check_lines(&lines, &rest);
	}
	close(ends[1]);
	rest.closed = true;
	if (now == LINES_LATER)
		now = check_lines(&lines, &rest);
	assert(now == LINES_END || now == LINES_NUL);
	close(ends[0]);
	lines_release(&lines);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "item/item.h"
#include "item/jobs_file.h"
#include "item/lines.h"
#include "item/ranges.h"

#define SHOWN 160

struct item_source {
	enum item_origin origin;
	char *const *words;  /* the next one */
	int input, pollable; /* of LINES and JOBS; pollable is -1 where epoll(7) does not take it */
	bool is_stdin;	     /* not ours to close */
	char shown[SHOWN];   /* the input's name in messages */
	struct lines lines;
	struct ranges ranges;
	uint64_t seq; /* of the latest item */
	bool broken;
	struct memcage_error problem; /* what is then said again */
};

static int out_of_memory(struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

/* ---- one item of each origin, without seq ---- */

static enum item_next fill_text(struct item *item, const char *text, size_t length, bool cut,
				struct memcage_error *err)
{
	bool too_long = cut || length >= ITEM_BYTES_MOST;

	*item = (struct item) {
		.text = strndup(text, too_long ? ITEM_BYTES_MOST - 1 : length),
		.too_long = too_long,
		.size_bytes = ITEM_SIZE_UNKNOWN,
	};
	if (item->text)
		return ITEM_NEXT;
	out_of_memory(err);
	return ITEM_BROKEN;
}

static enum item_next next_word(struct item_source *source, struct item *item,
				struct memcage_error *err)
{
	const char *word = *source->words;

	if (!word)
		return ITEM_END;
	source->words++;
	return fill_text(item, word, strlen(word), false, err);
}

static enum item_next refuse_nul(const struct item_source *source, struct memcage_error *err)
{
	if (source->origin == ITEM_JOBS)
		error_usage(err, "%s:%" PRIu64 ":1: the line has a NUL byte; it has to be JSON",
			    source->shown, source->lines.number);
	else
		error_usage(err,
			    "%s:%" PRIu64 ": the line has a NUL byte, which no argument can hold; "
			    "say -0 where items end in NULs",
			    source->shown, source->lines.number);
	return ITEM_BROKEN;
}

static enum item_next fail_read(const struct item_source *source, struct memcage_error *err)
{
	error_setup(err, "cannot read %s", source->shown);
	return ITEM_BROKEN;
}

/* ITEM_NEXT: *ret is filled. */
static enum item_next read_line(struct item_source *source, struct lines_line *ret,
				struct memcage_error *err)
{
	switch (lines_next(&source->lines, ret)) {
	case LINES_HERE:
		return ITEM_NEXT;
	case LINES_LATER:
		return ITEM_LATER;
	case LINES_END:
		return ITEM_END;
	case LINES_NUL:
		return refuse_nul(source, err);
	case LINES_FAILED:
	default:
		return fail_read(source, err);
	}
}

static enum item_next next_line(struct item_source *source, struct item *item,
				struct memcage_error *err)
{
	struct lines_line line;
	enum item_next next = read_line(source, &line, err);

	return next == ITEM_NEXT ? fill_text(item, line.text, line.length, line.cut, err) : next;
}

static enum item_next next_job(struct item_source *source, struct item *item,
			       struct memcage_error *err)
{
	struct lines_line line;
	enum item_next next;

	do
		next = read_line(source, &line, err);
	while (next == ITEM_NEXT && jobs_line_is_blank(&line));
	if (next != ITEM_NEXT)
		return next;
	return jobs_line_read(&line, source->shown, item, err) < 0 ? ITEM_BROKEN : ITEM_NEXT;
}

static enum item_next next_range(struct item_source *source, struct item *item,
				 struct memcage_error *err)
{
	uint64_t offset, length;
	enum item_next next = ranges_next(&source->ranges, &offset, &length, err);
	char text[64];

	if (next != ITEM_NEXT)
		return next;
	snprintf(text, sizeof(text), "%" PRIu64 "+%" PRIu64, offset, length);
	next = fill_text(item, text, strlen(text), false, err);
	item->is_range = true;
	item->offset = offset;
	item->length = item->size_bytes = length;
	return next;
}

/* ---- opening ---- */

static bool takes_stdin(const char *file)
{
	return !file || strcmp(file, "-") == 0;
}

/* Of files, and devices such as /dev/null, there is always more, and epoll(7) refuses them. */
static int find_pollable(int fd)
{
	auto_fd int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };

	return epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 && errno == EPERM ? -1
											       : fd;
}

/*
 * A FIFO is not waited for: it is ours alone, so that O_NONBLOCK is no one else's, and until
 * somebody writes to it poll(2) says that there is nothing.
 */
static int open_input(struct item_source *source, const char *file, struct stat *ret,
		      struct memcage_error *err)
{
	char shown[SHOWN];

	source->is_stdin = takes_stdin(file);
	snprintf(source->shown, SHOWN, "%s",
		 source->is_stdin ? "stdin" : parse_show(file, shown, sizeof(shown)));
	source->input = source->is_stdin ? STDIN_FILENO
					 : open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (source->input < 0 || fstat(source->input, ret) < 0)
		return error_set(err, MEMCAGE_ERROR_USAGE, errno, "cannot read %s", source->shown);
	if (S_ISDIR(ret->st_mode))
		return error_usage(err, "cannot read %s: it is a directory", source->shown);
	source->pollable = find_pollable(source->input);
	return 0;
}

static int open_lines(struct item_source *source, const struct item_options *options,
		      struct memcage_error *err)
{
	struct stat st = { 0 };

	if (open_input(source, options->file, &st, err) < 0)
		return options->file ? error_prefix(err, "-a") : -1;
	if (lines_init(&source->lines, source->input, options->nul_ends ? '\0' : '\n',
		       ITEM_BYTES_MOST - 1) < 0)
		return out_of_memory(err);
	return 0;
}

/* Once through all lines, one at a time; -1 with that which is wrong. */
static int check_jobs(struct item_source *source, struct memcage_error *err)
{
	enum item_next next;
	struct item item;

	do {
		next = next_job(source, &item, err);
		if (next == ITEM_NEXT)
			item_release(&item);
	} while (next == ITEM_NEXT || next == ITEM_LATER);
	return next == ITEM_END ? 0 : -1;
}

static int init_jobs(struct item_source *source, struct memcage_error *err)
{
	lines_release(&source->lines);
	if (lines_init(&source->lines, source->input, '\n', JOBS_LINE_MOST) < 0)
		return out_of_memory(err);
	return 0;
}

/* A regular file is read twice, from where it stands: stdin may have been read from before. */
static int open_jobs(struct item_source *source, const struct item_options *options,
		     struct memcage_error *err)
{
	struct stat st = { 0 };
	off_t start;

	if (open_input(source, options->file, &st, err) < 0)
		return error_prefix(err, "--jobs-file");
	if (init_jobs(source, err) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return 0;
	start = lseek(source->input, 0, SEEK_CUR);
	if (check_jobs(source, err) < 0)
		return -1;
	if (start < 0 || lseek(source->input, start, SEEK_SET) < 0)
		return error_setup(err, "cannot read %s twice", source->shown);
	return init_jobs(source, err);
}

static int open_ranges(struct item_source *source, const struct item_options *options,
		       struct memcage_error *err)
{
	static const char *const cuts[] = {
		[ITEM_CHUNKS] = "--chunks",
		[ITEM_CHUNK_LINES] = "--lines",
		[ITEM_CHUNK_BYTES] = "--bytes",
	};

	if (options->amount == 0)
		return error_usage(err, "%s: 0 is not right; say 1 or more", cuts[options->cut]);
	if (takes_stdin(options->file))
		return error_usage(err, "--split: in stdin no place can be sought: name a file, or "
					"leave --split out, and each line of stdin is an item");
	if (ranges_open(options->file, options->cut, options->amount, &source->ranges, err) < 0)
		return error_prefix(err, "--split");
	return 0;
}

static int open_words(struct item_source *source, const struct item_options *options,
		      struct memcage_error *err)
{
	(void) err;
	source->words = options->words;
	return 0;
}

static const struct origin {
	int (*open)(struct item_source *source, const struct item_options *options,
		    struct memcage_error *err);
	enum item_next (*next)(struct item_source *source, struct item *item,
			       struct memcage_error *err);
} origins[] = {
	[ITEM_WORDS] = { open_words, next_word },
	[ITEM_LINES] = { open_lines, next_line },
	[ITEM_JOBS] = { open_jobs, next_job },
	[ITEM_RANGES] = { open_ranges, next_range },
};

int item_source_open(const struct item_options *options, struct item_source **ret,
		     struct memcage_error *err)
{
	struct item_source *source = malloc(sizeof(*source));

	if (!source)
		return out_of_memory(err);
	*source = (struct item_source) {
		.origin = options->origin,
		.input = -1,
		.pollable = -1,
		.lines = LINES_NONE,
		.ranges = RANGES_NONE,
	};
	if (origins[options->origin].open(source, options, err) < 0) {
		item_source_close(source);
		return -1;
	}
	*ret = source;
	return 0;
}

struct item_source *item_source_close(struct item_source *source)
{
	if (!source)
		return NULL;
	if (!source->is_stdin)
		own_close(&source->input);
	lines_release(&source->lines);
	ranges_release(&source->ranges);
	free(source);
	return NULL;
}

/* ---- reading ---- */

static uint64_t size_of_file(const struct item *item)
{
	struct stat st;

	if (item->too_long || stat(item->text, &st) < 0 || !S_ISREG(st.st_mode))
		return ITEM_SIZE_UNKNOWN;
	return (uint64_t) st.st_size;
}

enum item_next item_source_next(struct item_source *source, struct item *ret,
				struct memcage_error *err)
{
	enum item_next next = ITEM_BROKEN;
	struct item item;

	if (!source->broken)
		next = origins[source->origin].next(source, &item, &source->problem);
	if (next == ITEM_BROKEN) {
		source->broken = true;
		*err = source->problem;
	}
	if (next != ITEM_NEXT)
		return next;
	item.seq = ++source->seq;
	if (!item.is_range)
		item.size_bytes = size_of_file(&item);
	*ret = item;
	return ITEM_NEXT;
}

int item_source_fd(const struct item_source *source)
{
	return source->pollable;
}

const char *item_source_identity(const struct item_source *source)
{
	return source->origin == ITEM_RANGES ? source->ranges.identity : "";
}

int item_source_file(const struct item_source *source)
{
	return source->ranges.file;
}

int item_source_check(const struct item_source *source, struct memcage_error *err)
{
	return source->origin == ITEM_RANGES ? ranges_check(&source->ranges, err) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "item/ranges.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"

#define WINDOW_BYTES 65536
#define PEEK_BYTES 4096	      /* where a line end cannot be far */
#define SLICE_BYTES (1 << 20) /* looked through at once, lest jobs wait for it */

/* ---- opening ---- */

static const struct magic {
	const char *bytes;
	size_t length;
	const char *name, *cat;
} magics[] = {
	{ "\x1f\x8b", 2, "gzip", "zcat" },
	{ "\xfd"
	  "7zXZ\0",
	  6, "xz", "xzcat" },
	{ "BZh", 3, "bzip2", "bzcat" },
	{ "\x28\xb5\x2f\xfd", 4, "zstd", "zstdcat" },
	{ "\x04\x22\x4d\x18", 4, "lz4", "lz4cat" },
	{ "PK\x03\x04", 4, "zip", "unzip -p" },
};

#define MAGIC_BYTES 10

/* Text may begin with BZh: in bzip2 a level follows, and a block's magic or the end's. */
static bool is_bzip2(const char *head, size_t length)
{
	return length >= MAGIC_BYTES && head[3] >= '1' && head[3] <= '9' &&
	       (memcmp(head + 4, "1AY&SY", 6) == 0 ||
		memcmp(head + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

static const struct magic *find_magic(const char *head, size_t length)
{
	for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
		const struct magic *magic = &magics[i];

		if (length < magic->length || memcmp(head, magic->bytes, magic->length) != 0)
			continue;
		if (strcmp(magic->name, "bzip2") != 0 || is_bzip2(head, length))
			return magic;
	}
	return NULL;
}

static int check_head(int file, const char *shown, const struct stat *st, struct memcage_error *err)
{
	char head[MAGIC_BYTES];
	ssize_t n = pread(file, head, sizeof(head), 0);
	const struct magic *magic;

	if (n < 0)
		return error_set(err, MEMCAGE_ERROR_USAGE, errno, "cannot read %s", shown);
	if (n > 0 && st->st_size == 0) /* as in /proc */
		return error_usage(err,
				   "%s has no size but something in it: copy it to a file first",
				   shown);
	magic = find_magic(head, (size_t) n);
	if (!magic)
		return 0;
	return error_usage(err,
			   "%s is compressed (%s), whose lines cannot be sought: unpack it first, "
			   "or feed lines: %s %s | memcage map ...",
			   shown, magic->name, magic->cat, shown);
}

static int check_kind(const struct stat *st, const char *shown, struct memcage_error *err)
{
	if (S_ISREG(st->st_mode))
		return 0;
	if (S_ISDIR(st->st_mode))
		return error_usage(err, "%s is a directory; to be split is a regular file", shown);
	return error_usage(err,
			   "%s is a %s, in which no place can be sought: save it to a file first, "
			   "or feed lines: memcage map ... < %s",
			   shown,
			   S_ISFIFO(st->st_mode)   ? "pipe"
			   : S_ISSOCK(st->st_mode) ? "socket"
						   : "device",
			   shown);
}

/* Not waiting for anything: what is no regular file is refused and not opened. */
static int open_file(const char *path, const char *shown, struct stat *ret,
		     struct memcage_error *err)
{
	auto_fd int file = -1;

	if (stat(path, ret) < 0)
		return error_set(err, MEMCAGE_ERROR_USAGE, errno, "cannot read %s", shown);
	if (check_kind(ret, shown, err) < 0)
		return -1;
	file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file < 0 || fstat(file, ret) < 0)
		return error_set(err, MEMCAGE_ERROR_USAGE, errno, "cannot read %s", shown);
	if (check_kind(ret, shown, err) < 0 || check_head(file, shown, ret, err) < 0)
		return -1;
	return take_fd(&file);
}

/* The same file is the same from any working directory. */
static char *identify(const char *path, const struct stat *st)
{
	auto_free char *real = realpath(path, NULL);
	char quoted[4 * PATH_MAX], *identity;

	parse_quote(real ? real : path, quoted, sizeof(quoted));
	if (asprintf(&identity, "%s device %u:%u inode %llu size %lld mtime %lld.%09ld", quoted,
		     major(st->st_dev), minor(st->st_dev), (unsigned long long) st->st_ino,
		     (long long) st->st_size, (long long) st->st_mtim.tv_sec,
		     st->st_mtim.tv_nsec) < 0)
		return NULL;
	return identity;
}

int ranges_open(const char *path, enum item_cut cut, uint64_t amount, struct ranges *ret,
		struct memcage_error *err)
{
	struct ranges ranges = { .cut = cut, .amount = amount };
	char shown[sizeof(ranges.shown)];

	snprintf(ranges.shown, sizeof(ranges.shown), "%s", parse_show(path, shown, sizeof(shown)));
	ranges.file = open_file(path, ranges.shown, &ranges.opened, err);
	if (ranges.file < 0)
		return -1;
	ranges.window = malloc(WINDOW_BYTES);
	ranges.identity = identify(path, &ranges.opened);
	if (!ranges.window || !ranges.identity) {
		ranges_release(&ranges);
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	}
	*ret = ranges;
	return 0;
}

void ranges_release(struct ranges *ranges)
{
	own_close(&ranges->file);
	free(ranges->identity);
	free(ranges->window);
	*ranges = RANGES_NONE;
}

static int changed(const struct ranges *ranges, struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, 0, "%s changed while it was being split",
			 ranges->shown);
}

int ranges_check(const struct ranges *ranges, struct memcage_error *err)
{
	const struct stat *then = &ranges->opened;
	struct stat now;

	if (fstat(ranges->file, &now) < 0)
		return error_setup(err, "cannot look at the file that is being split");
	if (now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
	    now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == then->st_mtim.tv_nsec)
		return 0;
	return changed(ranges, err);
}

/* ---- where a range ends ---- */

static uint64_t size_of(const struct ranges *ranges)
{
	return (uint64_t) ranges->opened.st_size;
}

/* Of the next chunk: a place of `amount` that divide the file evenly. */
static uint64_t chunk_target(const struct ranges *ranges)
{
	uint64_t size = size_of(ranges), chunks = ranges->amount, share;
	uint64_t even = (uint64_t) ((unsigned __int128) size * (ranges->made + 1) / chunks);

	if (even > ranges->begin)
		return even;
	share = (size - ranges->begin) / (chunks - ranges->made);
	return ranges->begin + (share > 0 ? share : 1);
}

static uint64_t byte_target(const struct ranges *ranges)
{
	uint64_t left = size_of(ranges) - ranges->begin;

	return ranges->begin + (ranges->amount < left ? ranges->amount : left);
}

/* A target that is a line end is the end: so we look from the byte before it. */
static void begin_range(struct ranges *ranges)
{
	ranges->lines_left = 1;
	ranges->at = ranges->begin;
	if (ranges->cut == ITEM_CHUNK_LINES)
		ranges->lines_left = ranges->amount;
	else if (ranges->cut == ITEM_CHUNKS)
		ranges->at = chunk_target(ranges) - 1;
	else
		ranges->at = byte_target(ranges) - 1;
}

/* Has the window what is at `at`?  Else it is read; 0 at the end of the file, -1 with errno. */
static int fill_window(struct ranges *ranges)
{
	size_t most = ranges->cut == ITEM_CHUNK_LINES ? WINDOW_BYTES : PEEK_BYTES;
	ssize_t n;

	if (ranges->at >= ranges->window_at &&
	    ranges->at - ranges->window_at < ranges->window_length)
		return 1;
	if (ranges->window_length > 0 && ranges->at == ranges->window_at + ranges->window_length)
		most = WINDOW_BYTES; /* not there: it is a long line */
	do
		n = pread(ranges->file, ranges->window, most, (off_t) ranges->at);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return (int) n;
	ranges->window_at = ranges->at;
	ranges->window_length = (uint64_t) n;
	return 1;
}

/* Goes behind the next line end in the window, or behind the window. */
static void look(struct ranges *ranges)
{
	uint64_t skip = ranges->at - ranges->window_at, left = ranges->window_length - skip;
	const char *from = ranges->window + skip, *end = memchr(from, '\n', left);

	ranges->at += end ? (uint64_t) (end - from) + 1 : left;
	if (end)
		ranges->lines_left--;
}

static int look_on(struct ranges *ranges, struct memcage_error *err)
{
	int filled = fill_window(ranges);

	if (filled < 0)
		return error_setup(err, "cannot read the file that is being split");
	if (filled == 0)
		return changed(ranges, err);
	look(ranges);
	return 0;
}

static enum item_next give(struct ranges *ranges, uint64_t *ret_offset, uint64_t *ret_length,
			   struct memcage_error *err)
{
	if (ranges_check(ranges, err) < 0)
		return ITEM_BROKEN;
	*ret_offset = ranges->begin;
	*ret_length = ranges->at - ranges->begin;
	ranges->begin = ranges->at;
	ranges->lines_left = 0;
	ranges->made++;
	return ITEM_NEXT;
}

enum item_next ranges_next(struct ranges *ranges, uint64_t *ret_offset, uint64_t *ret_length,
			   struct memcage_error *err)
{
	uint64_t from;

	if (ranges->begin == size_of(ranges))
		return ITEM_END;
	if (ranges->lines_left == 0)
		begin_range(ranges);
	from = ranges->at;
	while (ranges->lines_left > 0 && ranges->at < size_of(ranges)) {
		if (ranges->at - from >= SLICE_BYTES)
			return ITEM_LATER;
		if (look_on(ranges, err) < 0)
			return ITEM_BROKEN;
	}
	return give(ranges, ret_offset, ret_length, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Files are cut through item_source, as the program does it. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "item/item.h"
#include "tree/tree.h"

#define RANGES_MOST 4096

static struct tree tree;
static char path[TREE_PATH + 8]; /* of tree's file "f" */

struct cut_list {
	uint64_t ends[RANGES_MOST];
	size_t count, laters;
};

static void put(const char *bytes, size_t size)
{
	tree_put_bytes(&tree, "f", bytes, size);
}

static struct item_source *open_split(const char *file, enum item_cut cut, uint64_t amount,
				      struct memcage_error *err)
{
	struct item_options options = {
		.origin = ITEM_RANGES, .file = file, .cut = cut, .amount = amount
	};
	struct item_source *source = NULL;

	return item_source_open(&options, &source, err) < 0 ? NULL : source;
}

/* What is said of an item of a range is the same in all its members. */
static void check_item(const struct item *item, uint64_t offset, uint64_t seq)
{
	char text[64];

	snprintf(text, sizeof(text), "%llu+%llu", (unsigned long long) item->offset,
		 (unsigned long long) item->length);
	assert_string_equal(item->text, text);
	assert_true(item->is_range && !item->too_long && !item->command);
	assert_int_equal(item->offset, offset);
	assert_true(item->length > 0);
	assert_int_equal(item->size_bytes, item->length);
	assert_int_equal(item->seq, seq);
}

/* Cuts tree's file; each range begins where the one before it ended, and is not empty. */
static void cut_all(enum item_cut cut, uint64_t amount, struct cut_list *ret)
{
	struct memcage_error err = { 0 };
	struct item_source *source = open_split(path, cut, amount, &err);
	uint64_t offset = 0;
	enum item_next next;
	struct item item;

	ret->count = ret->laters = 0;
	assert_non_null(source);
	while ((next = item_source_next(source, &item, &err)) != ITEM_END) {
		assert_int_not_equal(next, ITEM_BROKEN);
		ret->laters += next == ITEM_LATER;
		assert_int_equal(item_source_fd(source), -1);
		if (next == ITEM_LATER)
			continue;
		check_item(&item, offset, ret->count + 1);
		offset += item.length;
		assert_true(ret->count < RANGES_MOST);
		ret->ends[ret->count++] = offset;
		item_release(&item);
	}
	assert_int_equal(item_source_next(source, &item, &err), ITEM_END);
	assert_int_equal(item_source_check(source, &err), 0);
	item_source_close(source);
}

/* ---- shapes ---- */

#define CUTS_MOST 8

static const struct row {
	const char *name;
	const char *text;
	enum item_cut cut;
	uint64_t amount;
	uint64_t ends[CUTS_MOST];
} rows[] = {
	{ "an empty file has no chunks", "", ITEM_CHUNKS, 3, { 0 } },
	{ "an empty file has no lines", "", ITEM_CHUNK_LINES, 3, { 0 } },
	{ "an empty file has no bytes", "", ITEM_CHUNK_BYTES, 3, { 0 } },
	{ "one chunk is the file", "a\nb\nc\n", ITEM_CHUNKS, 1, { 6 } },
	{ "even chunks are even", "a\nb\nc\n", ITEM_CHUNKS, 3, { 2, 4, 6 } },
	{ "a chunk goes on to the line's end", "aaaa\nb\ncccc\n", ITEM_CHUNKS, 2, { 7, 12 } },
	{ "more chunks than lines are as many as lines",
	  "a\nb\nc\n",
	  ITEM_CHUNKS,
	  50,
	  { 2, 4, 6 } },
	{ "more chunks than can be counted", "a\nb\nc\n", ITEM_CHUNKS, UINT64_MAX, { 2, 4, 6 } },
	{ "a file without a line end is one chunk", "abcdef", ITEM_CHUNKS, 3, { 6 } },
	{ "a byte is one chunk", "a", ITEM_CHUNKS, 3, { 1 } },
	{ "a newline is one chunk", "\n", ITEM_CHUNKS, 3, { 1 } },
	{ "empty lines are lines", "\n\n\n\n", ITEM_CHUNKS, 2, { 2, 4 } },
	{ "a last line without an end is in the last chunk",
	  "a\nb\nc",
	  ITEM_CHUNKS,
	  3,
	  { 2, 4, 5 } },
	{ "CRLF stays whole", "a\r\nb\r\nc\r\n", ITEM_CHUNKS, 3, { 3, 6, 9 } },
	{ "CRLF stays whole where a chunk would end in it",
	  "a\r\nb\r\n",
	  ITEM_CHUNK_BYTES,
	  2,
	  { 3, 6 } },
	{ "what follows a long line is shared out anew",
	  "xxxxxxxxxxxxxxxxxxxxx\na\nb\nc\n",
	  ITEM_CHUNKS,
	  4,
	  { 22, 24, 26, 28 } },
	{ "and evenly", "xxxxxxxxxxxxxxxxxxxxx\na\nb\nc\nd\n", ITEM_CHUNKS, 3, { 22, 26, 30 } },
	{ "a long line at the end is one chunk",
	  "a\nb\nxxxxxxxxxxxxxxxxxxxxx\n",
	  ITEM_CHUNKS,
	  4,
	  { 26 } },
	{ "one line a range", "a\n\nccc\n", ITEM_CHUNK_LINES, 1, { 2, 3, 7 } },
	{ "two lines a range", "a\nb\nc\n", ITEM_CHUNK_LINES, 2, { 4, 6 } },
	{ "the last line of a range may have no end", "a\nb\nc", ITEM_CHUNK_LINES, 2, { 4, 5 } },
	{ "a range of lines ends with the file", "a\nb\nc\nd", ITEM_CHUNK_LINES, 2, { 4, 7 } },
	{ "more lines than there are", "a\nb\n", ITEM_CHUNK_LINES, UINT64_MAX, { 4 } },
	{ "one byte is one line", "aa\nbb\n", ITEM_CHUNK_BYTES, 1, { 3, 6 } },
	{ "bytes that end at a line's end", "aa\nbb\ncc\n", ITEM_CHUNK_BYTES, 3, { 3, 6, 9 } },
	{ "a byte more takes the next line", "aa\nbb\ncc\n", ITEM_CHUNK_BYTES, 4, { 6, 9 } },
	{ "more bytes than there are", "aa\nbb\n", ITEM_CHUNK_BYTES, 100, { 6 } },
	{ "max bytes", "aa\nbb\n", ITEM_CHUNK_BYTES, UINT64_MAX, { 6 } },
};

static void check_row(void **state)
{
	static struct cut_list list;
	const struct row *row = *state;
	size_t want = 0;

	put(row->text, strlen(row->text));
	cut_all(row->cut, row->amount, &list);
	for (; want < CUTS_MOST && row->ends[want] > 0; want++)
		assert_int_equal(list.ends[want], row->ends[want]);
	assert_int_equal(list.count, want);
}

/* ---- any shapes ---- */

#define FILES 1000
#define FILE_BYTES_MOST 300000

static uint64_t seed = 20240607;

/* Below `bound`. */
static uint64_t random_below(uint64_t bound)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (seed >> 33) % bound;
}

struct shape {
	size_t size, lines, longest; /* a last line without an end is one */
};

/* Lines of one kind or of all; most files are small, for the cuts to be close to all edges. */
static struct shape make_text(char *text)
{
	static const uint64_t lengths[] = { 1, 2, 10, 100, 5000, 70000 };
	static const size_t sizes[] = { 1, 50, 5000, FILE_BYTES_MOST };
	size_t kinds = ARRAY_LEN(lengths), kind = random_below(kinds + 1), length = 0;
	struct shape shape = { .size = random_below(sizes[random_below(ARRAY_LEN(sizes))] + 1) };
	bool ended = random_below(2), crlf = random_below(4) == 0;

	for (size_t left = 0, at = 0; at < shape.size; at++, left--) {
		bool end = left == 0 || (ended && at + 1 == shape.size);

		if (left == 0)
			left = random_below(lengths[kind < kinds ? kind : random_below(kinds)]) + 1;
		text[at] = end ? '\n' : crlf && left == 1 ? '\r' : 'x';
		shape.lines += end;
		length++;
		if (length > shape.longest)
			shape.longest = length;
		length = end ? 0 : length;
	}
	shape.lines += shape.size > 0 && text[shape.size - 1] != '\n';
	return shape;
}

static size_t count_lines(const char *text, uint64_t from, uint64_t to)
{
	size_t count = 0;

	for (; from < to; from++)
		count += text[from] == '\n';
	return count + (to > 0 && text[to - 1] != '\n');
}

/* Each range ends behind a line's end, or with the file; the last one does. */
static void check_ends(const struct cut_list *list, const char *text, size_t size)
{
	for (size_t i = 0; i < list->count; i++)
		if (text[list->ends[i] - 1] != '\n')
			assert_int_equal(list->ends[i], size);
	assert_int_equal(list->count > 0 ? list->ends[list->count - 1] : 0, size);
}

static void check_chunks(const char *text, const struct shape *shape, struct cut_list *list)
{
	uint64_t chunks = 1 + random_below(random_below(2) ? 8 : 200);

	cut_all(ITEM_CHUNKS, chunks, list);
	check_ends(list, text, shape->size);
	assert_true(list->count <= chunks && list->count <= shape->lines);
	if (shape->size > 0 && shape->longest <= shape->size / chunks)
		assert_int_equal(list->count, chunks);
}

static void check_lines(const char *text, const struct shape *shape, struct cut_list *list)
{
	uint64_t least = shape->lines / 1000 + 1, lines = least + random_below(least * 3);

	cut_all(ITEM_CHUNK_LINES, lines, list);
	check_ends(list, text, shape->size);
	assert_int_equal(list->count, (shape->lines + lines - 1) / lines);
	for (size_t i = 0; i + 1 < list->count; i++)
		assert_int_equal(count_lines(text, i > 0 ? list->ends[i - 1] : 0, list->ends[i]),
				 lines);
}

static void check_bytes(const char *text, const struct shape *shape, struct cut_list *list)
{
	uint64_t least = shape->size / 1000 + 1, bytes = least + random_below(least * 100);

	cut_all(ITEM_CHUNK_BYTES, bytes, list);
	check_ends(list, text, shape->size);
	for (size_t i = 0; i < list->count; i++) {
		uint64_t length = list->ends[i] - (i > 0 ? list->ends[i - 1] : 0);

		assert_true(length >= bytes || i + 1 == list->count);
		assert_true(length < bytes + shape->longest);
	}
}

static void check_random(void **state)
{
	static struct cut_list list;
	static char text[FILE_BYTES_MOST];

	(void) state;
	for (int i = 0; i < FILES; i++) {
		struct shape shape = make_text(text);

		put(text, shape.size);
		check_chunks(text, &shape, &list);
		check_lines(text, &shape, &list);
		check_bytes(text, &shape, &list);
	}
}

/* ---- large files ---- */

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* A hole of zero bytes is a line without an end. */
static void put_hole(uint64_t size)
{
	put("", 0);
	assert_int_equal(truncate(path, (off_t) size), 0);
}

static void check_long_line(void **state)
{
	static const enum item_cut cuts[] = { ITEM_CHUNKS, ITEM_CHUNK_LINES, ITEM_CHUNK_BYTES };
	static struct cut_list list;

	(void) state;
	put_hole(5 * MIB);
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		cut_all(cuts[i], 3, &list);
		assert_int_equal(list.count, 1);
		assert_true(list.laters >= (cuts[i] == ITEM_CHUNKS ? 3 : 4));
	}
}

static uint64_t bytes_read(void)
{
	auto_fclose FILE *file = fopen("/proc/self/io", "re");
	unsigned long long bytes = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "rchar: %llu", &bytes), 1);
	return bytes;
}

/* 1 TiB, with a line end behind each 64 GiB: to read it would take longer than any test. */
static void check_not_read(void **state)
{
	static struct cut_list list;
	auto_fd int fd = -1;
	uint64_t before;

	(void) state;
	put_hole(1024 * GIB);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	for (uint64_t at = 1; at <= 15; at++)
		assert_int_equal(pwrite(fd, "\n", 1, (off_t) (at * 64 * GIB + 1000 * at)), 1);
	before = bytes_read();
	cut_all(ITEM_CHUNKS, 16, &list);
	assert_int_equal(list.count, 16);
	assert_true(bytes_read() - before < MIB);
}

/* ---- refused ---- */

static const struct refusal {
	const char *name;
	const char *bytes;
	size_t size;
	const char *kind, *cat;
} packed[] = {
	{ "gzip is refused", "\x1f\x8b\x08\0", 4, "gzip", "zcat" },
	{ "xz is refused",
	  "\xfd"
	  "7zXZ\0\0",
	  7, "xz", "xzcat" },
	{ "bzip2 is refused", "BZh91AY&SY..", 12, "bzip2", "bzcat" },
	{ "empty bzip2 is refused", "BZh9\x17\x72\x45\x38\x50\x90....", 14, "bzip2", "bzcat" },
	{ "zstd is refused", "\x28\xb5\x2f\xfd..", 6, "zstd", "zstdcat" },
	{ "lz4 is refused", "\x04\x22\x4d\x18..", 6, "lz4", "lz4cat" },
	{ "zip is refused", "PK\x03\x04..", 6, "zip", "unzip -p" },
	{ "a text may begin with BZh", "BZh9 is a name\n", 15, NULL, NULL },
	{ "a text may begin with PK", "PK\n", 3, NULL, NULL },
	{ "one byte of a magic is none", "\x1f", 1, NULL, NULL },
};

static void check_packed(void **state)
{
	const struct refusal *row = *state;
	struct memcage_error err = { 0 };
	struct item_source *source;
	char want[900];

	put(row->bytes, row->size);
	source = open_split(path, ITEM_CHUNKS, 2, &err);
	assert_int_equal(source == NULL, row->kind != NULL);
	item_source_close(source);
	if (!row->kind)
		return;
	snprintf(want, sizeof(want),
		 "--split: %s is compressed (%s), whose lines cannot be sought: unpack it first, "
		 "or feed lines: %s %s | memcage map ...",
		 path, row->kind, row->cat, path);
	assert_string_equal(err.text, want);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
}

static void assert_refused(const char *file, uint64_t amount, const char *part)
{
	struct memcage_error err = { 0 };

	assert_null(open_split(file, ITEM_CHUNKS, amount, &err));
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	if (!strstr(err.text, part))
		fail_msg("'%s' is not in '%s'", part, err.text);
}

static void check_refused(void **state)
{
	char fifo[TREE_PATH + 8];

	(void) state;
	put("a\n", 2);
	snprintf(fifo, sizeof(fifo), "%s/fifo", tree.path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_refused(fifo, 2, "is a pipe, in which no place can be sought: save it to a file");
	assert_refused("/dev/null", 2, "--split: /dev/null is a device");
	assert_refused("/proc/self/status", 2, "has no size but something in it");
	assert_refused(tree.path, 2, "is a directory");
	assert_refused("-", 2, "--split: in stdin no place can be sought");
	assert_refused(NULL, 2, "--split: in stdin no place can be sought");
	assert_refused("/nowhere/\x1b", 2, "cannot read '/nowhere/\\x1b': No such file");
	assert_refused(path, 0, "--chunks: 0 is not right");
	assert_int_equal(unlink(fifo), 0);
}

/* ---- changed ---- */

static void shrink(void)
{
	assert_int_equal(truncate(path, 10), 0);
}

static void grow(void)
{
	assert_int_equal(truncate(path, 2000000), 0);
}

static void touch(void)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static const struct change {
	const char *name;
	void (*change)(void);
} changes[] = {
	{ "a file that shrinks is told", shrink },
	{ "a file that grows is told", grow },
	{ "a file that is written to is told", touch },
};

static void check_change(void **state)
{
	const struct change *row = *state;
	static char text[1000000];
	struct memcage_error err = { 0 }, again = { 0 };
	struct item_source *source;
	struct item item;
	char want[900];

	memset(text, '\n', sizeof(text));
	put(text, sizeof(text));
	source = open_split(path, ITEM_CHUNKS, 4, &err);
	assert_non_null(source);
	assert_int_equal(item_source_next(source, &item, &err), ITEM_NEXT);
	item_release(&item);
	assert_int_equal(item_source_check(source, &err), 0);
	row->change();
	snprintf(want, sizeof(want), "%s changed while it was being split", path);
	assert_int_equal(item_source_check(source, &err), -1);
	assert_string_equal(err.text, want);
	memset(&err, 0, sizeof(err));
	assert_int_equal(item_source_next(source, &item, &err), ITEM_BROKEN);
	assert_string_equal(err.text, want);
	assert_int_equal(item_source_next(source, &item, &again), ITEM_BROKEN);
	assert_string_equal(again.text, want);
	item_source_close(source);
}

/* ---- identity ---- */

static char *identity_of(const char *file)
{
	struct memcage_error err = { 0 };
	struct item_source *source = open_split(file, ITEM_CHUNKS, 4, &err);
	char *identity;

	assert_non_null(source);
	assert_true(item_source_file(source) >= 0);
	identity = strdup(item_source_identity(source));
	item_source_close(source);
	return identity;
}

static void check_identity(void **state)
{
	auto_free char *here = NULL, *again = NULL, *other = NULL, *changed = NULL;
	char start[TREE_PATH + 32], longer[TREE_PATH + 32];

	(void) state;
	put("a\nb\n", 4);
	tree_put(&tree, "sub/g", "a\nb\n");
	snprintf(start, sizeof(start), "'%s' device ", path);
	snprintf(longer, sizeof(longer), "%s/sub/../f", tree.path);
	here = identity_of(path);
	again = identity_of(longer);
	assert_memory_equal(here, start, strlen(start));
	assert_non_null(strstr(here, " size 4 mtime "));
	assert_string_equal(here, again);
	touch();
	changed = identity_of(path);
	assert_string_not_equal(here, changed);
	snprintf(longer, sizeof(longer), "%s/sub/g", tree.path);
	other = identity_of(longer);
	assert_string_not_equal(here, other);
}

int main(void)
{
	static struct test_suite suite;
	int failed;

	tree = tree_make(NULL);
	snprintf(path, sizeof(path), "%s/f", tree.path);
	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "a thousand files of any shape are cut into themselves", check_random,
		 NULL);
	test_add(&suite, "a long line is looked through in slices", check_long_line, NULL);
	test_add(&suite, "a large file is cut and not read", check_not_read, NULL);
	TEST_ROWS(&suite, check_packed, packed);
	test_add(&suite, "what cannot be split is refused with what to do", check_refused, NULL);
	TEST_ROWS(&suite, check_change, changes);
	test_add(&suite, "a file's identity is its own from everywhere", check_identity, NULL);
	failed = test_run("ranges", &suite);
	tree_remove(&tree);
	return failed;
}

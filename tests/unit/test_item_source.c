/* SPDX-License-Identifier: Apache-2.0 */
/* Words and lines; ranges are in test_ranges.c, jobs files in test_jobs_file.c. */
#include "stdin_of.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "item/item.h"
#include "item/lines.h"
#include "tree/tree.h"

#define MIB (1 << 20)
#define MOST (ITEM_BYTES_MOST - 1) /* bytes of an item */

static struct tree tree;
static char path[TREE_PATH + 8]; /* of tree's file "f" */

static struct item_source *open_source(const struct item_options *options)
{
	struct memcage_error err = { 0 };
	struct item_source *source;

	if (item_source_open(options, &source, &err) < 0)
		fail_msg("%s", err.text);
	return source;
}

static void write_to(int fd, const char *bytes, size_t size)
{
	assert_int_equal(file_write_all(fd, bytes, size), 0);
}

/* ---- lines ---- */

#define LINES_MOST 8

static const struct row {
	const char *name;
	const char *bytes;
	size_t size;
	bool nul_ends;
	const char *want[LINES_MOST];
	const char *broken; /* how it ends, behind the place; NULL: well */
} rows[] = {
#define BYTES(text) text, sizeof(text) - 1
#define NUL_TEXT                                                                                   \
	": the line has a NUL byte, which no argument can hold; say -0 where items end in NULs"
	{ "no lines", BYTES(""), false, { NULL }, NULL },
	{ "one line", BYTES("a\n"), false, { "a" }, NULL },
	{ "a last line without a newline counts", BYTES("a\nb"), false, { "a", "b" }, NULL },
	{ "an empty line is an empty item", BYTES("a\n\nb\n"), false, { "a", "", "b" }, NULL },
	{ "newlines alone", BYTES("\n\n"), false, { "", "" }, NULL },
	{ "CR stays in the item", BYTES("a\r\nb\r\n"), false, { "a\r", "b\r" }, NULL },
	{ "blanks and quotes stay",
	  BYTES(" a 'b\" \n\t\\n\n"),
	  false,
	  { " a 'b\" ", "\t\\n" },
	  NULL },
	{ "bytes that are not UTF-8",
	  BYTES("\xff\xfe\n\xc3\n"),
	  false,
	  { "\xff\xfe", "\xc3" },
	  NULL },
	{ "a NUL in a line is refused with its place",
	  BYTES("a\nb\nc\0d\ne\n"),
	  false,
	  { "a", "b" },
	  ":3" NUL_TEXT },
	{ "a NUL at the start", BYTES("\0a\n"), false, { NULL }, ":1" NUL_TEXT },
	{ "a NUL at the end", BYTES("a\0"), false, { NULL }, ":1" NUL_TEXT },
	{ "NULs end items", BYTES("a\0b c\0"), true, { "a", "b c" }, NULL },
	{ "a last item without its NUL counts", BYTES("a\0b"), true, { "a", "b" }, NULL },
	{ "newlines stay in items that NULs end",
	  BYTES("a\nb\0\n\0"),
	  true,
	  { "a\nb", "\n" },
	  NULL },
	{ "an empty item that a NUL ends", BYTES("\0a\0\0"), true, { "", "a", "" }, NULL },
};

/* The next items are those from want[*at] on; gives what comes behind them. */
static enum item_next check_items(struct item_source *source, const struct row *row, size_t *at,
				  struct memcage_error *err)
{
	enum item_next next;
	struct item item;

	while ((next = item_source_next(source, &item, err)) == ITEM_NEXT) {
		assert_true(*at < LINES_MOST && row->want[*at]);
		assert_string_equal(item.text, row->want[*at]);
		assert_int_equal(item.seq, ++*at);
		assert_true(!item.too_long && !item.is_range && !item.command);
		item_release(&item);
	}
	return next;
}

static void check_end(const struct row *row, const char *file, size_t got, enum item_next next,
		      const struct memcage_error *err)
{
	char want[600] = "";

	if (row->broken)
		snprintf(want, sizeof(want), "%s%s", file, row->broken);
	assert_true(got == LINES_MOST || !row->want[got]);
	assert_int_equal(next, row->broken ? ITEM_BROKEN : ITEM_END);
	assert_string_equal(err->text, want);
	if (row->broken)
		assert_int_equal(err->code, MEMCAGE_ERROR_USAGE);
}

static void check_file(void **state)
{
	const struct row *row = *state;
	struct item_options options = { .origin = ITEM_LINES,
					.file = path,
					.nul_ends = row->nul_ends };
	struct memcage_error err = { 0 };
	struct item_source *source;
	enum item_next next;
	size_t got = 0;

	tree_put_bytes(&tree, "f", row->bytes, row->size);
	source = open_source(&options);
	assert_int_equal(item_source_fd(source), -1);
	assert_string_equal(item_source_identity(source), "");
	assert_int_equal(item_source_file(source), -1);
	assert_int_equal(item_source_check(source, &err), 0);
	while ((next = check_items(source, row, &got, &err)) == ITEM_LATER)
		;
	check_end(row, path, got, next, &err);
	assert_int_equal(check_items(source, row, &got, &err), next);
	item_source_close(source);
}

/* Through a pipe, a byte at a time: nothing is waited for, and nothing is given too early. */
static void check_pipe(void **state)
{
	const struct row *row = *state;
	struct item_options options = { .origin = ITEM_LINES, .nul_ends = row->nul_ends };
	struct memcage_error err = { 0 };
	enum item_next next = ITEM_LATER;
	struct item_source *source;
	int ends[2], was;
	size_t got = 0;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	was = stdin_take(ends[0]);
	source = open_source(&options);
	assert_int_equal(item_source_fd(source), STDIN_FILENO);
	assert_int_equal(check_items(source, row, &got, &err), ITEM_LATER);
	for (size_t i = 0; i < row->size && next == ITEM_LATER; i++) {
		write_to(ends[1], row->bytes + i, 1);
		next = check_items(source, row, &got, &err);
	}
	close(ends[1]);
	while (next == ITEM_LATER)
		next = check_items(source, row, &got, &err);
	check_end(row, "stdin", got, next, &err);
	assert_false(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK);
	item_source_close(source);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	stdin_give_back(was);
}

/* ---- words ---- */

static void check_words(void **state)
{
	static const struct row row = { .want = { "a", "", "b c", "-", "{}" } };
	struct item_options options = { .origin = ITEM_WORDS, .words = (char *const *) row.want };
	struct item_source *source = open_source(&options);
	struct memcage_error err = { 0 };
	size_t got = 0;

	(void) state;
	assert_int_equal(item_source_fd(source), -1);
	assert_int_equal(check_items(source, &row, &got, &err), ITEM_END);
	assert_int_equal(got, 5);
	assert_int_equal(check_items(source, &row, &got, &err), ITEM_END);
	item_source_close(source);
	assert_null(item_source_close(NULL));
}

/* ---- lengths ---- */

static const struct length {
	const char *name;
	size_t length;
	bool too_long;
} lengths[] = {
	{ "the longest item is an item", MOST, false },
	{ "one byte more is too long", MOST + 1, true },
	{ "two bytes more are too long", MOST + 2, true },
	{ "MiB are too long", 3 * MIB + 7, true },
	{ "an item of a read's size", 65536, false },
	{ "an item of a byte more", 65537, false },
};

/* A byte that tells its place. */
static char byte_at(size_t i)
{
	return (char) ('a' + i % 23);
}

static void check_long_item(struct item_source *source, size_t length, bool too_long)
{
	size_t kept = too_long ? MOST : length;
	struct memcage_error err = { 0 };
	enum item_next next;
	struct item item;

	while ((next = item_source_next(source, &item, &err)) == ITEM_LATER)
		;
	assert_int_equal(next, ITEM_NEXT);
	assert_int_equal(item.too_long, too_long);
	assert_int_equal(strlen(item.text), kept);
	for (size_t i = 0; i < kept; i++)
		if (item.text[i] != byte_at(i))
			fail_msg("byte %zu", i);
	item_release(&item);
}

static void check_length(void **state)
{
	struct item_options options = { .origin = ITEM_LINES, .file = path };
	const struct length *row = *state;
	size_t size = 2 + row->length + 3 + row->length;
	auto_free char *text = malloc(size);
	struct item_source *source;

	memcpy(text, "a\n", 2);
	for (size_t i = 0; i < row->length; i++)
		text[2 + i] = text[size - row->length + i] = byte_at(i);
	memcpy(text + 2 + row->length, "\na\n", 3);
	tree_put_bytes(&tree, "f", text, size);
	source = open_source(&options);
	check_long_item(source, 1, false);
	check_long_item(source, row->length, row->too_long);
	check_long_item(source, 1, false);
	check_long_item(source, row->length, row->too_long); /* without a newline */
	item_source_close(source);
}

/* Names that find -print0 gives: told at once, and not when all of them have come. */
static void check_nul_in_long_line(void **state)
{
	struct item_options options = { .origin = ITEM_LINES };
	struct memcage_error err = { 0 };
	struct item_source *source;
	struct item item;
	int ends[2], was;

	(void) state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	was = stdin_take(ends[0]);
	source = open_source(&options);
	write_to(ends[1], "one\0two", 7);
	assert_int_equal(item_source_next(source, &item, &err), ITEM_BROKEN);
	assert_string_equal(err.text, "stdin:1" NUL_TEXT);
	item_source_close(source);
	close(ends[1]);
	stdin_give_back(was);
}

/* ---- memory ---- */

static size_t read_all(struct lines *lines)
{
	struct lines_line line;
	enum lines_state now;
	size_t count = 0;

	while ((now = lines_next(lines, &line)) != LINES_END) {
		assert_true(now == LINES_HERE || now == LINES_LATER);
		count += now == LINES_HERE;
		if (now != LINES_HERE)
			continue;
		assert_int_equal(line.number, count);
		assert_int_equal(line.text[line.length], '\0');
	}
	return count;
}

/* A file of so many lines of so many bytes, newline included. */
static int make_lines(size_t count, size_t length)
{
	auto_free char *text = malloc(count * length);
	int fd = memfd_create("lines", MFD_CLOEXEC);

	assert_true(fd >= 0 && text);
	memset(text, 'x', count * length);
	for (size_t i = 1; i <= count; i++)
		text[i * length - 1] = '\n';
	write_to(fd, text, count * length);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static const struct crowd {
	const char *name;
	size_t count, length;
} crowds[] = {
	{ "a thousand lines take one buffer", 1000, 9 },
	{ "a million lines take the same", 1000000, 9 },
	{ "lines of many MiB take the same", 3, 10 * MIB },
};

static void check_memory(void **state)
{
	const struct crowd *row = *state;
	auto_fd int fd = make_lines(row->count, row->length);
	struct lines lines;
	const char *buffer;

	assert_int_equal(lines_init(&lines, fd, '\n', MOST), 0);
	buffer = lines.buffer;
	assert_int_equal(read_all(&lines), row->count);
	assert_ptr_equal(lines.buffer, buffer);
	assert_true(lines.filled < lines.size && lines.size <= MOST + 65536 + 1);
	lines_release(&lines);
}

/* ---- sizes ---- */

static void check_sizes(void **state)
{
	static const uint64_t want[] = { 5, 0, ITEM_SIZE_UNKNOWN, ITEM_SIZE_UNKNOWN,
					 ITEM_SIZE_UNKNOWN };
	char big[TREE_PATH + 8], empty[TREE_PATH + 8];
	char *const words[] = { big, empty, tree.path, (char *) "/nowhere", (char *) "", NULL };
	struct item_options options = { .origin = ITEM_WORDS, .words = words };
	struct memcage_error err = { 0 };
	struct item_source *source;
	struct item item;

	(void) state;
	snprintf(big, sizeof(big), "%s/big", tree.path);
	snprintf(empty, sizeof(empty), "%s/empty", tree.path);
	tree_put(&tree, "big", "12345");
	tree_put(&tree, "empty", "");
	source = open_source(&options);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(item_source_next(source, &item, &err), ITEM_NEXT);
		assert_int_equal(item.size_bytes, want[i]);
		item_release(&item);
	}
	item_source_close(source);
}

/* ---- what is opened ---- */

static void check_fifo(void **state)
{
	static const struct row row = { .want = { "a", "b" } };
	char fifo[TREE_PATH + 8];
	struct item_options options = { .origin = ITEM_LINES, .file = fifo };
	struct memcage_error err = { 0 };
	struct item_source *source;
	enum item_next next;
	auto_fd int writer = -1;
	size_t got = 0;

	(void) state;
	snprintf(fifo, sizeof(fifo), "%s/fifo", tree.path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	source = open_source(&options);
	assert_int_equal(check_items(source, &row, &got, &err), ITEM_LATER);
	writer = open(fifo, O_WRONLY | O_CLOEXEC);
	assert_true(writer >= 0);
	assert_int_equal(check_items(source, &row, &got, &err), ITEM_LATER);
	write_to(writer, "a\nb", 3);
	assert_int_equal(check_items(source, &row, &got, &err), ITEM_LATER);
	assert_int_equal(got, 1);
	own_close(&writer);
	while ((next = check_items(source, &row, &got, &err)) == ITEM_LATER)
		;
	assert_int_equal(next, ITEM_END);
	assert_int_equal(got, 2);
	item_source_close(source);
	assert_int_equal(unlink(fifo), 0);
}

/* epoll(7) takes neither files nor this. */
static void check_null(void **state)
{
	int was = stdin_take(open("/dev/null", O_RDONLY | O_CLOEXEC));
	struct item_options options = { .origin = ITEM_LINES, .file = "-" };
	struct item_source *source = open_source(&options);
	struct memcage_error err = { 0 };
	struct item item;

	(void) state;
	assert_int_equal(item_source_fd(source), -1);
	assert_int_equal(item_source_next(source, &item, &err), ITEM_END);
	item_source_close(source);
	stdin_give_back(was);
}

static void assert_refused(const struct item_options *options, const char *message)
{
	struct memcage_error err = { 0 };
	struct item_source *source = NULL;

	assert_int_equal(item_source_open(options, &source, &err), -1);
	assert_null(source);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_string_equal(err.text, message);
}

static void check_refused(void **state)
{
	struct item_options options = { .origin = ITEM_LINES, .file = "/no\nwhere" };
	int was;

	(void) state;
	assert_refused(&options, "-a: cannot read '/no\\nwhere': No such file or directory");
	options.file = "/";
	assert_refused(&options, "-a: cannot read /: it is a directory");
	options.origin = ITEM_JOBS;
	assert_refused(&options, "--jobs-file: cannot read /: it is a directory");
	options = (struct item_options) { .origin = ITEM_LINES };
	was = stdin_take(open("/", O_RDONLY | O_CLOEXEC));
	assert_refused(&options, "cannot read stdin: it is a directory");
	stdin_give_back(was);
}

static void check_unreadable(void **state)
{
	struct item_options options = { .origin = ITEM_LINES };
	int was = stdin_take(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
	struct item_source *source = open_source(&options);
	struct memcage_error err = { 0 };
	struct item item;

	(void) state;
	assert_int_equal(item_source_next(source, &item, &err), ITEM_BROKEN);
	assert_int_equal(err.errnum, EIO);
	assert_string_equal(err.text, "cannot read stdin: Input/output error");
	item_source_close(source);
	stdin_give_back(was);
}

int main(void)
{
	static struct test_suite suite;
	int failed;

	tree = tree_make(NULL);
	snprintf(path, sizeof(path), "%s/f", tree.path);
	TEST_ROWS(&suite, check_file, rows);
	TEST_ROWS(&suite, check_pipe, rows);
	TEST_ROWS(&suite, check_length, lengths);
	TEST_ROWS(&suite, check_memory, crowds);
	test_add(&suite, "words are items", check_words, NULL);
	test_add(&suite, "a NUL is told before the line has come to its end",
		 check_nul_in_long_line, NULL);
	test_add(&suite, "an item that names a file has its size", check_sizes, NULL);
	test_add(&suite, "a FIFO is not waited for", check_fifo, NULL);
	test_add(&suite, "a device that cannot be polled is read", check_null, NULL);
	test_add(&suite, "what cannot be opened is refused", check_refused, NULL);
	test_add(&suite, "what cannot be read is told", check_unreadable, NULL);
	failed = test_run("item-source", &suite);
	tree_remove(&tree);
	return failed;
}

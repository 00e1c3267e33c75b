/* SPDX-License-Identifier: Apache-2.0 */
/* SIGPIPE is blocked all the time, as in the program: what raises it is then seen to be pending. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "item/feed.h"

#define MIB (1 << 20)
#define FILE_BYTES (5 * MIB + 12345)

static char *content; /* of FILE_BYTES, in which each place looks different */

static int make_file(void)
{
	int fd = memfd_create("feed", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, content, FILE_BYTES), 0);
	return fd;
}

static struct feed open_feed(int file, uint64_t offset, uint64_t length, int *ret_stdin)
{
	struct memcage_error err = { 0 };
	struct feed feed;

	if (feed_open(&feed, file, offset, length, ret_stdin, &err) < 0)
		fail_msg("%s", err.text);
	return feed;
}

static void assert_job_sees_end(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 0);
}

static const struct range {
	const char *name;
	uint64_t offset, length;
	size_t sip; /* bytes that the reader takes at once */
} ranges[] = {
	{ "a whole file, to a reader that takes a little at a time", 0, FILE_BYTES, 5000 },
	{ "a whole file, to a fast reader", 0, FILE_BYTES, MIB },
	{ "several MiB from the middle, at no page", 1234567, 3 * MIB + 77, 4097 },
	{ "a range up to the end of the file", FILE_BYTES - 100001, 100001, 65536 },
	{ "a range that fits into the pipe", 4095, 10, 3 },
	{ "one byte", 77, 1, 1 },
	{ "nothing", 77, 0, 1 },
};

/* The reader takes a sip whenever the pipe is full. */
static void check_range(void **state)
{
	const struct range *range = *state;
	auto_free char *got = malloc(FILE_BYTES + 1);
	auto_fd int file = make_file(), job = -1;
	struct feed feed = open_feed(file, range->offset, range->length, &job);
	struct memcage_error err = { 0 };
	size_t length = 0;
	ssize_t n;

	while (feed_step(&feed, &err) == FEED_MORE) {
		n = read(job, got + length,
			 range->sip < FILE_BYTES - length ? range->sip : FILE_BYTES - length);
		assert_true(n > 0);
		length += (size_t) n;
	}
	feed_release(&feed);
	while ((n = read(job, got + length, FILE_BYTES + 1 - length)) > 0)
		length += (size_t) n;
	assert_int_equal(length, range->length);
	assert_memory_equal(got, content + range->offset, length);
}

static void check_full(void **state)
{
	auto_fd int file = make_file(), job = -1;
	struct feed feed = open_feed(file, 0, FILE_BYTES, &job);
	struct pollfd ready = { .fd = feed.pipe, .events = POLLOUT };
	struct memcage_error err;
	uint64_t left;

	(void) state;
	assert_int_equal(poll(&ready, 1, 0), 1);
	assert_int_equal(feed_step(&feed, &err), FEED_MORE);
	left = feed.left;
	assert_true(left > 0 && left < FILE_BYTES);
	assert_int_equal(poll(&ready, 1, 0), 0);
	assert_int_equal(feed_step(&feed, &err), FEED_MORE);
	assert_int_equal(feed.left, left);
	feed_release(&feed);
}

static void check_ends(void **state)
{
	auto_fd int file = make_file(), job = -1;
	struct feed feed = open_feed(file, 0, 10, &job);

	(void) state;
	assert_int_equal(fcntl(feed.pipe, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(job, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(feed.pipe, F_GETFL) & O_NONBLOCK);
	assert_false(fcntl(job, F_GETFL) & O_NONBLOCK);
	feed_release(&feed);
	assert_job_sees_end(job);
}

static void check_place(void **state)
{
	auto_fd int file = make_file(), job = -1;
	struct feed feed = open_feed(file, 100, 1000, &job);
	struct memcage_error err;

	(void) state;
	assert_int_equal(lseek(file, 7, SEEK_SET), 7);
	assert_int_equal(feed_step(&feed, &err), FEED_DONE);
	assert_int_equal(lseek(file, 0, SEEK_CUR), 7);
	feed_release(&feed);
}

/* Was it raised since the last time? */
static bool take_sigpipe(void)
{
	static const struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return sigtimedwait(&set, NULL, &now) == SIGPIPE;
}

static void check_early(void **state)
{
	auto_fd int file = make_file(), job = -1;
	struct feed feed = open_feed(file, 0, FILE_BYTES, &job);
	struct memcage_error err;

	(void) state;
	own_close(&job);
	assert_int_equal(feed_step(&feed, &err), FEED_DONE);
	feed_release(&feed);
	assert_true(take_sigpipe());
}

static void check_early_when_full(void **state)
{
	auto_fd int file = make_file(), job = -1;
	struct feed feed = open_feed(file, 0, FILE_BYTES, &job);
	struct pollfd full = { .fd = feed.pipe, .events = POLLOUT };
	struct memcage_error err;

	(void) state;
	assert_int_equal(feed_step(&feed, &err), FEED_MORE);
	assert_int_equal(poll(&full, 1, 0), 0);
	own_close(&job);
	assert_int_equal(poll(&full, 1, 0), 1);
	assert_int_equal(feed_step(&feed, &err), FEED_DONE);
	feed_release(&feed);
	assert_true(take_sigpipe());
}

static void check_short(void **state)
{
	auto_free char *got = malloc(FILE_BYTES);
	auto_fd int file = make_file(), job = -1;
	struct feed feed = open_feed(file, 10, 3 * MIB, &job);
	struct memcage_error err = { 0 };
	enum feed_state now;

	(void) state;
	assert_int_equal(feed_step(&feed, &err), FEED_MORE);
	assert_int_equal(ftruncate(file, MIB), 0);
	while ((now = feed_step(&feed, &err)) == FEED_MORE)
		assert_true(read(job, got, 65536) > 0);
	assert_int_equal(now, FEED_SHORT);
	feed_release(&feed);
	assert_int_equal(err.code, MEMCAGE_ERROR_SETUP);
	assert_string_equal(err.text, "the file ends at byte 1048576, 2097162 bytes before the "
				      "range does: it was cut while it was being split");
}

static void check_short_at_once(void **state)
{
	auto_fd int file = memfd_create("empty", MFD_CLOEXEC), job = -1;
	struct feed feed = open_feed(file, 0, 1, &job);
	struct memcage_error err = { 0 };

	(void) state;
	assert_int_equal(feed_step(&feed, &err), FEED_SHORT);
	feed_release(&feed);
	assert_job_sees_end(job);
}

/* A directory, say: neither splice(2) nor pread(2). */
static void check_unreadable(void **state)
{
	auto_fd int file = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), job = -1;
	struct feed feed = open_feed(file, 0, 1, &job);
	struct memcage_error err = { 0 };

	(void) state;
	assert_int_equal(feed_step(&feed, &err), FEED_SHORT);
	assert_int_equal(err.errnum, EISDIR);
	feed_release(&feed);
	assert_job_sees_end(job);
}

int main(void)
{
	static struct test_suite suite;
	sigset_t set;
	int failed;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	content = malloc(FILE_BYTES);
	for (uint32_t i = 0; i < FILE_BYTES; i++)
		content[i] = (char) ((i * 2654435761U) >> 24);

	TEST_ROWS(&suite, check_range, ranges);
	test_add(&suite, "a full pipe is waited for and nothing is lost", check_full, NULL);
	test_add(&suite, "both ends close on exec and only ours does not block", check_ends, NULL);
	test_add(&suite, "the place of the file's descriptor stays", check_place, NULL);
	test_add(&suite, "a reader that takes nothing is no error", check_early, NULL);
	test_add(&suite, "a reader that stops in the middle is no error", check_early_when_full,
		 NULL);
	test_add(&suite, "a file that is cut short is told", check_short, NULL);
	test_add(&suite, "a file with nothing in it is told", check_short_at_once, NULL);
	test_add(&suite, "what cannot be read is told", check_unreadable, NULL);
	failed = test_run("feed", &suite);
	free(content);
	return failed;
}

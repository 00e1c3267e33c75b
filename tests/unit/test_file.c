/* SPDX-License-Identifier: Apache-2.0 */
/* base/file, base/error and base/descriptors. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/error.h"
#include "base/file.h"
#include "tree/tree.h"

static struct tree tree;

/* ---- a number in a file ---- */

#define NINES "99999999999999999999999999999999"

static const struct number_row {
	const char *name;
	const char *text;
	uint64_t want;
	int errnum;
} numbers[] = {
	{ "a number", "42\n", 42, 0 },
	{ "a number without a newline", "42", 42, 0 },
	{ "zero", "0\n", 0, 0 },
	{ "no limit on v2", "max\n", UINT64_MAX, 0 },
	{ "no limit on v2, without a newline", "max", UINT64_MAX, 0 },
	{ "no limit on v1, where pages have 4 KiB", "9223372036854771712\n", UINT64_MAX, 0 },
	{ "no limit on v1, where pages have 64 KiB", "9223372036854710272\n", UINT64_MAX, 0 },
	{ "no limit of a quota on v1", "-1\n", UINT64_MAX, 0 },
	{ "more than any machine has", "4611686018427387904\n", UINT64_MAX, 0 },
	{ "one less is a number", "4611686018427387903\n", UINT64_C(4611686018427387903), 0 },
	{ "the largest of 64 bits", "18446744073709551615\n", UINT64_MAX, 0 },
	{ "one more does not wrap to zero", "18446744073709551616\n", 0, EBADMSG },
	{ "far too many digits", NINES, 0, EBADMSG },
	{ "longer than any number", NINES NINES NINES, 0, EFBIG },
	{ "an empty file", "", 0, EBADMSG },
	{ "a newline alone", "\n", 0, EBADMSG },
	{ "a word", "none\n", 0, EBADMSG },
	{ "max, cut in the middle", "ma", 0, EBADMSG },
	{ "the first of two numbers", "20000 100000\n", 20000, 0 },
};

static void check_number(void **state)
{
	const struct number_row *row = *state;
	uint64_t number = 7;
	int failed;

	tree_put(&tree, "number", row->text);
	errno = 0;
	failed = file_number_at(tree.dir, "number", &number);
	assert_int_equal(failed, row->errnum ? -1 : 0);
	if (row->errnum)
		assert_int_equal(errno, row->errnum);
	assert_int_equal(number, row->errnum ? 7 : row->want);
}

/* ---- a key in a text ---- */

#define EVENTS "low 0\nhigh 1\nmax 69\noom 2\noom_kill 3\noom_group_kill 4\n"

static const struct key_row {
	const char *name;
	const char *text, *key;
	bool found;
	uint64_t want;
} keys[] = {
	{ "the first key", EVENTS, "low", true, 0 },
	{ "the last key", EVENTS, "oom_group_kill", true, 4 },
	{ "a key that others begin with", EVENTS, "oom", true, 2 },
	{ "a key that begins with another", EVENTS, "oom_kill", true, 3 },
	{ "a key that is not there", EVENTS, "oom_kil", false, 0 },
	{ "a key that ends like another", EVENTS, "kill", false, 0 },
	{ "a key of a newer kernel goes before", "sock_throttled 9\noom 2\n", "oom", true, 2 },
	{ "the keys in another order", "oom_kill 3\noom 2\n", "oom", true, 2 },
	{ "no newline at the end", "oom 2\noom_kill 3", "oom_kill", true, 3 },
	{ "no text", "", "oom", false, 0 },
	{ "a text of newlines", "\n\n\n", "oom", false, 0 },
	{ "cut in the key", "low 0\noom_ki", "oom_kill", false, 0 },
	{ "cut behind the key", "low 0\noom_kill", "oom_kill", false, 0 },
	{ "cut before the number", "low 0\noom_kill ", "oom_kill", false, 0 },
	{ "a word in place of the number", "low 0\noom_kill x\n", "oom_kill", false, 0 },
	{ "a line that has no number", "oom\noom 5\n", "oom", true, 5 },
	{ "the largest number", "oom 18446744073709551615\n", "oom", true, UINT64_MAX },
	{ "a number that is too large does not wrap", "oom 18446744073709551617\n", "oom", true,
	  UINT64_MAX },
	{ "a key within a line", "8:0 oom 5\n", "oom", false, 0 },
};

static void check_key(void **state)
{
	const struct key_row *row = *state;
	uint64_t number = 7;

	assert_int_equal(file_key(row->text, row->key, &number), row->found);
	assert_int_equal(number, row->found ? row->want : 7);
}

/* ---- reading ---- */

#define ROOM 64

static const struct read_row {
	const char *name;
	const char *path;
	size_t size; /* of the file, where one is to be made */
	ssize_t want;
	int errnum;
} reads[] = {
	{ "a file that fits", "file", 10, 10, 0 },
	{ "an empty file is read", "file", 0, 0, 0 },
	{ "a file that fits just so", "file", ROOM - 2, ROOM - 2, 0 },
	{ "a file as large as the buffer", "file", ROOM, -1, EFBIG },
	{ "a file far too large", "file", 1000000, -1, EFBIG },
	{ "a file that is not there", "missing", 0, -1, ENOENT },
	{ "a file below a file", "file/below", 0, -1, ENOTDIR },
	{ "a directory", "directory", 0, -1, EISDIR },
};

static void fill(const char *path, size_t size)
{
	char *bytes = calloc(1, size + 1);

	memset(bytes, 'x', size);
	tree_put_bytes(&tree, path, bytes, size);
	free(bytes);
}

static void check_read(void **state)
{
	const struct read_row *row = *state;
	char buffer[ROOM];
	ssize_t length;

	tree_put(&tree, "directory", NULL);
	fill("file", row->size);
	errno = 0;
	length = file_read_at(tree.dir, row->path, buffer, sizeof(buffer));
	assert_int_equal(length, row->want);
	assert_int_equal(errno, row->errnum);
	if (length >= 0)
		assert_int_equal(strlen(buffer), length);
}

/* As a counter's file is: opened once, read again and again. */
static void check_read_again(void **state)
{
	auto_fd int fd = -1;
	char buffer[ROOM];

	(void) state;
	tree_put(&tree, "counter", "oom 1\n");
	fd = openat(tree.dir, "counter", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(file_read_fd(fd, buffer, sizeof(buffer)), 6);
		assert_string_equal(buffer, "oom 1\n");
	}
	tree_put(&tree, "counter", "oom 23\n");
	assert_int_equal(file_read_fd(fd, buffer, sizeof(buffer)), 7);
	assert_string_equal(buffer, "oom 23\n");
	assert_int_equal(file_read_fd(-1, buffer, sizeof(buffer)), -1);
	assert_int_equal(errno, EBADF);
}

/* ---- writing ---- */

static void check_write(void **state)
{
	char *text;

	(void) state;
	tree_put(&tree, "limit", "0123456789");
	assert_int_equal(file_write_at(tree.dir, "limit", "max"), 0);
	text = tree_get(&tree, "limit");
	assert_string_equal(text, "max3456789");
	free(text);
	assert_int_equal(file_write_at(tree.dir, "nothing", "1"), -1);
	assert_int_equal(errno, ENOENT);
	assert_false(tree_has(&tree, "nothing"));
	assert_int_equal(file_write_at(AT_FDCWD, "/dev/full", "1"), -1);
	assert_int_equal(errno, ENOSPC);
}

static void ignore(int signo)
{
	(void) signo;
}

static void tick(suseconds_t usec)
{
	const struct itimerval pace = { { 0, usec }, { 0, usec } };
	const struct sigaction action = { .sa_handler = ignore };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &pace, NULL);
}

#define MUCH (1 << 20)

/* In a child: reads slowly what comes, and ends with 0 where it was all of it. */
static _Noreturn void read_slowly(int fd)
{
	unsigned char buffer[997];
	size_t at = 0;
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (buffer[i] != (unsigned char) (at++ % 251))
				_exit(1);
	_exit(at == MUCH ? 0 : 2);
}

/* A pipe takes it in pieces, and signals interrupt. */
static void check_write_all(void **state)
{
	unsigned char *data = malloc(MUCH);
	int pair[2], status = -1, failed;
	pid_t pid;

	(void) state;
	for (size_t i = 0; i < MUCH; i++)
		data[i] = (unsigned char) (i % 251);
	assert_return_code(pipe(pair), errno);
	pid = fork();
	if (pid == 0) {
		close(pair[1]);
		read_slowly(pair[0]);
	}
	close(pair[0]);
	tick(1000);
	failed = file_write_all(pair[1], data, MUCH);
	tick(0);
	close(pair[1]);
	free(data);
	waitpid(pid, &status, 0);
	assert_int_equal(failed, 0);
	assert_int_equal(status, 0);
}

static void check_write_fails(void **state)
{
	int pair[2];
	auto_fd int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void) state;
	assert_int_equal(file_write_all(full, "x", 1), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(file_write_all(full, "", 0), 0);
	assert_return_code(pipe(pair), errno);
	close(pair[0]);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(file_write_all(pair[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(pair[1]);
}

/* ---- locks ---- */

static void check_lock(void **state)
{
	auto_fd int one = tree_open(&tree, "."), other = tree_open(&tree, ".");
	uint64_t since;

	(void) state;
	file_lock(one, LOCK_SH);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	since = clock_usec();
	file_lock(other, LOCK_EX); /* not held up for ever by whoever may read the directory */
	assert_in_range(clock_usec() - since, 100000, 20000000);
	flock(one, LOCK_UN);
	file_lock(other, LOCK_EX);
	assert_int_equal(flock(one, LOCK_SH | LOCK_NB), -1);
}

/* ---- descriptors ---- */

#define FIRST 20

static const struct kept_row {
	const char *name;
	int kept[6]; /* up to a 0; 20 to 39 are open */
	size_t count;
} kept_rows[] = {
	{ "nothing is kept", { 0 }, 0 },
	{ "one is kept", { 30 }, 1 },
	{ "some are kept, in any order", { 39, 20, 30, 25 }, 4 },
	{ "neighbours are kept", { 22, 21, 23 }, 3 },
	{ "one that is named twice", { 25, 25, 25, 26 }, 2 },
	{ "one that is not open", { 41, 25 }, 1 },
	{ "the standard ones are kept anyway", { 1, 2, 25 }, 1 },
	{ "no descriptor at all", { -1, 25 }, 1 },
};

static size_t count_open(int from, int to)
{
	size_t count = 0;

	for (int fd = from; fd < to; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* In a child: 0 where just the kept ones, and 0, 1 and 2, are open in the end. */
static _Noreturn void close_others(const struct kept_row *row)
{
	struct descriptors kept = { .count = 0 };
	size_t standard = count_open(0, 3);

	for (int fd = FIRST; fd < FIRST + 20; fd++)
		dup2(tree.dir, fd);
	for (const int *fd = row->kept; *fd; fd++)
		descriptors_keep(&kept, *fd);
	descriptors_close_others(&kept);
	for (const int *fd = row->kept; *fd; fd++)
		if (*fd >= FIRST && *fd < FIRST + 20 && fcntl(*fd, F_GETFD) < 0)
			_exit(1);
	_exit(count_open(0, 3) == standard && count_open(3, 1024) == row->count ? 0 : 2);
}

static void check_kept(void **state)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		close_others(*state);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void check_kept_many(void **state)
{
	static struct descriptors kept;

	(void) state;
	for (int fd = 2 * DESCRIPTORS_MOST; fd > 0; fd--)
		descriptors_keep(&kept, fd);
	assert_int_equal(kept.count, DESCRIPTORS_MOST);
	for (size_t i = 1; i < kept.count; i++)
		assert_true(kept.list[i - 1] < kept.list[i]);
}

/* ---- errors ---- */

static void check_error(void **state)
{
	struct memcage_error err;

	(void) state;
	assert_int_equal(error_set(&err, MEMCAGE_ERROR_USAGE, 0, "--%s: %d", "pids", 5), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_int_equal(err.errnum, 0);
	assert_string_equal(err.text, "--pids: 5");
	assert_int_equal(error_prefix(&err, "run %d", 2), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_string_equal(err.text, "run 2: --pids: 5");
	errno = ENOENT;
	assert_int_equal(error_setup(&err, "/proc"), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_SETUP);
	assert_int_equal(err.errnum, ENOENT);
	assert_string_equal(err.text, "/proc: No such file or directory");
	error_prefix(&err, "host");
	assert_int_equal(err.errnum, ENOENT);
}

/*
 * Texts of 490 to 510 bytes, with words behind and in front, are cut where they must be, and it
 * shows.
 */
static void check_error_cut(void **state)
{
	struct memcage_error err;
	char text[600];

	(void) state;
	for (int length = 490; length <= 510; length++) {
		bool cut = length >= (int) sizeof(err.text);

		snprintf(text, sizeof(text), "%0*d", length, 0);
		error_set(&err, MEMCAGE_ERROR_SETUP, 0, "%s", text);
		assert_int_equal(strlen(err.text), cut ? sizeof(err.text) - 1 : (size_t) length);
		assert_int_equal(strstr(err.text, "...") != NULL, cut);
		error_set(&err, MEMCAGE_ERROR_SETUP, ENOENT, "%s", text);
		assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
		assert_string_equal(err.text + sizeof(err.text) - 4, "...");
		error_set(&err, MEMCAGE_ERROR_SETUP, 0, "end");
		error_prefix(&err, "%s", text);
		assert_true(strlen(err.text) < sizeof(err.text));
		assert_int_equal(strstr(err.text, "...") != NULL, length + 5 >= 500);
	}
}

int main(void)
{
	static struct test_suite suite;
	int failed;

	tree = tree_make(NULL);
	TEST_ROWS(&suite, check_number, numbers);
	TEST_ROWS(&suite, check_key, keys);
	TEST_ROWS(&suite, check_read, reads);
	test_add(&suite, "a file is read from its start each time", check_read_again, NULL);
	test_add(&suite, "a write changes files and makes none", check_write, NULL);
	test_add(&suite, "all is written, in pieces and under signals", check_write_all, NULL);
	test_add(&suite, "a write that fails says so", check_write_fails, NULL);
	test_add(&suite, "a lock is waited for, but not for long", check_lock, NULL);
	TEST_ROWS(&suite, check_kept, kept_rows);
	test_add(&suite, "as many as fit are kept, in order", check_kept_many, NULL);
	test_add(&suite, "an error says what and where", check_error, NULL);
	test_add(&suite, "a text that is too long is cut, and it shows", check_error_cut, NULL);
	failed = test_run("file", &suite);
	tree_remove(&tree);
	return failed;
}

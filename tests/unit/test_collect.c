/* SPDX-License-Identifier: Apache-2.0 */
/* collect/collect, with collect/sink and collect/spill. */
#include "folder.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "collect/collect.h"
#include "collect/spill.h"

#define MIB ((size_t) 1 << 20)

static const enum collect_stream streams[] = { COLLECT_STDOUT, COLLECT_STDERR };

static size_t count_names(const char *path)
{
	auto_closedir DIR *dir = opendir(path);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count - 2;
}

static size_t count_descriptors(void)
{
	return count_names("/proc/self/fd");
}

/* ---- a reader of ours ---- */

struct reader {
	int fd;
	char *bytes;
	size_t length, size;
};

static void reader_release(struct reader *reader)
{
	own_close(&reader->fd);
	free(reader->bytes);
	*reader = (struct reader) { .fd = -1 };
}

/* Takes what is there, at most so much. */
static void reader_take(struct reader *reader, size_t most)
{
	while (most > 0 && reader->fd >= 0) {
		ssize_t n;

		if (reader->size - reader->length < 65536) {
			reader->size = 2 * reader->size + 65536;
			reader->bytes = realloc(reader->bytes, reader->size);
			assert_non_null(reader->bytes);
		}
		n = read(reader->fd, reader->bytes + reader->length, most < 65536 ? most : 65536);
		if (n <= 0)
			return;
		reader->length += (size_t) n;
		most -= (size_t) n;
	}
}

static void assert_reads(const struct reader *reader, const char *text)
{
	assert_int_equal(reader->length, strlen(text));
	if (reader->length > 0)
		assert_memory_equal(reader->bytes, text, reader->length);
}

/* ---- a collect with pipes to readers ---- */

struct bench {
	struct collect *collect;
	int out[COLLECT_STREAMS];
	struct reader readers[COLLECT_STREAMS];
};

static struct collect *open_collect(enum collect_mode mode, bool keep_order, const int out[])
{
	struct memcage_error err = { 0 };
	struct collect *collect = NULL;

	if (collect_open(mode, "files", keep_order, out, &collect, &err) < 0)
		fail_msg("%s", err.text);
	return collect;
}

/* What the sinks are given blocks, unless it is for the test to have it otherwise. */
static void make_reader(struct bench *bench, enum collect_stream stream, bool sockets)
{
	int ends[2];

	if (sockets)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	else
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	bench->out[stream] = ends[1];
	bench->readers[stream] = (struct reader) { .fd = ends[0] };
}

static struct bench make_bench(enum collect_mode mode, bool keep_order)
{
	struct bench bench;

	make_reader(&bench, COLLECT_STDOUT, false);
	make_reader(&bench, COLLECT_STDERR, false);
	bench.collect = open_collect(mode, keep_order, bench.out);
	return bench;
}

static void bench_release(struct bench *bench)
{
	bench->collect = collect_close(bench->collect);
	for (size_t i = 0; i < COLLECT_STREAMS; i++) {
		own_close(&bench->out[i]);
		reader_release(&bench->readers[i]);
	}
}

static bool all_written(const struct collect *collect)
{
	struct pollfd wanted[COLLECT_STREAMS];

	collect_poll(collect, wanted);
	return wanted[COLLECT_STDOUT].fd < 0 && wanted[COLLECT_STDERR].fd < 0;
}

/* Until nothing is left to write, with readers that take all. */
static void drain(struct bench *bench)
{
	enum collect_stream stream;

	do {
		assert_int_equal(collect_write(bench->collect, &stream), 0);
		reader_take(&bench->readers[COLLECT_STDOUT], SIZE_MAX);
		reader_take(&bench->readers[COLLECT_STDERR], SIZE_MAX);
	} while (!all_written(bench->collect));
}

/* ---- a job ---- */

struct job {
	struct gathered *gathered;
	int ends[COLLECT_STREAMS];
};

static struct job begin(struct collect *collect, uint64_t seq)
{
	struct memcage_error err = { 0 };
	struct job job = { NULL, { -1, -1 } };

	if (collect_begin(collect, seq, &job.gathered, job.ends, &err) < 0)
		fail_msg("%s", err.text);
	return job;
}

static int read_both(struct job *job)
{
	int errnum[COLLECT_STREAMS] = { 0, 0 };

	for (size_t i = 0; i < COLLECT_STREAMS; i++)
		gathered_read(job->gathered, streams[i], &errnum[i]);
	return errnum[0] != 0 ? errnum[0] : errnum[1];
}

/* As a job and a caller that reads do; 0, or why it could not be kept. */
static int print_bytes(struct job *job, enum collect_stream stream, const char *data, size_t size)
{
	int errnum = 0;

	while (size > 0) {
		size_t piece = size < 4096 ? size : 4096;

		assert_int_equal(file_write_all(job->ends[stream], data, piece), 0);
		assert_true(gathered_read(job->gathered, stream, &errnum));
		data += piece;
		size -= piece;
	}
	return errnum;
}

static void print(struct job *job, enum collect_stream stream, const char *text)
{
	assert_int_equal(print_bytes(job, stream, text, strlen(text)), 0);
}

static void close_ends(struct job *job)
{
	own_close(&job->ends[COLLECT_STDOUT]);
	own_close(&job->ends[COLLECT_STDERR]);
}

static int finish(struct collect *collect, struct job *job, void *token)
{
	close_ends(job);
	return collect_finish(collect, job->gathered, token);
}

static void drop(struct collect *collect, struct job *job)
{
	close_ends(job);
	collect_drop(collect, job->gathered);
}

/* A job that prints a text and ends; the tokens are places in the array. */
static int tokens[300];

static void whole_job(struct collect *collect, uint64_t seq, const char *out, const char *err)
{
	struct job job = begin(collect, seq);

	print(&job, COLLECT_STDOUT, out);
	print(&job, COLLECT_STDERR, err);
	assert_int_equal(finish(collect, &job, &tokens[seq]), 0);
}

static void assert_tokens(struct collect *collect, const char *numbers)
{
	char there[4096] = "";
	size_t length = 0;
	bool lost;

	for (int *token; (token = collect_out(collect, &lost));)
		length += (size_t) snprintf(there + length, sizeof(there) - length, "%s%d%s",
					    length > 0 ? " " : "", (int) (token - tokens),
					    lost ? " lost" : "");
	assert_string_equal(there, numbers);
}

/* ---- many jobs at once ---- */

#define JOBS 24
#define ATTEMPTS (2 * JOBS)
#define AT_ONCE 8

/* What one attempt writes to a stream, in lines "STREAM SEQ ATTEMPT NUMBER:aaaa". */
struct text {
	char *bytes;
	size_t length, written, checked;
};

struct attempt {
	int seq, number;
	struct job job;
	struct text texts[COLLECT_STREAMS];
	bool running, dropped;
	int came_out;
};

struct many {
	const struct many_row *row;
	uint64_t random;
	struct bench bench;
	struct attempt attempts[ATTEMPTS];
	size_t count;
	int next_seq;
};

static const struct many_row {
	const char *name;
	enum collect_mode mode;
	bool keep_order, same, sockets, drops;
	size_t reads; /* by a reader at most, in one turn */
} many_rows[] = {
	{ "group: jobs are whole", COLLECT_GROUP, .reads = SIZE_MAX },
	{ "group: jobs are whole for slow readers", COLLECT_GROUP, .reads = 9000 },
	{ "group: jobs are whole on one stream", COLLECT_GROUP, .same = true, .reads = 20000 },
	{ "group: jobs are whole on slow sockets", COLLECT_GROUP, .sockets = true, .reads = 9000 },
	{ "group: of a job that is run again the last attempt comes", COLLECT_GROUP, .drops = true,
	  .reads = SIZE_MAX },
	{ "group: in order, with skips and second attempts", COLLECT_GROUP, .keep_order = true,
	  .drops = true, .reads = 20000 },
	{ "group: in order, on one stream", COLLECT_GROUP, .keep_order = true, .same = true,
	  .reads = SIZE_MAX },
	{ "line: lines are whole", COLLECT_LINE, .reads = SIZE_MAX },
	{ "line: lines are whole for slow readers", COLLECT_LINE, .reads = 9000 },
	{ "line: lines are whole on one stream", COLLECT_LINE, .same = true, .reads = 20000 },
	{ "line: lines are whole on slow sockets", COLLECT_LINE, .sockets = true, .reads = 9000 },
	{ "line: of a job that is run again the last attempt is whole", COLLECT_LINE, .drops = true,
	  .reads = 20000 },
	{ "line: in order, with skips and second attempts", COLLECT_LINE, .keep_order = true,
	  .drops = true, .reads = 20000 },
	{ "line: in order, on one stream", COLLECT_LINE, .keep_order = true, .same = true,
	  .reads = SIZE_MAX },
	{ "files: each job has its own", COLLECT_DIRECTORY, .drops = true, .reads = SIZE_MAX },
	{ "files: each job has its own, order or not", COLLECT_DIRECTORY, .keep_order = true,
	  .reads = SIZE_MAX },
};

static size_t below(struct many *many, size_t most)
{
	many->random ^= many->random << 13;
	many->random ^= many->random >> 7;
	many->random ^= many->random << 17;
	return (size_t) (many->random % most);
}

static size_t line_length(struct many *many, int seq)
{
	size_t of = below(many, 100);

	if (seq == 4)
		return MIB;
	return below(many, of < 90 ? 200 : of < 99 ? 20000 : MIB);
}

static void write_text(struct many *many, const struct attempt *attempt, enum collect_stream stream)
{
	struct text *text = (struct text *) &attempt->texts[stream];
	FILE *file = open_memstream(&text->bytes, &text->length);
	static char letters[MIB];
	int lines = attempt->seq % 6 == 1 ? 0 : attempt->seq == 4 ? 2 : (int) below(many, 40);

	assert_non_null(file);
	for (int i = 0; i < lines; i++) {
		size_t length = line_length(many, attempt->seq);

		fprintf(file, "%d %d %d %d:", (int) stream, attempt->seq, attempt->number, i);
		memset(letters, 'a' + i % 26, length);
		fwrite(letters, 1, length, file);
		if (i + 1 < lines || attempt->seq % 3 != 0)
			putc('\n', file);
	}
	assert_int_equal(fclose(file), 0);
}

static void start(struct many *many, int seq, int number)
{
	struct attempt *attempt = &many->attempts[many->count++];

	*attempt = (struct attempt) { .seq = seq, .number = number, .running = true };
	attempt->job = begin(many->bench.collect, (uint64_t) seq);
	for (size_t i = 0; i < COLLECT_STREAMS; i++) {
		write_text(many, attempt, streams[i]);
		fcntl(attempt->job.ends[i], F_SETFL, O_NONBLOCK);
	}
}

static bool write_some(struct many *many, struct attempt *attempt)
{
	bool whole = true;

	for (size_t i = 0; i < COLLECT_STREAMS; i++) {
		struct text *text = &attempt->texts[i];
		size_t left = text->length - text->written, most = 1 + below(many, 70000);
		ssize_t n = write(attempt->job.ends[i], text->bytes + text->written,
				  left < most ? left : most);

		text->written += n > 0 ? (size_t) n : 0;
		whole = whole && text->written == text->length;
	}
	return whole;
}

static void run_some(struct many *many, struct attempt *attempt)
{
	bool whole = write_some(many, attempt);

	if (below(many, 3) > 0)
		assert_int_equal(read_both(&attempt->job), 0);
	if (many->row->drops && attempt->seq % 4 == 0 && attempt->number == 1 &&
	    below(many, 4) == 0) {
		attempt->running = false;
		attempt->dropped = true;
		drop(many->bench.collect, &attempt->job);
		start(many, attempt->seq, 2);
	} else if (whole) {
		attempt->running = false;
		assert_int_equal(finish(many->bench.collect, &attempt->job, attempt), 0);
	}
}

static void take_tokens(struct many *many)
{
	bool lost;

	for (struct attempt *attempt; (attempt = collect_out(many->bench.collect, &lost));) {
		assert_false(attempt->running);
		attempt->came_out++;
	}
}

/* One turn of the caller's loop; false at the end. */
static bool turn(struct many *many)
{
	size_t running = 0;
	enum collect_stream stream;

	for (size_t i = 0; i < many->count; i++)
		running += many->attempts[i].running;
	for (; many->next_seq <= JOBS && running < AT_ONCE; many->next_seq++) {
		if (many->row->keep_order && many->next_seq % 5 == 0) {
			assert_int_equal(collect_skip(many->bench.collect,
						      (uint64_t) many->next_seq),
					 0);
			continue;
		}
		start(many, many->next_seq, 1);
		running++;
	}
	for (size_t i = 0; i < many->count; i++)
		if (many->attempts[i].running && below(many, 2) == 0)
			run_some(many, &many->attempts[i]);
	assert_int_equal(collect_write(many->bench.collect, &stream), 0);
	for (size_t i = 0; i < COLLECT_STREAMS; i++)
		reader_take(&many->bench.readers[i], many->row->reads == SIZE_MAX
							     ? SIZE_MAX
							     : below(many, many->row->reads));
	take_tokens(many);
	return running > 0 || !all_written(many->bench.collect);
}

/* Whose text begins here? */
static struct text *whose(struct many *many, const char *at, size_t left,
			  const struct attempt **ret_attempt, int *ret_stream)
{
	char head[32] = "";
	int seq, number, line;

	memcpy(head, at, left < sizeof(head) - 1 ? left : sizeof(head) - 1);
	assert_int_equal(sscanf(head, "%d %d %d %d:", ret_stream, &seq, &number, &line), 4);
	for (size_t i = 0; i < many->count; i++) {
		*ret_attempt = &many->attempts[i];
		if ((*ret_attempt)->seq == seq && (*ret_attempt)->number == number)
			return (struct text *) &(*ret_attempt)->texts[*ret_stream];
	}
	fail_msg("nobody wrote this: %s", head);
	return NULL;
}

/* The next piece, which must be the next of a job's: a whole text, or a line. */
static size_t check_piece(struct many *many, const char *at, size_t left, int *seq, int *stream)
{
	const struct attempt *attempt;
	struct text *text = whose(many, at, left, &attempt, stream);
	const char *next = text->bytes + text->checked;
	size_t length = text->length - text->checked;
	const char *newline = memchr(next, '\n', length);
	bool by_line = many->row->mode == COLLECT_LINE;

	if (many->row->keep_order)
		assert_true(attempt->seq >= *seq);
	*seq = attempt->seq;
	assert_true(by_line || !attempt->dropped);
	if (by_line && newline)
		length = (size_t) (newline + 1 - next);
	assert_true(length > 0 && length <= left);
	assert_int_equal(memcmp(at, next, length), 0);
	text->checked += length;
	if (!by_line || newline)
		return length;
	assert_true(!attempt->dropped && length < left);
	assert_int_equal(at[length], '\n');
	return length + 1;
}

static void check_reader(struct many *many, const struct reader *reader, int only)
{
	int seq = 0, stream = 0;

	for (size_t at = 0; at < reader->length;) {
		int old_seq = seq, old_stream = stream;

		at += check_piece(many, reader->bytes + at, reader->length - at, &seq, &stream);
		assert_true(only < 0 || stream == only);
		/* Of a job whose stderr came, no stdout is to come. */
		if (many->row->mode == COLLECT_GROUP && stream == COLLECT_STDOUT)
			assert_true(seq != old_seq || old_stream == COLLECT_STDOUT || at == 0);
	}
}

static void check_files(struct many *many)
{
	static char bytes[4 * MIB];

	for (size_t i = 0; i < many->count; i++)
		for (int stream = 0; stream < COLLECT_STREAMS && !many->attempts[i].dropped;
		     stream++) {
			struct text *text = &many->attempts[i].texts[stream];
			char name[64];

			snprintf(name, sizeof(name), "files/%d.%s", many->attempts[i].seq,
				 stream == COLLECT_STDOUT ? "out" : "err");
			assert_int_equal(file_read_at(AT_FDCWD, name, bytes, sizeof(bytes)),
					 text->length);
			assert_int_equal(memcmp(bytes, text->bytes, text->length), 0);
			text->checked = text->length;
		}
}

static void check_all_came(struct many *many)
{
	for (size_t i = 0; i < many->count; i++) {
		struct attempt *attempt = &many->attempts[i];

		assert_int_equal(attempt->came_out, attempt->dropped ? 0 : 1);
		for (size_t j = 0; j < COLLECT_STREAMS; j++) {
			if (!attempt->dropped)
				assert_int_equal(attempt->texts[j].checked,
						 attempt->texts[j].length);
			free(attempt->texts[j].bytes);
		}
	}
}

static void check_many(void **state)
{
	struct many *many = calloc(1, sizeof(*many));
	size_t before = count_descriptors();

	assert_non_null(many);
	*many = (struct many) { .row = *state, .random = 20, .next_seq = 1 };
	make_reader(&many->bench, COLLECT_STDOUT, many->row->sockets);
	make_reader(&many->bench, COLLECT_STDERR, many->row->sockets);
	if (many->row->same)
		dup3(many->bench.out[COLLECT_STDOUT], many->bench.out[COLLECT_STDERR], O_CLOEXEC);
	many->bench.collect = open_collect(many->row->mode, many->row->keep_order, many->bench.out);
	while (turn(many))
		;
	assert_int_equal(collect_waiting(many->bench.collect), 0);
	assert_int_equal(count_names("."), many->row->mode == COLLECT_DIRECTORY ? 1 : 0);
	for (int i = 0; i < COLLECT_STREAMS; i++) {
		reader_take(&many->bench.readers[i], SIZE_MAX);
		check_reader(many, &many->bench.readers[i], many->row->same ? -1 : i);
	}
	if (many->row->mode == COLLECT_DIRECTORY)
		check_files(many);
	check_all_came(many);
	bench_release(&many->bench);
	free(many);
	assert_int_equal(count_descriptors(), before);
}

/* ---- order, tokens ---- */

static void check_order_of_end(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, false);
	struct job first = begin(bench.collect, 1), second = begin(bench.collect, 2);

	(void) state;
	print(&first, COLLECT_STDOUT, "one");
	print(&second, COLLECT_STDOUT, "two\n");
	print(&first, COLLECT_STDERR, "ONE\n");
	print(&first, COLLECT_STDOUT, "\n");
	finish(bench.collect, &second, &tokens[2]);
	assert_int_equal(collect_waiting(bench.collect), 1);
	assert_tokens(bench.collect, "");
	finish(bench.collect, &first, &tokens[1]);
	drain(&bench);
	assert_reads(&bench.readers[COLLECT_STDOUT], "two\none\n");
	assert_reads(&bench.readers[COLLECT_STDERR], "ONE\n");
	assert_tokens(bench.collect, "2 1");
	assert_int_equal(collect_waiting(bench.collect), 0);
	bench_release(&bench);
}

/* A report on stdout: neither in a piece that is half out, nor where a job's line goes on. */
static void check_own_texts(void **state)
{
	static const char long_line[] = { [0 ... 299999] = 'x' };
	struct bench bench = make_bench(COLLECT_GROUP, false);
	struct job first = begin(bench.collect, 1), second = begin(bench.collect, 2);
	enum collect_stream stream;

	(void) state;
	print_bytes(&first, COLLECT_STDOUT, long_line, sizeof(long_line));
	finish(bench.collect, &first, &tokens[1]);
	assert_int_equal(collect_write(bench.collect, &stream), 0); /* what a pipe holds */
	assert_int_equal(collect_say(bench.collect, COLLECT_STDOUT, "own\n", 4), 0);
	print(&second, COLLECT_STDOUT, "second\n");
	finish(bench.collect, &second, &tokens[2]);
	drain(&bench);
	assert_int_equal(bench.readers[COLLECT_STDOUT].length, sizeof(long_line) + 11);
	assert_memory_equal(bench.readers[COLLECT_STDOUT].bytes + sizeof(long_line),
			    "own\nsecond\n", 11);
	assert_tokens(bench.collect, "1 2");
	bench_release(&bench);
}

static void check_order_of_input(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, true);
	struct job first = begin(bench.collect, 1);

	(void) state;
	whole_job(bench.collect, 2, "two\n", "");
	assert_int_equal(collect_skip(bench.collect, 5), 0);
	whole_job(bench.collect, 4, "four\n", "");
	whole_job(bench.collect, 6, "", "");
	assert_int_equal(collect_skip(bench.collect, 3), 0);
	whole_job(bench.collect, 8, "eight\n", "");
	drain(&bench);
	assert_tokens(bench.collect, "");
	assert_int_equal(collect_waiting(bench.collect), 4);
	print(&first, COLLECT_STDOUT, "wrong\n");
	drop(bench.collect, &first);
	drain(&bench);
	assert_tokens(bench.collect, "");
	whole_job(bench.collect, 1, "one\n", "");
	drain(&bench);
	assert_tokens(bench.collect, "6 1 2 4");
	assert_reads(&bench.readers[COLLECT_STDOUT], "one\ntwo\nfour\n");
	assert_int_equal(collect_skip(bench.collect, 7), 0);
	drain(&bench);
	assert_tokens(bench.collect, "8");
	assert_reads(&bench.readers[COLLECT_STDOUT], "one\ntwo\nfour\neight\n");
	bench_release(&bench);
}

/* The job whose turn it is need not wait for its end. */
static void check_lines_in_order(void **state)
{
	struct bench bench = make_bench(COLLECT_LINE, true);
	struct job first = begin(bench.collect, 1), second = begin(bench.collect, 2);

	(void) state;
	print(&second, COLLECT_STDOUT, "2a\n2");
	print(&first, COLLECT_STDOUT, "1a\n1");
	drain(&bench);
	assert_reads(&bench.readers[COLLECT_STDOUT], "1a\n");
	finish(bench.collect, &first, &tokens[1]);
	drain(&bench);
	assert_reads(&bench.readers[COLLECT_STDOUT], "1a\n1\n2a\n");
	print(&second, COLLECT_STDOUT, "b\n");
	drain(&bench);
	assert_reads(&bench.readers[COLLECT_STDOUT], "1a\n1\n2a\n2b\n");
	finish(bench.collect, &second, &tokens[2]);
	assert_tokens(bench.collect, "1 2");
	bench_release(&bench);
}

static void check_dropped_lines(void **state)
{
	struct bench bench = make_bench(COLLECT_LINE, false);
	struct job job = begin(bench.collect, 1);

	(void) state;
	print(&job, COLLECT_STDOUT, "out\nhalf");
	drop(bench.collect, &job);
	whole_job(bench.collect, 1, "again\n", "");
	drain(&bench);
	assert_reads(&bench.readers[COLLECT_STDOUT], "out\nagain\n");
	assert_tokens(bench.collect, "1");
	bench_release(&bench);
}

/* A job that never stops printing leaves room for others' lines. */
static void check_fair_lines(void **state)
{
	struct bench bench = make_bench(COLLECT_LINE, false);
	struct job loud = begin(bench.collect, 1), quiet = begin(bench.collect, 2);
	enum collect_stream stream;
	bool heard = false;

	(void) state;
	/* More than the pipe takes. */
	for (int i = 0; i < 5000; i++)
		print(&loud, COLLECT_STDOUT, "a line of many bytes, as they come\n");
	assert_int_equal(collect_write(bench.collect, &stream), 0);
	print(&quiet, COLLECT_STDOUT, "help\n");
	for (int i = 0; i < 1000 && !heard; i++) {
		for (int j = 0; j < 100; j++)
			print(&loud, COLLECT_STDOUT, "a line of many bytes, as they come\n");
		assert_int_equal(collect_write(bench.collect, &stream), 0);
		reader_take(&bench.readers[COLLECT_STDOUT], 1000);
		heard = memmem(bench.readers[COLLECT_STDOUT].bytes,
			       bench.readers[COLLECT_STDOUT].length, "\nhelp\n", 6);
	}
	assert_true(heard);
	drop(bench.collect, &loud);
	drop(bench.collect, &quiet);
	bench_release(&bench);
}

static void check_silent_job(void **state)
{
	static const enum collect_mode modes[] = { COLLECT_GROUP, COLLECT_LINE, COLLECT_DIRECTORY };

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct bench bench = make_bench(modes[i], false);

		whole_job(bench.collect, 1, "", "");
		assert_true(all_written(bench.collect));
		assert_tokens(bench.collect, "1");
		bench_release(&bench);
	}
}

static void check_line_start(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, false);

	(void) state;
	assert_true(collect_at_line_start(bench.collect, COLLECT_STDOUT));
	whole_job(bench.collect, 1, "half", "whole\n");
	drain(&bench);
	assert_false(collect_at_line_start(bench.collect, COLLECT_STDOUT));
	assert_true(collect_at_line_start(bench.collect, COLLECT_STDERR));
	bench_release(&bench);
}

/* ---- pipes of jobs ---- */

/*
 * A process that the job has left behind must not keep us, nor what it has yet to say be waited
 * for.
 */
static void check_rest_that_stays_open(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, false);
	struct job job = begin(bench.collect, 1);
	auto_fd int left = fcntl(job.ends[COLLECT_STDOUT], F_DUPFD_CLOEXEC, 0);

	(void) state;
	close_ends(&job);
	assert_int_equal(file_write_all(left, "said\n", 5), 0);
	assert_int_equal(gathered_rest(job.gathered), 0);
	assert_true(gathered_fd(job.gathered, COLLECT_STDOUT) >= 0);
	assert_int_equal(finish(bench.collect, &job, &tokens[1]), 0);
	drain(&bench);
	assert_reads(&bench.readers[COLLECT_STDOUT], "said\n");
	bench_release(&bench);
}

/* What all that has ended waits for. */
static void check_turn(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, true), mixed;
	struct job job = begin(bench.collect, 1);

	(void) state;
	whole_job(bench.collect, 2, "2\n", "");
	assert_int_equal(collect_turn(bench.collect), 1);
	drop(bench.collect, &job);
	assert_int_equal(collect_turn(bench.collect), 1);
	whole_job(bench.collect, 1, "1\n", "");
	assert_int_equal(collect_turn(bench.collect), 3);
	drain(&bench);
	assert_reads(&bench.readers[COLLECT_STDOUT], "1\n2\n");
	bench_release(&bench);
	mixed = make_bench(COLLECT_GROUP, false);
	assert_int_equal(collect_turn(mixed.collect), 0);
	bench_release(&mixed);
}

static void check_end_that_stays_open(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, false);
	struct job job = begin(bench.collect, 1);
	auto_fd int left = fcntl(job.ends[COLLECT_STDOUT], F_DUPFD_CLOEXEC, 0);

	(void) state;
	assert_int_equal(file_write_all(left, "said\n", 5), 0);
	assert_int_equal(finish(bench.collect, &job, &tokens[1]), 0);
	drain(&bench);
	assert_reads(&bench.readers[COLLECT_STDOUT], "said\n");
	assert_tokens(bench.collect, "1");
	bench_release(&bench);
}

/* A pipe that its writer has put into packet mode gives one write at a time. */
static void check_packets(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, false);
	struct job job = begin(bench.collect, 1);

	(void) state;
	assert_int_equal(fcntl(job.ends[COLLECT_STDOUT], F_SETFL, O_DIRECT), 0);
	assert_int_equal(file_write_all(job.ends[COLLECT_STDOUT], "one\n", 4), 0);
	assert_int_equal(file_write_all(job.ends[COLLECT_STDOUT], "two\n", 4), 0);
	assert_int_equal(finish(bench.collect, &job, &tokens[1]), 0);
	drain(&bench);
	assert_reads(&bench.readers[COLLECT_STDOUT], "one\ntwo\n");
	bench_release(&bench);
}

static void check_flags_of_ends(void **state)
{
	static const enum collect_mode modes[] = { COLLECT_GROUP, COLLECT_LINE, COLLECT_DIRECTORY };

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct bench bench = make_bench(modes[i], false);
		struct job job = begin(bench.collect, 1);

		for (size_t j = 0; j < COLLECT_STREAMS; j++) {
			int ours = gathered_fd(job.gathered, streams[j]);

			assert_true(fcntl(job.ends[j], F_GETFD) & FD_CLOEXEC);
			assert_false(fcntl(job.ends[j], F_GETFL) & O_NONBLOCK);
			assert_false(fcntl(bench.out[j], F_GETFL) & O_NONBLOCK);
			assert_int_equal(ours < 0, modes[i] == COLLECT_DIRECTORY);
			assert_true(ours < 0 || (fcntl(ours, F_GETFD) & FD_CLOEXEC));
			assert_true(ours < 0 || (fcntl(ours, F_GETFL) & O_NONBLOCK));
		}
		close_ends(&job);
		for (size_t j = 0; j < COLLECT_STREAMS; j++) {
			int errnum;

			assert_false(gathered_read(job.gathered, streams[j], &errnum));
			assert_int_equal(gathered_fd(job.gathered, streams[j]) < 0,
					 modes[i] == COLLECT_DIRECTORY);
		}
		drop(bench.collect, &job);
		bench_release(&bench);
	}
}

/* No descriptor can be opened while this holds. */
static struct rlimit forbid_descriptors(void)
{
	struct rlimit old, none = { 0 };

	getrlimit(RLIMIT_NOFILE, &old);
	none.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	return old;
}

static void check_no_descriptors(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, false);
	size_t before = count_descriptors();
	struct gathered *gathered = NULL;
	int ends[COLLECT_STREAMS] = { -7, -7 };
	struct memcage_error err = { 0 };
	struct rlimit old = forbid_descriptors();
	int result = collect_begin(bench.collect, 1, &gathered, ends, &err);

	(void) state;
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(result, -1);
	assert_int_equal(err.errnum, EMFILE);
	assert_true(!gathered && ends[0] == -7 && ends[1] == -7);
	assert_int_equal(count_descriptors(), before);
	whole_job(bench.collect, 1, "now\n", "");
	drain(&bench);
	assert_reads(&bench.readers[COLLECT_STDOUT], "now\n");
	bench_release(&bench);
}

/* ---- where it goes ---- */

static char big[3 * MIB];

static void check_slow_stdout(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, false);
	struct pollfd wanted[COLLECT_STREAMS];
	enum collect_stream stream;
	struct job job = begin(bench.collect, 1);

	(void) state;
	assert_int_equal(print_bytes(&job, COLLECT_STDOUT, big, MIB), 0);
	assert_int_equal(print_bytes(&job, COLLECT_STDERR, big, MIB), 0);
	finish(bench.collect, &job, &tokens[1]);
	whole_job(bench.collect, 2, "two\n", "TWO\n");
	whole_job(bench.collect, 3, "", "THREE\n");
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(collect_write(bench.collect, &stream), 0);
		reader_take(&bench.readers[COLLECT_STDERR], SIZE_MAX);
	}
	assert_int_equal(bench.readers[COLLECT_STDERR].length, MIB + 4 + 6);
	collect_poll(bench.collect, wanted);
	assert_int_equal(wanted[COLLECT_STDERR].fd, -1);
	assert_int_equal(poll(&wanted[COLLECT_STDOUT], 1, 0), 0);
	assert_tokens(bench.collect, "3");
	assert_int_equal(collect_waiting(bench.collect), 2);
	drain(&bench);
	assert_int_equal(bench.readers[COLLECT_STDOUT].length, MIB + 4);
	assert_tokens(bench.collect, "1 2");
	bench_release(&bench);
}

/* Where it may not be opened a second time (another user's), it is our only way, and blocks. */
static void check_borrowed_pipe(void **state)
{
	struct bench bench;
	struct rlimit old;
	struct job job;
	enum collect_stream stream;

	(void) state;
	make_reader(&bench, COLLECT_STDOUT, false);
	make_reader(&bench, COLLECT_STDERR, false);
	assert_int_equal(fcntl(bench.out[COLLECT_STDERR], F_SETFL, O_NONBLOCK), 0);
	old = forbid_descriptors();
	bench.collect = open_collect(COLLECT_GROUP, false, bench.out);
	setrlimit(RLIMIT_NOFILE, &old);
	whole_job(bench.collect, 2, "odd", "odd"); /* so that no piece just fits */
	job = begin(bench.collect, 1);
	assert_int_equal(print_bytes(&job, COLLECT_STDOUT, big, MIB), 0);
	assert_int_equal(print_bytes(&job, COLLECT_STDERR, big, MIB), 0);
	finish(bench.collect, &job, &tokens[1]);
	assert_int_equal(collect_write(bench.collect, &stream), 0); /* stands still if it blocks */
	drain(&bench);
	assert_int_equal(bench.readers[COLLECT_STDOUT].length, 3 + MIB);
	assert_int_equal(bench.readers[COLLECT_STDERR].length, 3 + MIB);
	assert_tokens(bench.collect, "2 1");
	bench_release(&bench);
}

/* ^S in the middle of it. */
static void check_stopped_terminal(void **state)
{
	struct bench bench;
	struct termios raw;
	enum collect_stream stream;
	struct job job;
	int user = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), terminal;

	(void) state;
	assert_true(user >= 0 && grantpt(user) == 0 && unlockpt(user) == 0);
	terminal = open(ptsname(user), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(terminal >= 0);
	tcgetattr(terminal, &raw);
	cfmakeraw(&raw);
	tcsetattr(terminal, TCSANOW, &raw);
	assert_int_equal(fcntl(user, F_SETFL, O_NONBLOCK), 0);
	bench = (struct bench) { .out = { terminal, fcntl(terminal, F_DUPFD_CLOEXEC, 0) },
				 .readers = { { .fd = user }, { .fd = -1 } } };
	bench.collect = open_collect(COLLECT_GROUP, false, bench.out);
	job = begin(bench.collect, 1);
	assert_int_equal(print_bytes(&job, COLLECT_STDOUT, big, MIB), 0);
	finish(bench.collect, &job, &tokens[1]);
	assert_int_equal(collect_write(bench.collect, &stream), 0);
	assert_int_equal(tcflow(terminal, TCOOFF), 0);
	for (int i = 0; i < 100; i++) {
		reader_take(&bench.readers[COLLECT_STDOUT], SIZE_MAX);
		assert_int_equal(collect_write(bench.collect, &stream), 0);
	}
	assert_tokens(bench.collect, "");
	assert_int_equal(tcflow(terminal, TCOON), 0);
	drain(&bench);
	assert_tokens(bench.collect, "1");
	/* What was written last is on its way through the kernel still. */
	while (bench.readers[COLLECT_STDOUT].length < MIB)
		reader_take(&bench.readers[COLLECT_STDOUT], SIZE_MAX);
	assert_int_equal(memcmp(bench.readers[COLLECT_STDOUT].bytes, big, MIB), 0);
	bench_release(&bench);
}

static void check_regular_file(void **state)
{
	static const int flags[] = { 0, O_APPEND };
	static char there[4 * MIB];

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		auto_fd int file = open("out", O_WRONLY | O_CREAT | O_TRUNC | flags[i], 0666);
		const int out[] = { file, file };
		struct collect *collect = open_collect(COLLECT_GROUP, false, out);
		struct job job = begin(collect, 1);

		assert_int_equal(file_write_all(file, "old\n", 4), 0);
		assert_int_equal(print_bytes(&job, COLLECT_STDERR, "ERR\n", 4), 0);
		assert_int_equal(print_bytes(&job, COLLECT_STDOUT, big, sizeof(big)), 0);
		finish(collect, &job, &tokens[1]);
		assert_int_equal(collect_flush(collect), 0);
		assert_tokens(collect, "1");
		assert_int_equal(file_read_at(AT_FDCWD, "out", there, sizeof(there)),
				 sizeof(big) + 8);
		assert_memory_equal(there, "old\n", 4);
		assert_int_equal(memcmp(there + 4, big, sizeof(big)), 0);
		assert_memory_equal(there + 4 + sizeof(big), "ERR\n", 4);
		collect_close(collect);
	}
}

/* ---- what has gone ---- */

static void check_closed_stdout(void **state)
{
	static const enum collect_mode modes[] = { COLLECT_GROUP, COLLECT_LINE };

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct bench bench = make_bench(modes[i], false);
		enum collect_stream stream = COLLECT_STREAMS;
		struct job job = begin(bench.collect, 1), running = begin(bench.collect, 2);

		assert_int_equal(print_bytes(&job, COLLECT_STDOUT, big, MIB), 0);
		print(&job, COLLECT_STDERR, "one\n");
		print(&running, COLLECT_STDOUT, "a line\nand half of one");
		finish(bench.collect, &job, &tokens[1]);
		assert_int_equal(collect_write(bench.collect, &stream), 0);
		reader_take(&bench.readers[COLLECT_STDOUT], 10000);
		own_close(&bench.readers[COLLECT_STDOUT].fd);
		assert_int_equal(collect_write(bench.collect, &stream), -1);
		assert_int_equal(errno, EPIPE);
		assert_int_equal(stream, COLLECT_STDOUT);
		assert_tokens(bench.collect, "1 lost");
		assert_int_equal(print_bytes(&running, COLLECT_STDOUT, big, MIB), 0);
		print(&running, COLLECT_STDERR, "two\n");
		assert_int_equal(finish(bench.collect, &running, &tokens[2]), 0);
		whole_job(bench.collect, 3, "lost\n", "three\n");
		whole_job(bench.collect, 4, "", "four\n");
		drain(&bench);
		assert_tokens(bench.collect, "2 lost 3 lost 4");
		assert_reads(&bench.readers[COLLECT_STDERR], "one\ntwo\nthree\nfour\n");
		bench_release(&bench);
	}
}

static void check_both_gone(void **state)
{
	struct bench bench = make_bench(COLLECT_LINE, true);
	enum collect_stream stream;

	(void) state;
	own_close(&bench.readers[COLLECT_STDOUT].fd);
	own_close(&bench.readers[COLLECT_STDERR].fd);
	whole_job(bench.collect, 1, "out\n", "err\n");
	for (int i = 0; i < COLLECT_STREAMS; i++) {
		assert_int_equal(collect_write(bench.collect, &stream), -1);
		assert_int_equal(errno, EPIPE);
		assert_int_equal(stream, i);
	}
	assert_int_equal(collect_write(bench.collect, &stream), 0);
	whole_job(bench.collect, 2, "out\n", "err\n");
	assert_int_equal(collect_flush(bench.collect), 0);
	assert_tokens(bench.collect, "1 lost 2 lost");
	bench_release(&bench);
}

static void check_give_up(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, false);
	struct job job = begin(bench.collect, 1);
	enum collect_stream stream;

	(void) state;
	assert_int_equal(print_bytes(&job, COLLECT_STDOUT, big, MIB), 0);
	finish(bench.collect, &job, &tokens[1]);
	whole_job(bench.collect, 2, "", "err\n");
	assert_int_equal(collect_write(bench.collect, &stream), 0);
	collect_give_up(bench.collect);
	assert_tokens(bench.collect, "2 1 lost");
	assert_int_equal(collect_write(bench.collect, &stream), 0); /* nobody is told of it */
	assert_int_equal(collect_waiting(bench.collect), 0);
	bench_release(&bench);
}

static const struct gone_row {
	const char *name;
	const char *path; /* NULL: a closed descriptor */
	int flags, errnum;
} gone_rows[] = {
	{ "a full disk for stdout is told", "/dev/full", O_WRONLY, ENOSPC },
	{ "a stdout that is for reading is told", "/dev/null", O_RDONLY, EBADF },
	{ "a closed stdout is told", NULL, 0, EBADF },
	{ "/dev/null takes all", "/dev/null", O_WRONLY, 0 },
};

static void check_gone(void **state)
{
	const struct gone_row *row = *state;
	auto_fd int fd = row->path ? open(row->path, row->flags) : -1;
	auto_fd int null = open("/dev/zero", O_WRONLY);
	const int out[] = { row->path ? fd : 987, null };
	struct collect *collect = open_collect(COLLECT_GROUP, false, out);
	int result;

	whole_job(collect, 1, "one\n", "ONE\n");
	result = collect_flush(collect);
	assert_int_equal(result == 0 ? 0 : errno, row->errnum);
	assert_int_equal(result, row->errnum == 0 ? 0 : -1);
	assert_tokens(collect, row->errnum == 0 ? "1" : "1 lost");
	collect_close(collect);
}

/* ---- memory and files ---- */

static void check_spill_is_nameless(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, false);
	size_t before = count_descriptors();
	struct job job = begin(bench.collect, 1);

	(void) state;
	assert_int_equal(print_bytes(&job, COLLECT_STDOUT, big, sizeof(big)), 0);
	assert_int_equal(count_names("."), 0);
	finish(bench.collect, &job, &tokens[1]);
	assert_int_equal(count_descriptors(), before + 1);
	drain(&bench);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(bench.readers[COLLECT_STDOUT].length, sizeof(big));
	assert_int_equal(memcmp(bench.readers[COLLECT_STDOUT].bytes, big, sizeof(big)), 0);
	bench_release(&bench);
}

/* What can be kept of a job goes out; the loss is told, and nobody else's is it. */
static void assert_loss(struct bench *bench, int errnum)
{
	struct job job = begin(bench->collect, 1);

	print(&job, COLLECT_STDERR, "all\n");
	assert_int_equal(print_bytes(&job, COLLECT_STDOUT, big, sizeof(big)), errnum);
	assert_int_equal(print_bytes(&job, COLLECT_STDERR, "of it\n", 6), 0);
	assert_int_equal(finish(bench->collect, &job, &tokens[1]), -1);
	assert_int_equal(errno, errnum);
	whole_job(bench->collect, 2, "two\n", "");
	drain(bench);
	assert_in_range(bench->readers[COLLECT_STDOUT].length, COLLECT_MEMORY + 4, sizeof(big));
	assert_int_equal(memcmp(bench->readers[COLLECT_STDOUT].bytes, big, COLLECT_MEMORY), 0);
	assert_memory_equal(bench->readers[COLLECT_STDOUT].bytes +
				    bench->readers[COLLECT_STDOUT].length - 4,
			    "two\n", 4);
	assert_reads(&bench->readers[COLLECT_STDERR], "all\nof it\n");
	assert_tokens(bench->collect, "1 2");
}

static void check_missing_folder(void **state)
{
	struct bench bench;

	(void) state;
	setenv("TMPDIR", "gone", 1);
	bench = make_bench(COLLECT_GROUP, false);
	assert_loss(&bench, ENOENT);
	bench_release(&bench);
}

/* There is room again, but what would come now would seem to follow what is out. */
static void check_behind_loss(void **state)
{
	struct bench bench;
	struct job job;

	(void) state;
	setenv("TMPDIR", "gone", 1);
	bench = make_bench(COLLECT_LINE, false);
	job = begin(bench.collect, 1);
	for (int i = 0; i < COLLECT_MEMORY / 8; i++)
		print(&job, COLLECT_STDOUT, "8 bytes\n");
	assert_int_equal(print_bytes(&job, COLLECT_STDOUT, "lost\n", 5), ENOENT);
	drain(&bench);
	assert_int_equal(print_bytes(&job, COLLECT_STDOUT, "later\n", 6), ENOENT);
	assert_int_equal(finish(bench.collect, &job, &tokens[1]), -1);
	drain(&bench);
	assert_int_equal(bench.readers[COLLECT_STDOUT].length, COLLECT_MEMORY);
	bench_release(&bench);
}

static void check_file_too_large(void **state)
{
	struct bench bench = make_bench(COLLECT_LINE, false);
	const struct rlimit small = { MIB, RLIM_INFINITY };
	struct rlimit old;

	(void) state;
	getrlimit(RLIMIT_FSIZE, &old);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_loss(&bench, EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	bench_release(&bench);
}

/* In a process of its own, for its mounts; 0 where it is not allowed to find out. */
static void check_full_disk(void **state)
{
	pid_t child = fork();
	int status;

	(void) state;
	if (child == 0) {
		struct bench bench;
		struct job job;
		int errnum;

		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", ".", "tmpfs", 0, "size=64k") < 0)
			_exit(0);
		bench = make_bench(COLLECT_GROUP, false);
		job = begin(bench.collect, 1);
		errnum = print_bytes(&job, COLLECT_STDOUT, big, MIB);
		if (errnum != ENOSPC || finish(bench.collect, &job, &tokens[1]) != -1)
			_exit(1);
		/* There is room again for the next. */
		drain(&bench);
		if (bench.readers[COLLECT_STDOUT].length != COLLECT_MEMORY + 65536 ||
		    memcmp(bench.readers[COLLECT_STDOUT].bytes, big, COLLECT_MEMORY + 65536) != 0)
			_exit(2);
		job = begin(bench.collect, 2);
		if (print_bytes(&job, COLLECT_STDOUT, big, COLLECT_MEMORY + 65536) != 0)
			_exit(3);
		drop(bench.collect, &job);
		bench_release(&bench);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* A file system that cannot do so may keep it all: it is asked first. */
static void check_file_shrinks(void **state)
{
	struct spill_place place = { ".", COLLECT_MEMORY, COLLECT_MEMORY_ALL };
	struct spill spill = SPILL_NONE;
	char buffer[65536];
	const char *data;
	struct stat what;

	(void) state;
	assert_int_equal(spill_add(&spill, &place, big, sizeof(big)), sizeof(big));
	if (fallocate(spill.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0) {
		while (spill_length(&spill) > MIB / 2)
			spill_take(&spill, &place,
				   (size_t) spill_peek(&spill, buffer, sizeof(buffer), &data));
		assert_int_equal(fstat(spill.file, &what), 0);
		assert_in_range(what.st_blocks * 512, MIB / 2, 2 * MIB);
	}
	spill_release(&spill, &place);
	assert_int_equal(place.left, COLLECT_MEMORY_ALL);
	assert_int_equal(spill_length(&spill), 0);
}

/* 0 where the allocator does not tell (under valgrind, with sanitizers). */
static size_t in_use(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void check_memory_of_all(void **state)
{
	bool lost;

	enum { MANY = 200 };
	struct bench bench = make_bench(COLLECT_GROUP, true);
	size_t before = in_use();
	struct job first = begin(bench.collect, 1);

	(void) state;
	for (uint64_t seq = 2; seq <= MANY; seq++) {
		struct job job = begin(bench.collect, seq);

		assert_int_equal(print_bytes(&job, COLLECT_STDOUT, big, COLLECT_MEMORY), 0);
		finish(bench.collect, &job, &tokens[seq]);
	}
	assert_in_range(in_use() - before, 0, COLLECT_MEMORY_ALL + (size_t) MANY * 2048);
	finish(bench.collect, &first, &tokens[1]);
	drain(&bench);
	assert_int_equal(bench.readers[COLLECT_STDOUT].length,
			 (size_t) (MANY - 1) * COLLECT_MEMORY);
	for (uint64_t seq = 2; seq <= MANY; seq++)
		assert_int_equal(memcmp(bench.readers[COLLECT_STDOUT].bytes +
						(seq - 2) * COLLECT_MEMORY,
					big, COLLECT_MEMORY),
				 0);
	for (uint64_t seq = 1; seq <= MANY; seq++)
		assert_ptr_equal(collect_out(bench.collect, &lost), &tokens[seq]);
	bench_release(&bench);
}

static void check_many_jobs(void **state)
{
	bool lost;

	struct bench bench = make_bench(COLLECT_GROUP, true);
	size_t before = 0, descriptors = 0;

	(void) state;
	for (uint64_t seq = 1; seq <= 100000; seq++) {
		struct job job = begin(bench.collect, seq);

		assert_int_equal(finish(bench.collect, &job, &tokens[1]), 0);
		assert_ptr_equal(collect_out(bench.collect, &lost), &tokens[1]);
		if (seq == 1) {
			before = in_use();
			descriptors = count_descriptors();
		}
	}
	assert_int_equal(in_use(), before);
	assert_int_equal(count_descriptors(), descriptors);
	bench_release(&bench);
}

static void check_many_skips(void **state)
{
	struct bench bench = make_bench(COLLECT_GROUP, true);
	struct job first = begin(bench.collect, 1);
	size_t before = in_use();

	(void) state;
	for (uint64_t seq = 2; seq <= 1000000; seq++)
		assert_int_equal(collect_skip(bench.collect, seq), 0);
	assert_in_range(in_use() - before, 0, 4096);
	finish(bench.collect, &first, &tokens[1]);
	first = begin(bench.collect, 1000001);
	finish(bench.collect, &first, &tokens[2]);
	assert_tokens(bench.collect, "1 2");
	bench_release(&bench);
}

/* As when memcage itself cannot go on: in each state that an attempt can be in. */
static void check_close(void **state)
{
	struct bench bench = make_bench(COLLECT_LINE, false);
	size_t before = count_descriptors();
	struct job running = begin(bench.collect, 1), dropped = begin(bench.collect, 2);
	enum collect_stream stream;

	(void) state;
	whole_job(bench.collect, 3, "", "");
	assert_int_equal(print_bytes(&running, COLLECT_STDOUT, big, MIB), 0);
	assert_int_equal(print_bytes(&dropped, COLLECT_STDOUT, big, MIB), 0);
	drop(bench.collect, &dropped);
	whole_job(bench.collect, 4, "x\n", "");
	assert_int_equal(collect_write(bench.collect, &stream), 0);
	close_ends(&running);
	bench.collect = collect_close(bench.collect);
	assert_null(bench.collect);
	assert_null(collect_close(bench.collect));
	assert_int_equal(count_descriptors(), before - 2);
	bench_release(&bench);
}

/* ---- a directory ---- */

static void assert_file(const char *name, const char *text)
{
	char there[64] = "";

	assert_true(file_read_at(AT_FDCWD, name, there, sizeof(there)) >= 0);
	assert_string_equal(there, text);
}

static void file_job(struct collect *collect, uint64_t seq, const char *text)
{
	struct job job = begin(collect, seq);

	assert_int_equal(file_write_all(job.ends[COLLECT_STDOUT], text, strlen(text)), 0);
	assert_int_equal(finish(collect, &job, &tokens[seq]), 0);
}

static void check_directory(void **state)
{
	struct bench bench = make_bench(COLLECT_DIRECTORY, true);
	struct job job = begin(bench.collect, 1);

	(void) state;
	assert_int_equal(rename("files", "moved"), 0); /* the one that was there is held */
	file_job(bench.collect, 2, "two\n");
	assert_tokens(bench.collect, "2");
	assert_int_equal(file_write_all(job.ends[COLLECT_STDOUT], "longer\n", 7), 0);
	drop(bench.collect, &job);
	file_job(bench.collect, 1, "one\n");
	assert_tokens(bench.collect, "1");
	assert_file("moved/1.out", "one\n");
	assert_file("moved/2.out", "two\n");
	assert_file("moved/2.err", "");
	assert_int_equal(count_names("moved"), 4);
	bench_release(&bench);
}

static void assert_no_begin(struct collect *collect, uint64_t seq, int errnum)
{
	struct gathered *gathered = NULL;
	int ends[COLLECT_STREAMS] = { -1, -1 };
	struct memcage_error err = { 0 };
	size_t before = count_descriptors();

	assert_int_equal(collect_begin(collect, seq, &gathered, ends, &err), -1);
	assert_int_equal(err.errnum, errnum);
	assert_non_null(strstr(err.text, "in directory 'files'"));
	assert_int_equal(count_descriptors(), before);
}

static void check_planted_names(void **state)
{
	struct bench bench = make_bench(COLLECT_DIRECTORY, false);
	auto_fd int fifo = -1;

	(void) state;
	assert_int_equal(symlink("../precious", "files/1.err"), 0);
	assert_no_begin(bench.collect, 1, ELOOP);
	assert_int_equal(access("precious", F_OK), -1);
	assert_int_equal(mkfifo("files/2.out", 0666), 0);
	assert_no_begin(bench.collect, 2, ENXIO);
	fifo = open("files/2.out", O_RDONLY | O_NONBLOCK);
	assert_no_begin(bench.collect, 2, EEXIST);
	assert_int_equal(mkdir("files/3.out", 0777), 0);
	assert_no_begin(bench.collect, 3, EISDIR);
	bench_release(&bench);
}

static void assert_no_directory(const char *name, int errnum)
{
	static const int out[] = { STDOUT_FILENO, STDERR_FILENO };
	struct memcage_error err = { 0 };
	struct collect *collect = NULL;

	assert_int_equal(collect_open(COLLECT_DIRECTORY, name, false, out, &collect, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_int_equal(err.errnum, errnum);
	assert_null(collect);
}

static void check_wrong_directories(void **state)
{
	(void) state;
	assert_int_equal(mknod("file", S_IFREG | 0666, 0), 0);
	assert_no_directory("file", ENOTDIR);
	assert_no_directory("a/b", ENOENT);
	assert_no_directory("", ENOENT);
	assert_no_directory("/proc/self/fdinfo/x", ENOENT);
}

static const struct row {
	const char *name;
	CMUnitTestFunction check;
} rows[] = {
	{ "a text of our own: behind a piece that is half out", check_own_texts },
	{ "group: in the order in which jobs end", check_order_of_end },
	{ "in order: what is skipped or run again holds nothing up for ever",
	  check_order_of_input },
	{ "line, in order: the job whose turn it is prints as it goes", check_lines_in_order },
	{ "line: of a dropped attempt whole lines are out", check_dropped_lines },
	{ "line: one that prints without end leaves room for others", check_fair_lines },
	{ "a job without output is done at once", check_silent_job },
	{ "it is known whether a line is unfinished", check_line_start },
	{ "an end that a process has kept is not waited for", check_end_that_stays_open },
	{ "the rest of what a job has said is what is there", check_rest_that_stays_open },
	{ "in order: the number that all wait for is known", check_turn },
	{ "a pipe in packet mode is read to its end", check_packets },
	{ "descriptors are closed on exec, and only ours do not block", check_flags_of_ends },
	{ "without descriptors no job begins, and none is lost", check_no_descriptors },
	{ "a slow stdout holds back neither stderr nor us", check_slow_stdout },
	{ "a pipe that is only lent, and blocks, does not block us", check_borrowed_pipe },
	{ "a stopped terminal does not block us", check_stopped_terminal },
	{ "a file gets all, from where it stands, also as both streams", check_regular_file },
	{ "a closed stdout is told once and takes nothing else along", check_closed_stdout },
	{ "both streams may go", check_both_gone },
	{ "what is given up is lost", check_give_up },
	{ "what does not fit into memory is in a file without a name", check_spill_is_nameless },
	{ "no folder for temporary files is a loss that is told", check_missing_folder },
	{ "behind what was lost nothing is kept", check_behind_loss },
	{ "a file that may not grow is a loss that is told", check_file_too_large },
	{ "a full disk is a loss that is told", check_full_disk },
	{ "a file shrinks as it is taken", check_file_shrinks },
	{ "many that wait are bounded in memory", check_memory_of_all },
	{ "a hundred thousand jobs leave nothing behind", check_many_jobs },
	{ "a million skipped ones take no memory", check_many_skips },
	{ "closing frees what is in any state", check_close },
	{ "files are in the directory that was opened, the last attempt's", check_directory },
	{ "what others planted in the directory is refused", check_planted_names },
	{ "a directory that cannot be is refused at once", check_wrong_directories },
};

static void check_row(void **state)
{
	const struct row *row = *state;

	row->check(state);
}

int main(void)
{
	static struct test_suite suite;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char) ('a' + i % 23);
	TEST_ROWS(&suite, check_many, many_rows);
	TEST_ROWS(&suite, check_row, rows);
	TEST_ROWS(&suite, check_gone, gone_rows);
	folder_for_each(&suite);
	return test_run("collect", &suite);
}

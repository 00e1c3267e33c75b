/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/collect_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"

#define DIRECTORY_QUOTED 300

enum collect_stream lane_of(const struct collect *collect, enum collect_stream stream)
{
	return collect->one_lane ? COLLECT_STDOUT : stream;
}

/* ---- life and end of an attempt ---- */

static struct gathered *gathered_new(struct collect *collect, uint64_t seq)
{
	struct gathered *gathered = calloc(1, sizeof(*gathered));

	if (!gathered)
		return NULL;
	gathered->collect = collect;
	gathered->seq = gathered->last_seq = seq;
	for (int i = 0; i < COLLECT_STREAMS; i++)
		gathered->flows[i] = (struct flow) {
			.of = gathered,
			.lane = &collect->lanes[lane_of(collect, i)],
			.fd = -1,
			.held = SPILL_NONE,
		};
	TAILQ_INSERT_TAIL(&collect->all, gathered, all);
	return gathered;
}

static void leave_order(struct gathered *gathered)
{
	if (gathered->in_order)
		TAILQ_REMOVE(&gathered->collect->order, gathered, order);
	gathered->in_order = false;
}

/* Not one that is queued or done. */
static void gathered_free(struct gathered *gathered)
{
	struct collect *collect = gathered->collect;

	leave_order(gathered);
	TAILQ_REMOVE(&collect->all, gathered, all);
	for (size_t i = 0; i < COLLECT_STREAMS; i++) {
		spill_release(&gathered->flows[i].held, &collect->place);
		own_close(&gathered->flows[i].fd);
	}
	free(gathered);
}

void gathered_settle(struct gathered *gathered)
{
	struct collect *collect = gathered->collect;

	if (!gathered->finished || !gathered->open || gathered->flows[COLLECT_STDOUT].queued ||
	    gathered->flows[COLLECT_STDERR].queued)
		return;
	if (!gathered->token) {
		gathered_free(gathered);
		return;
	}
	collect->waiting--;
	STAILQ_INSERT_TAIL(&collect->done, gathered, done);
}

/* ---- what may go out ---- */

static void flow_clear(struct flow *flow)
{
	spill_release(&flow->held, &flow->of->collect->place);
	flow->ready = flow->batch = 0;
	flow->add_newline = false;
}

/* Of stderr nobody misses anything where it has gone. */
static void note_loss(struct flow *flow, uint64_t bytes)
{
	if (bytes > 0 && flow->lane == &flow->of->collect->lanes[COLLECT_STDOUT])
		flow->of->lost = true;
}

void flow_offer(struct flow *flow)
{
	if (flow->lane->errnum != 0) {
		note_loss(flow, spill_length(&flow->held) + flow->add_newline);
		flow_clear(flow);
	}
	if (!flow->of->open || (flow->ready == 0 && !flow->add_newline))
		return;
	/* One whose turn it is, is alone there but for those that were before it. */
	if (!flow->queued || flow->of->collect->keep_order)
		flow->batch = flow->ready;
	if (!flow->queued)
		TAILQ_INSERT_TAIL(&flow->lane->queue, flow, queue);
	flow->queued = true;
}

static void open_up(struct gathered *gathered)
{
	gathered->open = true;
	for (size_t i = 0; i < COLLECT_STREAMS; i++)
		flow_offer(&gathered->flows[i]);
}

/* The turn goes on, over all that are whole, to the first that is not. */
static void advance(struct collect *collect)
{
	struct gathered *head;

	while ((head = TAILQ_FIRST(&collect->order)) && head->seq <= collect->turn) {
		if (head->finished || collect->mode == COLLECT_LINE)
			open_up(head);
		if (!head->finished)
			return;
		if (collect->turn <= head->last_seq)
			collect->turn = head->last_seq + 1;
		leave_order(head);
		gathered_settle(head);
	}
}

/* The last that stands before number seq. */
static struct gathered *before_in_order(const struct collect *collect, uint64_t seq)
{
	struct gathered *at;

	TAILQ_FOREACH_REVERSE(at, &collect->order, gathered_list, order)
	if (at->seq < seq)
		break;
	return at;
}

static void enter_order(struct gathered *gathered)
{
	struct collect *collect = gathered->collect;
	struct gathered *before = before_in_order(collect, gathered->seq);

	if (before)
		TAILQ_INSERT_AFTER(&collect->order, before, gathered, order);
	else
		TAILQ_INSERT_HEAD(&collect->order, gathered, order);
	gathered->in_order = true;
}

/* ---- open and close ---- */

static int open_directory(struct collect *collect, const char *name, struct memcage_error *err)
{
	char quoted[DIRECTORY_QUOTED];

	if (mkdir(name, 0777) == 0 || errno == EEXIST)
		collect->directory = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (collect->directory < 0 ||
	    faccessat(collect->directory, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return error_set(err, MEMCAGE_ERROR_USAGE, errno, "cannot write to directory %s",
				 parse_quote(name, quoted, sizeof(quoted)));
	collect->directory_name = strdup(name);
	return collect->directory_name ? 0 : error_setup(err, "the jobs' output");
}

static int open_places(struct collect *collect, const char *directory,
		       const int out[COLLECT_STREAMS], struct memcage_error *err)
{
	const char *place = getenv("TMPDIR");

	collect->spill_directory = strdup(place && *place ? place : "/tmp");
	if (!collect->spill_directory)
		return error_setup(err, "the jobs' output");
	collect->place = (struct spill_place) { collect->spill_directory, COLLECT_MEMORY,
						COLLECT_MEMORY_ALL };
	if (collect->mode == COLLECT_DIRECTORY)
		return open_directory(collect, directory, err);
	collect->lanes[COLLECT_STDOUT].sink = sink_open(out[COLLECT_STDOUT]);
	collect->one_lane = sink_same(out[COLLECT_STDOUT], out[COLLECT_STDERR]);
	if (!collect->one_lane)
		collect->lanes[COLLECT_STDERR].sink = sink_open(out[COLLECT_STDERR]);
	return 0;
}

int collect_open(enum collect_mode mode, const char *directory, bool keep_order,
		 const int out[COLLECT_STREAMS], struct collect **ret, struct memcage_error *err)
{
	struct collect *collect = calloc(1, sizeof(*collect));

	if (!collect)
		return error_setup(err, "the jobs' output");
	collect->mode = mode;
	collect->keep_order = keep_order && mode != COLLECT_DIRECTORY;
	collect->directory = -1;
	collect->turn = 1;
	TAILQ_INIT(&collect->all);
	TAILQ_INIT(&collect->order);
	STAILQ_INIT(&collect->done);
	for (size_t i = 0; i < COLLECT_STREAMS; i++) {
		collect->lanes[i].sink = SINK_NONE;
		collect->lanes[i].last = '\n';
		TAILQ_INIT(&collect->lanes[i].queue);
	}
	if (open_places(collect, directory, out, err) < 0) {
		collect_close(collect);
		return -1;
	}
	*ret = collect;
	return 0;
}

struct collect *collect_close(struct collect *collect)
{
	if (!collect)
		return NULL;
	while (!TAILQ_EMPTY(&collect->all))
		gathered_free(TAILQ_FIRST(&collect->all));
	for (size_t i = 0; i < COLLECT_STREAMS; i++)
		sink_release(&collect->lanes[i].sink);
	own_close(&collect->directory);
	free(collect->directory_name);
	free(collect->spill_directory);
	free(collect);
	return NULL;
}

/* ---- begin ---- */

/* O_NONBLOCK only on ours: the job's shares its open file with all that the job starts. */
static int make_pipe(struct flow *flow, int *ret_job, struct memcage_error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_setup(err, "cannot make a pipe for a job's output");
	flow->fd = ends[0];
	*ret_job = ends[1];
	if (fcntl(flow->fd, F_SETFL, O_NONBLOCK) < 0)
		return error_setup(err, "cannot make a pipe for a job's output");
	return 0;
}

/* Whoever else may write to the directory can put neither a link there nor a FIFO to wait at. */
static int open_regular(int dir, const char *name)
{
	auto_fd int fd = openat(dir, name,
				O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
					O_NOCTTY,
				0666);
	struct stat what;

	if (fd < 0 || fstat(fd, &what) < 0)
		return -1;
	if (!S_ISREG(what.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	return fcntl(fd, F_SETFL, 0) < 0 ? -1 : take_fd(&fd);
}

static int make_file(const struct gathered *gathered, enum collect_stream stream, int *ret_job,
		     struct memcage_error *err)
{
	static const char *const ends[] = { "out", "err" };
	char quoted[DIRECTORY_QUOTED], name[32];

	snprintf(name, sizeof(name), "%" PRIu64 ".%s", gathered->seq, ends[stream]);
	*ret_job = open_regular(gathered->collect->directory, name);
	if (*ret_job >= 0)
		return 0;
	return error_setup(err, "cannot write to %s in directory %s", name,
			   parse_quote(gathered->collect->directory_name, quoted, sizeof(quoted)));
}

static int make_ends(struct gathered *gathered, int ret_job[COLLECT_STREAMS],
		     struct memcage_error *err)
{
	for (int i = 0; i < COLLECT_STREAMS; i++) {
		int failed = gathered->collect->mode == COLLECT_DIRECTORY
				     ? make_file(gathered, i, &ret_job[i], err)
				     : make_pipe(&gathered->flows[i], &ret_job[i], err);

		if (failed < 0)
			return -1;
	}
	return 0;
}

int collect_begin(struct collect *collect, uint64_t seq, struct gathered **ret,
		  int ret_job[COLLECT_STREAMS], struct memcage_error *err)
{
	struct gathered *gathered = gathered_new(collect, seq);
	int ends[COLLECT_STREAMS] = { -1, -1 };

	if (!gathered)
		return error_setup(err, "a job's output");
	if (make_ends(gathered, ends, err) < 0) {
		own_close(&ends[COLLECT_STDOUT]);
		own_close(&ends[COLLECT_STDERR]);
		gathered_free(gathered);
		return -1;
	}
	memcpy(ret_job, ends, sizeof(ends));
	*ret = gathered;
	gathered->open = collect->mode == COLLECT_LINE && !collect->keep_order;
	if (collect->keep_order) {
		enter_order(gathered);
		advance(collect);
	}
	return 0;
}

/* ---- read ---- */

int gathered_fd(const struct gathered *gathered, enum collect_stream stream)
{
	return gathered->flows[stream].fd;
}

/* By line: up to the last newline of the size bytes that have just come. */
static void flow_lines(struct flow *flow, const char *data, size_t size)
{
	const char *newline = memrchr(data, '\n', size);

	if (!newline)
		return;
	flow->ready = spill_length(&flow->held) - (uint64_t) (data + size - newline - 1);
	flow_offer(flow);
}

/* What was lost leaves no hole: nothing behind it is kept. */
static void flow_keep(struct flow *flow, const char *data, size_t size)
{
	struct collect *collect = flow->of->collect;
	size_t kept;

	if (flow->lane->errnum != 0)
		note_loss(flow, size);
	if (flow->errnum != 0 || flow->lane->errnum != 0)
		return;
	kept = spill_add(&flow->held, &collect->place, data, size);
	if (kept < size)
		flow->errnum = errno;
	if (collect->mode == COLLECT_LINE)
		flow_lines(flow, data, kept);
}

/* Takes at most that many; false at the end of the pipe. */
static bool flow_read(struct flow *flow, size_t most)
{
	char *buffer = flow->of->collect->buffer;

	while (most > 0) {
		ssize_t n = read(flow->fd, buffer, most < COLLECT_BUFFER ? most : COLLECT_BUFFER);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		flow_keep(flow, buffer, (size_t) n);
		most -= (size_t) n;
	}
	return true;
}

bool gathered_read(struct gathered *gathered, enum collect_stream stream, int *ret_errnum)
{
	struct flow *flow = &gathered->flows[stream];
	bool more = flow->fd >= 0 && flow_read(flow, COLLECT_AT_ONCE);

	*ret_errnum = flow->errnum;
	return more;
}

/* ---- drop, finish, skip ---- */

void collect_drop(struct collect *collect, struct gathered *gathered)
{
	for (size_t i = 0; i < COLLECT_STREAMS; i++)
		own_close(&gathered->flows[i].fd);
	leave_order(gathered);
	gathered->finished = true;
	if (gathered->open)
		gathered_settle(gathered); /* else when its last line is out */
	else
		gathered_free(gathered);
	if (collect->keep_order)
		advance(collect);
}

/* Only what is there now: whoever may still have the other end must not keep us here. */
static void read_rest(struct flow *flow)
{
	int there = 0;

	if (flow->fd < 0)
		return;
	if (ioctl(flow->fd, FIONREAD, &there) == 0 && there > 0)
		flow_read(flow, (size_t) there);
}

int gathered_rest(struct gathered *gathered)
{
	int errnum = 0;

	for (size_t i = 0; i < COLLECT_STREAMS; i++) {
		read_rest(&gathered->flows[i]);
		errnum = errnum == 0 ? gathered->flows[i].errnum : errnum;
	}
	return errnum;
}

static void flow_finish(struct flow *flow)
{
	uint64_t length;

	read_rest(flow);
	own_close(&flow->fd);
	length = spill_length(&flow->held);
	flow->add_newline = flow->of->collect->mode == COLLECT_LINE && flow->ready < length;
	flow->ready = length;
}

int collect_finish(struct collect *collect, struct gathered *gathered, void *token)
{
	int errnum = 0;

	for (size_t i = 0; i < COLLECT_STREAMS; i++) {
		flow_finish(&gathered->flows[i]);
		errnum = errnum == 0 ? gathered->flows[i].errnum : errnum;
	}
	gathered->finished = true;
	gathered->token = token;
	collect->waiting++;
	if (collect->keep_order) {
		advance(collect);
	} else {
		open_up(gathered);
		gathered_settle(gathered);
	}
	errno = errnum;
	return errnum == 0 ? 0 : -1;
}

int collect_skip(struct collect *collect, uint64_t seq)
{
	struct gathered *before, *skipped;

	if (!collect->keep_order)
		return 0;
	before = before_in_order(collect, seq);
	if (!before && seq == collect->turn) {
		collect->turn++;
		advance(collect);
		return 0;
	}
	if (before && before->skipped && before->last_seq + 1 == seq) {
		before->last_seq = seq;
		return 0;
	}
	skipped = gathered_new(collect, seq);
	if (!skipped)
		return -1;
	skipped->skipped = skipped->finished = true;
	enter_order(skipped);
	advance(collect);
	return 0;
}

/* As an attempt that has printed it and ended, and of which nobody wants to hear. */
int collect_say(struct collect *collect, enum collect_stream stream, const char *text, size_t size)
{
	struct gathered *gathered = gathered_new(collect, 0);
	struct flow *flow;
	int errnum;

	if (!gathered)
		return -1;
	flow = &gathered->flows[stream];
	if (spill_add(&flow->held, &collect->place, text, size) < size) {
		errnum = errno;
		gathered_free(gathered);
		errno = errnum;
		return -1;
	}
	flow->ready = size;
	gathered->open = gathered->finished = true;
	flow_offer(flow);
	gathered_settle(gathered);
	return 0;
}

void *collect_out(struct collect *collect, bool *ret_lost)
{
	struct gathered *first = STAILQ_FIRST(&collect->done);
	void *token;

	if (!first)
		return NULL;
	STAILQ_REMOVE_HEAD(&collect->done, done);
	token = first->token;
	*ret_lost = first->lost;
	gathered_free(first);
	return token;
}

size_t collect_waiting(const struct collect *collect)
{
	return collect->waiting;
}

uint64_t collect_turn(const struct collect *collect)
{
	return collect->keep_order ? collect->turn : 0;
}

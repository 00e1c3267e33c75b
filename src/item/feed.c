/* SPDX-License-Identifier: Apache-2.0 */
#include "item/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/own.h"

#define MIB (UINT64_C(1) << 20)
#define STEP_BYTES MIB /* lest a fast reader keep the loop from others */
#define COPY_BYTES 16384

int feed_open(struct feed *feed, int file, uint64_t offset, uint64_t length, int *ret_stdin,
	      struct memcage_error *err)
{
	auto_fd int job_end = -1, our_end = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_setup(err, "cannot make a pipe for the job's stdin");
	job_end = ends[0];
	our_end = ends[1];
	if (fcntl(our_end, F_SETFL, O_NONBLOCK) < 0) /* the job's end has flags of its own */
		return error_setup(err, "cannot make a pipe for the job's stdin");
	*ret_stdin = take_fd(&job_end);
	*feed = (struct feed) {
		.pipe = take_fd(&our_end), .file = file, .offset = offset, .left = length
	};
	return 0;
}

/* For files that no page cache stands behind: what the pipe does not take is read again. */
static ssize_t copy(const struct feed *feed, size_t most)
{
	char bytes[COPY_BYTES];
	ssize_t n = pread(feed->file, bytes, most < sizeof(bytes) ? most : sizeof(bytes),
			  (off_t) feed->offset);

	return n > 0 ? write(feed->pipe, bytes, (size_t) n) : n;
}

static ssize_t move(const struct feed *feed, size_t most)
{
	off_t from = (off_t) feed->offset;
	ssize_t n = splice(feed->file, &from, feed->pipe, NULL, most,
			   SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	return n < 0 && errno == EINVAL ? copy(feed, most) : n;
}

/* What follows from a transfer of n bytes. */
static enum feed_state judge(const struct feed *feed, ssize_t n, struct memcage_error *err)
{
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return FEED_MORE;
	if (n < 0 && errno == EPIPE)
		return FEED_DONE;
	if (n < 0)
		error_setup(err, "cannot read the range at byte %" PRIu64, feed->offset);
	else
		error_set(err, MEMCAGE_ERROR_SETUP, 0,
			  "the file ends at byte %" PRIu64 ", %" PRIu64
			  " bytes before the range does: it was cut while it was being split",
			  feed->offset, feed->left);
	return FEED_SHORT;
}

enum feed_state feed_step(struct feed *feed, struct memcage_error *err)
{
	enum feed_state state = FEED_MORE;
	uint64_t budget = STEP_BYTES;
	ssize_t n = 1;

	while (state == FEED_MORE && n > 0 && budget > 0 && feed->left > 0) {
		n = move(feed, feed->left < budget ? feed->left : budget);
		state = judge(feed, n, err);
		if (n <= 0)
			break;
		feed->offset += (uint64_t) n;
		feed->left -= (uint64_t) n;
		budget -= (uint64_t) n;
	}
	if (feed->left == 0)
		state = FEED_DONE;
	return state;
}

void feed_release(struct feed *feed)
{
	own_close(&feed->pipe);
	*feed = FEED_NONE;
}

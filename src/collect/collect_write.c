/* SPDX-License-Identifier: Apache-2.0 */
/* From the lanes' queues to our own streams, as far as these take it. */
#include <errno.h>
#include <poll.h>

#include "collect/collect_inside.h"

/* What is next of its batch; 0: no more. */
static ssize_t flow_peek(struct flow *flow, const char **ret)
{
	if (flow->batch > 0)
		return spill_peek(&flow->held, flow->of->collect->buffer,
				  flow->batch < COLLECT_BUFFER ? (size_t) flow->batch
							       : COLLECT_BUFFER,
				  ret);
	*ret = "\n";
	return flow->ready == 0 && flow->add_newline ? 1 : 0;
}

static void flow_took(struct flow *flow, size_t size)
{
	if (flow->batch == 0) {
		flow->add_newline = false;
		return;
	}
	spill_take(&flow->held, &flow->of->collect->place, size);
	flow->batch -= size;
	flow->ready -= size;
}

/* Its batch is out; what has become ready since goes behind the others. */
static void lane_next(struct lane *lane)
{
	struct flow *flow = TAILQ_FIRST(&lane->queue);

	TAILQ_REMOVE(&lane->queue, flow, queue);
	flow->queued = false;
	flow_offer(flow);
	gathered_settle(flow->of);
}

static void lane_lose(struct lane *lane, int errnum)
{
	lane->errnum = errnum;
	while (!TAILQ_EMPTY(&lane->queue))
		lane_next(lane);
}

void collect_give_up(struct collect *collect)
{
	for (size_t i = 0; i < COLLECT_STREAMS; i++) {
		collect->lanes[i].told = true;
		lane_lose(&collect->lanes[i], ECANCELED);
	}
}

/* As far as it goes now. */
static void lane_write(struct lane *lane)
{
	struct flow *flow;

	for (size_t left = COLLECT_AT_ONCE; left > 0 && (flow = TAILQ_FIRST(&lane->queue));) {
		const char *data = NULL;
		ssize_t n = flow_peek(flow, &data);

		if (n == 0) {
			lane_next(lane);
			continue;
		}
		if (n > 0)
			n = sink_write(&lane->sink, data, (size_t) n < left ? (size_t) n : left);
		if (n < 0)
			lane_lose(lane, errno);
		if (n <= 0)
			return;
		lane->last = data[n - 1];
		flow_took(flow, (size_t) n);
		left -= (size_t) n;
	}
}

void collect_poll(const struct collect *collect, struct pollfd ret[COLLECT_STREAMS])
{
	for (size_t i = 0; i < COLLECT_STREAMS; i++) {
		const struct lane *lane = &collect->lanes[i];

		ret[i] = (struct pollfd) {
			.fd = TAILQ_EMPTY(&lane->queue) ? -1 : lane->sink.fd,
			.events = POLLOUT,
		};
	}
}

int collect_write(struct collect *collect, enum collect_stream *ret_stream)
{
	for (size_t i = 0; i < COLLECT_STREAMS; i++)
		lane_write(&collect->lanes[i]);
	for (int i = 0; i < COLLECT_STREAMS; i++) {
		struct lane *lane = &collect->lanes[i];

		if (lane->errnum == 0 || lane->told)
			continue;
		lane->told = true;
		*ret_stream = i;
		errno = lane->errnum;
		return -1;
	}
	return 0;
}

bool collect_at_line_start(const struct collect *collect, enum collect_stream stream)
{
	return collect->lanes[lane_of(collect, stream)].last == '\n';
}

int collect_flush(struct collect *collect)
{
	int errnum = 0;

	for (;;) {
		struct pollfd wanted[COLLECT_STREAMS];
		enum collect_stream stream;

		if (collect_write(collect, &stream) < 0 && errnum == 0)
			errnum = errno;
		collect_poll(collect, wanted);
		if (wanted[COLLECT_STDOUT].fd < 0 && wanted[COLLECT_STDERR].fd < 0)
			break;
		poll(wanted, COLLECT_STREAMS, -1);
	}
	errno = errnum;
	return errnum == 0 ? 0 : -1;
}

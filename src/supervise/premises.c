/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/premises.h"

#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/own.h"
#include "cage/launch.h"
#include "observe/kmsg.h"

/*
 * To go to the log's end costs as much as to open it.  What has come within a second is soon read,
 * and no pid comes round in it.
 */
#define LOG_FRESH USEC_PER_SEC

void premises_open(struct premises *premises, const struct host *host)
{
	*premises = PREMISES_NONE;
	premises->host = host_borrow(host);
	oom_watch_open_ancestors(&premises->above, &premises->host);
	premises->own_pids = host_is_root_pid_namespace();
	premises->favoured = launch_is_favoured();
}

struct premises_log premises_take_log(struct premises *premises, uint64_t now)
{
	struct premises_log log;

	if (premises->log_count == 0)
		return (struct premises_log) { kmsg_open(), now };
	log = premises->logs[--premises->log_count];
	if (now < log.since_usec + LOG_FRESH)
		return log;
	kmsg_skip(log.fd);
	log.since_usec = now;
	return log;
}

void premises_give_log(struct premises *premises, struct premises_log log)
{
	if (log.fd >= 0 && premises->log_count < PREMISES_LOGS_MOST)
		premises->logs[premises->log_count++] = log;
	else
		own_close(&log.fd);
}

#define CHUNK_BLOCKS 16

struct premises_block {
	struct premises_block *next;
	size_t size; /* of a chunk, whose first block this is */
};

static size_t whole_lines(size_t size)
{
	return (size + 63) / 64 * 64;
}

/*
 * Its first block says where the next chunk is, and is no job's.  What is not used yet costs
 * nothing but addresses.
 */
static int add_chunk(struct premises *premises, size_t size, size_t count)
{
	size_t length = size * (count + 1);
	char *chunk = mmap(NULL, length, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct premises_block *head = (struct premises_block *) chunk;

	if (chunk == MAP_FAILED)
		return -1;
	*head = (struct premises_block) { premises->chunks, length };
	premises->chunks = head;
	premises->fresh = chunk + size;
	premises->fresh_bytes = length - size;
	return 0;
}

static void *take_fresh(struct premises *premises, size_t size)
{
	void *block = premises->fresh;

	premises->fresh += size;
	premises->fresh_bytes -= size;
	return block;
}

void *premises_take_block(struct premises *premises, size_t size)
{
	struct premises_block *block = premises->blocks;

	size = whole_lines(size);
	if (!block && premises->fresh_bytes == 0 && add_chunk(premises, size, CHUNK_BLOCKS) < 0)
		return NULL;
	if (!block)
		return take_fresh(premises, size);
	premises->blocks = block->next;
	return block;
}

void premises_give_block(struct premises *premises, void *block)
{
	struct premises_block *free_one = block;

	free_one->next = premises->blocks;
	premises->blocks = free_one;
}

int premises_start_forks(struct premises *premises, size_t size, size_t count,
			 const struct job *model)
{
	if (add_chunk(premises, whole_lines(size), count) < 0)
		return -1;
	premises->shared = (const char *) premises->chunks;
	premises->shared_bytes = premises->chunks->size;
	return fork_server_start(&premises->forks, &premises->host, model);
}

bool premises_is_shared(const struct premises *premises, const void *memory)
{
	const char *at = memory;

	return premises->forks.socket >= 0 && at >= premises->shared &&
	       at < premises->shared + premises->shared_bytes;
}

void premises_close(struct premises *premises)
{
	fork_server_release(&premises->forks);
	while (premises->log_count > 0)
		own_close(&premises->logs[--premises->log_count].fd);
	oom_watch_release(&premises->above);
	for (struct premises_block *chunk; (chunk = premises->chunks);) {
		premises->chunks = chunk->next;
		munmap(chunk, chunk->size);
	}
	premises->blocks = NULL;
	premises->fresh_bytes = 0;
}

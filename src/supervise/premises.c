/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/premises.h"

#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/own.h"
#include "observe/kmsg.h"

/*
 * To go to the log's end costs as much as to open it.  What has come within a second is soon read,
 * and no pid comes round in it.
 */
#define LOG_FRESH USEC_PER_SEC

void premises_open(struct premises *premises, const struct host *host)
{
	*premises = (struct premises) { .host = host_borrow(host), .above = OOM_WATCH_NONE };
	oom_watch_open_ancestors(&premises->above, &premises->host);
	premises->own_pids = host_is_root_pid_namespace();
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

/* Its first block says where the next chunk is, and is no job's. */
static int add_chunk(struct premises *premises, size_t size)
{
	size_t length = size * (CHUNK_BLOCKS + 1);
	char *chunk = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct premises_block *head = (struct premises_block *) chunk;

	if (chunk == MAP_FAILED)
		return -1;
	*head = (struct premises_block) { premises->chunks, length };
	premises->chunks = head;
	for (size_t i = 1; i <= CHUNK_BLOCKS; i++)
		premises_give_block(premises, chunk + i * size);
	return 0;
}

void *premises_take_block(struct premises *premises, size_t size)
{
	struct premises_block *block;

	if (!premises->blocks && add_chunk(premises, whole_lines(size)) < 0)
		return NULL;
	block = premises->blocks;
	premises->blocks = block->next;
	return memset(block, 0, size);
}

void premises_give_block(struct premises *premises, void *block)
{
	struct premises_block *free_one = block;

	free_one->next = premises->blocks;
	premises->blocks = free_one;
}

void premises_close(struct premises *premises)
{
	while (premises->log_count > 0)
		own_close(&premises->logs[--premises->log_count].fd);
	oom_watch_release(&premises->above);
	for (struct premises_block *chunk; (chunk = premises->chunks);) {
		premises->chunks = chunk->next;
		munmap(chunk, chunk->size);
	}
	premises->blocks = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

#define FREED_AT_ONCE (1 << 20) /* a call for each MiB costs nothing beside writing it */

static uint64_t in_file(const struct spill *spill)
{
	return spill->file_to - spill->file_from;
}

uint64_t spill_length(const struct spill *spill)
{
	return spill->to - spill->from + in_file(spill);
}

/* ---- memory ---- */

static void forget_memory(struct spill *spill, struct spill_place *place)
{
	if (spill->size > SPILL_FIRST)
		place->left += spill->size - SPILL_FIRST;
	free(spill->memory);
	spill->memory = NULL;
	spill->size = spill->from = spill->to = 0;
}

static size_t more_memory(const struct spill *spill, const struct spill_place *place, size_t wanted)
{
	size_t size = spill->size > 0 ? spill->size : SPILL_FIRST;

	while (size < wanted && size < place->most)
		size *= 2;
	return size < place->most ? size : place->most;
}

/* No more memory is no error here: there is a file. */
static void grow(struct spill *spill, struct spill_place *place, size_t wanted)
{
	size_t size = more_memory(spill, place, wanted);
	size_t costs = size - (spill->size > 0 ? spill->size : SPILL_FIRST);
	char *memory;

	if (costs > place->left) {
		size -= costs;
		costs = 0;
	}
	if (size == spill->size)
		return;
	memory = realloc(spill->memory, size);
	if (!memory)
		return;
	place->left -= costs;
	spill->memory = memory;
	spill->size = size;
}

static size_t add_to_memory(struct spill *spill, struct spill_place *place, const char *data,
			    size_t size)
{
	size_t length = spill->to - spill->from;

	/* Rarely, so that a byte is not moved again and again. */
	if (spill->from > spill->size / 2) {
		memmove(spill->memory, spill->memory + spill->from, length);
		spill->from = 0;
		spill->to = length;
	}
	if (size > spill->size - spill->to)
		grow(spill, place, spill->to + size);
	if (size > spill->size - spill->to)
		size = spill->size - spill->to;
	if (size > 0)
		memcpy(spill->memory + spill->to, data, size);
	spill->to += size;
	return size;
}

/* ---- the file ---- */

/* Where the file system has none without a name (overlayfs of old), one that loses it at once. */
static int open_named(const char *directory)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/memcage-XXXXXX", directory) >= (int) sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int open_unnamed(const char *directory)
{
	int fd = open(directory, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);

	/*
	 * EISDIR: a kernel or file system that takes it for an attempt to write to the directory.
	 */
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		return open_named(directory);
	return fd;
}

static size_t add_to_file(struct spill *spill, const char *data, size_t size)
{
	size_t added = 0;

	while (added < size) {
		ssize_t n = pwrite(spill->file, data + added, size - added,
				   (off_t) (spill->file_to + added));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		added += (size_t) n;
	}
	spill->file_to += added;
	return added;
}

static void forget_file(struct spill *spill)
{
	own_close(&spill->file);
	spill->file_from = spill->file_to = spill->file_freed = 0;
}

/*
 * Where the reader is slower than the job, the file would else grow by all that passes.  A file
 * system that cannot do it keeps it until the end.  Hence nothing is spliced from here into pipes:
 * of a page that is a part of a larger one, the kernel clears the bytes that the pipe still has.
 */
static void give_back(struct spill *spill)
{
	uint64_t length = spill->file_from - spill->file_freed;

	length -= length % FREED_AT_ONCE;
	if (length == 0)
		return;
	(void) fallocate(spill->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t) spill->file_freed, (off_t) length);
	spill->file_freed += length;
}

/* ---- both ---- */

size_t spill_add(struct spill *spill, struct spill_place *place, const void *data, size_t size)
{
	const char *bytes = data;
	size_t added = 0;

	if (in_file(spill) == 0)
		added = add_to_memory(spill, place, bytes, size);
	if (added == size)
		return added;
	if (spill->file < 0)
		spill->file = open_unnamed(place->directory);
	if (spill->file < 0)
		return added;
	return added + add_to_file(spill, bytes + added, size - added);
}

ssize_t spill_peek(const struct spill *spill, void *buffer, size_t size, const char **ret)
{
	size_t length = spill->to - spill->from;
	ssize_t n;

	if (length > 0) {
		*ret = spill->memory + spill->from;
		return (ssize_t) (size < length ? size : length);
	}
	if (in_file(spill) == 0)
		return 0;
	if (size > in_file(spill))
		size = in_file(spill);
	do
		n = pread(spill->file, buffer, size, (off_t) spill->file_from);
	while (n < 0 && errno == EINTR);
	if (n == 0) { /* nobody else has it, so the disk has lost it */
		errno = EIO;
		return -1;
	}
	*ret = buffer;
	return n;
}

void spill_take(struct spill *spill, struct spill_place *place, size_t size)
{
	size_t length = spill->to - spill->from;

	if (length > 0) {
		spill->from += size;
		if (size == length)
			forget_memory(spill, place);
		return;
	}
	spill->file_from += size;
	if (in_file(spill) == 0)
		forget_file(spill);
	else
		give_back(spill);
}

void spill_release(struct spill *spill, struct spill_place *place)
{
	forget_memory(spill, place);
	forget_file(spill);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spill - bytes on their way, first in, first out: in memory, and what does not fit there in an
 * unnamed file.  What is in memory is older than what is in the file, which is closed when it has
 * been taken; what was taken of a long one is given back to the disk before.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPILL_FIRST 512 /* bytes that a spill may have in memory whatever others have */

/* What spills share. */
struct spill_place {
	const char *directory; /* of the files */
	size_t most;	       /* bytes of one in memory: at least SPILL_FIRST */
	size_t left;	       /* of memory, for all together */
};

struct spill {
	char *memory;
	size_t size, from, to; /* of memory; what is there is [from, to) */
	int file;
	uint64_t file_from, file_to, file_freed;
};

#define SPILL_NONE ((struct spill) { .file = -1 })

uint64_t spill_length(const struct spill *spill);
/* How much of it was added: where that is less than size, errno says why. */
size_t spill_add(struct spill *spill, struct spill_place *place, const void *data, size_t size);
/*
 * The oldest bytes, which stay there: at most size, at *ret, which is in memory or in buffer; 0
 * where there are none, -1 with errno.
 */
ssize_t spill_peek(const struct spill *spill, void *buffer, size_t size, const char **ret);
/* Those, or some of them, are done with. */
void spill_take(struct spill *spill, struct spill_place *place, size_t size);
/* Empties it, and gives back all that it holds. */
void spill_release(struct spill *spill, struct spill_place *place);

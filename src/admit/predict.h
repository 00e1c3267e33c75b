/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predict - the first limit of a job with `-m auto`, from what the ledger has of its command.  Pure
 * and deterministic: the same ledger gives the same limits.
 *
 * What an attempt that ended well has needed: its peak and a quarter, but no more than the limit
 * under which it ended well (page cache fills whatever there is).  What an item was killed with is
 * not tried again: it gets twice as much at least.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PREDICT_UNKNOWN UINT64_MAX
#define PREDICT_CLASSES 64 /* class of a size: floor(log2(bytes)), 0 for 0 and 1 */

/* What the ledger knows of a command (without its item). */
struct predict_past {
	uint64_t same_item;   /* need of this very item when it last ended well; PREDICT_UNKNOWN */
	uint64_t same_killed; /* largest limit under which this item was killed since; 0: none */
	uint64_t any;	      /* largest need of all; PREDICT_UNKNOWN */
	/* Largest need of inputs of each class; PREDICT_UNKNOWN. */
	uint64_t by_class[PREDICT_CLASSES];
};

enum predict_basis {
	PREDICT_SAME_ITEM, /* this item has run before */
	PREDICT_SAME_SIZE, /* inputs of this size class have */
	/*
	 * Inputs of another size have: what the next smaller needed, doubled for each class up from
	 * there, but at most what the next larger needed.
	 */
	PREDICT_OTHER_SIZE,
	PREDICT_COMMAND, /* the command has, of sizes that are not known */
	PREDICT_SHARE,	 /* nothing is known: the budget shared out among the jobs at once */
	PREDICT_BASIS__COUNT,
};

struct prediction {
	uint64_t memory_bytes; /* whole MiB, at least PREDICT_LEAST, at most `most` */
	enum predict_basis basis;
};

#define PREDICT_LEAST (16ULL << 20)

/* peak or limit may be UINT64_MAX (unknown, none). */
uint64_t predict_need(uint64_t peak_bytes, uint64_t limit_bytes);
unsigned int predict_class(uint64_t size_bytes);
struct prediction predict(const struct predict_past *past, uint64_t size_bytes,
			  uint64_t budget_bytes, uint64_t jobs_most, uint64_t most_bytes);
extern const char *const predict_basis_names[PREDICT_BASIS__COUNT]; /* for ledger and words */

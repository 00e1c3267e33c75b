/* SPDX-License-Identifier: Apache-2.0 */
/*
 * item - what `memcage map` makes a job of: a word, a line, a range of a file, or a line of a jobs
 * file.  Items are read lazily: a source holds one buffer, however many there are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Longest argument that execve takes, with its NUL: MAX_ARG_STRLEN, include/uapi/linux/binfmts.h */
#define ITEM_BYTES_MOST (32 * 4096)
#define ITEM_SIZE_UNKNOWN UINT64_MAX

/*
 * A variable's name and value, or a limit's key (as in its row) and text, that a line of a jobs
 * file sets for its job.
 */
struct item_override {
	char *key, *text;
};

struct item {
	uint64_t seq;  /* from 1, in the order of the input */
	char *text;    /* NUL-terminated; any bytes but NUL.  A range's is "OFFSET+LENGTH"; of a
			   jobs file's line without one its command's words, joined by spaces */
	bool too_long; /* text is its beginning: no command can be given it */
	bool is_range;
	uint64_t offset, length; /* of a range, bytes */
	uint64_t size_bytes; /* of the input: a range's length, else the size of the regular file
				    that text names; ITEM_SIZE_UNKNOWN */
	char **command;	     /* of a jobs file, NULL-terminated; else NULL */
	struct item_override *limits, *env;
	size_t limit_count, env_count;
};

void item_release(struct item *item);

enum item_origin { ITEM_WORDS, ITEM_LINES, ITEM_JOBS, ITEM_RANGES };
enum item_cut { ITEM_CHUNKS, ITEM_CHUNK_LINES, ITEM_CHUNK_BYTES };

struct item_options {
	enum item_origin origin;
	char *const *words; /* WORDS: NULL-terminated, outlive the source */
	const char *file;   /* LINES, JOBS, RANGES: NULL or "-" is stdin (not for RANGES) */
	bool nul_ends;	    /* LINES: -0 */
	enum item_cut cut;  /* RANGES: into `amount` chunks, or of so many lines or bytes each */
	uint64_t amount;
};

struct item_source;

/*
 * Opens it and checks what can be checked before anything is made: a file that is not there, a
 * directory, for RANGES what cannot be sought or is compressed, for a JOBS file that is regular
 * each of its lines.  -1 with a usage error that names the option, or the file's line, the value
 * and what would be right.
 */
int item_source_open(const struct item_options *options, struct item_source **ret,
		     struct memcage_error *err);
struct item_source *item_source_close(struct item_source *source); /* takes NULL; gives NULL */

enum item_next {
	ITEM_NEXT,  /* *ret is filled and the caller's */
	ITEM_LATER, /* none yet: look again when item_source_fd() is readable */
	ITEM_END,
	ITEM_BROKEN, /* input that cannot be read, or is no item: err says where, each time again */
};

/* Never blocks: what comes from a pipe is taken as it is there. */
enum item_next item_source_next(struct item_source *source, struct item *ret,
				struct memcage_error *err);
/*
 * To poll for input after ITEM_LATER; -1 where looking again is enough: of files and devices that
 * epoll(7) does not take, and of RANGES, of which more is to be scanned.
 */
int item_source_fd(const struct item_source *source);
/*
 * Of RANGES: the file's path and identity (device, inode, size, mtime) as one line of text, a part
 * of the items' keys in the ledger; "" for the others.
 */
const char *item_source_identity(const struct item_source *source);
/* Of RANGES: the open file, the source's; -1 for the others. */
int item_source_file(const struct item_source *source);
/* Of RANGES: -1 with an error where the file is no longer what it was when it was opened. */
int item_source_check(const struct item_source *source, struct memcage_error *err);

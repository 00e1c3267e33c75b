/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_reader - what profile.c takes a profile's JSON apart with: members of the kind that they
 * have to be, or an error that says where they are not.  For that file only.
 */
#pragma once

#include "base/json.h"
#include "filter/profile.h"

/* A profile being read: where we are in it, for messages. */
struct reader {
	struct profile *profile;
	const struct profile_host *host;
	const char *text;
	size_t length;
	struct memcage_error *err;
};

/* A place in the profile as text: "syscalls[3].args[0]" and a key of it. */
struct path {
	char text[64];
};

struct path path_of(const char *parent, const char *key);
struct path path_item(const char *parent, size_t index);

/* "LINE:COLUMN: PATH WORDS"; -1. */
int reader_refuse(const struct reader *reader, const char *path, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* The member, if it is there and of that kind; *ret NULL where it is not there. */
int reader_get(const struct reader *reader, const struct json_t *object, const char *parent,
	       const char *key, enum json_kind kind, const struct json_t **ret);
int reader_text(const struct reader *reader, const struct json_t *object, const char *parent,
		const char *key, const char **ret);
/* From 0 to `most`; untouched where it is not there. */
int reader_number(const struct reader *reader, const struct json_t *object, const char *parent,
		  const char *key, int64_t most, uint64_t *ret);
/* A list of texts. */
int reader_list(const struct reader *reader, const struct json_t *object, const char *parent,
		const char *key, const struct json_t **ret);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_yaml - the text of a policy to nodes: what is said and where, in the order of the file.
 * Knows YAML and no key.  Is compiled twice: for the library, which reads the users' files, and for
 * policy_compile, which reads our own while memcage is built.
 *
 * Of YAML it takes one document of maps, lists of texts, and texts.  Aliases, anchors, tags, a key
 * given twice, more than POLICY_DEPTH_MOST maps in each other, bytes that an editor does not show
 * are refused, before any of it costs more than the text itself.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define POLICY_BYTES_MOST 65536
#define POLICY_NODES_MOST 1024
#define POLICY_DEPTH_MOST 3 /* limits, rlimits, NOFILE */

enum policy_shape {
	POLICY_TEXT,
	POLICY_NOTHING, /* a key without a value, or ~ or null */
	POLICY_LIST,	/* its items follow it, one deeper */
	POLICY_ITEM,
	POLICY_MAP, /* its keys follow it, one deeper */
};

/* From 1, in characters; as editors count. */
struct policy_place {
	unsigned int line, column;
};

struct policy_node {
	enum policy_shape shape;
	unsigned int depth;		/* 1: a key at the top */
	const char *key;		/* NULL of an item */
	const char *text;		/* of a text or an item */
	struct policy_place key_at, at; /* of the key, and of its value */
};

struct policy_nodes {
	struct policy_node *list;
	size_t count;
};

/*
 * file is the name for messages; text[length] must be NUL.  0 and the nodes, which
 * policy_yaml_release() frees; or -1 with a usage error "FILE:LINE:COLUMN: ...".
 */
int policy_yaml_read(const char *file, const char *text, size_t length, struct policy_nodes *ret,
		     struct memcage_error *err);
void policy_yaml_release(struct policy_nodes *nodes);

/* A usage error at a place of a file.  Returns -1. */
int policy_refuse(struct memcage_error *err, const char *file, struct policy_place at,
		  const char *format, ...) PRINTF_LIKE(4, 5);

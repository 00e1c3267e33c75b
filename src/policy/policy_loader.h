/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_loader - a policy while it is loaded.  policy.c goes from source to source, in the order
 * of what they extend; policy_values.c takes in what each of them says.  For these two files only.
 */
#pragma once

#include <sys/types.h>

#include "policy/policy.h"
#include "policy/policy_shipped.h"

/* What is taken in once, by whatever name. */
struct identity {
	const struct policy_shipped *shipped; /* NULL: a file */
	dev_t device;
	ino_t inode;
};

/* One policy on the way from the one that was asked for. */
struct source {
	const struct source *outer;	 /* what extends it; NULL: it was asked for */
	const struct policy_node *place; /* and where it does */
	struct identity identity;
	const char *path; /* of a file */
	const char *file; /* as it is shown */
	const struct policy_nodes *nodes;
};

struct loader {
	struct policy *policy;
	struct policy_faults *faults;
	struct memcage_spec tried;
	struct identity seen[POLICY_SOURCES_MOST];
	struct memcage_error spare; /* for faults beyond those that are kept */
};

/* policy_values.c */

/* One fault more, to be filled. */
struct memcage_error *policy_new_fault(struct loader *loader);
/* These fill one; -1. */
int policy_out_of_memory(struct loader *loader);
int policy_refuse_value(struct loader *loader, const struct source *source,
			const struct policy_node *node, const char *where, const char *problem);
/* The node behind what belongs to this one. */
const struct policy_node *policy_node_end(const struct policy_nodes *nodes,
					  const struct policy_node *node);
/* Takes in what the source says itself; source->nodes has at least one. */
void policy_add_own(struct loader *loader, const struct source *source);
/* Frees what it holds. */
void policy_release_value(struct policy_value *value);

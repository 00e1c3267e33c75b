/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake - a host and a job's cgroup that are made of plain files: in each hierarchy memcage's own
 * cgroup, in it "job", in that "leaf".
 */
#pragma once

#include "cgroup/cgroup.h"
#include "tree/tree.h"

struct fake {
	struct tree tree;
	struct host host;
	struct cgroup cgroup;
};

#define FAKE_BIT(controller) (1U << CONTROLLER_##controller)
#define FAKE_CPUS FAKE_BIT(CPU) | FAKE_BIT(CPUACCT)
#define FAKE_V2_ALL (FAKE_BIT(MEMORY) | FAKE_BIT(CPU) | FAKE_BIT(IO) | FAKE_BIT(PIDS))

/* Without any hierarchy. */
void fake_make(struct fake *fake);
/*
 * Adds one that holds these controllers; memcage's own cgroup in it is this directory of the tree,
 * "." for its top, and one level below the root.  The memory controller's comes first.
 */
void fake_add(struct fake *fake, enum cgroup_version version, const char *own,
	      unsigned int controllers);
/* As the fixtures are: one hierarchy on v2, five on v1. */
void fake_add_all(struct fake *fake, enum cgroup_version version);
void fake_remove(struct fake *fake);

/* A change to a file of the tree; a text of NULL removes it. */
struct fake_edit {
	const char *path, *text;
};

/* Up to one without a path. */
void fake_edit(const struct fake *fake, const struct fake_edit *edits);

/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

void fake_make(struct fake *fake)
{
	*fake = (struct fake) { .tree = tree_make(NULL), .host = HOST_NONE, .cgroup = CGROUP_NONE };
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		fake->host.of[c] = -1;
	snprintf(fake->cgroup.name, sizeof(fake->cgroup.name), "memcage-1-fake");
}

static int open_below(const struct fake *fake, const char *own, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", own, name);
	tree_put(&fake->tree, path, NULL);
	return tree_open(&fake->tree, path);
}

/* The mount is the directory above memcage's own cgroup, which is so one level below the root. */
static void set_paths(struct hierarchy *hierarchy, const char *tree, const char *own)
{
	const char *name = strrchr(tree, '/');
	bool top = strcmp(own, ".") == 0;

	memcpy(hierarchy->mount, tree, top ? (size_t) (name - tree) : strlen(tree));
	snprintf(hierarchy->own, sizeof(hierarchy->own), "/%s", top ? name + 1 : own);
}

void fake_add(struct fake *fake, enum cgroup_version version, const char *own,
	      unsigned int controllers)
{
	struct hierarchy *hierarchy = &fake->host.hierarchies[fake->host.count];
	struct cgroup_part *part = &fake->cgroup.parts[fake->cgroup.count++];

	tree_put(&fake->tree, own, NULL);
	*hierarchy = (struct hierarchy) { version, .controllers = controllers, .whole_path = true };
	set_paths(hierarchy, fake->tree.path, own);
	hierarchy->dir = tree_open(&fake->tree, own);
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		if (controllers & 1U << c)
			fake->host.of[c] = (int) fake->host.count;
	fake->host.count++;
	*part = (struct cgroup_part) { hierarchy, open_below(fake, own, "job"),
				       open_below(fake, own, "job/leaf") };
}

void fake_add_all(struct fake *fake, enum cgroup_version version)
{
	static const char *const names[CONTROLLER__COUNT] = {
		[CONTROLLER_MEMORY] = "memory",	  [CONTROLLER_CPU] = "cpu",
		[CONTROLLER_CPUACCT] = "cpuacct", [CONTROLLER_IO] = "blkio",
		[CONTROLLER_PIDS] = "pids",
	};

	if (version == CGROUP_V2)
		fake_add(fake, CGROUP_V2, ".", FAKE_V2_ALL);
	for (int c = 0; version == CGROUP_V1 && c < CONTROLLER__COUNT; c++)
		if (names[c])
			fake_add(fake, CGROUP_V1, names[c], 1U << c);
}

void fake_remove(struct fake *fake)
{
	for (size_t i = 0; i < fake->cgroup.count; i++) {
		own_close(&fake->cgroup.parts[i].job);
		own_close(&fake->cgroup.parts[i].leaf);
	}
	host_release(&fake->host);
	tree_remove(&fake->tree);
}

void fake_edit(const struct fake *fake, const struct fake_edit *edits)
{
	for (; edits->path; edits++) {
		if (edits->text)
			tree_put(&fake->tree, edits->path, edits->text);
		else if (unlinkat(fake->tree.dir, edits->path, 0) < 0)
			abort();
	}
}

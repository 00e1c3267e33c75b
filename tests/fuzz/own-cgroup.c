/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "1" or "2", then a text as of /proc/self/cgroup, while we are in a/b of the tree that is mounted.
 * Whatever it says, the cgroup found holds us and is not outside of the mount.
 */
#include "fuzz.h"

#include <fcntl.h>

#include "base/file.h"
#include "host/hierarchy.h"
#include "tree/tree.h"

static struct tree tree;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char us[32];

	(void) argc;
	(void) argv;
	snprintf(us, sizeof(us), "1\n%d\n", (int) getpid());
	tree = tree_make(NULL);
	tree_put(&tree, "cgroup.procs", us); /* outside */
	tree_put(&tree, "mount/cgroup.procs", "1\n");
	tree_put(&tree, "mount/a/cgroup.procs", "");
	tree_put(&tree, "mount/a/b/cgroup.procs", us);
	tree_put(&tree, "mount/c d/cgroup.procs", "2\n");
	return 0;
}

static void check_found(const struct hierarchy *hierarchy, bool verified)
{
	char link[64], path[4096];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", hierarchy->dir);
	length = readlink(link, path, sizeof(path) - 1);
	assert(length > 0);
	path[length] = '\0';
	assert(strncmp(path, hierarchy->mount, strlen(hierarchy->mount)) == 0);
	if (verified)
		assert(strcmp(path + strlen(hierarchy->mount), "/a/b") == 0);
}

static void find(enum cgroup_version version, const char *text, bool verify)
{
	struct hierarchy hierarchy = { .version = version, .dir = -1 };

	assert(snprintf(hierarchy.mount, sizeof(hierarchy.mount), "%s/mount", tree.path) <
	       HIERARCHY_MOUNT);
	if (hierarchy_find_own(&hierarchy, CONTROLLER_MEMORY, text, verify) < 0)
		return;
	check_found(&hierarchy, verify);
	own_close(&hierarchy.dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = NULL;
	enum cgroup_version version;

	if (size == 0 || (data[0] != '1' && data[0] != '2'))
		return 0;
	version = data[0] == '1' ? CGROUP_V1 : CGROUP_V2;
	text = fuzz_text(data + 1, size - 1);
	find(version, text, false);
	find(version, text, true);
	tree_put(&tree, "mount/cgroup.controllers", text);
	assert(hierarchy_read_controllers(tree.dir, "mount/cgroup.controllers") <
	       1U << CONTROLLER__COUNT);
	return 0;
}

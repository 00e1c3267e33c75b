/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - directories that look like cgroups.  A fixture is what `tail -n +1 FILE...` prints of real
 * ones: "==> job/memory.events <==" and then the file; what stands before the first is a comment.
 * A step that fails aborts the test program.  What a test does not remove goes with the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TREE_PATH 256

struct tree {
	char path[TREE_PATH]; /* without symlinks */
	int dir;
};

/* A new one in the directory `place`; NULL: anywhere. */
struct tree tree_make(const char *place);
/* Makes or overwrites a file, with the directories that it needs; a text of NULL: a directory. */
void tree_put(const struct tree *tree, const char *path, const char *text);
void tree_put_bytes(const struct tree *tree, const char *path, const void *bytes, size_t size);
/* All of tests/fixtures/trees/NAME.txt. */
void tree_load(const struct tree *tree, const char *name);
/* A directory of it, for openat(2) and its kind. */
int tree_open(const struct tree *tree, const char *path);
/* The text of a file, to be freed; NULL where there is none. */
char *tree_get(const struct tree *tree, const char *path);
bool tree_has(const struct tree *tree, const char *path);
/* Names in a directory of it, but for "." and "..". */
size_t tree_count(const struct tree *tree, const char *path);
/* However deep it is. */
void tree_remove(struct tree *tree);

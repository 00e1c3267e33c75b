/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

static _Noreturn void stop(const char *what)
{
	perror(what);
	abort();
}

/* Thousands of directories take seconds on a disk. */
static const char *default_place(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

/* Those that are there: a test that fails leaves its own. */
static char present[16][TREE_PATH];

static char *find_present(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(present); i++)
		if (strcmp(present[i], path) == 0)
			return present[i];
	return NULL;
}

static void remove_present(void)
{
	for (size_t i = 0; i < ARRAY_LEN(present); i++) {
		struct tree tree = { .dir = -1 };

		memcpy(tree.path, present[i], sizeof(tree.path));
		if (*tree.path)
			tree_remove(&tree);
	}
}

static void note_present(const char *path)
{
	static bool registered;
	char *vacant = find_present("");

	if (!registered)
		atexit(remove_present);
	registered = true;
	if (vacant)
		stpcpy(vacant, path);
}

struct tree tree_make(const char *place)
{
	struct tree tree = { .dir = -1 };
	auto_free char *real = realpath(place ? place : default_place(), NULL);
	int length = snprintf(tree.path, sizeof(tree.path), "%s/memcage-tree-XXXXXX", real);

	if (!real || length >= (int) sizeof(tree.path) || !mkdtemp(tree.path))
		stop("a temporary directory");
	note_present(tree.path);
	tree.dir = open(tree.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree.dir < 0)
		stop(tree.path);
	return tree;
}

static void make_directory(const struct tree *tree, const char *path)
{
	if (mkdirat(tree->dir, path, 0755) < 0 && errno != EEXIST)
		stop(path);
}

static void make_parents(const struct tree *tree, const char *path)
{
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s", path);
	for (char *slash = strchr(parent, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		make_directory(tree, parent);
		*slash = '/';
	}
}

void tree_put_bytes(const struct tree *tree, const char *path, const void *bytes, size_t size)
{
	auto_fd int fd = -1;

	make_parents(tree, path);
	fd = openat(tree->dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t) size)
		stop(path);
}

void tree_put(const struct tree *tree, const char *path, const char *text)
{
	if (text) {
		tree_put_bytes(tree, path, text, strlen(text));
		return;
	}
	make_parents(tree, path);
	make_directory(tree, path);
}

char *tree_get(const struct tree *tree, const char *path)
{
	auto_fd int fd = openat(tree->dir, path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;
	ssize_t length;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	text = calloc(1, (size_t) st.st_size + 1);
	length = text ? read(fd, text, (size_t) st.st_size) : -1;
	if (length != st.st_size)
		stop(path);
	return text;
}

/* From where this file is. */
static char *read_fixture(const char *name)
{
	char path[PATH_MAX];
	struct tree here = { .dir = AT_FDCWD };
	char *text;

	snprintf(path, sizeof(path), "%.*s/../fixtures/trees/%s.txt",
		 (int) (strrchr(__FILE__, '/') - __FILE__), __FILE__, name);
	text = tree_get(&here, path);
	if (!text)
		stop(path);
	return text;
}

void tree_load(const struct tree *tree, const char *name)
{
	static const char head[] = "\n==> ", tail[] = " <==\n";
	auto_free char *text = read_fixture(name);
	char *next = strstr(text, head);

	while (next) {
		char *path = next + strlen(head), *body = strstr(path, tail);

		if (!body)
			stop(name);
		*body = '\0';
		body += strlen(tail);
		next = strstr(body, head);
		tree_put_bytes(tree, path, body, next ? (size_t) (next - body) : strlen(body));
	}
}

int tree_open(const struct tree *tree, const char *path)
{
	int dir = openat(tree->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		stop(path);
	return dir;
}

bool tree_has(const struct tree *tree, const char *path)
{
	return faccessat(tree->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

size_t tree_count(const struct tree *tree, const char *path)
{
	auto_closedir DIR *entries = fdopendir(tree_open(tree, path));
	size_t count = 0;

	while (entries && readdir(entries))
		count++;
	return count - 2;
}

void tree_remove(struct tree *tree)
{
	char *const paths[] = { tree->path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL, NULL);
	char *noted = find_present(tree->path);

	for (FTSENT *entry; fts && (entry = fts_read(fts));) {
		if (entry->fts_info == FTS_D)
			continue;
		if (remove(entry->fts_accpath) < 0)
			stop(entry->fts_accpath);
	}
	if (fts)
		fts_close(fts);
	if (noted)
		*noted = '\0';
	own_close(&tree->dir);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "filter/filter_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "filter/filter_compile.h"
#include "filter/filter_eval.h"

/* What a program depends on beside the profile itself.  Files are head, profile, program. */
struct head {
	char magic[16]; /* raised with the format */
	char memcage[16];
	uint32_t compiler, arch;
	uint64_t capabilities;
	uint32_t kernel[2];
	uint32_t flags; /* of the filter: what is kept, not what it depends on */
	uint32_t instructions;
	uint64_t length; /* of the profile */
};

/* No more files than this: a profile that has the same name replaces another. */
#define NAMES 256

static struct head head_of(size_t length, const struct profile_host *host)
{
	struct head head;

	memset(&head, 0, sizeof(head)); /* compared as bytes */
	memcpy(head.magic, "memcage-filter1", sizeof(head.magic));
	snprintf(head.memcage, sizeof(head.memcage), "%s", MEMCAGE_VERSION);
	head.compiler = filter_compiler_version();
	head.arch = (uint32_t) host->arch;
	head.capabilities = host->capabilities;
	head.kernel[0] = host->kernel[0];
	head.kernel[1] = host->kernel[1];
	head.length = length;
	return head;
}

static uint64_t mix(uint64_t hash, const void *data, size_t length)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	return hash;
}

static void name_of(const struct head *head, const char *text, char name[static 32])
{
	uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), head, sizeof(*head));

	hash = mix(hash, text, head->length);
	snprintf(name, 32, "filter-%02x", (unsigned int) (hash % NAMES));
}

static bool is_ours(int fd, mode_t type)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type &&
	       st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Of root nothing in the environment is believed: sudo passes on the caller's. */
static char *path_of_parent(void)
{
	const char *cache = geteuid() == 0 ? "/var/cache" : getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char *path = NULL;

	if (cache && *cache == '/')
		return strdup(cache);
	if (!home || *home != '/' || asprintf(&path, "%s/.cache", home) < 0)
		return NULL;
	return path;
}

static int open_folder(bool make)
{
	auto_free char *parent = path_of_parent();
	auto_fd int above = -1, folder = -1;

	if (!parent)
		return -1;
	if (make)
		mkdir(parent, 0700);
	above = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (above < 0)
		return -1;
	if (make)
		mkdirat(above, "memcage", 0700);
	folder = openat(above, "memcage", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return is_ours(folder, S_IFDIR) ? take_fd(&folder) : -1;
}

static bool same(struct head *found, const struct head *wanted)
{
	struct head alike = *found;

	alike.flags = wanted->flags;
	alike.instructions = wanted->instructions;
	return memcmp(&alike, wanted, sizeof(alike)) == 0;
}

static bool read_exactly(int fd, void *to, size_t length)
{
	return read(fd, to, length) == (ssize_t) length;
}

static bool read_program(int fd, const struct head *head, struct filter *filter)
{
	size_t bytes = head->instructions * sizeof(struct sock_filter);
	auto_free struct sock_filter *code = NULL;
	struct sock_fprog program;
	char more;

	if (head->instructions == 0 || head->instructions > BPF_MAXINSNS)
		return false;
	code = malloc(bytes);
	program = (struct sock_fprog) { (unsigned short) head->instructions, code };
	if (!code || !read_exactly(fd, code, bytes) || read(fd, &more, 1) != 0 ||
	    !filter_check(&program))
		return false;
	filter->program = program;
	filter->flags = head->flags;
	filter->owned = true;
	code = NULL;
	return true;
}

bool filter_cache_find(struct filter *filter, const char *text, size_t length,
		       const struct profile_host *host)
{
	struct head wanted = head_of(length, host), found;
	auto_fd int folder = open_folder(false), fd = -1;
	auto_free char *profile = NULL;
	char name[32];

	if (folder < 0)
		return false;
	name_of(&wanted, text, name);
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (!is_ours(fd, S_IFREG) || !read_exactly(fd, &found, sizeof(found)) ||
	    !same(&found, &wanted))
		return false;
	profile = malloc(length + 1);
	if (!profile || !read_exactly(fd, profile, length) || memcmp(profile, text, length) != 0)
		return false;
	return read_program(fd, &found, filter);
}

static int write_parts(int fd, const struct head *head, const char *text,
		       const struct sock_fprog *program)
{
	if (file_write_all(fd, head, sizeof(*head)) < 0 ||
	    file_write_all(fd, text, head->length) < 0)
		return -1;
	return file_write_all(fd, program->filter, program->len * sizeof(*program->filter));
}

/* Whole or not at all: others read while we write. */
void filter_cache_keep(const struct filter *filter, const char *text, size_t length,
		       const struct profile_host *host)
{
	struct head head = head_of(length, host);
	auto_fd int folder = open_folder(true), fd = -1;
	char name[32], unfinished[64];

	if (folder < 0)
		return;
	name_of(&head, text, name);
	head.flags = filter->flags;
	head.instructions = filter->program.len;
	snprintf(unfinished, sizeof(unfinished), ".%s.%d", name, (int) gettid());
	unlinkat(folder, unfinished, 0);
	fd = openat(folder, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write_parts(fd, &head, text, &filter->program) < 0 ||
	    renameat(folder, unfinished, folder, name) < 0)
		unlinkat(folder, unfinished, 0);
}

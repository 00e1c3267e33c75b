/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nest LIMIT MIB - makes a cgroup inside its own, limited to LIMIT MiB, in which a child takes MIB.
 * Says how the child ended; exits 0, or 77 if the cgroup could not be made.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ROOT "/sys/fs/cgroup"

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		printf("%s: %s\n", path, strerrorname_np(errno));
		exit(77);
	}
	close(fd);
}

static void make(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST) {
		printf("%s: %s\n", path, strerrorname_np(errno));
		exit(77);
	}
}

int main(int argc, char **argv)
{
	int v2 = access(ROOT "/cgroup.controllers", F_OK) == 0;
	char limit[32];
	int status = 0;

	snprintf(limit, sizeof(limit), "%zu", (size_t) number(argc, argv, 1, 1) * MIB);
	if (v2) {
		make(ROOT "/own");
		put(ROOT "/own/cgroup.procs", "0");
		put(ROOT "/cgroup.subtree_control", "+memory");
	}
	make(v2 ? ROOT "/inner" : ROOT "/memory/inner");
	put(v2 ? ROOT "/inner/memory.max" : ROOT "/memory/inner/memory.limit_in_bytes", limit);
	if (fork() == 0) {
		put(v2 ? ROOT "/inner/cgroup.procs" : ROOT "/memory/inner/cgroup.procs", "0");
		take((size_t) number(argc, argv, 2, 1) * MIB);
		_exit(0);
	}
	wait(&status);
	printf("inner: %s\n", WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "exited");
	return WIFEXITED(status) && WEXITSTATUS(status) == 77 ? 77 : 0;
}

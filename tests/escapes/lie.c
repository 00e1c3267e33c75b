/* SPDX-License-Identifier: Apache-2.0 */
/* lie ATTEMPT [ARG] - would have memcage say what is not so; what it says itself is what it did. */
#define _GNU_SOURCE
#include "escape.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* Of an OOM kill that was not; what a program writes there is marked as such. */
static long write_to_log(char **args)
{
	static const char *const lines[] = {
		"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
		"oom_memcg=/,task_memcg=/,task=escape-lie,pid=1,uid=0",
		"Memory cgroup out of memory: Killed process 1 (escape-lie) total-vm:9kB, "
		"anon-rss:4kB, file-rss:2kB, shmem-rss:1kB, UID:0 pgtables:52kB oom_score_adj:0",
	};

	(void) args;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (put("/dev/kmsg", lines[i]) < 0)
			return -1;
	return 0;
}

/* Without its init nobody could tell how the job ended. */
static long kill_init(char **args)
{
	(void) args;
	for (int signo = 1; signo <= 64; signo++)
		kill(1, signo);
	usleep(50000);
	return getppid() == 1 ? stopped(EPERM) : 0;
}

/* A name that would be two lines, and another's pid, and dies for memory. */
static long rename_itself(char **args)
{
	size_t size = (size_t) 256 << 20;
	char *memory;

	prctl(PR_SET_NAME, "a\n),pid=1 \033[2J\"");
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t at = 0; memory != MAP_FAILED && at < size; at += 1024)
		((volatile char *) memory)[at] = 1;
	(void) args;
	return 0;
}

static const char lie[] = "{\"outcome\": \"ok\", \"cause\": \"exited\", \"status\": 0}\n";

/* FILE, which is the report's, says that all is well. */
static long overwrite(char **args)
{
	return put(args[0], lie);
}

/* FILE leads to another, which memcage would write to. */
static long redirect(char **args)
{
	unlink(args[0]);
	return symlink(args[1], args[0]);
}

/* FILE becomes a folder, which cannot be replaced. */
static long obstruct(char **args)
{
	char path[4096];

	unlink(args[0]);
	snprintf(path, sizeof(path), "%s/inside", args[0]);
	return mkdir(args[0], 0700) < 0 ? -1 : mkdir(path, 0700);
}

static const struct attempt attempts[] = {
	{ "log", write_to_log },    { "init", kill_init },    { "name", rename_itself },
	{ "overwrite", overwrite }, { "redirect", redirect }, { "obstruct", obstruct },
};

int main(int argc, char **argv)
{
	return escape(argc, argv, attempts, ARRAY_LEN(attempts));
}

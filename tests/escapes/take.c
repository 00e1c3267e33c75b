/* SPDX-License-Identifier: Apache-2.0 */
/*
 * take KIND AMOUNT [leave] - takes so much of something at once; "through" where it could have it
 * all.  Cleans up after itself, but not with the word "leave", where the cage has to.
 */
#define _GNU_SOURCE
#include "escape.h"

#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MIB ((size_t) 1 << 20)

static char block[MIB];

static size_t amount(char **args)
{
	return (size_t) strtol(args[0] ? args[0] : "0", NULL, 10);
}

static bool leaves(char **args)
{
	return args[0] && args[1] && strcmp(args[1], "leave") == 0;
}

static void touch(char *memory, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 1024)
		((volatile char *) memory)[at] = 1;
}

static long touch_mapping(int flags, int fd, size_t bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (memory == MAP_FAILED)
		return -1;
	touch(memory, bytes);
	return 0;
}

static long take_memory(char **args)
{
	return touch_mapping(MAP_PRIVATE | MAP_ANONYMOUS, -1, amount(args) * MIB);
}

static long fill(int fd, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (write(fd, block, MIB) != (ssize_t) MIB)
			return -1;
	return fd;
}

static int temporary(void)
{
	char path[] = "/tmp/escape-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	return fd;
}

static long take_tmp(char **args)
{
	return fill(temporary(), amount(args));
}

static long take_tmp_at_once(char **args)
{
	return fallocate(temporary(), 0, 0, (off_t) (amount(args) * MIB));
}

static long take_tmp_by_mapping(char **args)
{
	int fd = temporary();

	if (fd < 0 || ftruncate(fd, (off_t) (amount(args) * MIB)) < 0)
		return -1;
	return touch_mapping(MAP_SHARED, fd, amount(args) * MIB);
}

static long take_inodes(char **args)
{
	char folder[] = "/tmp/escape-XXXXXX", name[32];
	size_t made = 0;
	int saved;

	if (!mkdtemp(folder) || chdir(folder) < 0)
		return -1;
	for (; made < amount(args); made++) {
		snprintf(name, sizeof(name), "%zu", made);
		if (try_open(name, O_WRONLY | O_CREAT) < 0)
			break;
	}
	saved = errno;
	for (size_t i = 0; i < made && !leaves(args); i++) {
		snprintf(name, sizeof(name), "%zu", i);
		unlink(name);
	}
	chdir("/");
	rmdir(folder);
	return made == amount(args) ? 0 : stopped(saved);
}

static long take_depth(char **args)
{
	char folder[] = "/tmp/escape-XXXXXX";
	size_t made = 0;
	int saved;

	if (!mkdtemp(folder) || chdir(folder) < 0)
		return -1;
	while (made < amount(args) && mkdir("d", 0700) == 0 && chdir("d") == 0)
		made++;
	saved = errno;
	for (size_t i = made; i > 0 && !leaves(args); i--) {
		chdir("..");
		rmdir("d");
	}
	chdir("/");
	rmdir(folder);
	return made == amount(args) ? 0 : stopped(saved);
}

static long take_pipes(char **args)
{
	for (size_t i = 0; i < amount(args); i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 ||
		    fcntl(ends[1], F_SETPIPE_SZ, MIB) < 0 || fill(ends[1], 1) < 0)
			return -1;
	}
	return 0;
}

static long take_sockets(char **args)
{
	for (size_t taken = 0; taken < amount(args) * MIB;) {
		ssize_t written;
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
			return -1;
		while ((written = write(ends[0], block, 65536)) > 0)
			taken += (size_t) written;
	}
	return 0;
}

static long take_segment(char **args)
{
	int segment = shmget(0x6d63656d, amount(args) * MIB, IPC_CREAT | 0600);
	char *memory = segment < 0 ? (void *) -1 : shmat(segment, NULL, 0);

	if (memory == (void *) -1)
		return -1;
	if (!leaves(args))
		shmctl(segment, IPC_RMID, NULL);
	touch(memory, amount(args) * MIB);
	return 0;
}

static long take_shared(char **args)
{
	int fd = shm_open("/escape-take", O_RDWR | O_CREAT, 0600);

	if (!leaves(args))
		shm_unlink("/escape-take");
	return fd < 0 ? -1 : fill(fd, amount(args));
}

static long take_memfd(char **args)
{
	return fill(memfd_create("escape", MFD_CLOEXEC), amount(args));
}

#define CHILDREN_MOST 4096

static pid_t children[CHILDREN_MOST];
static size_t child_count;

static pid_t have_child(void)
{
	pid_t pid = child_count < CHILDREN_MOST ? fork() : stopped(ERANGE);

	if (pid > 0)
		children[child_count++] = pid;
	return pid;
}

static void end_children(void)
{
	while (child_count > 0)
		kill(children[--child_count], SIGKILL);
	while (wait(NULL) > 0)
		;
}

/* As many as one process may have; a child says when they are open. */
static bool open_many(size_t count)
{
	char byte;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	if (have_child() == 0) {
		while (count-- > 0)
			if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
				_exit(1);
		write(ends[1], "", 1);
		pause();
	}
	close(ends[1]);
	count = read(ends[0], &byte, 1) == 1;
	close(ends[0]);
	return count == 1;
}

static long take_files(char **args)
{
	struct rlimit limit;
	size_t opened = 0, each;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	each = limit.rlim_max > 16384 ? 16384 - 16 : limit.rlim_max - 16;
	while (opened < amount(args) && open_many(each))
		opened += each;
	end_children();
	return opened >= amount(args) ? 0 : stopped(EMFILE);
}

#define WATCHERS 10

static int watchers[WATCHERS];
static size_t watches, watches_most;

static int watch(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void) status;
	(void) type;
	(void) walk;
	for (size_t i = 0; i < WATCHERS; i++)
		if (inotify_add_watch(watchers[i], path, IN_OPEN | IN_DONT_FOLLOW) >= 0)
			watches++;
	return watches >= watches_most;
}

static long take_watches(char **args)
{
	watches_most = amount(args);
	for (size_t i = 0; i < WATCHERS; i++)
		watchers[i] = inotify_init1(IN_CLOEXEC);
	nftw("/usr/bin", watch, 16, FTW_PHYS | FTW_MOUNT);
	return watches >= watches_most ? 0 : stopped(ENOSPC);
}

/* Children that live, or zombies, until all are there. */
static long take_processes(char **args, bool living)
{
	int saved = 0;

	while (child_count < amount(args)) {
		pid_t pid = have_child();

		if (pid < 0) {
			saved = errno;
			break;
		}
		if (pid == 0 && living)
			pause();
		if (pid == 0)
			_exit(0);
	}
	end_children();
	return saved == 0 ? 0 : stopped(saved);
}

static long take_children(char **args)
{
	return take_processes(args, true);
}

static long take_zombies(char **args)
{
	return take_processes(args, false);
}

/* A dump of so many MiB, where the hard limit lets it. */
static long take_core(char **args)
{
	struct rlimit limit;
	int status = 0;
	pid_t pid;

	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CORE, &limit);
	pid = fork();
	if (pid == 0) {
		take_memory(args);
		abort();
	}
	waitpid(pid, &status, 0);
	return WCOREDUMP(status) ? 0 : stopped(EPERM);
}

static const struct attempt attempts[] = {
	{ "memory", take_memory },
	{ "tmp", take_tmp },
	{ "tmp-fallocate", take_tmp_at_once },
	{ "tmp-mapping", take_tmp_by_mapping },
	{ "inodes", take_inodes },
	{ "depth", take_depth },
	{ "pipes", take_pipes },
	{ "sockets", take_sockets },
	{ "sysv", take_segment },
	{ "shm", take_shared },
	{ "memfd", take_memfd },
	{ "files", take_files },
	{ "watches", take_watches },
	{ "children", take_children },
	{ "zombies", take_zombies },
	{ "core", take_core },
};

int main(int argc, char **argv)
{
	memset(block, 1, sizeof(block));
	return escape(argc, argv, attempts, ARRAY_LEN(attempts));
}

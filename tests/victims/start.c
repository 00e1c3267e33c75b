/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start [OPTION...] -- COMMAND [ARG...] - not a victim: starts a command as a strange caller would.
 *
 *	-g FILE		join the cgroup whose cgroup.procs this is
 *	-c FD		close a descriptor
 *	-f COUNT	leave so many open on /, from 100 on
 *	-n SOFT		lower RLIMIT_NOFILE, after -f
 *	-i SIGNAL	ignore a signal
 *	-b		block all signals
 *	-a ADJ		set oom_score_adj, if that is allowed
 *	-s		lead a session, with stdin as its terminal
 *	-r		see /sys/fs/cgroup read-only
 */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int result = fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;

	if (fd >= 0)
		close(fd);
	return result;
}

static void leak_descriptors(long count)
{
	int root = open("/", O_RDONLY | O_DIRECTORY);

	while (count-- > 0)
		if (fcntl(root, F_DUPFD, 100) < 0)
			return;
}

static void lower_files(long soft)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = (rlim_t) soft;
	setrlimit(RLIMIT_NOFILE, &files);
}

static int lock_cgroups(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return (int) syscall(SYS_mount_setattr, AT_FDCWD, "/sys/fs/cgroup", AT_RECURSIVE, &attr,
			     sizeof(attr));
}

int main(int argc, char **argv)
{
	sigset_t all;
	int option;

	sigfillset(&all);
	while ((option = getopt(argc, argv, "+g:c:f:n:i:ba:sr")) != -1) {
		switch (option) {
		case 'g':
			if (put(optarg, "0") < 0)
				return fprintf(stderr, "start: %s: %m\n", optarg), 99;
			break;
		case 'c':
			close((int) strtol(optarg, NULL, 10));
			break;
		case 'f':
			leak_descriptors(strtol(optarg, NULL, 10));
			break;
		case 'n':
			lower_files(strtol(optarg, NULL, 10));
			break;
		case 'i':
			signal((int) strtol(optarg, NULL, 10), SIG_IGN);
			break;
		case 'b':
			sigprocmask(SIG_SETMASK, &all, NULL);
			break;
		case 'a':
			put("/proc/self/oom_score_adj", optarg);
			break;
		case 's':
			setsid(), ioctl(0, TIOCSCTTY, 0);
			break;
		case 'r':
			if (lock_cgroups() < 0)
				return fprintf(stderr, "start: -r: %m\n"), 99;
			break;
		default:
			return 99;
		}
	}
	execvp(argv[optind], argv + optind);
	fprintf(stderr, "start: %s: %m\n", argv[optind]);
	return 99;
}

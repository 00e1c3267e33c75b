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
 *	-U UID		become this user and group, with no other group
 *	-s		lead a session, with stdin as its terminal
 *	-r		see /sys/fs/cgroup read-only
 *	-m		have parts of /proc masked, as in a container
 *	-u		be root in a user namespace of its own
 *	-N		be who we are in a user namespace that allows no other
 *	-d		keep no other capabilities than Docker gives by default
 *	-k CALL		be without this system call (ENOSYS), as below a container's filter
 *	-p CALL		not be permitted it (EPERM)
 */
#define _GNU_SOURCE
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

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

static const struct {
	const char *name;
	unsigned int number;
} calls[] = {
	{ "clone3", SYS_clone3 },
	{ "close_range", SYS_close_range },
	{ "mount", SYS_mount },
	{ "mount_setattr", SYS_mount_setattr },
	{ "openat2", SYS_openat2 },
	{ "pidfd_open", SYS_pidfd_open },
	{ "pidfd_send_signal", SYS_pidfd_send_signal },
	{ "unshare", SYS_unshare },
};

static int forbid(const char *name, unsigned int errnum)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errnum),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (strcmp(calls[i].name, name) != 0)
			continue;
		filter[1].k = calls[i].number;
		return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
			       ? -1
			       : (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	}
	errno = EINVAL;
	return -1;
}

static int mask_proc(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("/dev/null", "/proc/version", NULL, MS_BIND, NULL);
}

/* The maps are files of who is dumpable, which nobody is who has changed his user. */
static int enter_user_namespace(void)
{
	char map[40];

	snprintf(map, sizeof(map), "%u %u 1", geteuid(), geteuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ||
	    put("/proc/self/setgroups", "deny") < 0)
		return -1;
	return put("/proc/self/uid_map", map) < 0 ? -1 : put("/proc/self/gid_map", map);
}

/* Only who stays outside, as root, may map all users. */
static int enter_with_all_users(void)
{
	char path[40], byte;
	int ends[2], status;
	pid_t child;

	if (pipe(ends) < 0 || (child = fork()) < 0)
		return -1;
	if (child == 0) {
		if (read(ends[0], &byte, 1) != 1)
			_exit(1);
		snprintf(path, sizeof(path), "/proc/%d/uid_map", getppid());
		status = put(path, "0 0 4294967295");
		snprintf(path, sizeof(path), "/proc/%d/gid_map", getppid());
		_exit(status < 0 || put(path, "0 0 4294967295") < 0);
	}
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || write(ends[1], "x", 1) != 1)
		return -1;
	close(ends[0]), close(ends[1]);
	return waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

static int enter_last_user_namespace(void)
{
	int entered = geteuid() == 0 ? enter_with_all_users() : enter_user_namespace();

	return entered < 0 ? -1 : put("/proc/sys/user/max_user_namespaces", "0");
}

static int drop_capabilities(void)
{
	static const int kept[] = {
		CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,	     CAP_FOWNER,
		CAP_MKNOD,   CAP_NET_RAW,      CAP_SETGID,	     CAP_SETUID,
		CAP_SETFCAP, CAP_SETPCAP,      CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
		CAP_KILL,    CAP_AUDIT_WRITE,
	};

	for (int capability = 0; capability <= CAP_LAST_CAP; capability++) {
		bool keep = false;

		for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
			keep = keep || kept[i] == capability;
		if (!keep && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL)
			return -1;
	}
	return 0;
}

static int become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0)
		return -1;
	return setresuid(uid, uid, uid);
}

int main(int argc, char **argv)
{
	sigset_t all;
	int option;

	sigfillset(&all);
	while ((option = getopt(argc, argv, "+g:c:f:n:i:ba:srmudk:p:U:N")) != -1) {
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
		case 'U':
			if (become((uid_t) strtol(optarg, NULL, 10)) < 0)
				return fprintf(stderr, "start: -U %s: %m\n", optarg), 99;
			break;
		case 's':
			setsid(), ioctl(0, TIOCSCTTY, 0);
			break;
		case 'r':
			if (lock_cgroups() < 0)
				return fprintf(stderr, "start: -r: %m\n"), 99;
			break;
		case 'm':
			if (mask_proc() < 0)
				return fprintf(stderr, "start: -m: %m\n"), 99;
			break;
		case 'u':
			if (enter_user_namespace() < 0)
				return fprintf(stderr, "start: -u: %m\n"), 99;
			break;
		case 'N':
			if (enter_last_user_namespace() < 0)
				return fprintf(stderr, "start: -N: %m\n"), 99;
			break;
		case 'd':
			if (drop_capabilities() < 0)
				return fprintf(stderr, "start: -d: %m\n"), 99;
			break;
		case 'k':
		case 'p':
			if (forbid(optarg, option == 'k' ? ENOSYS : EPERM) < 0)
				return fprintf(stderr, "start: -%c %s: %m\n", option, optarg), 99;
			break;
		default:
			return 99;
		}
	}
	execvp(argv[optind], argv + optind);
	fprintf(stderr, "start: %s: %m\n", argv[optind]);
	return 99;
}

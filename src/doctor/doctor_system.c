/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is tried for the doctor without a cgroup.  What would change us (a namespace, a filter, a
 * mount) is done by a child that then exits; its status is the errno.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "doctor/doctor_facts.h"
#include "filter/filter.h"
#include "job/job.h"
#include "observe/kmsg.h"

#define STACK_BYTES 65536
#define INITIAL_CGROUP_NAMESPACE 0xEFFFFFFBU /* include/linux/proc_ns.h */

static const int namespace_flags[NAMESPACE__COUNT] = {
	[NAMESPACE_MOUNT] = CLONE_NEWNS,      [NAMESPACE_PID] = CLONE_NEWPID,
	[NAMESPACE_IPC] = CLONE_NEWIPC,	      [NAMESPACE_UTS] = CLONE_NEWUTS,
	[NAMESPACE_CGROUP] = CLONE_NEWCGROUP, [NAMESPACE_NET] = CLONE_NEWNET,
};

/* What a child does: 0, or -1 with errno. */
typedef int trick_fn(const void *data);

struct trick {
	trick_fn *run;
	const void *data;
};

static int run_trick(void *data)
{
	const struct trick *trick = data;

	return trick->run(trick->data) == 0 ? 0 : errno;
}

static int read_status(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED - WTERMSIG(status);
}

/* Does it in a child with those namespaces: 0, its errno, that of clone, or KILLED. */
static int try_in_child(int flags, trick_fn *run, const void *data)
{
	static char stack[STACK_BYTES] __attribute__((aligned(16)));
	struct trick trick = { run, data };
	pid_t pid = clone(run_trick, stack + sizeof(stack), flags | SIGCHLD, &trick);

	return pid < 0 ? errno : read_status(pid);
}

static int do_nothing(const void *data)
{
	(void) data;
	return 0;
}

/* ---- namespaces ---- */

static void try_namespaces(struct doctor_namespaces *ret)
{
	for (int i = 0; i < NAMESPACE__COUNT; i++) {
		ret->errnum[i] = try_in_child(namespace_flags[i], do_nothing, NULL);
		ret->in_user_errnum[i] = ret->errnum[i] == 0
						 ? NOT_TRIED
						 : try_in_child(CLONE_NEWUSER | namespace_flags[i],
								do_nothing, NULL);
	}
}

struct ids {
	uid_t uid;
	gid_t gid;
};

/* As its own root, which takes no privilege outside. */
static int map_ids(const void *data)
{
	const struct ids *ids = data;
	char text[64];

	if (file_write_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 && errno != ENOENT)
		return -1;
	snprintf(text, sizeof(text), "0 %u 1", ids->uid);
	if (file_write_at(AT_FDCWD, "/proc/self/uid_map", text) < 0)
		return -1;
	snprintf(text, sizeof(text), "0 %u 1", ids->gid);
	return file_write_at(AT_FDCWD, "/proc/self/gid_map", text);
}

/* AppArmor lets the namespace be made, and gives no capability in it. */
static int unshare_inside(const void *data)
{
	(void) data;
	return unshare(CLONE_NEWNS);
}

static uint64_t read_knob(const char *path)
{
	uint64_t number;

	return file_number_at(AT_FDCWD, path, &number) < 0 ? UINT64_MAX : number;
}

static void try_user_namespace(struct doctor_user_namespace *ret)
{
	struct ids ids = { geteuid(), getegid() };

	ret->errnum = try_in_child(CLONE_NEWUSER, map_ids, &ids);
	ret->inside_errnum =
		ret->errnum == 0 ? try_in_child(CLONE_NEWUSER, unshare_inside, NULL) : NOT_TRIED;
	ret->most = read_knob("/proc/sys/user/max_user_namespaces");
	ret->allowed = read_knob("/proc/sys/kernel/unprivileged_userns_clone");
	ret->apparmor = read_knob("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
}

/* ---- the private /tmp, and /proc ---- */

static const char *find_place(void)
{
	for (int i = 0; i < PRIVATE__COUNT; i++)
		if (access(private_places[i], F_OK) == 0)
			return private_places[i];
	return "/tmp";
}

static int mount_tmpfs(const void *data)
{
	const struct ids *ids = data;

	if (ids && map_ids(ids) < 0)
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("memcage", find_place(), "tmpfs", MS_NOSUID | MS_NODEV, "size=64k");
}

static int mount_proc(const void *data)
{
	const struct ids *ids = data;

	if (ids && map_ids(ids) < 0)
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static void try_mounts(struct doctor_tmp *ret)
{
	struct ids ids = { geteuid(), getegid() };
	int proc = CLONE_NEWNS | CLONE_NEWPID;

	ret->errnum = try_in_child(CLONE_NEWNS, mount_tmpfs, NULL);
	ret->in_user_errnum = try_in_child(CLONE_NEWUSER | CLONE_NEWNS, mount_tmpfs, &ids);
	ret->proc_errnum = try_in_child(proc, mount_proc, NULL);
	ret->proc_in_user_errnum = try_in_child(CLONE_NEWUSER | proc, mount_proc, &ids);
}

/* ---- seccomp ---- */

static int load_filter(const void *data)
{
	(void) data;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return filter_load(&filter_default, 0);
}

static int open_listener(const void *data)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };

	(void) data;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		       &program) < 0
		       ? -1
		       : 0;
}

static void try_seccomp(struct doctor_seccomp *ret)
{
	ret->errnum = try_in_child(0, load_filter, NULL);
	ret->listener_errnum = try_in_child(0, open_listener, NULL);
	ret->mode = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
	ret->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

/* ---- single files ---- */

static void try_kmsg(struct doctor_kmsg *ret)
{
	auto_fd int fd = kmsg_open();

	ret->errnum = fd < 0 ? errno : 0;
	ret->restricted = read_knob("/proc/sys/kernel/dmesg_restrict");
	ret->root_pid_namespace = host_is_root_pid_namespace();
}

static int read_pressure(void)
{
	char text[512];

	return file_read_at(AT_FDCWD, "/proc/pressure/memory", text, sizeof(text)) < 0 ? errno : 0;
}

/* ---- systemd ---- */

static int try_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	return connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0 ? errno : 0;
}

static int try_sockets(const char *const *paths)
{
	int errnum = ENOENT;

	for (; *paths && errnum != 0; paths++) {
		int result = try_socket(*paths);

		if (result != ENOENT)
			errnum = result;
	}
	return errnum;
}

static void try_systemd(struct doctor_systemd *ret)
{
	static const char *const system_sockets[] = { "/run/systemd/private",
						      "/run/dbus/system_bus_socket", NULL };
	const char *directory = getenv("XDG_RUNTIME_DIR");
	char usual[64], manager[128];
	const char *user_sockets[] = { manager, ret->user_socket, NULL };

	snprintf(usual, sizeof(usual), "/run/user/%u", geteuid());
	if (!directory || *directory != '/' || strlen(directory) > 80)
		directory = usual;
	snprintf(manager, sizeof(manager), "%s/systemd/private", directory);
	snprintf(ret->user_socket, sizeof(ret->user_socket), "%s/bus", directory);
	ret->booted = access("/run/systemd/system", F_OK) == 0;
	ret->system_errnum = try_sockets(system_sockets);
	ret->user_errnum = try_sockets(user_sockets);
}

/* ---- the kernel ---- */

static int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

/* Given nonsense, a call that is there says so; one that is not, or is forbidden, gives ENOSYS. */
static int is_there(long result)
{
	return result < 0 && errno == ENOSYS ? ENOSYS : 0;
}

static void try_kernel(struct doctor_kernel *ret)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
	struct mount_attr attr = { 0 };
	struct utsname name;
	int *errnum = ret->errnum;
	int fd;

	if (uname(&name) == 0)
		snprintf(ret->release, sizeof(ret->release), "%s", name.release);
	for (int i = 0; i < FEATURE__COUNT; i++)
		errnum[i] = NOT_TRIED;
	errnum[FEATURE_CLONE3] = is_there(syscall(SYS_clone3, NULL, (size_t) 0));
	fd = (int) syscall(SYS_pidfd_open, getpid(), 0U);
	errnum[FEATURE_PIDFD] = errno_of(fd);
	own_close(&fd);
	errnum[FEATURE_CLOSE_RANGE] =
		errno_of(syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_CLOEXEC));
	fd = (int) syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));
	errnum[FEATURE_OPENAT2] = errno_of(fd);
	own_close(&fd);
	errnum[FEATURE_OPEN_TREE] = is_there(syscall(SYS_open_tree, -1, "", 0U));
	errnum[FEATURE_MOUNT_SETATTR] =
		is_there(syscall(SYS_mount_setattr, -1, "", 0U, &attr, sizeof(attr)));
	errnum[FEATURE_PSI] = read_pressure();
}

/* ---- where we are ---- */

static bool has_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capget, &header, data) == 0 &&
	       (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)) != 0;
}

/* The files may come from an image that a whole machine was made of. */
static bool is_in_container(void)
{
	struct stat st;

	if (!host_is_root_pid_namespace())
		return true;
	return stat("/proc/self/ns/cgroup", &st) == 0 && st.st_ino != INITIAL_CGROUP_NAMESPACE;
}

static enum doctor_runtime find_runtime(void)
{
	const char *container = getenv("container");

	if (!is_in_container())
		return RUNTIME_NONE;
	if (getenv("KUBERNETES_SERVICE_HOST") ||
	    access("/var/run/secrets/kubernetes.io", F_OK) == 0)
		return RUNTIME_KUBERNETES;
	if (access("/run/.containerenv", F_OK) == 0 ||
	    (container && strcmp(container, "podman") == 0))
		return RUNTIME_PODMAN;
	if (access("/.dockerenv", F_OK) == 0)
		return RUNTIME_DOCKER;
	return RUNTIME_OTHER;
}

void doctor_try_system(struct doctor_facts *facts)
{
	facts->here = (struct doctor_here) {
		.uid = geteuid(),
		.admin = has_admin(),
		.proc = access("/proc/self/status", F_OK) == 0,
		.runtime = find_runtime(),
	};
	try_namespaces(&facts->namespaces);
	try_user_namespace(&facts->user);
	try_mounts(&facts->tmp);
	try_seccomp(&facts->seccomp);
	try_kmsg(&facts->kmsg);
	facts->pressure.errnum = read_pressure();
	try_systemd(&facts->systemd);
	try_kernel(&facts->kernel);
}

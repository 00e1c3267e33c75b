/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

#define GIBI (UINT64_C(1) << 30)

/* A v2 host on which all works, for root. */
static void set_well(struct doctor_facts *facts)
{
	facts->here = (struct doctor_here) { .admin = true, .proc = true };
	facts->trial = (struct doctor_trial) { .works = true, .backend = "v2" };
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		if (c != CONTROLLER_CPUACCT)
			facts->controllers[c] =
				(struct doctor_controller) { .mounted = true,
							     .works = true,
							     .mount = "/sys/fs/cgroup",
							     .why = "where it does not" };
	facts->delegation = (struct doctor_delegation) { .found = true,
							 .memory = true,
							 .path = "/sys/fs/cgroup/own" };
	for (int i = 0; i < NAMESPACE__COUNT; i++)
		facts->namespaces.in_user_errnum[i] = NOT_TRIED;
	facts->user.most = 1000;
	facts->user.allowed = facts->user.apparmor = UINT64_MAX;
	facts->kmsg.root_pid_namespace = true;
	facts->swap = (struct doctor_swap) { .known = true, .limited = true };
	facts->limits = (struct doctor_limits) { .known = true, .memory_bytes = LIMIT_NONE };
	facts->leftovers.known = true;
	snprintf(facts->kernel.release, sizeof(facts->kernel.release), "6.12.1");
}

/* ---- what is different in a row ---- */

static void no_difference(struct doctor_facts *facts)
{
	(void) facts;
}

static void on_v1(struct doctor_facts *facts)
{
	snprintf(facts->trial.backend, sizeof(facts->trial.backend), "v1");
	facts->delegation.version = CGROUP_V1;
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		facts->controllers[c].version = CGROUP_V1;
}

static void fails(struct doctor_facts *facts)
{
	facts->trial = (struct doctor_trial) { .why = "the trial's words" };
	facts->controllers[CONTROLLER_MEMORY].works = false;
}

static void plain(struct doctor_facts *facts)
{
	facts->here.uid = 1000;
	facts->here.admin = false;
	fails(facts);
}

static void pointed(struct doctor_facts *facts)
{
	fails(facts);
	snprintf(facts->trial.line, sizeof(facts->trial.line), "user-namespace");
}

static void pointed_nowhere(struct doctor_facts *facts)
{
	fails(facts);
	snprintf(facts->trial.line, sizeof(facts->trial.line), "backend");
}

static void observes(struct doctor_facts *facts)
{
	fails(facts);
	snprintf(facts->bare.backend, sizeof(facts->bare.backend), "observe");
	facts->bare.works = true;
	facts->delegation.mkdir_errnum = EROFS;
}

static void read_only(struct doctor_facts *facts)
{
	fails(facts);
	facts->delegation.mkdir_errnum = EROFS;
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		facts->controllers[c].works = false;
}

static void read_only_docker(struct doctor_facts *facts)
{
	read_only(facts);
	facts->here.runtime = RUNTIME_DOCKER;
}

static void read_only_podman(struct doctor_facts *facts)
{
	read_only(facts);
	facts->here.runtime = RUNTIME_PODMAN;
}

static void read_only_kubernetes(struct doctor_facts *facts)
{
	read_only(facts);
	facts->here.runtime = RUNTIME_KUBERNETES;
}

static void undelegated(struct doctor_facts *facts)
{
	plain(facts);
	facts->delegation.mkdir_errnum = EACCES;
	facts->controllers[CONTROLLER_MEMORY].works = false;
}

static void undelegated_systemd(struct doctor_facts *facts)
{
	undelegated(facts);
	facts->systemd.booted = true;
}

static void undelegated_v1(struct doctor_facts *facts)
{
	undelegated(facts);
	on_v1(facts);
}

static void shared(struct doctor_facts *facts)
{
	fails(facts);
	facts->delegation.others = 2;
	snprintf(facts->delegation.other, sizeof(facts->delegation.other), "bash, pid 7");
}

static void without_memory(struct doctor_facts *facts)
{
	fails(facts);
	facts->delegation.memory = false;
	facts->systemd.booted = true;
}

static void shared_systemd(struct doctor_facts *facts)
{
	shared(facts);
	facts->systemd.booted = true;
}

static void shared_with_scope(struct doctor_facts *facts)
{
	shared_systemd(facts);
	facts->trial = (struct doctor_trial) { .works = true, .backend = "v2" };
}

static void shared_enabled(struct doctor_facts *facts)
{
	shared(facts);
	facts->delegation.enabled = true;
}

static void shared_root(struct doctor_facts *facts)
{
	shared(facts);
	facts->delegation.tree_root = true;
}

static void shared_container(struct doctor_facts *facts)
{
	shared(facts);
	facts->delegation.namespace_root = true;
	facts->here.runtime = RUNTIME_OTHER;
}

static void nowhere(struct doctor_facts *facts)
{
	fails(facts);
	facts->delegation = (struct doctor_delegation) { .why = "no hierarchy" };
	memset(facts->controllers, 0, sizeof(facts->controllers));
	facts->limits.known = facts->leftovers.known = false;
}

static void no_proc(struct doctor_facts *facts)
{
	nowhere(facts);
	facts->here.proc = false;
}

static void evil_name(struct doctor_facts *facts)
{
	snprintf(facts->delegation.path, sizeof(facts->delegation.path), "/sys/fs/cgroup/\033[2J");
}

static void no_cpu(struct doctor_facts *facts)
{
	facts->controllers[CONTROLLER_CPU].works = false;
	snprintf(facts->controllers[CONTROLLER_CPU].why, 100, "not there");
}

static void no_cpu_user(struct doctor_facts *facts)
{
	no_cpu(facts);
	facts->here.uid = 1000;
}

static void no_cpuset_root(struct doctor_facts *facts)
{
	facts->delegation.tree_root = true;
	facts->controllers[CONTROLLER_CPUSET] = (struct doctor_controller) { 0 };
}

static void no_cpuacct_v1(struct doctor_facts *facts)
{
	on_v1(facts);
	facts->controllers[CONTROLLER_CPUACCT] = (struct doctor_controller) { 0 };
}

static void unshare_forbidden(struct doctor_facts *facts)
{
	fails(facts);
	for (int i = 0; i < NAMESPACE__COUNT; i++)
		facts->namespaces.errnum[i] = facts->namespaces.in_user_errnum[i] = EPERM;
	facts->tmp.proc_errnum = facts->tmp.proc_in_user_errnum = EPERM;
}

static void unshare_forbidden_docker(struct doctor_facts *facts)
{
	unshare_forbidden(facts);
	facts->here.runtime = RUNTIME_DOCKER;
}

static void unshare_forbidden_entrypoint(struct doctor_facts *facts)
{
	unshare_forbidden_docker(facts);
	facts->trial.works = true;
}

static void only_in_user(struct doctor_facts *facts)
{
	plain(facts);
	for (int i = 0; i < NAMESPACE__COUNT; i++) {
		facts->namespaces.errnum[i] = EPERM;
		facts->namespaces.in_user_errnum[i] = 0;
	}
}

static void only_in_user_undelegated(struct doctor_facts *facts)
{
	only_in_user(facts);
	facts->delegation.mkdir_errnum = EACCES;
}

static void only_in_user_works(struct doctor_facts *facts)
{
	only_in_user(facts);
	facts->trial.works = true;
}

static void no_net(struct doctor_facts *facts)
{
	facts->namespaces.errnum[NAMESPACE_NET] = EINVAL;
	facts->namespaces.in_user_errnum[NAMESPACE_NET] = EINVAL;
}

static void too_many(struct doctor_facts *facts)
{
	unshare_forbidden(facts);
	facts->namespaces.errnum[NAMESPACE_MOUNT] = ENOSPC;
}

static void userns_none(struct doctor_facts *facts)
{
	facts->user.errnum = ENOSPC;
	facts->user.most = 0;
}

static void userns_debian(struct doctor_facts *facts)
{
	plain(facts);
	facts->user.errnum = EPERM;
	facts->user.allowed = 0;
}

static void userns_apparmor(struct doctor_facts *facts)
{
	plain(facts);
	facts->user.inside_errnum = EPERM;
	facts->user.apparmor = 1;
}

static void userns_docker(struct doctor_facts *facts)
{
	facts->here.runtime = RUNTIME_DOCKER;
	facts->user.errnum = EPERM;
}

static void userns_chroot(struct doctor_facts *facts)
{
	facts->user.errnum = EPERM;
}

static void filtered(struct doctor_facts *facts)
{
	facts->seccomp.mode = 2;
	facts->seccomp.no_new_privs = 1;
	facts->seccomp.listener_errnum = EBUSY;
}

static void filter_kills(struct doctor_facts *facts)
{
	fails(facts);
	facts->seccomp.errnum = facts->seccomp.listener_errnum = KILLED - SIGSYS;
}

static void old_listener(struct doctor_facts *facts)
{
	facts->seccomp.listener_errnum = EINVAL;
}

static void log_restricted(struct doctor_facts *facts)
{
	plain(facts);
	facts->kmsg = (struct doctor_kmsg) { .errnum = EPERM, .restricted = 1 };
}

static void log_absent(struct doctor_facts *facts)
{
	facts->kmsg = (struct doctor_kmsg) { .errnum = ENOENT, .restricted = UINT64_MAX };
	facts->here.runtime = RUNTIME_PODMAN;
}

static void log_in_container(struct doctor_facts *facts)
{
	facts->kmsg.root_pid_namespace = false;
}

static void pressure_off(struct doctor_facts *facts)
{
	facts->pressure.errnum = EOPNOTSUPP;
}

static void pressure_absent(struct doctor_facts *facts)
{
	facts->pressure.errnum = facts->kernel.errnum[FEATURE_PSI] = ENOENT;
}

static void swap_there(struct doctor_facts *facts)
{
	facts->swap.bytes = 2 * GIBI;
}

static void swap_uncounted(struct doctor_facts *facts)
{
	swap_there(facts);
	facts->swap.limited = false;
	snprintf(facts->swap.why, sizeof(facts->swap.why), "no file");
}

static void limited_above(struct doctor_facts *facts)
{
	facts->limits.memory_bytes = GIBI;
	facts->limits.count = 2;
	facts->limits.list[0] = (struct doctor_limit) { "/c/a/memory.max", "1073741824" };
	facts->limits.list[1] = (struct doctor_limit) { "/c/pids.max", "99" };
}

static void limits_hidden(struct doctor_facts *facts)
{
	facts->limits.hidden = true;
}

static void masked_proc(struct doctor_facts *facts)
{
	fails(facts);
	facts->tmp.proc_errnum = facts->tmp.proc_in_user_errnum = EPERM;
	facts->here.runtime = RUNTIME_DOCKER;
}

static void no_mounts(struct doctor_facts *facts)
{
	fails(facts);
	facts->tmp = (struct doctor_tmp) { EPERM, EPERM, EPERM, EPERM };
}

static void no_mounts_but_works(struct doctor_facts *facts)
{
	no_mounts(facts);
	facts->trial.works = true;
}

static void mounts_in_user(struct doctor_facts *facts)
{
	facts->tmp = (struct doctor_tmp) { .errnum = EPERM, .proc_errnum = EPERM };
}

static void no_user_manager(struct doctor_facts *facts)
{
	undelegated(facts);
	facts->systemd = (struct doctor_systemd) { .booted = true,
						   .user_errnum = ENOENT,
						   .user_socket = "/run/user/1000/bus" };
}

static void no_user_manager_needed(struct doctor_facts *facts)
{
	no_user_manager(facts);
	facts->delegation.mkdir_errnum = 0;
}

static void user_manager(struct doctor_facts *facts)
{
	no_user_manager(facts);
	facts->systemd.user_errnum = 0;
	facts->systemd.system_errnum = EACCES;
}

static void left_behind(struct doctor_facts *facts)
{
	facts->leftovers.count = 2;
	snprintf(facts->leftovers.list[0], 64, "/c/memcage-1-a");
	snprintf(facts->leftovers.list[1], 64, "/c/memcage-2-b");
}

static void left_many(struct doctor_facts *facts)
{
	left_behind(facts);
	facts->leftovers.count = 1000;
	for (int i = 2; i < DOCTOR_LEFTOVERS_MOST; i++)
		snprintf(facts->leftovers.list[i], 64, "/c/memcage-%d-c", i);
}

static void old_kernel(struct doctor_facts *facts)
{
	facts->kernel.errnum[FEATURE_CGROUP_KILL] = ENOENT;
	facts->kernel.errnum[FEATURE_MEMORY_PEAK] = ENOENT;
}

static void v1_kernel(struct doctor_facts *facts)
{
	facts->kernel.errnum[FEATURE_CGROUP_KILL] = NOT_TRIED;
	facts->kernel.errnum[FEATURE_INTO_CGROUP] = NOT_TRIED;
}

static void no_clone3(struct doctor_facts *facts)
{
	fails(facts);
	facts->kernel.errnum[FEATURE_CLONE3] = ENOSYS;
	facts->here.runtime = RUNTIME_DOCKER;
}

static void warned(struct doctor_facts *facts)
{
	snprintf(facts->trial.warnings, 100, "tmp-not-private: why");
}

#define NOTHING ""

static const struct row {
	const char *name;
	void (*set)(struct doctor_facts *facts);
	enum doctor_line line;
	enum doctor_state state;
	const char *value, *cost, *mend; /* what they contain; NOTHING: they are empty */
} rows[] = {
	{ "v2 works", no_difference, DOCTOR_BACKEND, DOCTOR_OK, "v2; a cage", NOTHING, NOTHING },
	{ "v1 works, but not all of it", on_v1, DOCTOR_BACKEND, DOCTOR_LIMITED, "v1; a cage",
	  "--memory-high", "systemd.unified_cgroup_hierarchy=1" },
	{ "a warning of the trial is said", warned, DOCTOR_BACKEND, DOCTOR_LIMITED,
	  "tmp-not-private: why", NOTHING, NOTHING },
	{ "a read-only cgroupfs points to delegation", read_only, DOCTOR_BACKEND, DOCTOR_NO,
	  "the trial's words", "125", "see line delegation" },
	{ "what works without limits is said", observes, DOCTOR_BACKEND, DOCTOR_LIMITED,
	  "observe; a cage without limits was made, but with a memory limit: the trial's words",
	  "are refused", "see line delegation" },
	{ "forbidden namespaces are pointed to", unshare_forbidden, DOCTOR_BACKEND, DOCTOR_NO,
	  "the trial's words", "125", "see line namespaces" },
	{ "a user namespace that does not help is pointed to", only_in_user, DOCTOR_BACKEND,
	  DOCTOR_NO, "the trial's words", "125", "see line namespaces" },
	{ "a refusal knows the line that explains it", pointed, DOCTOR_BACKEND, DOCTOR_NO,
	  "the trial's words", "125", "see line user-namespace" },
	{ "backend does not point to itself", pointed_nowhere, DOCTOR_BACKEND, DOCTOR_NO,
	  "the trial's words", "125", NOTHING },
	{ "a masked proc is pointed to", masked_proc, DOCTOR_BACKEND, DOCTOR_NO,
	  "the trial's words", "125", "see line namespaces" },
	{ "no controller where namespaces are forbidden", unshare_forbidden, DOCTOR_CONTROLLERS,
	  DOCTOR_NO, "cpu", "--memory", "see line namespaces" },
	{ "forbidden mounts are pointed to", no_mounts, DOCTOR_BACKEND, DOCTOR_NO,
	  "the trial's words", "125", "see line tmp" },
	{ "a forbidden filter is pointed to", filter_kills, DOCTOR_BACKEND, DOCTOR_NO,
	  "the trial's words", "125", "see line seccomp" },
	{ "a kernel without clone3 is pointed to", no_clone3, DOCTOR_BACKEND, DOCTOR_NO,
	  "the trial's words", "125", "see line kernel" },
	{ "a failure that nothing explains points nowhere", fails, DOCTOR_BACKEND, DOCTOR_NO,
	  "the trial's words", "125", NOTHING },

	{ "all controllers", no_difference, DOCTOR_CONTROLLERS, DOCTOR_OK,
	  "memory, cpu, cpuset, io, pids", NOTHING, NOTHING },
	{ "one that is missing costs its options", no_cpu, DOCTOR_CONTROLLERS, DOCTOR_LIMITED,
	  "memory, cpuset, io, pids; not cpu", "--cpus, --cpu-weight refused",
	  "cgroup.subtree_control" },
	{ "a user's manager can pass more on", no_cpu_user, DOCTOR_CONTROLLERS, DOCTOR_LIMITED,
	  "not cpu", "--cpus", "Delegate=cpu cpuset io memory pids" },
	{ "the root of the tree has all that the kernel has", no_cpuset_root, DOCTOR_CONTROLLERS,
	  DOCTOR_LIMITED, "not cpuset", "--cpuset refused", "a kernel with them" },
	{ "cpuacct is needed on v1 only", no_cpuacct_v1, DOCTOR_CONTROLLERS, DOCTOR_LIMITED,
	  "not cpuacct", "--cpu-time refused", "mount -t cgroup" },
	{ "no controller at all", read_only, DOCTOR_CONTROLLERS, DOCTOR_NO,
	  "none of memory, cpu, cpuset, io, pids", "--memory, --memory-high, --swap",
	  "see line delegation" },
	{ "no hierarchy at all", nowhere, DOCTOR_CONTROLLERS, DOCTOR_NO, "none of memory",
	  "--memory", "see line delegation" },

	{ "alone in one's cgroup", no_difference, DOCTOR_DELEGATION, DOCTOR_OK,
	  "/sys/fs/cgroup/own is writable, and memcage's alone", NOTHING, NOTHING },
	{ "read-only on a host", read_only, DOCTOR_DELEGATION, DOCTOR_NO, "mounted read-only",
	  "no limit", "mount -o remount,rw" },
	{ "read-only in Docker", read_only_docker, DOCTOR_DELEGATION, DOCTOR_NO,
	  "mounted read-only", "no limit",
	  "docker run --cgroupns=private --security-opt writable-cgroups=true" },
	{ "read-only in podman", read_only_podman, DOCTOR_DELEGATION, DOCTOR_NO,
	  "mounted read-only", "no limit",
	  "podman run --cgroupns=private --security-opt unmask=/sys/fs/cgroup" },
	{ "read-only in Kubernetes", read_only_kubernetes, DOCTOR_DELEGATION, DOCTOR_NO,
	  "mounted read-only", "no limit", "cgroup_writable = true" },
	{ "not delegated to a plain user, under systemd", undelegated_systemd, DOCTOR_DELEGATION,
	  DOCTOR_NO, "not delegated to uid 1000", "no limit",
	  "systemd-run --user --scope -p Delegate=yes -- memcage run" },
	{ "not delegated to a plain user", undelegated, DOCTOR_DELEGATION, DOCTOR_NO,
	  "not delegated to uid 1000", "no limit", "its cgroup.procs and cgroup.subtree_control" },
	{ "not delegated to a plain user on v1", undelegated_v1, DOCTOR_DELEGATION, DOCTOR_NO,
	  "not delegated to uid 1000", "no limit", "in each hierarchy: mkdir, and chown" },
	{ "a cgroup without memory", without_memory, DOCTOR_DELEGATION, DOCTOR_NO,
	  "has no memory controller", "no limit of memory", "systemd-run --scope -p Delegate=yes" },
	{ "others in one's cgroup", shared, DOCTOR_DELEGATION, DOCTOR_NO,
	  "holds 2 other processes (bash, pid 7)", "no limit",
	  "mkdir /sys/fs/cgroup/own/../job; echo $$ >" },
	{ "others in one's cgroup, under systemd", shared_systemd, DOCTOR_DELEGATION, DOCTOR_NO,
	  "holds 2 other processes", "no limit", "systemd-run --scope -p Delegate=yes" },
	{ "others in one's cgroup, and memcage gets a scope", shared_with_scope, DOCTOR_DELEGATION,
	  DOCTOR_LIMITED, "holds 2 other processes", "another cgroup",
	  "systemd-run --scope -p Delegate=yes" },
	{ "others do no harm where children have controllers", shared_enabled, DOCTOR_DELEGATION,
	  DOCTOR_OK, "is writable", NOTHING, NOTHING },
	{ "others do no harm in the root of the tree", shared_root, DOCTOR_DELEGATION, DOCTOR_OK,
	  "is writable", NOTHING, NOTHING },
	{ "others of a container step aside", shared_container, DOCTOR_DELEGATION, DOCTOR_OK,
	  "2 other processes of the container step aside", NOTHING, NOTHING },
	{ "no cgroup of one's own", nowhere, DOCTOR_DELEGATION, DOCTOR_NO,
	  "not found: no hierarchy", "no limit", "mount -t cgroup2" },
	{ "no proc", no_proc, DOCTOR_DELEGATION, DOCTOR_NO, "not found", "no limit",
	  "mount -t proc" },
	{ "a name cannot steer a terminal", evil_name, DOCTOR_DELEGATION, DOCTOR_OK,
	  "/sys/fs/cgroup/?[2J is", NOTHING, NOTHING },

	{ "all namespaces", no_difference, DOCTOR_NAMESPACES, DOCTOR_OK,
	  "mount, pid, ipc, uts, cgroup, net", NOTHING, NOTHING },
	{ "none, on a host", unshare_forbidden, DOCTOR_NAMESPACES, DOCTOR_NO,
	  "none of mount, pid, ipc, uts, cgroup, net, /proc (Operation not permitted)", "125",
	  "sudo" },
	{ "none, in Docker", unshare_forbidden_docker, DOCTOR_NAMESPACES, DOCTOR_NO,
	  "none of mount", "125", "docker run --cap-add SYS_ADMIN" },
	{ "none, but a cage does without", unshare_forbidden_entrypoint, DOCTOR_NAMESPACES,
	  DOCTOR_LIMITED, "none of mount", "shares these things", "docker run" },
	{ "in a user namespace only, and that does not help", only_in_user, DOCTOR_NAMESPACES,
	  DOCTOR_LIMITED, "in a user namespace: mount, pid", "125", "sudo" },
	{ "in a user namespace only, and something else is wrong", only_in_user_undelegated,
	  DOCTOR_NAMESPACES, DOCTOR_LIMITED, "in a user namespace: mount, pid", NOTHING, NOTHING },
	{ "in a user namespace only, and that is used", only_in_user_works, DOCTOR_NAMESPACES,
	  DOCTOR_LIMITED, "in a user namespace: mount, pid", NOTHING, NOTHING },
	{ "one that is not needed", no_net, DOCTOR_NAMESPACES, DOCTOR_LIMITED,
	  "mount, pid, ipc, uts, cgroup, /proc; not net (Invalid argument)", "--network none",
	  "sudo" },
	{ "too many", too_many, DOCTOR_NAMESPACES, DOCTOR_NO, "No space left", "125",
	  "user.max_*_namespaces" },

	{ "proc is masked", masked_proc, DOCTOR_NAMESPACES, DOCTOR_NO,
	  "cgroup, net; not /proc (Operation not permitted)", "namespace-unavailable",
	  "systempaths=unconfined" },

	{ "a user namespace", no_difference, DOCTOR_USER_NAMESPACE, DOCTOR_OK, "can be made",
	  NOTHING, NOTHING },
	{ "forbidden to all", userns_none, DOCTOR_USER_NAMESPACE, DOCTOR_NO, "No space left",
	  "strict", "sysctl user.max_user_namespaces=" },
	{ "forbidden to plain users by Debian's knob", userns_debian, DOCTOR_USER_NAMESPACE,
	  DOCTOR_NO, "Operation not permitted", "without CAP_SYS_ADMIN",
	  "sysctl kernel.unprivileged_userns_clone=1" },
	{ "empty by AppArmor", userns_apparmor, DOCTOR_USER_NAMESPACE, DOCTOR_NO,
	  "gives no capability inside", "without CAP_SYS_ADMIN",
	  "kernel.apparmor_restrict_unprivileged_userns=0" },
	{ "forbidden by Docker's filter", userns_docker, DOCTOR_USER_NAMESPACE, DOCTOR_NO,
	  "Operation not permitted", "strict", "docker run --security-opt seccomp=unconfined" },
	{ "forbidden in a chroot", userns_chroot, DOCTOR_USER_NAMESPACE, DOCTOR_NO,
	  "Operation not permitted", "strict", "leave the chroot" },

	{ "no filter yet", no_difference, DOCTOR_SECCOMP, DOCTOR_OK, "none is on", NOTHING,
	  NOTHING },
	{ "a filter and no_new_privs", filtered, DOCTOR_SECCOMP, DOCTOR_OK,
	  "can be loaded; one is on already; no_new_privs is on", NOTHING, NOTHING },
	{ "a filter that kills who loads another", filter_kills, DOCTOR_SECCOMP, DOCTOR_NO,
	  "a seccomp filter kills for it", "no cage", "CONFIG_SECCOMP_FILTER" },

	{ "a listener", no_difference, DOCTOR_NOTIFY, DOCTOR_OK, "can be set", NOTHING, NOTHING },
	{ "a listener is there already", filtered, DOCTOR_NOTIFY, DOCTOR_NO, "already",
	  "without its arguments", "outside of the sandbox" },
	{ "a kernel without listeners", old_listener, DOCTOR_NOTIFY, DOCTOR_NO, "no notification",
	  "without its arguments", "Linux 5.0" },

	{ "the log", no_difference, DOCTOR_KMSG, DOCTOR_OK, "can be read", NOTHING, NOTHING },
	{ "the log of the host, in a container", log_in_container, DOCTOR_KMSG, DOCTOR_LIMITED,
	  "its pids are the host's", "no pids", NOTHING },
	{ "a log that is kept from plain users", log_restricted, DOCTOR_KMSG, DOCTOR_NO,
	  "kernel.dmesg_restrict is 1", "process table", "sysctl kernel.dmesg_restrict=0" },
	{ "no device for the log", log_absent, DOCTOR_KMSG, DOCTOR_NO, "No such file",
	  "process table", "podman run --device /dev/kmsg" },

	{ "pressure", no_difference, DOCTOR_PSI, DOCTOR_OK, "can be read", NOTHING, NOTHING },
	{ "pressure is switched off", pressure_off, DOCTOR_PSI, DOCTOR_NO, "not supported",
	  "memory_some_percent", "boot with psi=1" },
	{ "pressure is not built in", pressure_absent, DOCTOR_PSI, DOCTOR_NO, "No such file",
	  "memory_some_percent", "CONFIG_PSI" },

	{ "no swap", no_difference, DOCTOR_SWAP, DOCTOR_OK, "there is none", NOTHING, NOTHING },
	{ "swap", swap_there, DOCTOR_SWAP, DOCTOR_OK, "2 GiB, and --swap limits it", NOTHING,
	  NOTHING },
	{ "swap that is not counted", swap_uncounted, DOCTOR_SWAP, DOCTOR_NO, "2 GiB: no file",
	  "--memory is refused", "swapaccount=1" },

	{ "no limit above", no_difference, DOCTOR_LIMITS_ABOVE, DOCTOR_OK, "no memory limit",
	  NOTHING, NOTHING },
	{ "limits above", limited_above, DOCTOR_LIMITS_ABOVE, DOCTOR_OK,
	  "memory 1 GiB in effect; /c/a/memory.max 1073741824; /c/pids.max 99", NOTHING, NOTHING },
	{ "levels above are hidden", limits_hidden, DOCTOR_LIMITS_ABOVE, DOCTOR_LIMITED,
	  "levels above are hidden", "scope unknown", NOTHING },
	{ "limits above are not to be seen", nowhere, DOCTOR_LIMITS_ABOVE, DOCTOR_UNKNOWN,
	  "not found", NOTHING, "see line delegation" },

	{ "a tmpfs", no_difference, DOCTOR_TMP, DOCTOR_OK, "can be mounted", NOTHING, NOTHING },
	{ "a tmpfs in a user namespace", mounts_in_user, DOCTOR_TMP, DOCTOR_LIMITED,
	  "can be mounted in a user namespace", NOTHING, NOTHING },
	{ "no tmpfs", no_mounts, DOCTOR_TMP, DOCTOR_NO, "no private tmpfs", "tmp-not-private",
	  "sudo" },
	{ "no tmpfs, and a cage does without", no_mounts_but_works, DOCTOR_TMP, DOCTOR_LIMITED,
	  "no private tmpfs", "tmp-not-private", "sudo" },

	{ "no systemd", no_difference, DOCTOR_SYSTEMD, DOCTOR_NO, "nothing was booted", NOTHING,
	  NOTHING },
	{ "a user's manager", user_manager, DOCTOR_SYSTEMD, DOCTOR_OK,
	  "user manager (/run/user/1000/bus): yes", NOTHING, NOTHING },
	{ "no user's manager, and one is needed", no_user_manager, DOCTOR_SYSTEMD, DOCTOR_NO,
	  "No such file", "cannot be asked", "loginctl enable-linger" },
	{ "no user's manager, and none is needed", no_user_manager_needed, DOCTOR_SYSTEMD,
	  DOCTOR_NO, "No such file", NOTHING, NOTHING },

	{ "nothing left", no_difference, DOCTOR_LEFTOVERS, DOCTOR_OK, "none", NOTHING, NOTHING },
	{ "two cages left", left_behind, DOCTOR_LEFTOVERS, DOCTOR_LIMITED,
	  "2 cages of memcages that are dead, the first /c/memcage-1-a", "kernel memory",
	  "memcage doctor --clean" },
	{ "more left than are listed", left_many, DOCTOR_LEFTOVERS, DOCTOR_LIMITED, "1000 cages",
	  "kernel memory", "memcage doctor --clean" },
	{ "leftovers are not to be seen", nowhere, DOCTOR_LEFTOVERS, DOCTOR_UNKNOWN, "not found",
	  NOTHING, NOTHING },

	{ "all features", no_difference, DOCTOR_KERNEL, DOCTOR_OK, "6.12.1: clone3,", NOTHING,
	  NOTHING },
	{ "an old kernel", old_kernel, DOCTOR_KERNEL, DOCTOR_LIMITED,
	  "; not cgroup.kill, memory.peak",
	  "cgroup.kill: slower kills; memory.peak: no memory_peak_bytes", "Linux 5.19 or later" },
	{ "what v1 has no use for is not missing", v1_kernel, DOCTOR_KERNEL, DOCTOR_OK, "clone3",
	  NOTHING, NOTHING },
	{ "pressure is another line's", pressure_absent, DOCTOR_KERNEL, DOCTOR_LIMITED, "; not PSI",
	  "PSI: see line psi", NOTHING },
	{ "a container's filter may be at fault", no_clone3, DOCTOR_KERNEL, DOCTOR_LIMITED,
	  "; not clone3", "clone3: no cage", "a seccomp profile of the container" },
};

static void check_part(const char *text, const char *want)
{
	if (*want == '\0' ? *text == '\0' : strstr(text, want) != NULL)
		return;
	fail_msg("'%s' is not in '%s'", *want ? want : "(nothing)", text);
}

static struct doctor *make_doctor(void (*set)(struct doctor_facts *facts))
{
	struct doctor *doctor = calloc(1, sizeof(*doctor));

	assert_non_null(doctor);
	set_well(&doctor->facts);
	set(&doctor->facts);
	return doctor;
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct doctor *doctor = make_doctor(row->set);
	struct doctor_finding *finding = &doctor->findings[0];

	doctor_say(&doctor->facts, row->line, finding);
	assert_string_equal(finding->name, doctor_lines[row->line]);
	assert_string_equal(doctor_states[finding->state], doctor_states[row->state]);
	check_part(finding->value, row->value);
	check_part(finding->cost, row->cost);
	check_part(finding->mend, row->mend);
	doctor_free(doctor);
}

/* Whatever the facts: one line of words each, and nothing to mend where all is well. */
static void check_promises(void **state)
{
	const struct row *row = *state;
	struct doctor *doctor = make_doctor(row->set);

	for (int line = 0; line < DOCTOR__COUNT; line++) {
		struct doctor_finding *finding = &doctor->findings[line];

		doctor_say(&doctor->facts, (enum doctor_line) line, finding);
		assert_true(*finding->value);
		assert_null(strpbrk(finding->value, "\n\033"));
		if (finding->state == DOCTOR_OK)
			assert_true(!*finding->cost && !*finding->mend);
		for (size_t i = 0; i < finding->item_count; i++)
			assert_true(*finding->items[i].name && *finding->items[i].value);
	}
	doctor_free(doctor);
}

static void every_line_has_a_name(void **state)
{
	(void) state;
	for (int i = 0; i < DOCTOR__COUNT; i++) {
		assert_non_null(doctor_lines[i]);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(doctor_lines[i], doctor_lines[j]);
	}
	for (int i = 0; i < DOCTOR_STATE__COUNT; i++)
		assert_non_null(doctor_states[i]);
}

static void the_document_has_all_lines(void **state)
{
	struct doctor *doctor = make_doctor(limited_above);
	char *json, name[64];

	(void) state;
	for (int line = 0; line < DOCTOR__COUNT; line++)
		doctor_say(&doctor->facts, (enum doctor_line) line, &doctor->findings[line]);
	json = doctor_json(doctor);
	assert_non_null(json);
	check_part(json, "\"memcage.doctor/1\"");
	check_part(json, "\"memory_effective_bytes\": 1073741824");
	for (int line = 0; line < DOCTOR__COUNT; line++) {
		snprintf(name, sizeof(name), "\"name\": \"%s\"", doctor_lines[line]);
		check_part(json, name);
	}
	free(json);
	doctor_free(doctor);
}

int main(void)
{
	static struct test_suite suite;
	static char names[ARRAY_LEN(rows)][160];

	TEST_ROWS(&suite, check_row, rows);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(names[i], sizeof(names[i]), "promises hold: %s", rows[i].name);
		test_add(&suite, names[i], check_promises, &rows[i]);
	}
	test_add(&suite, "every line has a name of its own", every_line_has_a_name, NULL);
	test_add(&suite, "the document has all lines", the_document_has_all_lines, NULL);
	return test_run("doctor", &suite);
}

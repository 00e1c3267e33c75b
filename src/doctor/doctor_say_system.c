/* SPDX-License-Identifier: Apache-2.0 */
/* The words for what was tried without cgroups. */
#include <errno.h>
#include <string.h>

#include "doctor/doctor_words.h"

static const char *const may_unshare[] = {
	[RUNTIME_NONE] = "run it as root: sudo memcage ...",
	[RUNTIME_DOCKER] = ("docker run --cap-add SYS_ADMIN --security-opt seccomp=unconfined "
			    "--security-opt apparmor=unconfined"),
	[RUNTIME_PODMAN] = "podman run --cap-add SYS_ADMIN --security-opt seccomp=unconfined",
	[RUNTIME_KUBERNETES] = ("securityContext: {capabilities: {add: [SYS_ADMIN]}, "
				"seccompProfile: {type: Unconfined}}"),
	[RUNTIME_OTHER] = ("in the bundle CAP_SYS_ADMIN, and a seccomp profile that allows clone, "
			   "unshare and mount"),
};

static const char *const may_filter[] = {
	[RUNTIME_NONE] = "a kernel with CONFIG_SECCOMP_FILTER",
	[RUNTIME_DOCKER] = "docker run --security-opt seccomp=unconfined",
	[RUNTIME_PODMAN] = "podman run --security-opt seccomp=unconfined",
	[RUNTIME_KUBERNETES] = "securityContext: {seccompProfile: {type: Unconfined}}",
	[RUNTIME_OTHER] = "in the bundle a seccomp profile that allows seccomp and prctl",
};

static const char *const may_read_log[] = {
	[RUNTIME_NONE] = "sysctl kernel.dmesg_restrict=0, or give memcage CAP_SYSLOG",
	[RUNTIME_DOCKER] = "docker run --device /dev/kmsg --cap-add SYSLOG",
	[RUNTIME_PODMAN] = "podman run --device /dev/kmsg --cap-add SYSLOG",
	[RUNTIME_KUBERNETES] = ("a hostPath volume of /dev/kmsg, and securityContext: "
				"{capabilities: {add: [SYSLOG]}}"),
	[RUNTIME_OTHER] = "in the bundle the device /dev/kmsg, and CAP_SYSLOG",
};

/* ---- namespaces ---- */

static const char *const namespace_names[NAMESPACE__COUNT] = {
	[NAMESPACE_MOUNT] = "mount", [NAMESPACE_PID] = "pid",	    [NAMESPACE_IPC] = "ipc",
	[NAMESPACE_UTS] = "uts",     [NAMESPACE_CGROUP] = "cgroup", [NAMESPACE_NET] = "net",
};

static void add_try(struct doctor_finding *finding, const char *name, int errnum,
		    int in_user_errnum)
{
	if (errnum == 0)
		words_item(finding, name, DOCTOR_OK, "yes");
	else if (in_user_errnum == 0)
		words_item(finding, name, DOCTOR_LIMITED, "only in a user namespace");
	else
		words_item(finding, name, DOCTOR_NO, words_reason(errnum));
}

/* Of one line's worth of tries, with /proc, which is mounted for the PID namespace. */
static int first_errnum(const struct doctor_facts *facts)
{
	for (int i = 0; i < NAMESPACE__COUNT; i++)
		if (facts->namespaces.errnum[i] != 0)
			return facts->namespaces.errnum[i];
	return facts->tmp.proc_errnum;
}

static bool is_only(const struct doctor_finding *finding, const char *name)
{
	for (size_t i = 0; i < finding->item_count; i++)
		if ((finding->items[i].state == DOCTOR_NO) !=
		    (strcmp(finding->items[i].name, name) == 0))
			return false;
	return true;
}

static void mend_namespaces(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	if (first_errnum(facts) == ENOSPC)
		MEND(finding, "raise user.max_*_namespaces (sysctl), or nest less deep");
	else if (is_only(finding, "/proc") && facts->here.runtime == RUNTIME_DOCKER)
		MEND(finding, "docker run --security-opt systempaths=unconfined");
	else if (is_only(finding, "/proc") && facts->here.runtime == RUNTIME_PODMAN)
		MEND(finding, "podman run --security-opt unmask=ALL");
	else
		MEND(finding, "%s", may_unshare[words_denier(facts)]);
}

static void cost_namespaces(bool fails, struct doctor_finding *finding)
{
	if (is_only(finding, "net"))
		COST(finding, "--network none is refused");
	else if (fails)
		COST(finding, "memcage run ends with 125, unless with "
			      "--allow-unsupported=namespace-unavailable");
	else if (words_count(finding, DOCTOR_NO) > 0)
		COST(finding, "a cage without them shares these things with its caller");
}

static void list_namespaces(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	struct line value = line_start(finding->value, sizeof(finding->value));

	for (int i = 0; i < NAMESPACE__COUNT; i++)
		add_try(finding, namespace_names[i], facts->namespaces.errnum[i],
			facts->namespaces.in_user_errnum[i]);
	add_try(finding, "/proc", facts->tmp.proc_errnum, facts->tmp.proc_in_user_errnum);
	words_list(&value, finding, DOCTOR_OK, "");
	words_list(&value, finding, DOCTOR_LIMITED,
		   value.used > 0 ? "; only in a user namespace: " : "in a user namespace: ");
	words_list(&value, finding, DOCTOR_NO, value.used > 0 ? "; not " : "none of ");
	if (words_count(finding, DOCTOR_NO) > 0)
		line_add(&value, " (%s)", words_reason(first_errnum(facts)));
	line_end(&value);
}

void say_namespaces(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const char *guilty = words_guilty(facts);
	bool fails = !facts->trial.works && guilty && strcmp(guilty, finding->name) == 0;
	bool no;

	list_namespaces(facts, finding);
	if (first_errnum(facts) == 0)
		return;
	no = words_count(finding, DOCTOR_NO) > 0;
	finding->state = no && !facts->trial.works ? DOCTOR_NO : DOCTOR_LIMITED;
	cost_namespaces(fails, finding);
	if (no || fails)
		mend_namespaces(facts, finding);
}

/* ---- user-namespace ---- */

static void mend_user_namespace(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_user_namespace *user = &facts->user;

	if (!facts->here.proc)
		MEND(finding, "mount -t proc proc /proc");
	else if (user->most == 0)
		MEND(finding, "sysctl user.max_user_namespaces=10000");
	else if (user->allowed == 0 && !facts->here.admin)
		MEND(finding, "sysctl kernel.unprivileged_userns_clone=1");
	else if (user->apparmor == 1 && !facts->here.admin)
		MEND(finding,
		     "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor "
		     "profile for memcage that allows userns");
	else if (user->errnum == ENOSPC)
		MEND(finding, "raise user.max_user_namespaces (sysctl), or nest less deep");
	else if (user->errnum == EINVAL)
		MEND(finding, "a kernel with CONFIG_USER_NS");
	else if (facts->here.runtime == RUNTIME_NONE)
		MEND(finding, "leave the chroot, or the seccomp filter, that memcage is in");
	else
		MEND(finding, "%s", may_filter[facts->here.runtime]);
}

void say_user_namespace(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_user_namespace *user = &facts->user;

	if (user->errnum == 0 && user->inside_errnum == 0) {
		VALUE(finding, "can be made, with all capabilities inside");
		return;
	}
	finding->state = DOCTOR_NO;
	if (user->errnum != 0)
		VALUE(finding, "cannot be made: %s", words_reason(user->errnum));
	else
		VALUE(finding, "can be made, but gives no capability inside: %s",
		      words_reason(user->inside_errnum));
	if (facts->here.admin)
		COST(finding, "no cage without all capabilities (policy strict)");
	else
		COST(finding, "no cage for a user without CAP_SYS_ADMIN");
	mend_user_namespace(facts, finding);
}

/* ---- seccomp ---- */

void say_seccomp(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_seccomp *seccomp = &facts->seccomp;
	struct line value = line_start(finding->value, sizeof(finding->value));

	if (seccomp->errnum == 0)
		line_add(&value, "filters can be loaded");
	else
		line_add(&value, "memcage's filter cannot be loaded: %s",
			 words_reason(seccomp->errnum));
	if (seccomp->mode == 2)
		line_add(&value, "; one is on already");
	else if (seccomp->mode == 0)
		line_add(&value, "; none is on");
	if (seccomp->no_new_privs == 1)
		line_add(&value, "; no_new_privs is on");
	line_end(&value);
	if (seccomp->errnum == 0)
		return;
	finding->state = DOCTOR_NO;
	COST(finding, "no cage: memcage run ends with 125");
	MEND(finding, "%s", may_filter[facts->here.runtime]);
}

void say_notify(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	int errnum = facts->seccomp.listener_errnum;

	if (errnum == 0) {
		VALUE(finding, "a listener can be set");
		return;
	}
	finding->state = DOCTOR_NO;
	COST(finding, "the verdict seccomp has the call from the kernel log, if that can be read, "
		      "and without its arguments");
	if (errnum == EBUSY) {
		VALUE(finding, "an outer filter has a listener already, and there is one a chain");
		MEND(finding, "run memcage outside of the sandbox or container that set it");
	} else if (errnum == EINVAL || errnum == ENOSYS) {
		VALUE(finding, "this kernel has no notification of seccomp");
		MEND(finding, "Linux 5.0");
	} else {
		VALUE(finding, "no listener can be set: %s", words_reason(errnum));
		MEND(finding, "%s", may_filter[facts->here.runtime]);
	}
}

/* ---- kmsg, psi ---- */

void say_kmsg(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_kmsg *kmsg = &facts->kmsg;
	const char *restricted = kmsg->restricted == 1	 ? "kernel.dmesg_restrict is 1"
				 : kmsg->restricted == 0 ? "kernel.dmesg_restrict is 0"
							 : "";

	if (kmsg->errnum == 0) {
		VALUE(finding, "/dev/kmsg can be read%s",
		      kmsg->root_pid_namespace ? ""
					       : "; its pids are the host's, reported as null");
		finding->state = kmsg->root_pid_namespace ? DOCTOR_OK : DOCTOR_LIMITED;
		if (!kmsg->root_pid_namespace)
			COST(finding, "victims from the kernel log have names, but no pids");
		return;
	}
	finding->state = DOCTOR_NO;
	VALUE(finding, "/dev/kmsg cannot be read: %s%s%s", words_reason(kmsg->errnum),
	      *restricted ? "; " : "", restricted);
	COST(finding, "victims are named from the process table, if at all; some OOM kills get the "
		      "scope unknown");
	if (kmsg->errnum == ENOENT && facts->here.runtime == RUNTIME_NONE)
		MEND(finding, "mknod -m 600 /dev/kmsg c 1 11");
	else if (kmsg->errnum == ENOENT)
		MEND(finding, "%s", may_read_log[facts->here.runtime]);
	else
		MEND(finding, "%s", may_read_log[words_denier(facts)]);
}

void say_psi(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	int errnum = facts->pressure.errnum;

	if (errnum == 0) {
		VALUE(finding, "/proc/pressure/memory can be read");
		return;
	}
	finding->state = DOCTOR_NO;
	VALUE(finding, "no pressure figures: /proc/pressure/memory: %s", words_reason(errnum));
	COST(finding, "samples have no memory_some_percent, and there is no warning "
		      "memory-pressure");
	if (errnum == EOPNOTSUPP)
		MEND(finding, "boot with psi=1");
	else
		MEND(finding, "a kernel with CONFIG_PSI, booted with psi=1");
}

/* ---- tmp ---- */

void say_tmp(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_tmp *tmp = &facts->tmp;

	if (tmp->errnum == 0) {
		VALUE(finding, "a private tmpfs can be mounted");
		return;
	}
	finding->state = DOCTOR_LIMITED;
	if (tmp->in_user_errnum == 0) {
		VALUE(finding, "a private tmpfs can be mounted in a user namespace");
		return;
	}
	if (!facts->trial.works)
		finding->state = DOCTOR_NO;
	VALUE(finding, "no private tmpfs can be mounted: %s", words_reason(tmp->errnum));
	COST(finding, "no private /tmp: memcage run needs --allow-unsupported=tmp-not-private");
	MEND(finding, "%s", may_unshare[words_denier(facts)]);
}

/* ---- systemd ---- */

void say_systemd(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_systemd *systemd = &facts->systemd;

	words_item(finding, "system manager", systemd->system_errnum == 0 ? DOCTOR_OK : DOCTOR_NO,
		   systemd->system_errnum == 0 ? "yes" : words_reason(systemd->system_errnum));
	words_item(finding, "user manager", systemd->user_errnum == 0 ? DOCTOR_OK : DOCTOR_NO,
		   systemd->user_errnum == 0 ? "yes" : words_reason(systemd->user_errnum));
	if (!systemd->booted) {
		finding->state = DOCTOR_NO;
		VALUE(finding, "nothing was booted by systemd here");
		return;
	}
	VALUE(finding, "system manager: %s; user manager (%s): %s", finding->items[0].value,
	      systemd->user_socket, finding->items[1].value);
	if (facts->here.uid == 0 ? systemd->system_errnum == 0 : systemd->user_errnum == 0)
		return;
	finding->state = DOCTOR_NO;
	if (facts->delegation.found && facts->delegation.mkdir_errnum == 0 &&
	    !words_shared(&facts->delegation))
		return; /* nobody needs to be asked for a cgroup */
	COST(finding, "it cannot be asked for a cgroup");
	if (facts->here.uid != 0)
		MEND(finding,
		     "log in by ssh, login or machinectl shell, or: loginctl enable-linger; "
		     "and set XDG_RUNTIME_DIR=/run/user/%u",
		     facts->here.uid);
}

/* ---- kernel ---- */

static const struct {
	const char *name, *cost;
	unsigned int since; /* 100 times the major version and the minor one */
} features[FEATURE__COUNT] = {
	[FEATURE_CLONE3] = { "clone3", "no cage", 503 },
	[FEATURE_INTO_CGROUP] = { "CLONE_INTO_CGROUP", "slower starts", 507 },
	[FEATURE_CGROUP_KILL] = { "cgroup.kill", "slower kills", 514 },
	[FEATURE_PIDFD] = { "pidfd", "no cage", 504 },
	[FEATURE_CLOSE_RANGE] = { "close_range", "no cage", 511 },
	[FEATURE_OPENAT2] = { "openat2", "no safe way below untrusted paths", 506 },
	[FEATURE_OPEN_TREE] = { "open_tree", "no --bind, no working directory below /tmp", 502 },
	[FEATURE_MOUNT_SETATTR] = { "mount_setattr", "no --bind ...:ro", 512 },
	[FEATURE_MEMORY_PEAK] = { "memory.peak", "no memory_peak_bytes", 519 },
	[FEATURE_OOM_GROUP] = { "memory.oom.group", "no --oom kill-job", 419 },
	[FEATURE_EVENTS_LOCAL] = { "memory.events.local", "no scope of OOM kills", 503 },
	[FEATURE_PSI] = { "PSI", "see line psi", 0 },
};

static void add_feature(int feature, int errnum, struct doctor_finding *finding, struct line *cost)
{
	const char *name = features[feature].name;

	if (errnum == NOT_TRIED) {
		words_item(finding, name, DOCTOR_UNKNOWN, "only of use in a v2 cgroup of our own");
		return;
	}
	words_item(finding, name, errnum == 0 ? DOCTOR_OK : DOCTOR_NO,
		   errnum == 0 ? "yes" : words_reason(errnum));
	if (errnum != 0)
		line_add(cost, "%s%s: %s", cost->used > 0 ? "; " : "", name,
			 features[feature].cost);
}

/* The kernel that would have all that is missing. */
static unsigned int needed_kernel(const struct doctor_kernel *kernel)
{
	unsigned int since = 0;

	for (int i = 0; i < FEATURE__COUNT; i++)
		if (kernel->errnum[i] != 0 && kernel->errnum[i] != NOT_TRIED &&
		    features[i].since > since)
			since = features[i].since;
	return since;
}

void say_kernel(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_kernel *kernel = &facts->kernel;
	struct line value = line_start(finding->value, sizeof(finding->value));
	struct line cost = line_start(finding->cost, sizeof(finding->cost));
	unsigned int since = needed_kernel(kernel);

	line_add(&value, "%s:", kernel->release);
	for (int i = 0; i < FEATURE__COUNT; i++)
		add_feature(i, kernel->errnum[i], finding, &cost);
	words_list(&value, finding, DOCTOR_OK, " ");
	words_list(&value, finding, DOCTOR_NO, "; not ");
	line_end(&value);
	line_end(&cost);
	if (words_count(finding, DOCTOR_NO) == 0)
		return;
	finding->state = DOCTOR_LIMITED;
	if (since != 0)
		MEND(finding, "Linux %u.%u or later%s", since / 100, since % 100,
		     facts->here.runtime == RUNTIME_NONE ? ""
							 : ", and a seccomp profile of the "
							   "container that knows these calls");
}

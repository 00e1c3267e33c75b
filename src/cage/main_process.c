/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the main process is made, while init stands still until it has become the command
 * (CLONE_VFORK):
 *
 * On cgroup v2 it is born in the job's cgroup (CLONE_INTO_CGROUP) and roots its cgroup namespace
 * there in the same call.  That is clone3(2), which has no wrapper that gives it a stack of its
 * own, so its memory is a copy; what it has to say stands in a page that both share.
 *
 * On v1 it shares init's memory (CLONE_VM), as vfork(2) does it, which spares the page tables; it
 * writes itself into each hierarchy and then makes the namespace.
 *
 * Kernels 6.1.176 and 6.18.44 kill what is cloned into a cgroup if it, or the cloner's own, was
 * killed by cgroup.kill before.  The job's is always fresh, but ours may not be: a child that is
 * gone before its first instruction is made again, and moves.  So does one where a container's
 * filter knows no clone3(2), whose flags it cannot see.
 *
 * Where its filter is to have a listener, main shares init's table of descriptors (CLONE_FILES):
 * the listener that it makes is then init's too, and execve(2), which gives the command a table
 * of its own, closes it there.  Nobody reads it before main is the command, so what main does under
 * the filter (execve, exit_group) has to be allowed: filter_choose() sees to that.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/message.h"
#include "base/own.h"
#include "cage/cage.h"
#include "cage/identity.h"
#include "filter/filter.h"

#define STACK_BYTES (32 * 1024)

/* What the child says: in memory that it shares with init. */
struct birth {
	const struct cage_plan *plan;
	const struct cage_place *place;
	bool born_inside;    /* in its cgroup of v2 */
	volatile bool alive; /* it has run at all */
	volatile int errnum;
	volatile bool exec;
	volatile int listener, no_listener_errnum; /* as in struct main_started */
	char about[240];
};

static _Noreturn void give_up(struct birth *birth, const char *about, bool exec)
{
	int saved = errno;

	snprintf(birth->about, sizeof(birth->about), "%s", about);
	birth->exec = exec;
	birth->errnum = saved;
	_exit(127);
}

/*
 * On v1 by "tasks": a lone thread that moves itself needs no RCU grace period there
 * (kernel/cgroup/cgroup.c since 5.5), which by cgroup.procs costs 5 to 15 ms on a quiet machine.
 */
static int enter(int leaf, enum cgroup_version version)
{
	auto_fd int fd =
		openat(leaf, version == CGROUP_V1 ? "tasks" : "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0", 1) != 1 ? -1 : 0;
}

static int enter_cgroups(const struct cage_place *place, bool born_inside, bool shared)
{
	bool moved = false;

	for (size_t i = 0; i < place->count; i++) {
		if (place->versions[i] == CGROUP_V2 && born_inside)
			continue;
		if (enter(place->leaves[i], place->versions[i]) < 0)
			return -1;
		moved = true;
	}
	return moved && !shared ? unshare(CLONE_NEWCGROUP) : 0;
}

static void set_rlimits(const struct limit_value *value, struct birth *birth)
{
	for (size_t i = 0; value->set && i < value->count; i++) {
		const struct limit_rlimit *asked = &value->rlimits[i];
		const struct rlimit rlimit = { asked->soft, asked->hard };
		char about[120];

		if (setrlimit((__rlimit_resource_t) asked->resource, &rlimit) == 0)
			continue;
		snprintf(about, sizeof(about),
			 "--rlimit %s=%llu:%llu: beyond what memcage itself may have",
			 limit_rlimit_name(asked->resource), (unsigned long long) asked->soft,
			 (unsigned long long) asked->hard);
		give_up(birth, about, false);
	}
}

static int close_others(const struct settings *settings)
{
	if (descriptors_close_range(3, ~0U, true) < 0)
		return -1;
	for (size_t i = 0; i < settings->pass_fd_count; i++)
		if (fcntl(settings->pass_fds[i], F_SETFD, 0) < 0)
			return -1;
	return 0;
}

/* Until memcage watches all that tells of the job's end; an end of file is memcage's. */
static void wait_for_go(struct birth *birth)
{
	const struct cage_plan *plan = birth->plan;
	struct cage_go go;

	if (birth->place->go)
		return;
	errno = EPIPE;
	if (message_receive(plan->socket, &go, sizeof(go), NULL, 0, 0) != sizeof(go))
		give_up(birth, "memcage is gone", false);
	if (plan->tmp_bytes != go.tmp_bytes && mounts_resize(plan->job, go.tmp_bytes) < 0)
		give_up(birth, "cannot give the private tmpfs its size", false);
}

static void enter_workdir(struct birth *birth)
{
	if (chdir(birth->plan->job->workdir) < 0)
		give_up(birth, "cannot enter the working directory", false);
}

/*
 * As a manager delegates one: what is made below it is the user's, so that a memcage works inside.
 * The limits are a level above.  Without that there is only no cgroup to be made.
 */
static void give_cgroups(const struct cage_place *place, uid_t uid, gid_t gid)
{
	static const char *const files[] = { ".", "cgroup.procs", "cgroup.subtree_control",
					     "cgroup.threads", "tasks" };

	for (size_t i = 0; i < place->count; i++)
		for (size_t f = 0; f < ARRAY_LEN(files); f++)
			(void) !fchownat(place->leaves[i], files[f], uid, gid, 0);
}

/* What it has to do without, if anything, is left in birth->about. */
static void take_identity(struct birth *birth)
{
	const struct cage_plan *plan = birth->plan;
	const struct settings *settings = &plan->job->settings;
	struct identity identity = {
		.settings = settings,
		.rootless = plan->maker.rootless,
		.namespace_limits = plan->namespace_limits,
		.may_lack_namespace = settings_allow(settings, ALLOW_NAMESPACE),
	};
	char about[sizeof(birth->about)];

	if (identity_is_kept(&identity))
		return;
	if (settings->has_user && !plan->maker.rootless && !settings_confine(settings))
		give_cgroups(birth->place, settings->uid, settings->gid);
	if (identity_take_on(&identity, about, sizeof(about)) < 0)
		give_up(birth, about, false);
	if (*identity.without)
		snprintf(birth->about, sizeof(birth->about),
			 "the job has no user namespace of its own: %s", identity.without);
	enter_workdir(birth); /* once more: another may not be allowed to */
}

/* The last thing before execve: what comes after it has to be allowed by it. */
static void load_filter(const struct filter *filter, struct birth *birth)
{
	if (filter->with_terminal && filter_load(&filter_terminal, 0) < 0)
		give_up(birth, "cannot load the seccomp filter that guards the terminal", false);
	if (filter->asking.len > 0) {
		birth->listener = filter_load_asking(&filter->asking, filter->flags);
		if (birth->listener >= 0)
			return;
		birth->no_listener_errnum = errno;
		if (filter->must_ask)
			give_up(birth,
				"--seccomp-log: cannot listen to the filter; see memcage doctor, "
				"line notify",
				false);
	}
	if (filter->program.len > 0 && filter_load(&filter->program, filter->flags) < 0)
		give_up(birth, "cannot load the seccomp filter; see memcage doctor, line seccomp",
			false);
}

/*
 * Without no_new_privs it takes CAP_SYS_ADMIN, which is lost with root's identity.  The default
 * filter is in nobody's way; another one has to wait until nothing is left but execve.
 */
static bool loads_early(const struct job *job)
{
	return job->settings.allow_new_privs && job->filter.is_default &&
	       job->filter.asking.len == 0;
}

static _Noreturn void become_command(struct birth *birth)
{
	const struct cage_plan *plan = birth->plan;
	const struct job *job = plan->job;

	birth->alive = true;
	/* Where init cannot take all along when it dies, main at least goes with it. */
	if (job->shared.pids)
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (enter_cgroups(birth->place, birth->born_inside, job->shared.mounts) < 0)
		give_up(birth, "cannot enter the job's cgroup", false);
	if (!job->shared.mounts && mounts_cgroup(plan) < 0)
		give_up(birth, "cannot make /sys/fs/cgroup read-only", false);
	umask(plan->umask);
	/* What the job does to its process group, or to its session, is not done to memcage. */
	if (job->settings.no_terminal)
		setsid();
	else
		setpgid(0, 0);
	enter_workdir(birth);
	wait_for_go(birth);
	set_rlimits(&job->limits[LIMIT_RLIMITS], birth);
	if (loads_early(job))
		load_filter(&job->filter, birth);
	take_identity(birth);
	if (!job->settings.allow_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		give_up(birth, "cannot set no_new_privs", false);
	if (close_others(&job->settings) < 0)
		give_up(birth, "cannot close what is not the job's", false);
	sigprocmask(SIG_SETMASK, &plan->mask, NULL);
	if (!loads_early(job))
		load_filter(&job->filter, birth);
	execve(job->path, job->argv, job->environment);
	give_up(birth, "", true);
}

static int leaf_v2(const struct cage_place *place)
{
	for (size_t i = 0; i < place->count; i++)
		if (place->versions[i] == CGROUP_V2)
			return place->leaves[i];
	return -1;
}

/* Besides CLONE_VFORK and CLONE_PIDFD. */
static int shared(const struct birth *birth)
{
	return birth->plan->job->filter.asking.len > 0 ? CLONE_FILES : 0;
}

static pid_t clone_into(struct birth *birth, int leaf, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = CLONE_VFORK | CLONE_PIDFD | CLONE_INTO_CGROUP | (uint64_t) shared(birth) |
			 (birth->plan->job->shared.mounts ? 0 : CLONE_NEWCGROUP),
		.pidfd = (uint64_t) (uintptr_t) ret_pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t) leaf,
	};
	pid_t pid;

	birth->born_inside = true;
	pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		become_command(birth);
	return pid;
}

static int run_birth(void *birth)
{
	become_command(birth);
}

/*
 * The child's frames are never left, and init comes by there again.  A stack that is no part of
 * init's would do too, but there the sanitizer warns of each call that does not return.
 */
static void forget_frames(const char *stack, size_t size)
{
#ifdef __SANITIZE_ADDRESS__
	void __asan_unpoison_memory_region(const volatile void *start, size_t length);

	__asan_unpoison_memory_region(stack, size);
#else
	(void) stack;
	(void) size;
#endif
}

static pid_t clone_beside(struct birth *birth, int *ret_pidfd)
{
	char stack[STACK_BYTES] __attribute__((aligned(16)));
	/* Who shares memory cannot go to a user namespace of his own. */
	int memory = settings_confine(&birth->plan->job->settings) ? 0 : CLONE_VM;
	pid_t pid;

	birth->born_inside = false;
	pid = clone(run_birth, stack + sizeof(stack),
		    memory | CLONE_VFORK | CLONE_PIDFD | shared(birth) | SIGCHLD, birth, ret_pidfd);
	forget_frames(stack, sizeof(stack));
	return pid;
}

/* It failed before execve, or in it: reaped. */
static pid_t read_failure(pid_t pid, const struct birth *birth, struct main_started *started,
			  struct main_failure *failure)
{
	*failure = (struct main_failure) { .errnum = birth->errnum, .exec = birth->exec };
	snprintf(failure->about, sizeof(failure->about), "%s", birth->about);
	waitpid(pid, NULL, 0);
	own_close(&started->pidfd);
	own_close(&started->listener);
	return -1;
}

pid_t main_start(const struct cage_plan *plan, const struct cage_place *place,
		 struct main_started *ret, struct main_failure *failure)
{
	struct birth *birth = mmap(NULL, sizeof(*birth), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int leaf = leaf_v2(place);
	pid_t pid = -1;

	*failure = (struct main_failure) { 0 };
	*ret = (struct main_started) { -1, -1, 0 };
	if (birth != MAP_FAILED) {
		birth->plan = plan;
		birth->place = place;
		birth->listener = -1;
		pid = leaf >= 0 ? clone_into(birth, leaf, &ret->pidfd)
				: clone_beside(birth, &ret->pidfd);
	}
	if (pid > 0 && leaf >= 0 && !birth->alive) {
		waitpid(pid, NULL, 0);
		own_close(&ret->pidfd);
		pid = clone_beside(birth, &ret->pidfd);
	} else if (pid < 0 && leaf >= 0 && (errno == ENOSYS || errno == EPERM)) {
		pid = clone_beside(birth, &ret->pidfd);
	}
	if (pid > 0) {
		ret->listener = birth->listener;
		ret->no_listener_errnum = birth->no_listener_errnum;
	}
	if (pid > 0 && birth->errnum != 0)
		return read_failure(pid, birth, ret, failure);
	if (pid > 0)
		memcpy(failure->about, birth->about, sizeof(failure->about));
	if (pid < 0) {
		failure->errnum = errno;
		snprintf(failure->about, sizeof(failure->about),
			 "cannot start a process in the cage");
	}
	return pid;
}

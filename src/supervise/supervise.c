/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "cage/network.h"
#include "observe/usage.h"
#include "supervise/memory_events.h"
#include "supervise/phase.h"
#include "supervise/premises.h"
#include "supervise/prepare.h"

#define HEARD_MOST 64 /* messages of init in one go */

typedef void due_fn(struct run *run, uint64_t now);

/* ---- deadlines ---- */

static void timeout_due(struct run *run, uint64_t now)
{
	memory_look(run, now);
	run->seen.timeout_usec = now;
	phase_event(run, EVENT_TIMEOUT, now);
}

/* It cannot be used up before all CPUs have worked on nothing else. */
static void cpu_time_due(struct run *run, uint64_t now)
{
	uint64_t used = usage_cpu(&run->cgroup), limit = run->limits[LIMIT_CPU_TIME].number;
	uint64_t cpus = (uint64_t) sysconf(_SC_NPROCESSORS_ONLN), wait;

	if (used != UNREADABLE && used >= limit) {
		memory_look(run, now);
		run->seen.cpu_time_usec = now;
		phase_event(run, EVENT_CPU_TIME, now);
		return;
	}
	wait = used == UNREADABLE ? USEC_PER_SEC : (limit - used) / cpus;
	run->deadlines[DEADLINE_CPU_TIME] =
		now + (wait > 5 * USEC_PER_MSEC ? wait : 5 * USEC_PER_MSEC);
}

static void leftovers_due(struct run *run, uint64_t now)
{
	if (run->phase != PHASE_KILLING)
		phase_end_leftovers(run, now);
}

static void grace_due(struct run *run, uint64_t now)
{
	phase_event(run, EVENT_GRACE, now);
}

static void silence_due(struct run *run, uint64_t now)
{
	phase_event(run, EVENT_SILENCE, now);
}

static void sample_due(struct run *run, uint64_t now)
{
	samples_take(&run->samples, &run->cgroup, now - run->seen.start_usec);
	run_look_at_tmp(run);
	run->deadlines[DEADLINE_SAMPLE] = now + run->samples.interval_usec;
}

static due_fn *const due[DEADLINE__COUNT] = {
	[DEADLINE_TIMEOUT] = timeout_due,
	[DEADLINE_CPU_TIME] = cpu_time_due,
	[DEADLINE_GRACE] = grace_due,
	[DEADLINE_SILENCE] = silence_due,
	[DEADLINE_NO_VICTIM] = memory_no_victim_due,
	[DEADLINE_OOM_LOOK] = memory_oom_look_due,
	[DEADLINE_SAMPLE] = sample_due,
	[DEADLINE_LEFTOVERS] = leftovers_due,
};

static void do_what_is_due(struct run *run, uint64_t now)
{
	for (int d = 0; d < DEADLINE__COUNT; d++) {
		if (run->deadlines[d] == 0 || run->deadlines[d] > now || run->phase == PHASE_ENDED)
			continue;
		run->deadlines[d] = 0;
		due[d](run, now);
	}
}

/* It is not put off: that would cost a call each time, and a look too many costs little. */
static void arm_timer(struct run *run)
{
	struct itimerspec at = { 0 };
	uint64_t next = 0;

	for (int d = 0; d < DEADLINE__COUNT; d++)
		if (run->deadlines[d] != 0 && (next == 0 || run->deadlines[d] < next))
			next = run->deadlines[d];
	if (next == 0 || (run->armed_usec != 0 && run->armed_usec <= next))
		return;
	run->armed_usec = next;
	at.it_value.tv_sec = (time_t) (next / USEC_PER_SEC);
	at.it_value.tv_nsec = (long) (next % USEC_PER_SEC) * 1000;
	timerfd_settime(run->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* ---- what init says ---- */

static void start_listening(struct run *run, int listener)
{
	struct epoll_event watch = { .events = EPOLLIN, .data.u32 = SOURCE_LISTENER };

	run->listener = listener;
	if (listener >= 0)
		epoll_ctl(run->epoll, EPOLL_CTL_ADD, listener, &watch);
	if (run->job->settings.seccomp_log)
		run->denials = calloc(1, sizeof(*run->denials));
}

static void command_started(struct run *run, const struct cage_message *message,
			    const int fds[CAGE_FDS_MOST], uint64_t now)
{
	struct epoll_event watch = { .events = EPOLLIN | EPOLLONESHOT, .data.u32 = SOURCE_MAIN };
	size_t next = 1;

	run->main_pidfd = fds[0];
	run->tmp = message->tmp ? fds[next++] : -1;
	if (message->listener)
		start_listening(run, fds[next]);
	run->no_listener_errnum = message->number;
	if (message->number != 0 && run->job->filter.kills)
		run->main_pid = run_main_pid(run);
	run->tmp_files = message->tmp_files;
	run->seen.main_started = true;
	if (*message->text)
		run_warn(run, WARNING_NAMESPACE_UNAVAILABLE, "%s", message->text);
	if (run->main_pidfd >= 0)
		epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->main_pidfd, &watch);
	phase_event(run, EVENT_STARTED, now);
}

static void main_ended(struct run *run, const struct cage_message *message, uint64_t now)
{
	run->seen.main_known = true;
	run->seen.main_status = message->number;
	run->seen.main_usec = now;
	if (message->leftovers)
		run_look_at_tmp(run);
	memset(run->deadlines, 0, sizeof(run->deadlines));
	run->deadlines[DEADLINE_SILENCE] = now + PHASE_SILENCE; /* for init to end too */
	if (message->leftovers)
		phase_event(run, EVENT_MAIN_ENDED, now);
	else
		run->empty = true;
}

static void set_up_failed(struct run *run, const struct cage_message *message)
{
	run->seen.setup_failed = true;
	error_set(&run->failure, MEMCAGE_ERROR_SETUP, message->number, "%s", message->text);
}

/*
 * True where there may be more: it comes for ever where a job makes one cgroup after the other, and
 * deadlines want their turn.
 */
static bool hear(struct run *run, uint64_t now)
{
	struct cage_message message;
	bool nested = false;
	int fds[CAGE_FDS_MOST], heard = 0;

	for (; heard < HEARD_MOST && launch_receive(&run->child, &message, fds); heard++) {
		switch (message.kind) {
		case CAGE_STARTED:
			command_started(run, &message, fds, now);
			continue;
		case CAGE_STOPPED:
			run->stopped_by = message.number;
			break;
		case CAGE_NESTED:
			nested = run->watch.nested.told = true;
			break;
		case CAGE_ENDED:
			main_ended(run, &message, now);
			break;
		case CAGE_EXEC_FAILED:
			run->exec_errnum = message.number;
			break;
		case CAGE_FAILED:
			set_up_failed(run, &message);
			break;
		}
	}
	if (nested)
		memory_nested_told(run, now); /* once for all of them */
	return heard == HEARD_MOST;
}

/* ---- calls that the filter asks about ---- */

static void take_call(struct run *run, uint64_t now)
{
	struct call_seen call;

	switch (listener_take(run->listener, &run->job->filter, &call, run->denials)) {
	case LISTENED_NOTHING:
		break;
	case LISTENED_KILLED:
		memory_look(run, now);
		if (!run->seen.seccomp_killed)
			run->call = call;
		run->seen.seccomp_killed = true;
		if (run->seen.seccomp_usec == 0)
			run->seen.seccomp_usec = now;
		break;
	case LISTENED_CANNOT_KILL:
		launch_kill(&run->child);
		break;
	}
}

/* It hangs up when nobody is left whom the filter is about. */
static void listen_to_filter(struct run *run, uint32_t events, uint64_t now)
{
	if (events & EPOLLIN)
		take_call(run, now);
	else
		epoll_ctl(run->epoll, EPOLL_CTL_DEL, run->listener, NULL);
}

/*
 * Main is gone: its init tells within a moment, or somebody has stopped it.  On v2 word of a kill
 * may come later, and until init has told there is time to read the log.
 */
static void main_gone(struct run *run, uint64_t now)
{
	if (host_backend(&run->host) == CGROUP_V2) {
		memory_look(run, now);
		if (run->watch.kills > 0)
			run_read_log(run);
	}
	if (!run->seen.main_known)
		run->deadlines[DEADLINE_SILENCE] = now + PHASE_SILENCE;
}

static void init_gone(struct run *run, uint64_t now)
{
	int status;

	if (!launch_ended(&run->child, &status))
		return;
	while (hear(run, now)) /* its last word may still be in the pair */
		;
	run->phase = PHASE_ENDED;
	run->empty = true;
}

/* ---- the loop ---- */

void supervise_step(struct run *run)
{
	struct epoll_event events[8];
	uint64_t expirations, now;
	int count = epoll_wait(run->epoll, events, ARRAY_LEN(events), 0);

	now = clock_usec();
	for (int i = 0; i < count && run->phase != PHASE_ENDED; i++) {
		switch ((enum run_source) events[i].data.u32) {
		case SOURCE_TIMER:
			if (read(run->timer, &expirations, sizeof(expirations)) < 0)
				break;
			run->armed_usec = 0;
			do_what_is_due(run, now);
			break;
		case SOURCE_INIT:
			init_gone(run, now);
			break;
		case SOURCE_SOCKET:
			hear(run, now);
			if (events[i].events & EPOLLHUP) /* its end is for ever readable */
				epoll_ctl(run->epoll, EPOLL_CTL_DEL, run->child.socket, NULL);
			break;
		case SOURCE_MEMORY:
			memory_changed(run, now);
			break;
		case SOURCE_LOG:
			memory_log_grew(run, now);
			break;
		case SOURCE_NESTED:
			memory_look_for_nested(run);
			break;
		case SOURCE_MAIN:
			main_gone(run, now);
			break;
		case SOURCE_LISTENER:
			listen_to_filter(run, events[i].events, now);
			break;
		}
	}
	if (run->empty && run->seen.end_usec == 0)
		run->seen.end_usec = now;
	if (run->phase != PHASE_ENDED)
		arm_timer(run);
}

static int watch_source(struct run *run, int fd, uint32_t mask, enum run_source source)
{
	struct epoll_event event = { .events = mask, .data.u32 = source };

	if (fd >= 0 && epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return error_setup(&run->failure, "cannot watch the cage");
}

static int open_loop(struct run *run)
{
	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	run->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (run->epoll < 0 || run->timer < 0)
		return error_setup(&run->failure, "cannot make an epoll set and a timer");
	if (watch_source(run, run->timer, EPOLLIN, SOURCE_TIMER) < 0)
		return -1;
	if (watch_source(run, run->child.pidfd, EPOLLIN, SOURCE_INIT) < 0 ||
	    watch_source(run, run->child.socket, EPOLLIN, SOURCE_SOCKET) < 0)
		return -1;
	if (run->host.observes && run->watch.events < 0)
		return 0; /* v1: nothing tells of a kill but the counter */
	return watch_source(run, run->watch.events, oom_watch_poll_mask(&run->watch),
			    SOURCE_MEMORY);
}

static void set_deadlines(struct run *run, uint64_t now)
{
	const struct limit_value *timeout = &run->limits[LIMIT_TIMEOUT],
				 *cpu = &run->limits[LIMIT_CPU_TIME];

	run->seen.start_usec = now;
	if (timeout->set && timeout->number != LIMIT_NONE)
		run->deadlines[DEADLINE_TIMEOUT] = now + timeout->number;
	if (cpu->set && cpu->number != LIMIT_NONE)
		run->deadlines[DEADLINE_CPU_TIME] = now + 1;
	if (run->samples.list)
		run->deadlines[DEADLINE_SAMPLE] = now + 1;
	if (host_backend(&run->host) == CGROUP_V1)
		run->deadlines[DEADLINE_OOM_LOOK] = now + MEMORY_LOOK_IDLE;
}

static struct cage_plan make_plan(const struct run *run)
{
	return (struct cage_plan) {
		.job = run->job,
		.host = &run->host,
		.die_with_thread = getpid() == (pid_t) syscall(SYS_gettid),
		.mask = run->job->settings.mask,
		.tmp_bytes =
			run->limits[LIMIT_TMP].set ? run->limits[LIMIT_TMP].number : CAGE_TMP_LATER,
	};
}

/* NULL: who shares not all of the job's memory cannot make its init. */
static struct fork_server *find_fork_server(const struct run *run)
{
	struct premises *premises = run->job->settings.premises;

	return premises && premises_is_shared(premises, run) && job_is_in_room(run->job)
		       ? &premises->forks
		       : NULL;
}

/* Where memcage is no root it is made with init. */
static int make_network(struct run *run, const struct cage_plan *plan, int *ret_network)
{
	*ret_network = -1;
	if (!run->job->settings.network_none)
		return 0;
	if (launch_await(&run->child, plan, &run->failure) < 0)
		return -1;
	if (run->child.rootless)
		return 0;
	*ret_network = network_make();
	if (*ret_network < 0)
		return error_setup(&run->failure, "--network none: cannot make a network "
						  "namespace; see memcage doctor, line namespaces");
	return 0;
}

static int send_place(struct run *run, const struct cage_plan *plan, bool go)
{
	const struct premises *premises = run->job->settings.premises;
	auto_fd int network = -1;
	struct birthplace at = {
		.cgroup = &run->cgroup,
		.stdio = run->job->settings.stdio,
		.favoured = premises ? premises->favoured : launch_is_favoured(),
		.go = go,
	};

	if (make_network(run, plan, &network) < 0)
		return -1;
	at.network = network;
	return launch_place(&run->child, &at, &run->failure);
}

/* The cgroup is made while init makes its mounts, and main enters it while the watch is opened. */
static int start_alone(struct run *run, const struct cage_plan *plan)
{
	if (prepare_cgroup(run) < 0 || send_place(run, plan, false) < 0)
		return -1;
	prepare_above(run);
	if (prepare_watch(run) < 0 || open_loop(run) < 0)
		return -1;
	return launch_go(&run->child, run->limits[LIMIT_TMP].number, &run->failure);
}

/* With others that have work for all CPUs one message less is worth more. */
static int start_among_many(struct run *run, const struct cage_plan *plan)
{
	if (prepare_cgroup(run) < 0 || prepare_watch(run) < 0 ||
	    launch_await(&run->child, plan, &run->failure) < 0 || open_loop(run) < 0)
		return -1;
	return send_place(run, plan, true);
}

static bool has_own_pids(const struct run *run)
{
	const struct premises *premises = run->job->settings.premises;

	return premises ? premises->own_pids : host_is_root_pid_namespace();
}

int supervise_start(struct run *run)
{
	bool many = run->job->settings.premises != NULL;
	struct cage_plan plan;
	uint64_t now;

	if (prepare_host(run) < 0 || prepare_limits(run) < 0)
		return -1;
	if (many) /* all is known: the size of the tmpfs comes with it */
		prepare_above(run);
	now = clock_usec();
	plan = make_plan(run);
	if (launch(&run->child, &plan, find_fork_server(run), &run->failure) < 0 ||
	    (many ? start_among_many : start_alone)(run, &plan) < 0)
		return -1;
	set_deadlines(run, now);
	arm_timer(run);
	if (!run->host.observes && !run->host.borrowed)
		cgroup_sweep(&run->host);
	run->own_pids = run->kernel_log >= 0 && has_own_pids(run);
	/* Many jobs at once would need as many times more descriptors. */
	if (run->job->settings.usage && !many)
		usage_open(&run->cgroup, &run->counters);
	return 0;
}

/* ---- signals ---- */

void supervise_cancel(struct run *run, int signo)
{
	uint64_t now = clock_usec();

	hear(run, now);
	if (run->phase == PHASE_ENDED || run->empty)
		return;
	memory_look(run, now);
	if (run->seen.cancel_usec == 0) {
		run->seen.cancel_usec = now;
		run->seen.cancel_signal = signo;
	}
	phase_event(run, EVENT_CANCEL_NOW, now);
	arm_timer(run);
}

void supervise_signal(struct run *run, int signo)
{
	bool main_only = signo == SIGUSR1 || signo == SIGUSR2;
	uint64_t now = clock_usec();

	hear(run, now); /* the command may run already */
	if (signo == SIGKILL ||
	    (run->seen.cancel_usec != 0 && (signo == SIGTERM || signo == SIGHUP))) {
		supervise_cancel(run, signo);
		return;
	}
	launch_send(&run->child, signo, main_only ? CAGE_MAIN : CAGE_GROUP);
	if (signo != SIGTERM && signo != SIGHUP)
		return;
	memory_look(run, now);
	run->seen.cancel_usec = now;
	run->seen.cancel_signal = signo;
	phase_event(run, EVENT_CANCEL, now);
	arm_timer(run);
}

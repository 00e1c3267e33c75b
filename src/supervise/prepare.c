/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cage/identity.h"
#include "host/delegate.h"
#include "host/scope.h"
#include "report/text.h"
#include "supervise/premises.h"

#define TMP_SHARE                                                                                  \
	8 /* the private tmpfs gets this part of the memory, unless --tmp says otherwise */

static const char *option_name(int id)
{
	return limits[id].option ? limits[id].option : limits[id].key;
}

static bool is_limited(const struct limit_value *value)
{
	return value->set && value->number != LIMIT_NONE;
}

/* Controllers of the limits that are asked for. */
static unsigned int required_controllers(const struct run *run)
{
	unsigned int mask = 1U << CONTROLLER_MEMORY;

	for (int id = 0; id < LIMIT__COUNT; id++)
		if (limits[id].controller != CONTROLLER_NONE && is_limited(&run->limits[id]))
			mask |= 1U << limits[id].controller;
	return mask;
}

/* Those beside, for the counters of the report: on v1 each is a tenth of a millisecond more. */
static unsigned int wanted_controllers(const struct run *run)
{
	unsigned int counters = 0;

	if (run->job->settings.usage || is_limited(&run->limits[LIMIT_CPU_TIME]))
		counters |= 1U << CONTROLLER_CPUACCT;
	if (run->job->settings.usage)
		counters |= 1U << CONTROLLER_IO | 1U << CONTROLLER_PIDS;
	if (run->job->settings.any_limit)
		counters = ~0U;
	return required_controllers(run) | counters;
}

/* v2 counts CPU time in every cgroup. */
static bool counts_cpu_time(const struct host *host)
{
	bool counts = host_hierarchy(host, CONTROLLER_CPUACCT) != NULL;

	for (size_t i = 0; i < host->count; i++)
		counts |= host->hierarchies[i].version == CGROUP_V2;
	return counts;
}

/* Why the host cannot enforce this limit, or NULL. */
static const char *unsupported(const struct run *run, int id, char *buffer, size_t size)
{
	const struct hierarchy *hierarchy = host_hierarchy(&run->host, limits[id].controller);
	const char *why;

	if (run->host.observes)
		return host_hierarchy(&run->host, CONTROLLER_MEMORY)->read_only
			       ? "no cgroup can be made here: /sys/fs/cgroup is read-only"
			       : "the backend observe makes no cgroup";
	if (id == LIMIT_CPU_TIME)
		return counts_cpu_time(&run->host)
			       ? NULL
			       : "nothing counts a job's CPU time here: no cpuacct controller";
	if (!hierarchy) {
		snprintf(buffer, size, "the %s controller is not available here",
			 controller_name(limits[id].controller, host_backend(&run->host)));
		return buffer;
	}
	why = limit_unsupported(run->limits, (enum limit_id) id, hierarchy->version);
	if (why)
		return why;
	if (id == LIMIT_SWAP && access("/proc/swaps", F_OK) < 0)
		return "this kernel was built without swap";
	if (id == LIMIT_SWAP && hierarchy->version == CGROUP_V1 &&
	    faccessat(hierarchy->dir, limits[id].file[CGROUP_V1], F_OK, 0) < 0)
		return "this kernel does not account for swap (boot it with swapaccount=1)";
	return NULL;
}

/* No swap is no promise broken where there is none. */
static bool is_harmless(const struct run *run, int id)
{
	char text[256];

	if (id != LIMIT_SWAP || run->job->limits[id].number != 0)
		return false;
	/* It came with --memory, of which has been said what is to be said. */
	if (run->host.observes && run->job->limits[LIMIT_MEMORY].set)
		return true;
	/* A heading, and a line for each swap device. */
	return file_read_at(AT_FDCWD, "/proc/swaps", text, sizeof(text)) < 0 || !strchr(text, '/');
}

int prepare_limits(struct run *run)
{
	char buffer[200];

	for (int id = 0; id < LIMIT__COUNT; id++) {
		const char *why;

		if ((limits[id].controller == CONTROLLER_NONE && id != LIMIT_CPU_TIME) ||
		    !is_limited(&run->limits[id]))
			continue;
		why = unsupported(run, id, buffer, sizeof(buffer));
		if (!why)
			continue;
		run->limits[id].set = false;
		if (is_harmless(run, id))
			continue;
		if (!settings_allow(&run->job->settings, ALLOW_LIMIT))
			return error_set(
				&run->failure, MEMCAGE_ERROR_SETUP, 0,
				"--%s cannot be enforced: %s; --allow-unsupported runs without "
				"it; see memcage doctor, line %s",
				option_name(id), why,
				run->host.observes ? "backend" : "controllers");
		run_warn(run, WARNING_LIMIT_UNSUPPORTED, "--%s is not in force: %s",
			 option_name(id), why);
	}
	return 0;
}

static uint64_t machine_memory(void)
{
	return (uint64_t) sysconf(_SC_PHYS_PAGES) * (uint64_t) sysconf(_SC_PAGESIZE);
}

static bool has_private_place(const struct job *job)
{
	for (int i = 0; i < PRIVATE__COUNT; i++)
		if (job->is_private[i])
			return true;
	return false;
}

/* A limit that is not below those above is not the one that will be hit. */
static void compare_with_above(struct run *run)
{
	uint64_t above = oom_watch_limit_above(&run->watch);
	const struct limit_value *memory = &run->limits[LIMIT_MEMORY];
	uint64_t own = memory->set ? memory->number : LIMIT_NONE, base = own < above ? own : above;
	char own_text[32], above_text[32];

	if (memory->set && own != LIMIT_NONE && own >= above) {
		text_bytes(own, own_text, sizeof(own_text));
		text_bytes(above, above_text, sizeof(above_text));
		run_warn(run, WARNING_LIMIT_NOT_BELOW_ANCESTOR,
			 "--memory is %s, but a cgroup above has only %s: its limit will be hit "
			 "first",
			 own_text, above_text);
	}
	if (!has_private_place(run->job)) {
		run->limits[LIMIT_TMP] = (struct limit_value) { .set = false };
	} else if (!run->limits[LIMIT_TMP].set) {
		if (base == LIMIT_NONE)
			base = machine_memory();
		run->limits[LIMIT_TMP] =
			(struct limit_value) { .set = true,
					       .number = limit_whole_pages(base / TMP_SHARE) };
	}
}

static int end_job_as_group(struct run *run)
{
	const struct cgroup_part *memory = cgroup_part(&run->cgroup, CONTROLLER_MEMORY);

	if (memory->hierarchy->version == CGROUP_V1 || run->job->settings.kill_process)
		return 0;
	if (file_write_at(memory->job, "memory.oom.group", "1") < 0)
		return error_setup(&run->failure, "cannot write 1 to memory.oom.group");
	return 0;
}

/* Makes memcage's own cgroup able to hold the job's; on a read-only tree it is only looked at. */
static int find_own(struct run *run)
{
	enum backend_choice choice = run->job->settings.backend;
	const struct hierarchy *memory;

	if (host_probe(&run->host, choice, wanted_controllers(run), &run->failure) < 0)
		return -1;
	memory = host_hierarchy(&run->host, CONTROLLER_MEMORY);
	if (choice == BACKEND_OBSERVE || (choice == BACKEND_AUTO && memory->read_only)) {
		run->host.observes = true;
		return 0;
	}
	if (memory->read_only)
		return error_set(&run->failure, MEMCAGE_ERROR_SETUP, EROFS,
				 "--backend %s: no cgroup can be made on %s; --backend auto looks "
				 "at memcage's own one; see memcage doctor, line backend",
				 host_backend_name(&run->host), memory->mount);
	return delegate_prepare(&run->host, required_controllers(run), &run->failure);
}

/*
 * Our own cgroup will not do; has systemd one for us?  If not, the reason that comes first is why
 * ours will not, unless it does but for some controller.
 */
static int find_other(struct run *run, const struct hierarchy *hierarchy, bool usable)
{
	struct memcage_error why;

	delegate_restore(&run->host);
	if (scope_take(hierarchy, &why) < 0 && !usable)
		return error_prefix(&run->failure, "systemd gives no scope (%s)", why.text);
	host_release(&run->host);
	run->host = HOST_NONE;
	run->failure = (struct memcage_error) { .code = MEMCAGE_ERROR_NONE };
	return find_own(run);
}

/* May the job do without a cgroup of its own? */
static bool may_observe(const struct run *run)
{
	const struct settings *settings = &run->job->settings;

	return settings->backend == BACKEND_AUTO && settings_allow(settings, ALLOW_LIMIT) &&
	       host_hierarchy(&run->host, CONTROLLER_MEMORY);
}

/* An option that means nothing without mounts of the job's own; NULL: none was said. */
static const char *option_of_mounts(const struct settings *settings)
{
	if (settings->network_none)
		return "--network none";
	if (settings->hostname)
		return "--hostname";
	if (settings->root_read_only)
		return "--root ro";
	if (settings->hide_count > 0)
		return "--hide";
	if (settings_confine(settings))
		return "capabilities: none";
	return settings->bind_count > 0 ? "--bind" : NULL;
}

/* What was asked for by name is not done without. */
static int check_shared(struct run *run)
{
	const struct settings *settings = &run->job->settings;
	const char *option = option_of_mounts(settings);

	if (!run->job->shared.mounts)
		return 0;
	if (!settings_allow(settings, ALLOW_TMP))
		return error_set(&run->failure, MEMCAGE_ERROR_SETUP, 0,
				 "no private /tmp can be made here, as nothing can be mounted; "
				 "--allow-unsupported=tmp-not-private shares memcage's; see "
				 "memcage doctor, line namespaces");
	if (option)
		return error_set(&run->failure, MEMCAGE_ERROR_SETUP, 0,
				 "%s needs namespaces, which cannot be made here; see memcage "
				 "doctor, line namespaces",
				 option);
	if (is_limited(&run->limits[LIMIT_TMP]) && !settings_allow(settings, ALLOW_LIMIT))
		return error_set(&run->failure, MEMCAGE_ERROR_SETUP, 0,
				 "--tmp cannot be enforced: nothing can be mounted here; "
				 "--allow-unsupported runs without it; see memcage doctor, line "
				 "namespaces");
	return 0;
}

static void warn_of_place(struct run *run)
{
	const struct hierarchy *memory = host_hierarchy(&run->host, CONTROLLER_MEMORY);

	if (run->host.observes)
		run_warn(run, WARNING_OBSERVE_ONLY,
			 "the job has no cgroup of its own: memory kills are counted in that of "
			 "memcage (%s), which others may share",
			 *memory->own ? memory->own : "/");
}

static void warn_of_shared(struct run *run)
{
	const struct shared_namespaces *shared = &run->job->shared;

	if (shared->mounts) {
		run_warn(run, WARNING_NAMESPACE_UNAVAILABLE,
			 "no namespaces can be made here: the job shares memcage's mounts, "
			 "processes, IPC, host name%s",
			 run->host.observes ? "" : ", and can reach its own cgroup");
		run_warn(run, WARNING_TMP_NOT_PRIVATE,
			 "nothing can be mounted here: /tmp, /var/tmp and /dev/shm are memcage's");
	} else if (shared->pids) {
		run_warn(run, WARNING_NAMESPACE_UNAVAILABLE,
			 "no /proc can be mounted here, as parts of this one are masked: the job "
			 "shares memcage's PID namespace");
	}
	if (shared->mounts && is_limited(&run->job->limits[LIMIT_TMP]))
		run_warn(run, WARNING_LIMIT_UNSUPPORTED,
			 "--tmp is not in force: nothing can be mounted here");
}

static int choose_place(struct run *run)
{
	const struct hierarchy *hierarchy = NULL;
	bool usable = find_own(run) == 0;
	int result = usable ? 0 : -1;

	if (run->host.observes || (usable && run->host.delegation == DELEGATION_FULL))
		return 0;
	if (run->host.delegation != DELEGATION_NONE)
		hierarchy = scope_hierarchy(&run->host);
	if (hierarchy)
		result = find_other(run, hierarchy, usable);
	if (result == 0 || !may_observe(run))
		return result;
	run->failure = (struct memcage_error) { .code = MEMCAGE_ERROR_NONE };
	run->host.observes = true;
	return 0;
}

int prepare_host(struct run *run)
{
	if (check_shared(run) < 0)
		return -1;
	if (!run->job->settings.premises)
		return choose_place(run);
	run->host = host_borrow(&run->job->settings.premises->host);
	return 0;
}

void prepare_above(struct run *run)
{
	if (run->job->settings.premises)
		oom_watch_share_ancestors(&run->watch, &run->job->settings.premises->above);
	else
		oom_watch_open_ancestors(&run->watch, &run->host);
	compare_with_above(run);
}

int prepare_cgroup(struct run *run)
{
	if (run->host.observes)
		return 0;
	if (cgroup_create(&run->cgroup, &run->host, run->limits, &run->failure) < 0)
		return -1;
	return end_job_as_group(run);
}

static void open_log(struct run *run)
{
	struct premises *premises = run->job->settings.premises;
	struct premises_log log;

	if (!premises) {
		run->kernel_log = kmsg_open();
		return;
	}
	log = premises_take_log(premises, clock_usec());
	run->kernel_log = log.fd;
	run->log_usec = log.since_usec;
}

static int open_watch(struct run *run)
{
	if (run->host.observes)
		return oom_watch_open_own(&run->watch, &run->host, &run->failure);
	open_log(run);
	return oom_watch_open(&run->watch, &run->cgroup, &run->failure);
}

int prepare_watch(struct run *run)
{
	if (open_watch(run) < 0)
		return -1;
	warn_of_place(run);
	warn_of_shared(run);
	if (run->job->settings.sample_usec != 0 &&
	    samples_start(&run->samples, run->job->settings.sample_usec) < 0)
		return error_setup(&run->failure, "no memory for the samples");
	return 0;
}

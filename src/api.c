/* SPDX-License-Identifier: Apache-2.0 */
/* api - memcage.h to the inside: specs become jobs, jobs become runs, runs become results. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "api.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "base/parse.h"
#include "export.h"
#include "job/job.h"
#include "observe/observe.h"
#include "observe/usage.h"
#include "policy/policy.h"
#include "report/outcome.h"
#include "report/output.h"
#include "report/report.h"
#include "report/text.h"
#include "spec/limit.h"
#include "spec/spec.h"
#include "supervise/premises.h"
#include "supervise/run.h"
#include "supervise/supervise.h"

#define ROOM_BYTES 4096	 /* for the command and the environment of most jobs of a map */
#define FORKED_MOST 4096 /* jobs at once that the fork server makes */

struct memcage_job {
	struct job job;
	struct run run;
	struct output output;
	struct outcome outcome;
	bool concluded, ended;
};

/* ---- specs ---- */

API struct memcage_spec *memcage_spec_new(void)
{
	struct memcage_spec *spec = malloc(sizeof(*spec));

	if (spec)
		*spec = SPEC_EMPTY;
	return spec;
}

API struct memcage_spec *memcage_spec_free(struct memcage_spec *spec)
{
	if (!spec)
		return NULL;
	spec_release(spec);
	free(spec);
	return NULL;
}

/* The option, and all of its value where the problem is a part of it. */
static int name_place(const char *key, const char *text, struct memcage_error *err)
{
	const struct setting *setting = setting_find(key);
	enum limit_id id = limit_find(key);
	char quoted[PARSE_QUOTED];

	if (setting && setting->policy_only)
		return error_prefix(err, "%s", key);
	if (!text || id == LIMIT__COUNT || !limits[id].repeats)
		return error_prefix(err, "--%s", key);
	return error_prefix(err, "--%s %s", key, parse_quote(text, quoted, sizeof(quoted)));
}

/* What is wrong in a file needs no option in front. */
static int set_policy(struct memcage_spec *spec, const char *text, struct memcage_error *err)
{
	struct policy_faults faults;
	struct policy policy;
	int result;

	if (policy_load(text, &policy, &faults) < 0) {
		*err = faults.list[0];
		return -1;
	}
	result = policy_apply(&policy, spec, err);
	policy_release(&policy);
	return result;
}

API int memcage_spec_set(struct memcage_spec *spec, const char *key, const char *text,
			 struct memcage_error *err)
{
	if (limit_find(key) == LIMIT__COUNT && !setting_find(key))
		return error_usage(err, "there is no option --%s", key);
	if (strcmp(key, "policy") == 0 && text)
		return set_policy(spec, text, err);
	return spec_set(spec, key, text, err) < 0 ? name_place(key, text, err) : 0;
}

API void memcage_spec_set_mask(struct memcage_spec *spec, const sigset_t *mask)
{
	spec->settings.mask = *mask;
	spec->settings.has_mask = true;
}

API void memcage_spec_set_usage(struct memcage_spec *spec, bool wanted)
{
	spec->settings.usage = wanted;
}

/* ---- jobs ---- */

static void write_report(struct memcage_job *job)
{
	const char *json = job->job.settings.report ? outcome_json(&job->outcome) : NULL;

	if (!job->job.settings.report)
		return;
	job->outcome.result.report_errnum = 0;
	if (!json || output_write(&job->output, json) < 0)
		job->outcome.result.report_errnum = errno;
}

struct removal {
	struct cgroup *cgroup;
	bool done;
};

static void remove_if_empty(void *data)
{
	struct removal *removal = data;

	removal->done = cgroup_remove_empty(removal->cgroup);
}

/* Both take the kernel a while. */
static bool write_and_remove(struct memcage_job *job)
{
	struct removal removal = { .cgroup = &job->run.cgroup };
	const char *json = outcome_json(&job->outcome);

	if (!json || output_write_beside(&job->output, json, remove_if_empty, &removal) < 0)
		job->outcome.result.report_errnum = errno;
	return removal.done;
}

/* Nothing of the job runs any more; init's own end takes a while, and is not waited for. */
static void conclude(struct memcage_job *job)
{
	struct run *run = &job->run;

	job->concluded = true;
	observe(run);
	if (output_is_file(&job->output)) {
		outcome_decide(&job->outcome, run);
		if (write_and_remove(job) || run_remove_cgroup(run))
			return;
	} else {
		run_remove_cgroup(run);
	}
	outcome_decide(&job->outcome, run); /* with what there was to warn of */
	write_report(job);
}

static void end(struct memcage_job *job)
{
	job->ended = true;
	run_leave(&job->run);
	outcome_end(&job->outcome, &job->run);
}

/*
 * The report says "unfinished" before anything of the cage is there, and proves that its place
 * can be written.
 */
static int write_unfinished(struct memcage_job *job, struct memcage_error *err)
{
	auto_free char *json = NULL;

	if (!job->job.settings.report)
		return 0;
	if (output_open(&job->output, job->job.settings.report, err) < 0) {
		if (err->errnum == EMFILE || err->errnum == ENFILE || err->errnum == ENOMEM)
			err->code = MEMCAGE_ERROR_SETUP; /* not the place's fault */
		return error_prefix(err, "--report");
	}
	json = outcome_unfinished(&job->outcome, &job->run);
	if (!json || output_unfinished(&job->output, json) < 0)
		return error_set(err, MEMCAGE_ERROR_USAGE, errno, "--report: cannot write %s",
				 job->job.settings.report);
	return 0;
}

static void end_unstarted(struct memcage_job *job)
{
	run_leave(&job->run);
	outcome_decide(&job->outcome, &job->run);
	write_report(job);
	end(job);
}

static void start(struct memcage_job *job)
{
	struct run *run = &job->run;

	if (!job->job.path) {
		run->seen.exec_status = job->job.exec_status;
		error_set(&run->failure, MEMCAGE_ERROR_SETUP, 0, "%s", job->job.failure);
		end_unstarted(job);
	} else if (supervise_start(run) < 0) {
		run->seen.setup_failed = true;
		end_unstarted(job);
	}
}

/* One job among many, and what is its own of command and environment. */
struct block {
	struct memcage_job job;
	char *room[ROOM_BYTES / sizeof(char *)];
};

static struct memcage_job *job_new(struct premises *premises, struct settings *settings)
{
	struct block *block;

	if (!premises)
		return calloc(1, sizeof(struct memcage_job));
	block = premises_take_block(premises, sizeof(*block));
	if (!block)
		return NULL;
	memset(&block->job, 0, sizeof(block->job));
	settings->room = block->room;
	settings->room_bytes = sizeof(block->room);
	return &block->job;
}

int api_start_forks(struct premises *premises, const struct job *model, uint64_t jobs)
{
	return premises_start_forks(premises, sizeof(struct block),
				    jobs < FORKED_MOST ? jobs : FORKED_MOST, model);
}

static void job_delete(struct memcage_job *job, struct premises *premises)
{
	if (premises)
		premises_give_block(premises, job);
	else
		free(job);
}

API int memcage_start(const struct memcage_spec *spec, char *const argv[],
		      struct memcage_job **ret_job, struct memcage_error *err)
{
	struct settings settings = spec->settings; /* a view */
	struct memcage_job *job = job_new(settings.premises, &settings);

	if (!job)
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "no memory for a job");
	job->output = OUTPUT_NONE;
	if (job_make(&job->job, &settings, spec->limits, argv, err) < 0) {
		job_delete(job, settings.premises);
		return -1;
	}
	run_init(&job->run, &job->job);
	outcome_begin(&job->outcome);
	if (write_unfinished(job, err) < 0) {
		memcage_job_free(job);
		return -1;
	}
	start(job);
	*ret_job = job;
	return 0;
}

API int memcage_fd(const struct memcage_job *job)
{
	return job->ended ? -1 : job->run.epoll;
}

static enum memcage_state take_stop(struct run *run)
{
	int signo = run->stopped_by;

	run->stopped_by = 0;
	if (signo == SIGTSTP)
		return MEMCAGE_STOPPED;
	return signo == SIGTTIN || signo == SIGTTOU ? MEMCAGE_WANTS_TERMINAL : MEMCAGE_RUNNING;
}

API enum memcage_state memcage_step(struct memcage_job *job)
{
	if (job->ended)
		return MEMCAGE_ENDED;
	supervise_step(&job->run);
	if (job->run.empty && !job->concluded) {
		conclude(job);
		supervise_step(&job->run); /* init has had the time to end */
	}
	if (job->run.phase != PHASE_ENDED)
		return take_stop(&job->run);
	end(job);
	return MEMCAGE_ENDED;
}

API int memcage_signal(struct memcage_job *job, int signo)
{
	static const int passed[] = { SIGINT,  SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH,
				      SIGCONT, SIGTSTP, SIGTERM, SIGHUP,  SIGKILL };

	for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
		if (passed[i] != signo)
			continue;
		if (!job->ended)
			supervise_signal(&job->run, signo);
		return 0;
	}
	errno = EINVAL;
	return -1;
}

API void memcage_cancel(struct memcage_job *job, int signo)
{
	if (!job->ended)
		supervise_cancel(&job->run, signo);
}

API pid_t memcage_pid(const struct memcage_job *job)
{
	return job->ended ? -1 : run_main_pid(&job->run);
}

API const struct memcage_result *memcage_result(const struct memcage_job *job)
{
	return &job->outcome.result;
}

API const char *memcage_report(struct memcage_job *job)
{
	return job->ended ? outcome_json(&job->outcome) : NULL;
}

char *api_report_line(struct memcage_job *job)
{
	return outcome_json_line(&job->outcome);
}

void api_make_ready(struct memcage_job *job)
{
	if (job->run.limit_neared && !job->run.empty)
		output_make_ready(&job->output);
}

int api_setup_errnum(const struct memcage_job *job)
{
	return job->run.seen.setup_failed ? job->run.failure.errnum : 0;
}

uint64_t api_memory_used(const struct memcage_job *job)
{
	return usage_memory(&job->run.cgroup);
}

API struct memcage_job *memcage_job_free(struct memcage_job *job)
{
	struct premises *premises;

	if (!job)
		return NULL;
	premises = job->job.settings.premises;
	run_release(&job->run);
	output_release(&job->output);
	outcome_release(&job->outcome);
	job_release(&job->job);
	job_delete(job, premises);
	return NULL;
}

API int memcage_run(const struct memcage_spec *spec, char *const argv[],
		    struct memcage_job **ret_job, struct memcage_error *err)
{
	if (memcage_start(spec, argv, ret_job, err) < 0)
		return -1;
	while (memcage_step(*ret_job) != MEMCAGE_ENDED) {
		struct pollfd fd = { .fd = memcage_fd(*ret_job), .events = POLLIN };

		poll(&fd, 1, -1);
	}
	return 0;
}

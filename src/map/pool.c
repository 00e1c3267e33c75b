/* SPDX-License-Identifier: Apache-2.0 */
#include "map/pool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "host/delegate.h"
#include "supervise/prepare.h"

#define MIB (UINT64_C(1) << 20)
#define MILLION UINT64_C(1000000)

/* As for a run, which this one never becomes. */
static int prepare_as_for_run(struct pool *pool, const struct pool_options *options,
			      struct memcage_error *err)
{
	struct job job = { .settings = options->spec->settings };
	auto_free struct run *run = calloc(1, sizeof(*run));
	int result;

	if (!run)
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	memcpy(job.limits, options->spec->limits, sizeof(job.limits));
	job.settings.any_limit = options->any_limit;
	if (settings_allow(&job.settings, ALLOW_NAMESPACE))
		job.shared = namespaces_probe();
	run_init(run, &job);
	result = prepare_host(run);
	*err = run->failure;
	pool->host = run->host;
	return result;
}

static int refuse_observe(struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, 0,
			 "no cgroup can be made here, and a map needs one for its budget; see "
			 "memcage doctor, line backend");
}

/* As many as have CPUs, each with what --cpus gives it. */
static uint64_t choose_jobs(const struct pool *pool, const struct pool_options *options)
{
	const struct limit_value *cpus = &options->spec->limits[LIMIT_CPUS];
	uint64_t jobs = budget_cpus(&pool->host);

	if (options->jobs_most > 0)
		return options->jobs_most;
	if (cpus->set && cpus->number != LIMIT_NONE)
		jobs = jobs * MILLION / cpus->number;
	return jobs > 0 ? jobs : 1;
}

static int choose_budget(struct pool *pool, const struct pool_options *options,
			 struct memcage_error *err)
{
	struct budget_readings readings;

	pool->budget_bytes = options->budget_bytes;
	if (pool->budget_bytes > 0)
		return 0;
	budget_read(&pool->host, &readings);
	pool->budget_bytes = budget_decide(&readings, pool->budget_why, sizeof(pool->budget_why));
	if (pool->budget_bytes > 0)
		return 0;
	return error_set(err, MEMCAGE_ERROR_SETUP, 0,
			 "--budget auto: %s leaves no memory for jobs; say a --budget",
			 pool->budget_why);
}

/* For the kernel's own bookkeeping of two cgroups a job, a part of it for each CPU. */
static uint64_t allowance(const struct pool *pool)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	uint64_t job = MIB / 4 + (uint64_t) (cpus > 0 ? cpus : 1) * 8192;

	return MIB + pool->jobs_most * job;
}

static int make(struct pool *pool, struct memcage_error *err)
{
	struct limit_value limits_[LIMIT__COUNT] = { 0 };
	struct host below;

	pool->allowance_bytes = allowance(pool);
	limits_[LIMIT_MEMORY] = (struct limit_value) {
		.set = true,
		.number = limit_whole_pages(pool->budget_bytes + pool->allowance_bytes),
	};
	if (cgroup_create_pool(&pool->cgroup, &pool->host, limits_, err) < 0)
		return -1;
	below = cgroup_pool_host(&pool->cgroup, &pool->host);
	premises_open(&pool->premises, &below);
	return 0;
}

int pool_open(struct pool *pool, const struct pool_options *options, struct memcage_error *err)
{
	int result = prepare_as_for_run(pool, options, err);

	if (result == 0 && pool->host.observes)
		result = refuse_observe(err);
	if (result == 0) {
		pool->jobs_most = choose_jobs(pool, options);
		result = choose_budget(pool, options, err);
	}
	if (result == 0)
		result = make(pool, err);
	if (result < 0)
		pool_close(pool);
	else
		cgroup_sweep(&pool->host);
	return result;
}

uint64_t pool_used(const struct pool *pool)
{
	const struct cgroup_part *memory = cgroup_part(&pool->cgroup, CONTROLLER_MEMORY);
	bool v2 = memory->hierarchy->version == CGROUP_V2;
	uint64_t used, inactive;
	char text[16384];

	if (file_number_at(memory->job, v2 ? "memory.current" : "memory.usage_in_bytes", &used) < 0)
		return UINT64_MAX;
	if (file_read_at(memory->job, "memory.stat", text, sizeof(text)) > 0 &&
	    file_key(text, v2 ? "inactive_file" : "total_inactive_file", &inactive))
		used -= inactive < used ? inactive : used;
	return used;
}

void pool_close(struct pool *pool)
{
	premises_close(&pool->premises);
	cgroup_remove(&pool->cgroup);
	delegate_restore(&pool->host);
	host_release(&pool->host);
	*pool = POOL_NONE;
}

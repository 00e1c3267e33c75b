/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's trial: a whole cage, made and run as by memcage run. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <memcage.h>

#include "base/line.h"
#include "base/own.h"
#include "doctor_facts.h"
#include "job.h"

static void put_line(const char *text, char *to, size_t size)
{
	struct line line = line_start(to, size);

	line_add(&line, "%s", text);
	line_end(&line);
}

/* That the limit which we chose is above another one is no news of the host. */
static void put_result(const struct memcage_result *result, struct doctor_trial *ret)
{
	struct line warnings = line_start(ret->warnings, sizeof(ret->warnings));

	ret->works = result->cause == MEMCAGE_CAUSE_EXITED && result->exit_code == 0;
	snprintf(ret->backend, sizeof(ret->backend), "%s", result->backend ? result->backend : "");
	put_line(ret->works ? "" : result->summary, ret->why, sizeof(ret->why));
	for (size_t i = 0; i < result->warning_count; i++)
		if (strcmp(result->warnings[i].code, "limit-not-below-ancestor") != 0)
			line_add(&warnings, "%s%s: %s", warnings.used > 0 ? "; " : "",
				 result->warnings[i].code, result->warnings[i].message);
	line_end(&warnings);
}

/* The command may itself lie where the cage has places of its own. */
static int show_command(struct memcage_spec *spec, const char *command, struct memcage_error *err)
{
	auto_free char *path = realpath(command, NULL);
	int result = 0;

	for (int i = 0; path && i < PRIVATE__COUNT; i++)
		if (path_is_below(path, private_places[i]))
			result = memcage_spec_set(spec, "bind", path, err);
	return result;
}

static int make_spec(struct memcage_spec *spec, const char *command, bool limited,
		     struct memcage_error *err)
{
	static const char *const words[][2] = { { "timeout", "10s" }, { "workdir", "/" } };

	if (limited && memcage_spec_set(spec, "memory", "64M", err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (memcage_spec_set(spec, words[i][0], words[i][1], err) < 0)
			return -1;
	return show_command(spec, command, err);
}

static void run_cage(char *const argv[], bool limited, struct doctor_trial *ret)
{
	struct memcage_spec *spec = memcage_spec_new();
	struct memcage_job *job = NULL;
	struct memcage_error err = { .text = "no memory" };

	if (spec && make_spec(spec, argv[0], limited, &err) == 0 &&
	    memcage_run(spec, argv, &job, &err) == 0)
		put_result(memcage_result(job), ret);
	else
		put_line(err.text, ret->why, sizeof(ret->why));
	memcage_job_free(job);
	memcage_spec_free(spec);
}

/* The command's words are not for our reader. */
void doctor_try_cages(struct doctor_facts *facts, char *const argv[])
{
	auto_fd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	auto_fd int out = fcntl(1, F_DUPFD_CLOEXEC, 3);

	if (!facts->here.proc) {
		snprintf(facts->trial.why, sizeof(facts->trial.why),
			 "there is no /proc here, which says what cgroup memcage is in");
		return;
	}
	if (out >= 0 && null >= 0)
		dup2(null, 1);
	run_cage(argv, true, &facts->trial);
	if (!facts->trial.works)
		run_cage(argv, false, &facts->bare);
	if (out >= 0 && null >= 0)
		dup2(out, 1);
}

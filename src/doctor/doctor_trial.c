/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor's trials: whole cages, made and run as by memcage run, with a limit of each
 * controller.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <memcage.h>

#include "base/file.h"
#include "base/line.h"
#include "base/own.h"
#include "doctor/doctor_facts.h"
#include "job/job.h"

static void put_line(const char *text, char *to, size_t size)
{
	struct line line = line_start(to, size);

	line_add(&line, "%s", text);
	line_end(&line);
}

/* A refusal names the doctor's line that explains it, which is ours to say. */
static void cut_pointer(struct doctor_trial *ret)
{
	static const char pointer[] = "; see memcage doctor, line ";
	char *at = strstr(ret->why, pointer), *name = at ? at + strlen(pointer) : NULL;
	size_t length = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz-") : 0;

	if (!at)
		return;
	snprintf(ret->line, sizeof(ret->line), "%.*s", (int) length, name);
	memmove(at, name + length, strlen(name + length) + 1);
}

/* That the limit which we chose is above another one is no news of the host. */
static void put_result(const struct memcage_result *result, struct doctor_trial *ret)
{
	struct line warnings = line_start(ret->warnings, sizeof(ret->warnings));

	ret->works = result->cause == MEMCAGE_CAUSE_EXITED && result->exit_code == 0;
	snprintf(ret->backend, sizeof(ret->backend), "%s", result->backend ? result->backend : "");
	put_line(ret->works ? "" : result->summary, ret->why, sizeof(ret->why));
	cut_pointer(ret);
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

/* With this limit; a key of NULL: with none. */
static int make_spec(struct memcage_spec *spec, const char *command, const char *key,
		     const char *text, struct memcage_error *err)
{
	static const char *const words[][2] = { { "timeout", "10s" }, { "workdir", "/" } };

	if (key && memcage_spec_set(spec, key, text, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (memcage_spec_set(spec, words[i][0], words[i][1], err) < 0)
			return -1;
	return show_command(spec, command, err);
}

static void run_cage(char *const argv[], const char *key, const char *text,
		     struct doctor_trial *ret)
{
	struct memcage_spec *spec = memcage_spec_new();
	struct memcage_job *job = NULL;
	struct memcage_error err = { .text = "no memory" };

	if (spec && make_spec(spec, argv[0], key, text, &err) == 0 &&
	    memcage_run(spec, argv, &job, &err) == 0)
		put_result(memcage_result(job), ret);
	else
		put_line(err.text, ret->why, sizeof(ret->why));
	memcage_job_free(job);
	memcage_spec_free(spec);
}

/* A CPU that we may run on. */
static void name_cpu(char *text, size_t size)
{
	cpu_set_t set;
	int cpu = 0;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &set))
			cpu++;
	snprintf(text, size, "%d", cpu);
}

/* A rate of some disk that no command here reaches; "": there is no disk. */
static void name_disk(char *text, size_t size)
{
	auto_closedir DIR *disks = opendir("/sys/block");
	char path[300], number[32];

	*text = '\0';
	for (struct dirent *entry; disks && !*text && (entry = readdir(disks));) {
		snprintf(path, sizeof(path), "/sys/block/%s/dev", entry->d_name);
		if (entry->d_name[0] != '.' &&
		    file_read_at(AT_FDCWD, path, number, sizeof(number)) > 0)
			snprintf(text, size, "%.*s:wbps=1T", (int) strcspn(number, "\n"), number);
	}
}

static void try_controllers(struct doctor_facts *facts, char *const argv[])
{
	char cpu[16], disk[64];
	const struct {
		enum controller controller;
		const char *key, *text;
	} rows[] = {
		{ CONTROLLER_CPU, "cpus", "0.5" },    { CONTROLLER_CPUACCT, "cpu-time", "10s" },
		{ CONTROLLER_CPUSET, "cpuset", cpu }, { CONTROLLER_IO, "io", disk },
		{ CONTROLLER_PIDS, "pids", "64" },
	};

	name_cpu(cpu, sizeof(cpu));
	name_disk(disk, sizeof(disk));
	facts->disk = *disk;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct doctor_controller *one = &facts->controllers[rows[i].controller];
		struct doctor_trial trial = { 0 };

		if (!one->mounted || !*rows[i].text)
			continue;
		run_cage(argv, rows[i].key, rows[i].text, &trial);
		one->works = trial.works;
		put_line(trial.why, one->why, sizeof(one->why));
	}
}

static void try_all(struct doctor_facts *facts, char *const argv[])
{
	struct doctor_controller *memory = &facts->controllers[CONTROLLER_MEMORY];

	run_cage(argv, "memory", "64M", &facts->trial);
	memory->works = facts->trial.works;
	put_line(facts->trial.why, memory->why, sizeof(memory->why));
	if (!facts->trial.works)
		run_cage(argv, NULL, NULL, &facts->bare);
	try_controllers(facts, argv);
}

static void say_no_proc(struct doctor_facts *facts)
{
	static const char why[] = "there is no /proc here, which says what cgroup memcage is in";

	put_line(why, facts->trial.why, sizeof(facts->trial.why));
	for (int c = 0; c < CONTROLLER__COUNT; c++)
		put_line(why, facts->controllers[c].why, sizeof(facts->controllers[c].why));
}

/* The command's words are not for our reader. */
void doctor_try_cages(struct doctor_facts *facts, char *const argv[])
{
	auto_fd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	auto_fd int out = fcntl(1, F_DUPFD_CLOEXEC, 3);

	if (!facts->here.proc) {
		say_no_proc(facts);
		return;
	}
	if (out >= 0 && null >= 0)
		dup2(null, 1);
	try_all(facts, argv);
	if (out >= 0 && null >= 0)
		dup2(out, 1);
}

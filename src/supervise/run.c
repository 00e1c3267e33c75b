/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/run.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/line.h"

void run_init(struct run *run, const struct job *job)
{
	run->job = job;
	run->child = CHILD_NONE;
	run->counters = USAGE_FILES_NONE;
	run->watch = OOM_WATCH_NONE;
	run->main_pidfd = run->tmp = run->listener = run->epoll = run->timer = run->kernel_log = -1;
	memcpy(run->limits, job->limits, sizeof(run->limits)); /* lists stay the job's */
}

void run_warn(struct run *run, enum warning_code code, const char *format, ...)
{
	struct warning *warning = &run->warnings[run->warning_count];
	char words[sizeof(warning->message)];
	struct line line = line_start(warning->message, sizeof(warning->message));
	va_list args;

	if (run->warning_count == WARNINGS_MOST)
		return;
	warning->code = code;
	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	line_add(&line, "%s", words);
	line_end(&line); /* a job chooses the names of its processes */
	run->warning_count++;
}

void run_look_at_tmp(struct run *run)
{
	struct statfs fs;
	uint64_t used;

	if (run->tmp < 0 || fstatfs(run->tmp, &fs) < 0 || fs.f_blocks == 0)
		return;
	used = (uint64_t) (fs.f_blocks - fs.f_bfree) * (uint64_t) fs.f_bsize;
	if (used > run->tmp_peak_bytes)
		run->tmp_peak_bytes = used;
	run->tmp_files_now = (uint64_t) (fs.f_files - fs.f_ffree);
	run->tmp_full |= fs.f_bfree == 0 || (fs.f_files > 0 && fs.f_ffree == 0);
}

struct process_source run_processes(const struct run *run)
{
	return (struct process_source) {
		.part = cgroup_part(&run->cgroup, CONTROLLER_MEMORY),
		.init = run->child.pid,
	};
}

/*
 * The kernel says which process a pidfd is, in our namespace's numbers:
 * Documentation/filesystems/proc.rst, 3.8.
 */
pid_t run_main_pid(const struct run *run)
{
	char path[64], text[1024];
	const char *line;

	if (run->main_pidfd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", run->main_pidfd);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0 || !(line = strstr(text, "Pid:")))
		return -1;
	return (pid_t) strtol(line + strlen("Pid:"), NULL, 10);
}

void run_read_log(struct run *run)
{
	const struct cgroup_part *memory = cgroup_part(&run->cgroup, CONTROLLER_MEMORY);
	char path[HIERARCHY_OWN + sizeof(run->cgroup.name)];

	if (run->kernel_log < 0 || !memory)
		return;
	snprintf(path, sizeof(path), "%s/%s", memory->hierarchy->own, run->cgroup.name);
	run->evidence.whole_path = memory->hierarchy->whole_path;
	kmsg_collect(run->kernel_log, path, &run->evidence);
}

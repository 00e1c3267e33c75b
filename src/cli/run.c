/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/own.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

struct loop {
	struct memcage_job *job;
	struct terminal terminal;
	int signals;
	uint64_t interrupted_usec; /* last SIGINT */
};

/* Orphans come to us where we are PID 1; also init's status, which nobody needs. */
static void reap_adopted(void)
{
	while (getpid() == 1 && waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void interrupt(struct loop *loop)
{
	uint64_t now = clock_usec(), before = loop->interrupted_usec;

	loop->interrupted_usec = now;
	if (loop->terminal.fd < 0 && before != 0 && now - before < USEC_PER_SEC)
		memcage_cancel(loop->job, SIGINT);
	else
		memcage_signal(loop->job, SIGINT);
}

static void take_signals(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			reap_adopted();
			break;
		case SIGINT:
			interrupt(loop);
			break;
		case SIGCONT:
			terminal_continue(&loop->terminal, loop->job);
			break;
		default:
			memcage_signal(loop->job,
				       (int) info.ssi_signo); /* refuses what is not passed on */
		}
	}
}

static void wait_for_end(struct loop *loop)
{
	enum memcage_state state;

	while ((state = memcage_step(loop->job)) != MEMCAGE_ENDED) {
		struct pollfd fds[] = {
			{ .fd = memcage_fd(loop->job), .events = POLLIN },
			{ .fd = loop->signals, .events = POLLIN },
		};

		api_make_ready(loop->job);
		if (state != MEMCAGE_RUNNING)
			terminal_job_stopped(&loop->terminal, loop->job, state);
		poll(fds, ARRAY_LEN(fds), -1);
		if (fds[1].revents)
			take_signals(loop);
	}
}

static int supervise(struct loop *loop, const struct run_options *options)
{
	const struct memcage_result *result;

	terminal_open(&loop->terminal);
	wait_for_end(loop);
	terminal_close(&loop->terminal);
	result = memcage_result(loop->job);
	say_result_stderr(options->format, result, options->report);
	return result->report_errnum != 0 ? 125 : result->status;
}

/*
 * What has leaked into us is not the job's, and may leave us no number at which to open anything.
 */
static void start(struct memcage_spec *spec, const struct run_options *options, struct loop *loop,
		  struct memcage_error *err)
{
	descriptors_close_others(&options->kept);
	memcage_spec_set_usage(spec, options->report != NULL);
	loop->signals = signals_open(spec, err);
	if (loop->signals >= 0)
		memcage_start(spec, options->command, &loop->job, err);
}

static const struct verb_options run_verb = {
	.name = "run",
	.usage = "run [OPTION...] [--] COMMAND [ARG...]\n\n"
		 "Runs COMMAND in a cage: its own cgroup, namespaces, private /tmp and seccomp "
		 "filter;\n"
		 "and says what killed it.",
	.statuses = "Exit status: the command's own; 120 killed for memory, 123 CPU time, 124 "
		    "timeout,\n"
		    "125 no cage could be made, 126 and 127 no such command, 128+N signal N, 2 "
		    "usage.\n"
		    "More: man memcage-run, man memcage-report\n",
};

static int show(enum options_show what)
{
	if (what == OPTIONS_SHOW_HELP)
		options_help(&run_verb);
	else
		printf("memcage %s\n", MEMCAGE_VERSION);
	return fflush(stdout) == EOF ? 125 : 0;
}

int verb_run(int argc, char *argv[])
{
	struct memcage_spec *spec = memcage_spec_new();
	struct loop loop = { .terminal.fd = -1, .signals = -1 };
	struct memcage_error err = { 0 };
	struct run_options options = { 0 };
	int status;

	if (!spec)
		error_set(&err, MEMCAGE_ERROR_SETUP, ENOMEM, "cannot begin");
	else if (options_parse(argc, argv, &run_verb, spec, &options, &err) == 0 &&
		 options.show == OPTIONS_SHOW_NOTHING)
		start(spec, &options, &loop, &err);
	if (err.code != MEMCAGE_ERROR_NONE)
		status = say_error(&err);
	else
		status = loop.job ? supervise(&loop, &options) : show(options.show);
	if (FREE_AT_EXIT) {
		memcage_job_free(loop.job);
		memcage_spec_free(spec);
		options_release(&options);
		own_close(&loop.signals);
	} else if (loop.job) {
		_exit(status); /* all has been written */
	}
	return status;
}

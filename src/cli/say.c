/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/say.h"

#include <string.h>

const char *const say_formats[SAY__COUNT] = {
	[SAY_TEXT] = "text",
	[SAY_GITHUB] = "github",
	[SAY_QUIET] = "quiet",
};

/* memcage-run(1) */
static const int error_statuses[MEMCAGE_ERROR__COUNT] = {
	[MEMCAGE_ERROR_USAGE] = 2,
	[MEMCAGE_ERROR_SETUP] = 125,
};

int say_error(const struct memcage_error *err)
{
	fprintf(stderr, "memcage: %s\n", err->text);
	return error_statuses[err->code];
}

#define SAID_AT_ONCE 8192 /* all, but of a filter that denied many calls */

typedef void format_fn(FILE *to, const struct memcage_result *result);

enum say_format say_format_find(const char *name)
{
	int format = 0;

	while (format < SAY__COUNT && strcmp(name, say_formats[format]) != 0)
		format++;
	return format;
}

/* Where there was no memory for words, one is left. */
static const char *summary_of(const struct memcage_result *result)
{
	return result->summary ? result->summary : memcage_cause_name(result->cause);
}

static void say_text(FILE *to, const struct memcage_result *result)
{
	fprintf(to, "memcage: %s\n", summary_of(result));
	for (size_t i = 0; i < result->warning_count; i++)
		fprintf(to, "memcage: warning: %s\n", result->warnings[i].message);
	if (result->hint)
		fprintf(to, "memcage: %s\n", result->hint);
}

/*
 * Workflow commands (docs.github.com, "Workflow commands for GitHub Actions"): ::error
 * title=TITLE::MESSAGE.  In both a percent sign and line ends are escaped, in a property also what
 * ends one.
 */
#define ESCAPED_DATA "%\r\n"
#define ESCAPED_PROPERTY ESCAPED_DATA ":,"

static void put_escaped(FILE *to, const char *text, const char *escaped)
{
	for (; *text; text++) {
		if (strchr(escaped, *text))
			fprintf(to, "%%%02X", (unsigned int) *text);
		else
			putc(*text, to);
	}
}

/*
 * A command is one only at the start of a line, and nobody knows whether the job ended its last
 * one: hence the line end in front.
 */
static void put_annotation(FILE *to, const char *level, const char *title, const char *message,
			   const char *more)
{
	fprintf(to, "\n::%s title=", level);
	put_escaped(to, "memcage: ", ESCAPED_PROPERTY);
	put_escaped(to, title, ESCAPED_PROPERTY);
	fputs("::", to);
	put_escaped(to, message, ESCAPED_DATA);
	if (more) {
		put_escaped(to, "\n", ESCAPED_DATA);
		put_escaped(to, more, ESCAPED_DATA);
	}
	putc('\n', to);
}

static const char *const titles[MEMCAGE_CAUSE__COUNT] = {
	[MEMCAGE_CAUSE_NONE] = "not ended",
	[MEMCAGE_CAUSE_SIGNALED] = "killed by a signal",
	[MEMCAGE_CAUSE_OOM] = "out of memory",
	[MEMCAGE_CAUSE_TIMEOUT] = "timeout",
	[MEMCAGE_CAUSE_CPU_TIME] = "out of CPU time",
	[MEMCAGE_CAUSE_SECCOMP] = "forbidden system call",
	[MEMCAGE_CAUSE_CANCELLED] = "cancelled",
	[MEMCAGE_CAUSE_EXEC_FAILED] = "command not executed",
	[MEMCAGE_CAUSE_SETUP_FAILED] = "no cage",
};

/* The step itself tells of a command that exits; what else there is about it are warnings. */
static void say_github(FILE *to, const struct memcage_result *result)
{
	const char *hint = result->hint;

	if (result->cause != MEMCAGE_CAUSE_EXITED) {
		put_annotation(to, "error", titles[result->cause], summary_of(result), hint);
		hint = NULL;
	} else if (result->warning_count == 0) {
		put_annotation(to, "warning", "exited", summary_of(result), hint);
	}
	for (size_t i = 0; i < result->warning_count; i++) {
		const struct memcage_warning *warning = &result->warnings[i];

		put_annotation(to, "warning", warning->code, warning->message,
			       i == 0 ? hint : NULL);
	}
}

static void say_nothing(FILE *to, const struct memcage_result *result)
{
	(void) to;
	(void) result;
}

static format_fn *const formats[SAY__COUNT] = {
	[SAY_TEXT] = say_text,
	[SAY_GITHUB] = say_github,
	[SAY_QUIET] = say_nothing,
};

static void put_command_end(FILE *to, const struct memcage_result *result)
{
	const char *signal_name = result->signal > 0 ? sigabbrev_np(result->signal) : NULL;

	if (result->exit_code >= 0)
		fprintf(to, "the command exited with status %d", result->exit_code);
	else if (signal_name)
		fprintf(to, "the command was ended by SIG%s", signal_name);
	else if (result->signal > 0)
		fprintf(to, "the command was ended by signal %d", result->signal);
	else
		fputs("the command was not run", to);
}

static void say_report_failed(FILE *to, const struct memcage_result *result, const char *place)
{
	fprintf(to, "memcage: cannot write the report%s%s: %s\n", place ? " to " : "",
		place ? place : "", strerror(result->report_errnum));
	fprintf(to, "memcage: how the job ended: %s; ", memcage_cause_name(result->cause));
	put_command_end(to, result);
	putc('\n', to);
}

void say_result(FILE *to, enum say_format format, const struct memcage_result *result,
		const char *place)
{
	if (!result->quiet)
		formats[format](to, result);
	for (size_t i = 0; i < result->denied_count && format != SAY_QUIET; i++)
		fprintf(to, "memcage: seccomp: %s\n", result->denied[i]);
	if (result->report_errnum != 0)
		say_report_failed(to, result, place);
}

void say_result_stderr(enum say_format format, const struct memcage_result *result,
		       const char *place)
{
	char buffer[SAID_AT_ONCE]; /* not of the heap, which would have to grow for it */

	setvbuf(stderr, buffer, _IOFBF, sizeof(buffer));
	say_result(stderr, format, result, place);
	fflush(stderr);
	setvbuf(stderr, NULL, _IONBF, 0);
}

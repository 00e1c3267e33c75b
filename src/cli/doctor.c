/* SPDX-License-Identifier: Apache-2.0 */
/* `memcage doctor`: what this host allows, on one screen or as JSON. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cli/verbs.h"
#include "doctor/doctor.h"

#define COLUMNS 100
#define NAME_COLUMNS 16
#define STATE_COLUMNS 9

#define SOME_NO 1 /* exit status: no cage with a memory limit here */

static const struct option longs[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "clean", no_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ 0 },
};

static int end(int status)
{
	return fflush(stdout) == EOF ? 125 : status;
}

static int help(void)
{
	printf("Usage: memcage doctor [OPTION...]\n\n"
	       "Tries what a cage needs on this host, and says what is missing, what that costs "
	       "and what\nwould mend it.\n\nOptions:\n"
	       "      --json                      say it as JSON, schema memcage.doctor/1\n"
	       "      --clean                     remove what dead memcages left, and say what\n"
	       "  -h, --help                      show this help\n"
	       "      --version                   show the version\n"
	       "\nExit status: 0 if memcage run with a memory limit works here, 1 if it does not, "
	       "2 usage.\nMore: man memcage-doctor\n");
	return end(0);
}

/* Words from column `left` on, wrapped; what is longer than a line stays whole. */
static void print_words(const char *text, int left)
{
	int at = left;

	for (const char *word = text; *word;) {
		int length = (int) strcspn(word, " ");

		if (at > left && at + 1 + length > COLUMNS) {
			printf("\n%*s", left, "");
			at = left;
		}
		printf("%s%.*s", at > left ? " " : "", length, word);
		at += length + (at > left);
		word += length + (word[length] == ' ');
	}
	printf("\n");
}

static void print_finding(const struct doctor_finding *finding)
{
	const int left = NAME_COLUMNS + STATE_COLUMNS;
	const int inner = left + (int) strlen("costs: ");

	printf("%-*s%-*s", NAME_COLUMNS, finding->name, STATE_COLUMNS,
	       doctor_states[finding->state]);
	print_words(finding->value, left);
	if (*finding->cost) {
		printf("%*scosts: ", left, "");
		print_words(finding->cost, inner);
	}
	if (*finding->mend) {
		printf("%*smend:  ", left, "");
		print_words(finding->mend, inner);
	}
}

static void print_all(const struct doctor *doctor)
{
	bool works = doctor->facts.trial.works;

	printf("memcage %s: memcage run with a memory limit %s here\n\n", MEMCAGE_VERSION,
	       works ? "works" : "does not work");
	for (int line = 0; line < DOCTOR__COUNT; line++)
		print_finding(&doctor->findings[line]);
}

static int print_json(const struct doctor *doctor)
{
	auto_free char *json = doctor_json(doctor);

	if (!json)
		return -1;
	fputs(json, stdout);
	return 0;
}

/* What is tried is undone; a signal must not come in between. */
static int examine(bool json)
{
	char self[] = "/proc/self/exe", nothing[] = "--version";
	char *trial[] = { self, nothing, NULL };
	struct doctor *doctor;
	sigset_t all, old;
	int status;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	signal(SIGCHLD, SIG_DFL);
	doctor = doctor_examine(trial);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (!doctor) {
		fprintf(stderr, "memcage: no memory\n");
		return 125;
	}
	status = doctor->facts.trial.works ? 0 : SOME_NO;
	if (!json)
		print_all(doctor);
	else if (print_json(doctor) < 0)
		status = 125;
	doctor_free(doctor);
	return end(status);
}

static void say_removed(const char *path, void *data)
{
	(void) data;
	printf("removed %s\n", path);
}

static int clean(void)
{
	struct memcage_error err = { 0 };
	size_t left = 0;
	int count = doctor_clean(say_removed, NULL, &left, &err);

	if (count < 0) {
		fprintf(stderr, "memcage: %s\n", err.text);
		return end(SOME_NO);
	}
	if (left > 0)
		fprintf(stderr, "memcage: %zu abandoned cage%s cannot be removed; try it as root\n",
			left, left == 1 ? "" : "s");
	else if (count == 0)
		printf("nothing to remove\n");
	return end(left > 0 ? SOME_NO : 0);
}

static int refuse(char *argv[], int at)
{
	fprintf(stderr, "memcage: there is no option %.100s; see memcage doctor --help\n",
		argv[at]);
	return 2;
}

int verb_doctor(int argc, char *argv[])
{
	bool json = false, sweep = false;

	opterr = 0;
	for (;;) {
		int at = optind, index = -1;
		int option = getopt_long(argc, argv, "+h", longs, &index);

		if (option == -1)
			break;
		/* getopt takes beginnings of names, too. */
		if (option == '?' ||
		    (index >= 0 && strlen(argv[at]) != strlen(longs[index].name) + 2))
			return refuse(argv, at);
		if (option == 'h')
			return help();
		if (option == 'v')
			return printf("memcage %s\n", MEMCAGE_VERSION), end(0);
		json |= option == 'j';
		sweep |= option == 'c';
	}
	if (optind < argc) {
		fprintf(stderr, "memcage: doctor takes no argument, but '%.60s' was given\n",
			argv[optind]);
		return 2;
	}
	if (sweep && json) {
		fprintf(stderr, "memcage: --clean and --json do not go together\n");
		return 2;
	}
	return sweep ? clean() : examine(json);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/own.h"
#include "policy/policy.h"
#include "spec/limit.h"
#include "spec/settings.h"

typedef int take_fn(const char *text, struct run_options *options, struct memcage_error *err);

static int take_format(const char *text, struct run_options *options, struct memcage_error *err)
{
	options->format = say_format_find(text);
	if (options->format != SAY__COUNT)
		return 0;
	return error_usage(err, "--format: '%.40s' is not right; say text, github or quiet", text);
}

static int take_quiet(const char *text, struct run_options *options, struct memcage_error *err)
{
	(void) text;
	(void) err;
	options->format = SAY_QUIET;
	return 0;
}

static int take_help(const char *text, struct run_options *options, struct memcage_error *err)
{
	(void) text;
	(void) err;
	options->show = OPTIONS_SHOW_HELP;
	return 0;
}

static int take_version(const char *text, struct run_options *options, struct memcage_error *err)
{
	(void) text;
	(void) err;
	options->show = OPTIONS_SHOW_VERSION;
	return 0;
}

static const struct program_option {
	const char *key; /* NULL: a letter only */
	char letter;
	const char *arg, *help;
	take_fn *take;
} program_options[] = {
	{ "format", 0, "text|github|quiet", "what is said on stderr at the end (default: text)",
	  take_format },
	{ NULL, 'q', NULL, "say nothing: --format quiet", take_quiet },
	{ "help", 'h', NULL, "show this help", take_help },
	{ "version", 0, NULL, "show the version", take_version },
};

/* getopt's value of a row: where it stands among all of them, beyond every letter. */
#define FIRST_VALUE 256
#define SETTINGS_MOST 32
#define VERB_MOST 32
#define ROWS_MOST (LIMIT__COUNT + SETTINGS_MOST + ARRAY_LEN(program_options) + VERB_MOST)

/* One option, whichever table it comes from. */
struct row {
	const char *key; /* NULL: a letter only */
	char letter;
	const char *arg, *help;
	take_fn *take;		 /* NULL: the spec takes it */
	verb_take_fn *verb_take; /* or this verb */
	bool optional;		 /* the value may be left out */
};

struct rows {
	struct row list[ROWS_MOST];
	size_t count, verb, cage; /* where those of the verb and of the cage begin */
};

/* A verb's own row comes first, and there is one of a key. */
static void add_row(struct rows *rows, struct row row)
{
	for (size_t i = 0; row.key && i < rows->cage; i++)
		if (rows->list[i].key && strcmp(rows->list[i].key, row.key) == 0)
			return;
	rows->list[rows->count++] = row;
}

static void list_rows(const struct verb_options *verb, struct rows *rows)
{
	rows->count = rows->cage = 0;
	for (size_t i = 0; i < verb->count; i++) {
		const struct verb_option *at = &verb->rows[i];

		add_row(rows, (struct row) { at->key, at->letter, at->arg, at->help,
					     .verb_take = at->take });
	}
	rows->verb = rows->cage = rows->count;
	for (int id = 0; id < LIMIT__COUNT; id++)
		add_row(rows, (struct row) { limits[id].option ? limits[id].option : limits[id].key,
					     limits[id].letter, limits[id].arg, limits[id].help });
	rows->cage = rows->count;
	for (const struct setting *at = settings_table; at->key; at++)
		if (!at->policy_only)
			add_row(rows, (struct row) { at->key, at->letter, at->arg, at->help,
						     .optional = at->optional });
	for (size_t i = 0; i < ARRAY_LEN(program_options); i++) {
		const struct program_option *at = &program_options[i];

		add_row(rows, (struct row) { at->key, at->letter, at->arg, at->help, at->take });
	}
}

struct getopt_tables {
	const struct verb_options *verb;
	struct rows rows;
	struct option longs[ROWS_MOST + 1];
	char letters[2 * ROWS_MOST + 3];
};

static int argument_of(const struct row *row)
{
	if (row->optional)
		return optional_argument;
	return row->arg ? required_argument : no_argument;
}

/* "+": options stand before the command only; ":": we say what is wrong ourselves. */
static void make_tables(struct getopt_tables *tables)
{
	char *letter = stpcpy(tables->letters, "+:");
	size_t longs = 0;

	list_rows(tables->verb, &tables->rows);
	for (size_t i = 0; i < tables->rows.count; i++) {
		const struct row *row = &tables->rows.list[i];

		if (row->key)
			tables->longs[longs++] = (struct option) { row->key, argument_of(row), NULL,
								   FIRST_VALUE + (int) i };
		if (row->letter)
			*letter++ = row->letter;
		if (row->letter && row->arg)
			*letter++ = ':';
	}
	*letter = '\0';
	tables->longs[longs] = (struct option) { 0 };
}

static const struct row *find_row(const struct getopt_tables *tables, int value)
{
	if (value >= FIRST_VALUE)
		return &tables->rows.list[value - FIRST_VALUE];
	for (size_t i = 0; i < tables->rows.count; i++)
		if (tables->rows.list[i].letter == value)
			return &tables->rows.list[i];
	return NULL;
}

static int refuse(const struct getopt_tables *tables, int value, char *argv[],
		  struct memcage_error *err)
{
	const struct row *row = optopt ? find_row(tables, optopt) : NULL;

	if (value == ':' && row)
		return error_usage(err, "--%s: needs a value: %s", row->key, row->arg);
	if (row)
		return error_usage(err, "--%s: takes no value", row->key);
	if (optopt)
		return error_usage(err, "there is no option -%c; see memcage %s --help", optopt,
				   tables->verb->name);
	return error_usage(err, "there is no option %.100s; see memcage %s --help",
			   argv[optind - 1], tables->verb->name);
}

/* "fd:3", and what a shell's process substitution gives: "/dev/fd/63". */
static void keep_descriptor(const char *text, struct run_options *options)
{
	static const char *const forms[] = { "fd:", "/dev/fd/", "/proc/self/fd/", "" };

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		size_t length = strlen(forms[i]);

		if (strncmp(text, forms[i], length) == 0 &&
		    strspn(text + length, "0123456789") > 0) {
			descriptors_keep(&options->kept, (int) strtol(text + length, NULL, 10));
			return;
		}
	}
}

/* The program has its part in some of what goes to the spec. */
static void take_note(const char *key, const char *text, struct run_options *options)
{
	if (strcmp(key, "report") == 0)
		options->report = text;
	if (strcmp(key, "report") == 0 || strcmp(key, "pass-fd") == 0)
		keep_descriptor(text, options);
}

static int take(const struct getopt_tables *tables, const struct row *row, const char *text,
		struct memcage_spec *spec, struct run_options *options, struct memcage_error *err)
{
	if (row->key)
		take_note(row->key, text, options);
	if (row->verb_take)
		return row->verb_take(text, spec, tables->verb->data, err);
	if (row->take)
		return row->take(text, options, err);
	if (row->key && strcmp(row->key, "policy") == 0) {
		options->policy = text;
		return 0;
	}
	return memcage_spec_set(spec, row->key, row->arg ? text : NULL, err);
}

/*
 * getopt takes "--mem" for --memory; scripts that lean on that break with the next option of that
 * beginning.
 */
static bool is_abbreviated(const struct row *row, const char *word)
{
	size_t length = strcspn(word, "=");

	return strncmp(word, "--", 2) == 0 && length > 2 && strlen(row->key) != length - 2;
}

/* All options but --policy, which is only noted. */
static int scan(int argc, char *argv[], const struct getopt_tables *tables,
		struct memcage_spec *spec, struct run_options *options, struct memcage_error *err)
{
	opterr = 0;
	optind = 1;
	for (;;) {
		int at = optind, value;
		const struct row *row;

		optopt = 0;
		value = getopt_long(argc, argv, tables->letters, tables->longs, NULL);
		if (value == -1)
			break;
		if (value == '?' || value == ':')
			return refuse(tables, value, argv, err);
		row = find_row(tables, value);
		if (value >= FIRST_VALUE && is_abbreviated(row, argv[at]))
			return error_usage(err, "there is no option %.100s; did you mean --%s?",
					   argv[at], row->key);
		if (take(tables, row, optarg, spec, options, err) < 0)
			return -1;
		if (options->show != OPTIONS_SHOW_NOTHING)
			return 0;
	}
	options->command = argv + optind;
	return 0;
}

/* What the program itself takes of a policy. */
static int take_program_keys(const struct policy *policy, struct run_options *options,
			     struct memcage_error *err)
{
	for (size_t i = 0; i < policy->count; i++) {
		const struct policy_value *value = &policy->values[i];

		if (!value->is_program)
			take_note(value->key, value->text, options);
		else if (take_format(value->text, options, err) < 0)
			return -1;
	}
	return 0;
}

static int start_from(const struct policy *policy, struct memcage_spec *spec,
		      struct run_options *options, struct memcage_error *err)
{
	return policy_apply(policy, spec, err) < 0 ? -1 : take_program_keys(policy, options, err);
}

int options_parse(int argc, char *argv[], const struct verb_options *verb,
		  struct memcage_spec *spec, struct run_options *ret, struct memcage_error *err)
{
	struct getopt_tables tables = { .verb = verb };
	struct policy_faults faults;
	const char *policy;

	*ret = (struct run_options) { .format = SAY_TEXT };
	make_tables(&tables);
	if (scan(argc, argv, &tables, spec, ret, err) < 0)
		return -1;
	if (!ret->policy || ret->show != OPTIONS_SHOW_NOTHING)
		return 0;

	/* Wherever it stands, a policy comes first and the options override it. */
	policy = ret->policy;
	if (verb->clear)
		verb->clear(verb->data);
	*ret = (struct run_options) { .format = SAY_TEXT };
	if (policy_load(policy, &ret->loaded, &faults) < 0) {
		*err = faults.list[0];
		return -1;
	}
	return start_from(&ret->loaded, spec, ret, err) < 0
		       ? -1
		       : scan(argc, argv, &tables, spec, ret, err);
}

void options_release(struct run_options *options)
{
	policy_release(&options->loaded);
}

static void print_row(const struct row *row)
{
	char left[64], letter[4] = "  ";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c", row->letter);
	if (row->key)
		snprintf(left, sizeof(left), "%s%s --%s%s%s%s", letter, row->letter ? "," : " ",
			 row->key,
			 row->optional ? "[="
			 : row->arg    ? " "
				       : "",
			 row->arg ? row->arg : "", row->optional ? "]" : "");
	else
		snprintf(left, sizeof(left), "%s", letter);
	if (strlen(left) < 32)
		printf("  %-32s %s\n", left, row->help);
	else
		printf("  %s\n  %-32s %s\n", left, "", row->help);
}

void options_help(const struct verb_options *verb)
{
	struct rows rows;

	list_rows(verb, &rows);
	printf("Usage: memcage %s\n", verb->usage);
	for (size_t i = 0; i < rows.count; i++) {
		if (i == rows.verb)
			printf("\nLimits:\n");
		if (i == rows.cage)
			printf("\nThe cage, and what is said of it:\n");
		print_row(&rows.list[i]);
	}
	printf("\nSIZE: 512M, 1.5G, 10MB, max.  DURATION: 90, 500ms, 2h.  \"max\": no limit.\n%s",
	       verb->statuses);
}

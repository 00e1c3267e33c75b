/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"
#include "cli/verbs.h"
#include "policy/policy_keys.h"
#include "policy/policy_shipped.h"

static int complain(const struct policy_faults *faults)
{
	for (size_t i = 0; i < faults->count && i < POLICY_FAULTS_MOST; i++)
		fprintf(stderr, "memcage: %s\n", faults->list[i].text);
	if (faults->count > POLICY_FAULTS_MOST)
		fprintf(stderr, "memcage: and %zu more\n", faults->count - POLICY_FAULTS_MOST);
	return faults->list[0].code == MEMCAGE_ERROR_USAGE ? 2 : 125;
}

/* What could not be written was not said. */
static int written(int status)
{
	return fflush(stdout) == EOF ? 125 : status;
}

/* ---- list ---- */

static int list(const char *operand)
{
	(void) operand;
	for (const struct policy_shipped *at = policy_shipped; at->name; at++) {
		struct policy_faults faults;
		struct policy policy;

		if (policy_load(at->name, &policy, &faults) < 0)
			return complain(&faults);
		printf("%-12s %s\n", at->name, policy.description);
		policy_release(&policy);
	}
	return written(0);
}

/* ---- check ---- */

static int check(const char *path)
{
	struct policy_faults faults;
	struct policy policy;
	char shown[200];

	if (policy_load_file(path, &policy, &faults) < 0)
		return complain(&faults);
	printf("%s: right\n", parse_show(path, shown, sizeof(shown)));
	policy_release(&policy);
	return written(0);
}

/* ---- show ---- */

enum { KEY, VALUE, FROM, PLACE, COLUMNS };

/* A line of the table; the cells are its own. */
struct line {
	char cells[COLUMNS][160];
};

struct table {
	struct line *lines;
	size_t count;
};

/* False where there is no memory. */
static bool add_line(struct table *table, const struct line *line)
{
	struct line *larger = reallocarray(table->lines, table->count + 1, sizeof(*line));

	if (!larger)
		return false;
	table->lines = larger;
	table->lines[table->count++] = *line;
	return true;
}

static void fill_place(const struct policy_key *key, char *cell, size_t size)
{
	const char *v2 = key->place[0], *v1 = key->place[1];

	if (v2 && v1 && strcmp(v2, v1) != 0)
		snprintf(cell, size, "%s (v1: %s)", v2, v1);
	else
		snprintf(cell, size, "%s", v2 ? v2 : "");
}

static struct line begin_line(const struct policy_key *key, const char *name)
{
	struct line line = { 0 };
	char shown[PARSE_QUOTED];

	snprintf(line.cells[KEY], sizeof(line.cells[KEY]), "%s%s%s%s",
		 key->in_limits ? "limits." : "", key->key, name ? "." : "",
		 name ? parse_show(name, shown, sizeof(shown)) : "");
	fill_place(key, line.cells[PLACE], sizeof(line.cells[PLACE]));
	return line;
}

/* In buffer, or the value's own. */
static const char *value_text(const struct policy_value *value, char *buffer, size_t size)
{
	const char *text = value->text;

	if (value->off || !text)
		return value->off ? "false" : "true";
	if (value->name && !strchr(text, '='))
		return "the caller's";
	return parse_show(value->name ? strchr(text, '=') + 1 : text, buffer, size);
}

static bool add_value(struct table *table, const struct policy_key *key,
		      const struct policy_value *value)
{
	struct line line = begin_line(key, value->name);
	char shown[sizeof(line.cells[VALUE])];

	snprintf(line.cells[VALUE], sizeof(line.cells[VALUE]), "%s",
		 value_text(value, shown, sizeof(shown)));
	snprintf(line.cells[FROM], sizeof(line.cells[FROM]), "%s:%u", value->file, value->line);
	return add_line(table, &line);
}

/* All that is said of a key, or else what is built in. */
static bool add_key(struct table *table, const struct policy_key *key, const struct policy *policy)
{
	bool said = false, done = true;
	struct line line;

	for (size_t i = 0; done && i < policy->count; i++) {
		if (strcmp(policy->values[i].key, key->key) != 0)
			continue;
		said = true;
		done = add_value(table, key, &policy->values[i]);
	}
	if (said || !key->preset)
		return done;
	line = begin_line(key, NULL);
	snprintf(line.cells[VALUE], sizeof(line.cells[VALUE]), "%s", key->preset);
	snprintf(line.cells[FROM], sizeof(line.cells[FROM]), "built in");
	return add_line(table, &line);
}

/* Characters, as a terminal counts them. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char) *text & 0xc0) != 0x80;
	return width;
}

static void print_line(const struct line *line, const size_t widths[COLUMNS])
{
	for (int column = 0; column < PLACE; column++) {
		const char *cell = line->cells[column];

		printf("%s%*s", cell, (int) (widths[column] + 2 - width_of(cell)), "");
	}
	printf("%s\n", line->cells[PLACE]);
}

static void print_table(const struct table *table)
{
	size_t widths[COLUMNS] = { 0 };

	for (size_t i = 0; i < table->count; i++)
		for (int column = 0; column < COLUMNS; column++) {
			size_t width = width_of(table->lines[i].cells[column]);

			if (width > widths[column])
				widths[column] = width;
		}
	for (size_t i = 0; i < table->count; i++)
		print_line(&table->lines[i], widths);
}

static bool fill_table(struct table *table, const struct policy *policy)
{
	static const struct line head = { { "KEY", "VALUE", "FROM", "WRITTEN TO" } };
	struct policy_key key;

	if (!add_line(table, &head))
		return false;
	for (size_t i = 0; policy_key_at(i, &key); i++)
		if (!add_key(table, &key, policy))
			return false;
	return true;
}

static int show(const char *text)
{
	struct policy_faults faults;
	struct policy policy;
	struct table table = { 0 };
	int status = 0;

	if (policy_load(text, &policy, &faults) < 0)
		return complain(&faults);
	if (fill_table(&table, &policy))
		print_table(&table);
	else
		status = 125;
	free(table.lines);
	policy_release(&policy);
	return written(status);
}

/* ---- the verb ---- */

static const struct {
	const char *name, *operand, *help;
	int (*run)(const char *operand);
} actions[] = {
	{ "list", NULL, "the policies that memcage brings along", list },
	{ "show", "NAME|FILE", "what a policy comes to, and where each value is from", show },
	{ "check", "FILE", "what is wrong with a file, if anything", check },
};

static int help(void)
{
	printf("Usage: memcage policy list\n       memcage policy show NAME|FILE\n"
	       "       memcage policy check FILE\n\n"
	       "A policy is what a cage starts from: memcage run --policy NAME|FILE\n\n");
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		printf("  %-6s %-10s %s\n", actions[i].name,
		       actions[i].operand ? actions[i].operand : "", actions[i].help);
	printf("\nOptions:\n  -h, --help    show this help\n  --version     show the version\n"
	       "\nMore: man memcage-policy\n");
	return written(0);
}

static int refuse(const char *problem, const char *word)
{
	char quoted[PARSE_QUOTED];

	fprintf(stderr, "memcage: policy: %s%s%s; see memcage policy --help\n", problem,
		*problem ? " " : "", parse_quote(word, quoted, sizeof(quoted)));
	return 2;
}

static int act(const char *name, int argc, char *argv[])
{
	if (argc > 0 && strcmp(argv[0], "--") == 0)
		return act(name, argc - 1, argv + 1);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		int wanted = actions[i].operand ? 1 : 0;

		if (strcmp(actions[i].name, name) != 0)
			continue;
		if (argc < wanted)
			return refuse("there must be a name or a file after", name);
		if (argc > wanted)
			return refuse("one thing too many:", argv[wanted]);
		return actions[i].run(argv[0]);
	}
	return refuse("there is no", name);
}

int verb_policy(int argc, char *argv[])
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return help();
		if (strcmp(argv[i], "--version") == 0)
			return printf("memcage %s\n", MEMCAGE_VERSION) < 0 ? 125 : written(0);
		if (argv[i][0] == '-')
			return refuse("there is no option", argv[i]);
	}
	if (argc < 2)
		return refuse("say what to do after", "policy");
	return act(argv[1], argc - 2, argv + 2);
}

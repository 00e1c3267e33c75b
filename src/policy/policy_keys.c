/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"
#include "spec/limit.h"
#include "spec/settings.h"

/* What the rows of settings and limits do not say.  A key without a row here is a plain value. */
static const struct row {
	const char *key;
	enum policy_form form;
	const char *preset;
	const char *place;
} rows[] = {
	{ "oom", POLICY_VALUE, "kill-job", "memory.oom.group (v1: memcage)" },
	{ "network", POLICY_VALUE, "host", "network namespace" },
	{ "root", POLICY_VALUE, "rw", "mount" },
	{ "bind", POLICY_VALUES, NULL, "mount" },
	{ "hide", POLICY_VALUES, NULL, "mount" },
	{ "pass-fd", POLICY_VALUES, NULL, "open descriptor" },
	{ "workdir", POLICY_VALUE, "the caller's", "chdir(2)" },
	{ "env", POLICY_NAMED, NULL, "environment" },
	{ "clear-env", POLICY_SWITCH, "false", "environment" },
	{ "user", POLICY_VALUE, "the caller's", "setresuid(2), uid_map" },
	{ "capabilities", POLICY_WORDS, "the caller's", "capset(2), user namespace" },
	{ "no-new-privs", POLICY_VALUE, "true", "prctl(2)" },
	{ "hostname", POLICY_VALUE, "the host's", "UTS namespace" },
	{ "seccomp", POLICY_VALUE, "default", "seccomp(2)" },
	{ "seccomp-log", POLICY_SWITCH, "false", "stderr" },
	{ "backend", POLICY_VALUE, "auto", "cgroup version" },
	{ "allow-unsupported", POLICY_WORDS, "false", "memcage" },
	{ "report", POLICY_VALUE, NULL, "memcage" },
	{ "sample", POLICY_VALUE, NULL, "memcage" },
	{ "oom-exit-code", POLICY_VALUE, "120", "exit status" },
	{ "swap", POLICY_VALUE, "0 where memory is set", NULL },
	{ "io", POLICY_VALUES, NULL, NULL },
	{ "tmp", POLICY_VALUE, "an eighth of memory", "tmpfs size" },
	{ "timeout", POLICY_VALUE, NULL, "timer" },
	{ "grace", POLICY_VALUE, "2s", "timer" },
	{ "rlimits", POLICY_NAMED, NULL, "setrlimit(2)" },
};

/* Options that the library knows nothing of. */
static const struct policy_key programs[] = {
	{ .key = "format",
	  .is_program = true,
	  .arg = "text|github|quiet",
	  .preset = "text",
	  .place = { "stderr" } },
};

static void fill_in(struct policy_key *key)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].key, key->key) != 0)
			continue;
		key->form = rows[i].form;
		key->preset = rows[i].preset;
		if (rows[i].place)
			key->place[0] = rows[i].place;
	}
}

static struct policy_key limit_key(enum limit_id id)
{
	struct policy_key key = {
		.key = limits[id].key,
		.in_limits = true,
		.arg = limits[id].arg,
		.place = { limits[id].file[CGROUP_V2], limits[id].file[CGROUP_V1] },
	};

	fill_in(&key);
	return key;
}

static struct policy_key setting_key(const struct setting *setting)
{
	struct policy_key key = {
		.key = setting->key,
		.form = setting->arg ? POLICY_VALUE : POLICY_SWITCH,
		.arg = setting->arg,
	};

	fill_in(&key);
	return key;
}

bool policy_key_at(size_t index, struct policy_key *ret)
{
	size_t settings = 0;

	if (index < LIMIT__COUNT) {
		*ret = limit_key((enum limit_id) index);
		return true;
	}
	index -= LIMIT__COUNT;
	for (const struct setting *at = settings_table; at->key; at++) {
		if (strcmp(at->key, "policy") == 0) /* in a file it is called extends */
			continue;
		if (settings++ != index)
			continue;
		*ret = setting_key(at);
		return true;
	}
	index -= settings;
	if (index < ARRAY_LEN(programs))
		*ret = programs[index];
	return index < ARRAY_LEN(programs);
}

static bool find_limit(const char *key, struct policy_key *ret)
{
	for (int id = 0; id < LIMIT__COUNT; id++) {
		if (strcmp(limits[id].key, key) != 0)
			continue;
		*ret = limit_key((enum limit_id) id);
		return true;
	}
	return false;
}

/* As policy_key_at(), which would make every key on the way. */
bool policy_key_find(const char *key, bool in_limits, struct policy_key *ret)
{
	const struct setting *setting = setting_find(key);

	if (in_limits)
		return find_limit(key, ret);
	if (setting && strcmp(key, "policy") != 0) {
		*ret = setting_key(setting);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		if (strcmp(programs[i].key, key) != 0)
			continue;
		*ret = programs[i];
		return true;
	}
	return false;
}

#define WORD_MOST 32

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * How many letters must be put in, taken out or replaced to make one of the other; SIZE_MAX for a
 * word that is none.
 */
static size_t distance_of(const char *a, const char *b)
{
	size_t costs[WORD_MOST + 1], width = strlen(b);

	if (strlen(a) > WORD_MOST || width > WORD_MOST)
		return SIZE_MAX;
	for (size_t i = 0; i <= width; i++)
		costs[i] = i;
	for (size_t line = 1; *a; a++, line++) {
		size_t diagonal = costs[0];

		costs[0] = line;
		for (size_t i = 1; i <= width; i++) {
			size_t replaced = diagonal + (*a == b[i - 1] ? 0 : 1);

			diagonal = costs[i];
			costs[i] = smaller(replaced, smaller(costs[i], costs[i - 1]) + 1);
		}
	}
	return costs[width];
}

bool policy_nearer(const char *word, const char *a, size_t *distance)
{
	size_t length = strlen(word), found = distance_of(word, a);

	/* Two letters of six may be a slip; two of three are another word. */
	if (found >= *distance || found > 1 + length / 4 || found >= length)
		return false;
	*distance = found;
	return true;
}

/* Keys that are no options. */
static const char *const own_keys[] = { "description", "extends", "limits" };

void policy_key_suggest(const char *key, bool in_limits, char *buffer, size_t size)
{
	const char *nearest = NULL;
	bool below = false;
	size_t distance = SIZE_MAX;
	struct policy_key at;

	for (size_t i = 0; policy_key_at(i, &at); i++) {
		if (!policy_nearer(key, at.key, &distance))
			continue;
		nearest = at.key;
		below = at.in_limits;
	}
	for (size_t i = 0; i < ARRAY_LEN(own_keys); i++) {
		if (!policy_nearer(key, own_keys[i], &distance))
			continue;
		nearest = own_keys[i];
		below = false;
	}
	if (strcmp(key, "policy") == 0)
		snprintf(buffer, size, "did you mean 'extends'?");
	else if (!nearest)
		snprintf(buffer, size, "see memcage-policy(5) for those there are");
	else if (below == in_limits)
		snprintf(buffer, size, "did you mean '%s'?", nearest);
	else if (distance == 0)
		snprintf(buffer, size,
			 below ? "it belongs below 'limits'" : "it belongs at the top");
	else
		snprintf(buffer, size, "did you mean '%s', %s?", nearest,
			 below ? "below 'limits'" : "at the top");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "environment.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static char **find(char **list, const char *entry)
{
	size_t length = name_length(entry);

	for (; *list; list++)
		if (name_length(*list) == length && strncmp(*list, entry, length) == 0)
			return list;
	return list;
}

const char *environment_get(char *const environment[], const char *name)
{
	char **entry = find((char **) environment, name);

	size_t length = *entry ? name_length(*entry) : 0;

	return *entry && (*entry)[length] == '=' ? *entry + length + 1 : NULL;
}

/* The list has room; all entries of the name are replaced, as readers differ in which counts. */
static bool put(char **list, const char *entry)
{
	char **at = find(list, entry);
	char *copy = strdup(entry);

	if (!copy)
		return false;
	free(*at);
	*at = copy;
	while (*++at && *(at = find(at, entry))) {
		free(*at);
		for (char **next = at; *next; next++)
			next[0] = next[1];
		at--;
	}
	return true;
}

static bool put_option(char **list, const char *option)
{
	auto_free char *entry = NULL;
	const char *value;

	if (strchr(option, '='))
		return put(list, option);
	value = getenv(option);
	if (!value)
		return true;
	return asprintf(&entry, "%s=%s", option, value) >= 0 && put(list, entry);
}

/*
 * A TMPDIR below a private place may not be there in the cage, and what the caller has elsewhere
 * is his choice.
 */
static bool needs_tmpdir(const struct job *job, char **list)
{
	const char *tmpdir = environment_get(list, "TMPDIR");

	for (size_t i = 0; i < job->settings.env_count; i++)
		if (strncmp(job->settings.env[i], "TMPDIR", 6) == 0 &&
		    name_length(job->settings.env[i]) == 6)
			return false;
	if (!tmpdir || *tmpdir == '\0')
		return true;
	for (int i = 0; i < PRIVATE__COUNT; i++)
		if (job->is_private[i] && path_is_below(tmpdir, private_places[i]))
			return true;
	return false;
}

char **environment_make(const struct job *job)
{
	size_t inherited = 0;
	bool done = true;
	char **list;

	while (!job->settings.clear_env && environ && environ[inherited])
		inherited++;
	list = calloc(inherited + job->settings.env_count + 2, sizeof(char *));
	for (size_t i = 0; list && done && i < inherited; i++)
		done = (list[i] = strdup(environ[i])) != NULL;
	for (size_t i = 0; list && done && i < job->settings.env_count; i++)
		done = put_option(list, job->settings.env[i]);
	if (list && done && needs_tmpdir(job, list))
		done = put(list, "TMPDIR=/tmp");
	if (list && !done) {
		for (size_t i = 0; list[i]; i++)
			free(list[i]);
		free(list);
		return NULL;
	}
	return list;
}

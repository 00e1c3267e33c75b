/* SPDX-License-Identifier: Apache-2.0 */
#include "job/environment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

#define MILLION UINT64_C(1000000)

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

/*
 * Takes the next entry of the name behind `at` out of the list; NULL: there is none.  Readers
 * differ in which of two counts.
 */
static char *take_next(char **at, const char *entry)
{
	char *found = *at && *++at ? *(at = find(at, entry)) : NULL;

	for (; found && *at; at++)
		at[0] = at[1];
	return found;
}

/* The list has room; all entries of the name are replaced. */
static bool put(char **list, const char *entry)
{
	char **at = find(list, entry), *other;
	char *copy = strdup(entry);

	if (!copy)
		return false;
	free(*at);
	*at = copy;
	while ((other = take_next(at, entry)))
		free(other);
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

/* Of a list such as "0-2,5". */
static uint64_t count_cpus(const char *list)
{
	uint64_t count = 0;

	for (const char *at = list; *at; at += strspn(at, ",")) {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		count += last - first + 1;
		at = end;
	}
	return count;
}

/* As many as can be busy at once by the job's own limits; 0: as many as there are. */
static uint64_t cpus_in_force(const struct job *job)
{
	const struct limit_value *cpus = &job->limits[LIMIT_CPUS];
	const struct limit_value *cpuset = &job->limits[LIMIT_CPUSET];
	uint64_t count = cpuset->set && cpuset->cpus ? count_cpus(cpuset->cpus) : 0;
	uint64_t whole = 0;

	if (cpus->set && cpus->number != LIMIT_NONE)
		whole = (cpus->number + MILLION - 1) / MILLION;
	if (count == 0 || (whole != 0 && whole < count))
		return whole;
	return count;
}

/* What a policy says of variables that count CPUs; a value that anybody has set stays. */
static bool put_cpus(const struct job *job, char **list)
{
	uint64_t cpus = job->settings.cpus_env_count > 0 ? cpus_in_force(job) : 0;

	for (size_t i = 0; cpus > 0 && i < job->settings.cpus_env_count; i++) {
		auto_free char *entry = NULL;

		if (environment_get(list, job->settings.cpus_env[i]))
			continue;
		if (asprintf(&entry, "%s=%" PRIu64, job->settings.cpus_env[i], cpus) < 0 ||
		    !put(list, entry))
			return false;
	}
	return true;
}

char **environment_make(const struct job *job)
{
	size_t inherited = 0;
	bool done = true;
	char **list;

	while (!job->settings.clear_env && environ && environ[inherited])
		inherited++;
	list = calloc(inherited + job->settings.env_count + job->settings.cpus_env_count + 2,
		      sizeof(char *));
	for (size_t i = 0; list && done && i < inherited; i++)
		done = (list[i] = strdup(environ[i])) != NULL;
	for (size_t i = 0; list && done && i < job->settings.env_count; i++)
		done = put_option(list, job->settings.env[i]);
	if (list && done)
		done = put_cpus(job, list);
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

size_t environment_extended_size(char *const environment[], const char *const extra[])
{
	size_t size = sizeof(char *);

	for (; *environment; environment++)
		size += sizeof(char *);
	for (; extra && *extra; extra++)
		size += sizeof(char *) + strlen(*extra) + 1;
	return size;
}

void environment_extend(char **list, char *const environment[], const char *const extra[])
{
	size_t count = 0, extras = 0;
	char *text;

	for (; environment[count]; count++)
		list[count] = environment[count];
	list[count] = NULL;
	while (extra && extra[extras])
		extras++;
	text = (char *) (list + count + extras + 1);
	for (size_t i = 0; i < extras; i++) {
		char **at = find(list, extra[i]);

		if (!*at)
			at[1] = NULL;
		*at = text;
		while (take_next(at, extra[i]))
			;
		text = stpcpy(text, extra[i]) + 1;
	}
}

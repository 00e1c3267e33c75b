/* SPDX-License-Identifier: Apache-2.0 */
/* rlimits: the resources of setrlimit(2). */
#include "spec/limit_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"

static const struct resource {
	const char *name;
	int number;
	bool bytes;
} resources[] = {
	{ "AS", RLIMIT_AS, true },
	{ "CORE", RLIMIT_CORE, true },
	{ "CPU", RLIMIT_CPU, false },
	{ "DATA", RLIMIT_DATA, true },
	{ "FSIZE", RLIMIT_FSIZE, true },
	{ "LOCKS", RLIMIT_LOCKS, false },
	{ "MEMLOCK", RLIMIT_MEMLOCK, true },
	{ "MSGQUEUE", RLIMIT_MSGQUEUE, true },
	{ "NICE", RLIMIT_NICE, false },
	{ "NOFILE", RLIMIT_NOFILE, false },
	{ "NPROC", RLIMIT_NPROC, false },
	{ "RSS", RLIMIT_RSS, true },
	{ "RTPRIO", RLIMIT_RTPRIO, false },
	{ "RTTIME", RLIMIT_RTTIME, false },
	{ "SIGPENDING", RLIMIT_SIGPENDING, false },
	{ "STACK", RLIMIT_STACK, true },
};

/* The resource's row, with RLIMIT_ in front or without, in either case; NULL: there is none. */
static const struct resource *find_resource(const char *name)
{
	static const char prefix[] = "RLIMIT_";
	char start[sizeof(prefix)];

	snprintf(start, sizeof(start), "%s", name);
	if (parse_same(start, prefix))
		name += strlen(prefix);
	for (size_t i = 0; i < ARRAY_LEN(resources); i++)
		if (parse_same(name, resources[i].name))
			return &resources[i];
	return NULL;
}

const char *limit_rlimit_name(int resource)
{
	for (size_t i = 0; i < ARRAY_LEN(resources); i++)
		if (resources[i].number == resource)
			return resources[i].name;
	return "?";
}

static int read_bound(const struct resource *resource, const char *text, rlim_t *ret,
		      struct memcage_error *err)
{
	uint64_t number;
	int result;

	if (strcmp(text, "unlimited") == 0)
		text = "max";
	result = resource->bytes ? parse_size(text, &number, err) : parse_count(text, &number, err);
	if (result < 0) {
		error_prefix(err, "%s", resource->name);
		return -1;
	}
	/* RLIM_INFINITY is the largest rlim_t, and that has 32 bits on some machines. */
	*ret = number < RLIM_INFINITY ? (rlim_t) number : RLIM_INFINITY;
	return 0;
}

static int add_entry(struct limit_value *value, const struct limit_rlimit *asked,
		     struct memcage_error *err)
{
	struct limit_rlimit *grown;
	size_t i = 0;

	while (i < value->count && value->rlimits[i].resource != asked->resource)
		i++;
	if (i == value->count) {
		grown = realloc(value->rlimits, (i + 1) * sizeof(*grown));
		if (!grown)
			return limit_refuse_memory(err);
		value->rlimits = grown;
		value->count++;
	}
	value->rlimits[i] = *asked;
	return 0;
}

int limit_rlimit_parse(const char *text, struct limit_value *value, struct memcage_error *err)
{
	static const char right[] = "say for instance NOFILE=1024:4096";
	char quoted[PARSE_QUOTED];
	auto_free char *name = strdup(text);
	char *soft = name ? strchr(name, '=') : NULL, *hard;
	const struct resource *resource;
	struct limit_rlimit asked;

	if (!name)
		return limit_refuse_memory(err);
	parse_quote(text, quoted, sizeof(quoted));
	if (!soft)
		return error_usage(err, "%s is not NAME=SOFT[:HARD]; %s", quoted, right);
	*soft++ = '\0';
	hard = strchr(soft, ':');
	if (hard)
		*hard++ = '\0';
	resource = find_resource(name);
	if (!resource)
		return error_usage(err, "%s is not a resource of setrlimit(2); %s",
				   parse_quote(name, quoted, sizeof(quoted)), right);
	asked.resource = resource->number;
	if (read_bound(resource, soft, &asked.soft, err) < 0 ||
	    read_bound(resource, hard ? hard : soft, &asked.hard, err) < 0)
		return -1;
	if (asked.soft > asked.hard)
		return error_usage(err, "%s has its soft limit above the hard one; %s", quoted,
				   right);
	return add_entry(value, &asked, err);
}

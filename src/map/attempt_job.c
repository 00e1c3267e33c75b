/* SPDX-License-Identifier: Apache-2.0 */
/* The job of an attempt: what all have, its item's command, its variables, its limits. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "item/template.h"
#include "map/map_state.h"

#define VARIABLES_MOST 8
#define NUMBER_TEXT 48 /* "MEMCAGE_ATTEMPT=" and 20 digits */

static int out_of_memory(struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

/* ---- variables ---- */

struct variables {
	const char *list[VARIABLES_MOST]; /* NULL-terminated */
	size_t count;
	char numbers[VARIABLES_MOST][NUMBER_TEXT];
	char *item; /* owned */
};

static void put_number(struct variables *variables, const char *name, uint64_t number)
{
	char *text = variables->numbers[variables->count];

	snprintf(text, NUMBER_TEXT, "%s=%llu", name, (unsigned long long) number);
	variables->list[variables->count++] = text;
}

/* An item may be as long as an argument, and a variable no longer, with its name. */
static int put_item(struct variables *variables, const char *text, struct memcage_error *err)
{
	if (strlen(text) + sizeof("MEMCAGE_ITEM=") > ITEM_BYTES_MOST)
		return 0;
	if (asprintf(&variables->item, "MEMCAGE_ITEM=%s", text) < 0) {
		variables->item = NULL;
		return out_of_memory(err);
	}
	variables->list[variables->count++] = variables->item;
	return 0;
}

static int describe(const struct task *task, struct variables *ret, struct memcage_error *err)
{
	const struct item *item = &task->item;

	memset(ret, 0, sizeof(*ret));
	if (put_item(ret, item->text, err) < 0)
		return -1;
	put_number(ret, "MEMCAGE_SEQ", item->seq);
	put_number(ret, "MEMCAGE_ATTEMPT", task->attempt);
	if (item->is_range) {
		put_number(ret, "MEMCAGE_OFFSET", item->offset);
		put_number(ret, "MEMCAGE_LENGTH", item->length);
	}
	return 0;
}

/* ---- what only some jobs need ---- */

/* Is the program the same whatever the item? */
static bool has_own_command(const struct map *map, const struct item *item)
{
	return item->command || strstr(map->options->command[0], "{}") ||
	       strstr(map->options->command[0], "{#}");
}

int attempt_model(struct map *map, struct memcage_error *err)
{
	const struct item none = { 0 };
	struct limit_value limits_[LIMIT__COUNT];

	if (map->options->items.origin == ITEM_JOBS || has_own_command(map, &none))
		return 0;
	memcpy(limits_, map->spec.limits, sizeof(limits_));
	limits_[LIMIT_MEMORY] = (struct limit_value) { .set = true, .number = LIMIT_NONE - 1 };
	if (job_make(&map->model, &map->spec.settings, limits_, map->options->command, err) < 0)
		return -1;
	map->has_model = true;
	return 0;
}

static int override(struct memcage_spec *spec, const struct item *item, struct memcage_error *err)
{
	for (size_t i = 0; i < item->limit_count; i++)
		if (spec_set(spec, item->limits[i].key, item->limits[i].text, err) < 0)
			return -1;
	for (size_t i = 0; i < item->env_count; i++) {
		auto_free char *entry = NULL;

		if (asprintf(&entry, "%s=%s", item->env[i].key, item->env[i].text) < 0)
			return out_of_memory(err);
		if (spec_set(spec, "env", entry, err) < 0)
			return -1;
	}
	return 0;
}

static int make_own(const struct map *map, const struct item *item,
		    const struct variables *variables, struct memcage_spec *ret,
		    struct memcage_error *err)
{
	*ret = SPEC_EMPTY;
	if (spec_copy(&map->spec, ret) < 0)
		return out_of_memory(err);
	if (override(ret, item, err) < 0)
		return -1;
	for (size_t i = 0; i < variables->count; i++)
		if (spec_set(ret, "env", variables->list[i], err) < 0)
			return -1;
	return 0;
}

/* ---- all together ---- */

static void fill(struct map *map, const struct task *task, const int stdio[3],
		 struct memcage_spec *spec)
{
	struct settings *settings = &spec->settings;

	settings->no_terminal = true;
	settings->premises = &map->pool.premises;
	settings->item = task->item.text;
	settings->seq = task->item.seq;
	settings->attempt = task->attempt;
	memcpy(settings->stdio, stdio, sizeof(settings->stdio));
	spec->limits[LIMIT_MEMORY] =
		(struct limit_value) { .set = true,
				       .number = limit_whole_pages(task->memory_bytes) };
}

static int start_own(struct map *map, struct task *task, const int stdio[3],
		     const struct variables *variables, char *const command[],
		     struct memcage_error *err)
{
	struct memcage_spec spec;
	int result = make_own(map, &task->item, variables, &spec, err);

	fill(map, task, stdio, &spec);
	if (result == 0)
		result = memcage_start(&spec, command, &task->job, err);
	spec_release(&spec);
	return result;
}

/* The spec is a view of what all have: nothing of it is owned, and nothing freed. */
static int start_like_model(struct map *map, struct task *task, const int stdio[3],
			    const struct variables *variables, char *const command[],
			    struct memcage_error *err)
{
	struct memcage_spec spec = map->spec;

	fill(map, task, stdio, &spec);
	spec.settings.model = &map->model;
	spec.settings.extra = variables->list;
	return memcage_start(&spec, command, &task->job, err);
}

static int refuse_length(const struct item *item, struct memcage_error *err)
{
	return error_usage(err, "item %llu is longer than an argument can be (%d bytes)",
			   (unsigned long long) item->seq, ITEM_BYTES_MOST - 1);
}

char **attempt_command(const struct map *map, const struct item *item)
{
	char *const *words = item->command ? item->command : map->options->command;

	return template_fill(words, item, map->options->append_item && !item->command);
}

int attempt_job(struct map *map, struct task *task, const int stdio[3], struct memcage_error *err)
{
	const struct item *item = &task->item;
	auto_free char **command = attempt_command(map, item);
	struct variables variables = { .count = 0 };
	int result;

	if (item->too_long)
		return refuse_length(item, err);
	if (!command)
		return out_of_memory(err);
	result = describe(task, &variables, err);
	if (result == 0)
		result = map->has_model
				 ? start_like_model(map, task, stdio, &variables, command, err)
				 : start_own(map, task, stdio, &variables, command, err);
	free(variables.item);
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Items become tasks that wait: looked up in the ledger, with a first limit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/own.h"
#include "map/map_state.h"

#define LOOK_AHEAD 64	  /* tasks that wait, at least: among them are smaller ones */
#define TAKEN_AT_ONCE 256 /* items of one turn, as skipping many takes its time too */
#define MIB (UINT64_C(1) << 20)

size_t intake_room(const struct map *map)
{
	uint64_t jobs = map->pool.jobs_most;

	return jobs > LOOK_AHEAD ? (size_t) jobs : LOOK_AHEAD;
}

/* ---- keys of the ledger ---- */

/* Limits at which a job fails: with others it has the same outcome, only sooner or later. */
static const enum limit_id mattering[] = { LIMIT_SWAP, LIMIT_PIDS, LIMIT_TMP, LIMIT_TIMEOUT,
					   LIMIT_CPU_TIME };

static void put_words(struct json_writer *object, const char *key, char *const words[])
{
	struct json_writer array = json_open_array();

	for (; words && *words; words++)
		json_append_text(&array, *words);
	json_put(object, key, json_close(&array));
}

static void put_limits(struct json_writer *object, const struct map *map)
{
	const struct limit_value *limits_ = map->spec.limits;
	struct json_writer members = json_open_object();

	if (!map->options->memory_auto)
		json_put_number(&members, limits[LIMIT_MEMORY].key, map->options->memory_bytes);
	for (size_t i = 0; i < ARRAY_LEN(mattering); i++)
		if (limits_[mattering[i]].set)
			json_put_number(&members, limits[mattering[i]].key,
					limits_[mattering[i]].number);
	json_put(object, "limits", json_close(&members));
}

static void put_overrides(struct json_writer *object, const char *key,
			  const struct item_override *list, size_t count)
{
	struct json_writer members = json_open_object();

	for (size_t i = 0; i < count; i++)
		json_put_text(&members, list[i].key, list[i].text);
	json_put(object, key, json_close(&members));
}

/* What the job sees of the host and of its caller: with other settings it is another command. */
static void put_view(struct json_writer *object, const struct map *map)
{
	const struct settings *settings = &map->spec.settings;
	struct json_writer env = json_open_array();
	auto_free char *directory = settings->workdir ? NULL : getcwd(NULL, 0);

	for (size_t i = 0; i < settings->env_count; i++)
		json_append_text(&env, settings->env[i]);
	json_put_text(object, "workdir", settings->workdir ? settings->workdir : directory);
	json_put(object, "env", json_close(&env));
	json_put_text(object, "policy", settings->policy);
}

static char *make_command(const struct map *map, const struct item *item)
{
	struct json_writer object = json_open_object();

	put_words(&object, "command", item ? item->command : map->options->command);
	put_view(&object, map);
	put_limits(&object, map);
	if (item) {
		put_overrides(&object, "item-limits", item->limits, item->limit_count);
		put_overrides(&object, "item-env", item->env, item->env_count);
	}
	return json_print_line(json_close(&object));
}

/* The program and its options; of a jobs file's commands not what tells them apart. */
static char *make_family(const struct map *map, const struct item *item)
{
	char *const *words = item ? item->command : map->options->command;
	struct json_writer array = json_open_array();

	for (size_t i = 0; words[i]; i++)
		if (!item || i == 0 || words[i][0] == '-')
			json_append_text(&array, words[i]);
	return json_print_line(json_close(&array));
}

static int out_of_memory(struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

int intake_open(struct map *map, struct memcage_error *err)
{
	if (map->options->items.origin == ITEM_JOBS)
		return 0;
	map->command = make_command(map, NULL);
	map->family = make_family(map, NULL);
	return map->command && map->family ? 0 : out_of_memory(err);
}

/* ---- tasks ---- */

static int look_up(struct map *map, const struct item *item, struct ledger_task *ret,
		   struct memcage_error *err)
{
	auto_free char *command = item->command ? make_command(map, item) : NULL;
	auto_free char *family = item->command ? make_family(map, item) : NULL;
	const struct ledger_key key = {
		.command = command ? command : map->command,
		.family = family ? family : map->family,
		.source = item_source_identity(map->source),
		.item = item->text,
		.size_bytes = item->size_bytes,
	};

	if (!key.command || !key.family)
		return out_of_memory(err);
	return ledger_take(map->ledger, &key, ret, err);
}

static const struct item_override *own_memory(const struct item *item)
{
	for (size_t i = 0; i < item->limit_count; i++)
		if (limit_find(item->limits[i].key) == LIMIT_MEMORY)
			return &item->limits[i];
	return NULL;
}

static uint64_t at_most(uint64_t bytes, uint64_t most)
{
	return bytes < most ? bytes : most;
}

static void choose_memory(const struct map *map, struct task *task, const struct predict_past *past)
{
	const struct item_override *own = own_memory(&task->item);
	struct limit_value value = { 0 };
	struct memcage_error ignored;
	uint64_t budget = map->pool.budget_bytes - map->share.bytes;
	struct prediction foretold;

	task->basis = "given";
	if (own && limit_parse(LIMIT_MEMORY, own->text, &value, &ignored) == 0) {
		task->memory_bytes = at_most(value.number, budget);
	} else if (!map->options->memory_auto) {
		task->memory_bytes = at_most(map->options->memory_bytes, budget);
	} else {
		foretold =
			predict(past, task->item.size_bytes, budget, map->pool.jobs_most, budget);
		task->memory_bytes = foretold.memory_bytes;
		task->basis = predict_basis_names[foretold.basis];
		task->learned = foretold.basis != PREDICT_SHARE;
	}
}

static void skip(struct map *map, const struct item *item, const struct ledger_task *found)
{
	map->summary->skipped++;
	if (found->answer == LEDGER_DONE_FAILED)
		map->summary->skipped_failed++;
	collect_skip(map->collect, item->seq);
}

/* The task is the list's, or the item was skipped; -1: it could not be looked up. */
static int take(struct map *map, struct task *task, struct memcage_error *err)
{
	struct ledger_task found = { .answer = LEDGER_RUN };

	if (look_up(map, &task->item, &found, err) < 0)
		return -1;
	if (found.answer != LEDGER_RUN) {
		skip(map, &task->item, &found);
		task_free(task);
		return 0;
	}
	task->id = found.id;
	choose_memory(map, task, &found.past);
	task_list_add(&map->waiting, task);
	return 0;
}

static struct task *task_new(void)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->feed = FEED_NONE;
	for (int kind = 0; kind < WATCH__COUNT; kind++)
		task->watches[kind] = (struct watch) { (enum watch_kind) kind, task, -1 };
	return task;
}

/* False where no more is to be had now. */
static bool take_next(struct map *map)
{
	struct task *task = task_new();
	struct memcage_error err = { 0 };
	enum item_next next = ITEM_BROKEN;

	if (!task)
		out_of_memory(&err);
	else
		next = item_source_next(map->source, &task->item, &err);
	map->input_waits = next == ITEM_LATER;
	map->input_ended |= next == ITEM_END;
	if (next == ITEM_NEXT) {
		map->summary->items++;
		if (take(map, task, &err) == 0)
			return true;
		map->summary->skipped++;
	}
	task_free(task);
	if (err.code != MEMCAGE_ERROR_NONE)
		halt_broken(map, &err);
	return false;
}

void intake(struct map *map)
{
	for (int i = 0; i < TAKEN_AT_ONCE && map->phase == MAP_RUNNING && !map->input_ended &&
			map->waiting.count < intake_room(map);
	     i++)
		if (!take_next(map))
			return;
}

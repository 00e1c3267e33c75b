/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each value is tried on a spec where it is read, so that a wrong one is told with its line even
 * where another overrides it.
 */
#include "policy/policy_loader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"
#include "policy/policy_keys.h"

/* ---- what is wrong ---- */

struct memcage_error *policy_new_fault(struct loader *loader)
{
	size_t at = loader->faults->count++;

	return at < POLICY_FAULTS_MOST ? &loader->faults->list[at] : &loader->spare;
}

int policy_out_of_memory(struct loader *loader)
{
	return error_set(policy_new_fault(loader), MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

int policy_refuse_value(struct loader *loader, const struct source *source,
			const struct policy_node *node, const char *where, const char *problem)
{
	return policy_refuse(policy_new_fault(loader), source->file, node->at, "%s: %s", where,
			     problem);
}

const struct policy_node *policy_node_end(const struct policy_nodes *nodes,
					  const struct policy_node *node)
{
	const struct policy_node *end = node + 1;

	while (end < nodes->list + nodes->count && end->depth > node->depth)
		end++;
	return end;
}

/* ---- values ---- */

void policy_release_value(struct policy_value *value)
{
	free(value->name);
	free(value->text);
}

static bool is_same(const struct policy_value *a, const struct policy_value *b)
{
	return strcmp(a->key, b->key) == 0 &&
	       (!a->name || !b->name || strcmp(a->name, b->name) == 0);
}

/* Takes over what the value owns; adds, or overrides what was said before. */
static int keep_value(struct loader *loader, enum policy_form form, struct policy_value value)
{
	struct policy *policy = loader->policy;
	struct policy_value *larger;

	for (size_t i = 0; form != POLICY_VALUES && i < policy->count; i++) {
		if (!is_same(&policy->values[i], &value))
			continue;
		policy_release_value(&policy->values[i]);
		policy->values[i] = value;
		return 0;
	}
	larger = reallocarray(policy->values, policy->count + 1, sizeof(value));
	if (!larger) {
		policy_release_value(&value);
		return policy_out_of_memory(loader);
	}
	policy->values = larger;
	policy->values[policy->count++] = value;
	return 0;
}

/* A row's arg as "text|github|quiet". */
static int check_program(const struct policy_key *key, const char *text, struct memcage_error *err)
{
	char quoted[PARSE_QUOTED];
	size_t length = strlen(text);

	for (const char *word = key->arg; *word; word += strspn(word, "|")) {
		size_t end = strcspn(word, "|");

		if (end == length && strncmp(word, text, length) == 0)
			return 0;
		word += end;
	}
	return error_usage(err, "%s is not right; say %s",
			   parse_quote(text, quoted, sizeof(quoted)), key->arg);
}

static int try_value(struct loader *loader, const struct policy_key *key,
		     const struct policy_value *value, struct memcage_error *err)
{
	if (value->off)
		return 0;
	if (key->is_program && value->text)
		return check_program(key, value->text, err);
	return spec_set(&loader->tried, key->key, value->text, err);
}

/* What is known of a value before it has a text. */
struct place {
	const struct source *source;
	const struct policy_key *key;
	const struct policy_node *node;
	const char *where; /* "limits.memory" */
};

/* The text is the value's from here on; NULL is a lack of memory, unless it is a switch. */
static int add_value(struct loader *loader, const struct place *place, struct policy_value value)
{
	struct memcage_error err;

	value.key = place->key->key;
	value.is_program = place->key->is_program;
	value.file = place->source->file;
	value.line = place->node->at.line;
	if (try_value(loader, place->key, &value, &err) < 0) {
		policy_refuse_value(loader, place->source, place->node, place->where, err.text);
		policy_release_value(&value);
		return -1;
	}
	return keep_value(loader, place->key->form, value);
}

static int add_text(struct loader *loader, const struct place *place, const char *text)
{
	struct policy_value value = { .text = strdup(text) };

	return value.text ? add_value(loader, place, value) : policy_out_of_memory(loader);
}

/* What the value of a key of this form looks like. */
static void describe_form(const struct policy_key *key, char *buffer, size_t size)
{
	switch (key->form) {
	case POLICY_VALUE:
		snprintf(buffer, size, "this must be one value: %s", key->arg);
		break;
	case POLICY_SWITCH:
		snprintf(buffer, size, "this must be true or false");
		break;
	case POLICY_VALUES:
		snprintf(buffer, size, "this must be a list: [%s, ...]", key->arg);
		break;
	case POLICY_WORDS:
		snprintf(buffer, size, "this must be a list of words, or true or false");
		break;
	case POLICY_NAMED:
		snprintf(buffer, size, "this must be a map: {NAME: VALUE, ...}");
		break;
	}
}

static int refuse_form(struct loader *loader, const struct place *place)
{
	char problem[200] = "here is no value; give it one, or leave the key out";

	if (place->node->shape != POLICY_NOTHING)
		describe_form(place->key, problem, sizeof(problem));
	return policy_refuse_value(loader, place->source, place->node, place->where, problem);
}

static int add_switch(struct loader *loader, const struct place *place)
{
	const char *text = place->node->text;
	char quoted[PARSE_QUOTED], problem[200];

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return add_value(loader, place, (struct policy_value) { .off = *text == 'f' });
	snprintf(problem, sizeof(problem), "%s is not right; say true or false",
		 parse_quote(text, quoted, sizeof(quoted)));
	return policy_refuse_value(loader, place->source, place->node, place->where, problem);
}

/* The items behind a list, as "a,b". */
static char *join_items(const struct policy_node *list, const struct policy_node *end)
{
	char *text = strdup("");

	for (const struct policy_node *at = list + 1; text && at < end; at++) {
		auto_free char *before = text;

		if (asprintf(&text, "%s%s%s", before, *before ? "," : "", at->text) < 0)
			text = NULL;
	}
	return text;
}

static int add_words(struct loader *loader, const struct place *place,
		     const struct policy_node *end)
{
	auto_free char *text = NULL;

	if (place->node->shape == POLICY_TEXT &&
	    (strcmp(place->node->text, "true") == 0 || strcmp(place->node->text, "false") == 0))
		return add_switch(loader, place);
	if (place->node->shape == POLICY_TEXT)
		return add_text(loader, place, place->node->text);
	text = join_items(place->node, end);
	return text ? add_text(loader, place, text) : policy_out_of_memory(loader);
}

static void add_items(struct loader *loader, const struct place *list,
		      const struct policy_node *end)
{
	struct place place = *list;

	for (place.node = list->node + 1; place.node < end; place.node++)
		add_text(loader, &place, place.node->text);
}

/* A variable without a value is the caller's. */
static int add_name(struct loader *loader, const struct place *place)
{
	const struct policy_node *node = place->node;
	struct policy_value value = { .name = strdup(node->key) };
	bool is_env = strcmp(place->key->key, "env") == 0;

	if (node->shape != POLICY_TEXT && !(node->shape == POLICY_NOTHING && is_env)) {
		policy_release_value(&value);
		return policy_refuse_value(loader, place->source, node, place->where,
					   "this must be one value");
	}
	value.counts = is_env && node->text && strcmp(node->text, "{cpus}") == 0;
	if (!value.name || asprintf(&value.text, "%s%s%s", node->key, node->text ? "=" : "",
				    node->text ? node->text : "") < 0) {
		free(value.name);
		return policy_out_of_memory(loader);
	}
	return add_value(loader, place, value);
}

static void add_names(struct loader *loader, const struct place *map, const struct policy_node *end)
{
	struct place place = *map;

	for (place.node = map->node + 1; place.node < end;
	     place.node = policy_node_end(place.source->nodes, place.node)) {
		char shown[100], where[sizeof(shown) + 60];

		snprintf(where, sizeof(where), "%s.%s", map->where,
			 parse_show(place.node->key, shown, sizeof(shown)));
		place.where = where;
		if (*place.node->key == '\0' || strchr(place.node->key, '='))
			policy_refuse(policy_new_fault(loader), place.source->file,
				      place.node->key_at,
				      "%s: a name has at least one letter and no '='", where);
		else
			add_name(loader, &place);
	}
}

/* ---- keys ---- */

static void add_form(struct loader *loader, const struct place *place,
		     const struct policy_node *end)
{
	enum policy_shape shape = place->node->shape;
	enum policy_form form = place->key->form;

	if ((form == POLICY_VALUE || form == POLICY_VALUES) && shape == POLICY_TEXT)
		add_text(loader, place, place->node->text);
	else if (form == POLICY_SWITCH && shape == POLICY_TEXT)
		add_switch(loader, place);
	else if (form == POLICY_WORDS && (shape == POLICY_TEXT || shape == POLICY_LIST))
		add_words(loader, place, end);
	else if (form == POLICY_VALUES && shape == POLICY_LIST)
		add_items(loader, place, end);
	else if (form == POLICY_NAMED && shape == POLICY_MAP)
		add_names(loader, place, end);
	else
		refuse_form(loader, place);
}

static void add_key(struct loader *loader, const struct source *source,
		    const struct policy_node *node, bool in_limits)
{
	char where[sizeof("limits.") + 32], quoted[PARSE_QUOTED], suggestion[100];
	struct policy_key key;
	struct place place = { source, &key, node, where };

	if (!policy_key_find(node->key, in_limits, &key)) {
		policy_key_suggest(node->key, in_limits, suggestion, sizeof(suggestion));
		policy_refuse(policy_new_fault(loader), source->file, node->key_at,
			      "there is no key %s%s; %s",
			      parse_quote(node->key, quoted, sizeof(quoted)),
			      in_limits ? " in 'limits'" : "", suggestion);
		return;
	}
	snprintf(where, sizeof(where), "%s%s", in_limits ? "limits." : "", key.key);
	add_form(loader, &place, policy_node_end(source->nodes, node));
}

static void add_limits(struct loader *loader, const struct source *source,
		       const struct policy_node *map)
{
	const struct policy_node *end = policy_node_end(source->nodes, map);

	if (map->shape != POLICY_MAP) {
		policy_refuse_value(loader, source, map, "limits",
				    "this must be a map, such as {memory: 512M}");
		return;
	}
	for (const struct policy_node *at = map + 1; at < end;
	     at = policy_node_end(source->nodes, at))
		add_key(loader, source, at, true);
}

/* The text of the policy that was asked for; what it inherits describes itself. */
static void add_description(struct loader *loader, const struct source *source,
			    const struct policy_node *node)
{
	if (node->shape != POLICY_TEXT)
		policy_refuse_value(loader, source, node, "description", "this must be one text");
	else if (!source->outer && !(loader->policy->description = strdup(node->text)))
		policy_out_of_memory(loader);
}

void policy_add_own(struct loader *loader, const struct source *source)
{
	const struct policy_node *end = source->nodes->list + source->nodes->count;

	for (const struct policy_node *at = source->nodes->list; at < end;
	     at = policy_node_end(source->nodes, at)) {
		if (strcmp(at->key, "description") == 0)
			add_description(loader, source, at);
		else if (strcmp(at->key, "limits") == 0)
			add_limits(loader, source, at);
		else if (strcmp(at->key, "extends") != 0)
			add_key(loader, source, at, false);
	}
}

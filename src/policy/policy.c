/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy extends is taken in first, then its own keys override; a policy that is inherited
 * twice counts once, at its first place, or the second copy would undo what came between.  Each
 * value is tried on a spec where it is read, so that a wrong one is told with its line even where
 * another overrides it.
 */
#include "policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/parse.h"
#include "base/text_file.h"
#include "policy/policy_keys.h"
#include "policy/policy_shipped.h"

#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
#define SHOWN 200 /* bytes of a file's name in a message */

/* What is taken in once, by whatever name. */
struct identity {
	const struct policy_shipped *shipped; /* NULL: a file */
	dev_t device;
	ino_t inode;
};

/* One policy on the way from the one that was asked for. */
struct source {
	const struct source *outer;	 /* what extends it; NULL: it was asked for */
	const struct policy_node *place; /* and where it does */
	struct identity identity;
	const char *path; /* of a file */
	const char *file; /* as it is shown */
	const struct policy_nodes *nodes;
};

struct loader {
	struct policy *policy;
	struct policy_faults *faults;
	struct memcage_spec tried;
	struct identity seen[POLICY_SOURCES_MOST];
	struct memcage_error spare; /* for faults beyond those that are kept */
};

/* ---- what is wrong ---- */

static struct memcage_error *new_fault(struct loader *loader)
{
	size_t at = loader->faults->count++;

	return at < POLICY_FAULTS_MOST ? &loader->faults->list[at] : &loader->spare;
}

static int out_of_memory(struct loader *loader)
{
	return error_set(new_fault(loader), MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

static int refuse_value(struct loader *loader, const struct source *source,
			const struct policy_node *node, const char *where, const char *problem)
{
	return policy_refuse(new_fault(loader), source->file, node->at, "%s: %s", where, problem);
}

/* ---- files ---- */

/* What a policy extends is relative to it. */
static char *join_path(const struct source *outer, const char *text)
{
	const char *slash = outer && outer->path ? strrchr(outer->path, '/') : NULL;
	char *path;

	if (!slash || *text == '/')
		return strdup(text);
	while (strncmp(text, "./", 2) == 0)
		text += 2;
	if (asprintf(&path, "%.*s/%s", (int) (slash - outer->path), outer->path, text) < 0)
		return NULL;
	return path;
}

/* ---- names ---- */

static bool is_name(const char *text)
{
	return *text && text[strspn(text, NAME_BYTES)] == '\0';
}

static const struct policy_shipped *find_shipped(const char *name)
{
	for (const struct policy_shipped *at = policy_shipped; at->name; at++)
		if (strcmp(at->name, name) == 0)
			return at;
	return NULL;
}

static int refuse_name(const char *name, struct memcage_error *err)
{
	const char *nearest = NULL;
	size_t distance = SIZE_MAX;
	char quoted[PARSE_QUOTED];

	parse_quote(name, quoted, sizeof(quoted));
	for (const struct policy_shipped *at = policy_shipped; at->name; at++)
		if (policy_nearer(name, at->name, &distance))
			nearest = at->name;
	if (nearest)
		return error_usage(err, "there is no policy %s; did you mean '%s'?", quoted,
				   nearest);
	return error_usage(err,
			   "there is no policy %s; see memcage policy list, or name a file as "
			   "./%.100s",
			   quoted, name);
}

/* The node behind what belongs to this one. */
static const struct policy_node *node_end(const struct policy_nodes *nodes,
					  const struct policy_node *node)
{
	const struct policy_node *end = node + 1;

	while (end < nodes->list + nodes->count && end->depth > node->depth)
		end++;
	return end;
}

/* ---- values ---- */

static void release_value(struct policy_value *value)
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
		release_value(&policy->values[i]);
		policy->values[i] = value;
		return 0;
	}
	larger = reallocarray(policy->values, policy->count + 1, sizeof(value));
	if (!larger) {
		release_value(&value);
		return out_of_memory(loader);
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
		refuse_value(loader, place->source, place->node, place->where, err.text);
		release_value(&value);
		return -1;
	}
	return keep_value(loader, place->key->form, value);
}

static int add_text(struct loader *loader, const struct place *place, const char *text)
{
	struct policy_value value = { .text = strdup(text) };

	return value.text ? add_value(loader, place, value) : out_of_memory(loader);
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
	return refuse_value(loader, place->source, place->node, place->where, problem);
}

static int add_switch(struct loader *loader, const struct place *place)
{
	const char *text = place->node->text;
	char quoted[PARSE_QUOTED], problem[200];

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return add_value(loader, place, (struct policy_value) { .off = *text == 'f' });
	snprintf(problem, sizeof(problem), "%s is not right; say true or false",
		 parse_quote(text, quoted, sizeof(quoted)));
	return refuse_value(loader, place->source, place->node, place->where, problem);
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
	return text ? add_text(loader, place, text) : out_of_memory(loader);
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
		release_value(&value);
		return refuse_value(loader, place->source, node, place->where,
				    "this must be one value");
	}
	value.counts = is_env && node->text && strcmp(node->text, "{cpus}") == 0;
	if (!value.name || asprintf(&value.text, "%s%s%s", node->key, node->text ? "=" : "",
				    node->text ? node->text : "") < 0) {
		free(value.name);
		return out_of_memory(loader);
	}
	return add_value(loader, place, value);
}

static void add_names(struct loader *loader, const struct place *map, const struct policy_node *end)
{
	struct place place = *map;

	for (place.node = map->node + 1; place.node < end;
	     place.node = node_end(place.source->nodes, place.node)) {
		char shown[100], where[sizeof(shown) + 60];

		snprintf(where, sizeof(where), "%s.%s", map->where,
			 parse_show(place.node->key, shown, sizeof(shown)));
		place.where = where;
		if (*place.node->key == '\0' || strchr(place.node->key, '='))
			policy_refuse(new_fault(loader), place.source->file, place.node->key_at,
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
		policy_refuse(new_fault(loader), source->file, node->key_at,
			      "there is no key %s%s; %s",
			      parse_quote(node->key, quoted, sizeof(quoted)),
			      in_limits ? " in 'limits'" : "", suggestion);
		return;
	}
	snprintf(where, sizeof(where), "%s%s", in_limits ? "limits." : "", key.key);
	add_form(loader, &place, node_end(source->nodes, node));
}

static void add_limits(struct loader *loader, const struct source *source,
		       const struct policy_node *map)
{
	const struct policy_node *end = node_end(source->nodes, map);

	if (map->shape != POLICY_MAP) {
		refuse_value(loader, source, map, "limits",
			     "this must be a map, such as {memory: 512M}");
		return;
	}
	for (const struct policy_node *at = map + 1; at < end; at = node_end(source->nodes, at))
		add_key(loader, source, at, true);
}

/* The text of the policy that was asked for; what it inherits describes itself. */
static void add_description(struct loader *loader, const struct source *source,
			    const struct policy_node *node)
{
	if (node->shape != POLICY_TEXT)
		refuse_value(loader, source, node, "description", "this must be one text");
	else if (!source->outer && !(loader->policy->description = strdup(node->text)))
		out_of_memory(loader);
}

static void add_own(struct loader *loader, const struct source *source)
{
	const struct policy_node *end = source->nodes->list + source->nodes->count;

	for (const struct policy_node *at = source->nodes->list; at < end;
	     at = node_end(source->nodes, at)) {
		if (strcmp(at->key, "description") == 0)
			add_description(loader, source, at);
		else if (strcmp(at->key, "limits") == 0)
			add_limits(loader, source, at);
		else if (strcmp(at->key, "extends") != 0)
			add_key(loader, source, at, false);
	}
}

/* ---- inheritance ---- */

static bool is_same_source(const struct identity *a, const struct identity *b)
{
	return a->shipped == b->shipped && a->device == b->device && a->inode == b->inode;
}

/* "a.yaml -> b.yaml -> c.yaml" */
static void describe_chain(const struct source *source, char *buffer, size_t size)
{
	const struct source *chain[POLICY_CHAIN_MOST + 1];
	size_t count = 0, used = 0;

	for (; source && count < ARRAY_LEN(chain); source = source->outer)
		chain[count++] = source;
	*buffer = '\0';
	while (count-- > 0 && used < size)
		used += (size_t) snprintf(buffer + used, size - used, "%s%s", used ? " -> " : "",
					  chain[count]->file);
}

static int check_chain(const struct source *source, struct memcage_error *err)
{
	size_t depth = 0;
	char chain[400];

	describe_chain(source, chain, sizeof(chain));
	for (const struct source *at = source->outer; at; at = at->outer, depth++)
		if (is_same_source(&at->identity, &source->identity))
			return error_usage(err, "this goes in a circle: %s", chain);
	if (depth < POLICY_CHAIN_MOST)
		return 0;
	return error_usage(err, "more than %d policies extend each other: %s", POLICY_CHAIN_MOST,
			   chain);
}

static bool was_seen(const struct loader *loader, const struct source *source)
{
	for (size_t i = 0; i < loader->policy->file_count; i++)
		if (is_same_source(&loader->seen[i], &source->identity))
			return true;
	return false;
}

/* A problem with the source as a whole is told where it is extended. */
static void report_source(struct loader *loader, const struct source *source,
			  const struct memcage_error *err)
{
	if (source->outer)
		refuse_value(loader, source->outer, source->place, "extends", err->text);
	else
		*new_fault(loader) = *err;
}

static void load_named(struct loader *loader, const struct source *outer,
		       const struct policy_node *place, const char *text);

static void take_extends(struct loader *loader, const struct source *source)
{
	const struct policy_node *node = source->nodes->list;
	const struct policy_node *end = node + source->nodes->count;

	while (node < end && (node->depth != 1 || strcmp(node->key, "extends") != 0))
		node++;
	if (node == end)
		return;
	if (node->shape == POLICY_TEXT)
		load_named(loader, source, node, node->text);
	else if (node->shape == POLICY_LIST)
		for (end = node_end(source->nodes, node); ++node < end;)
			load_named(loader, source, node, node->text);
	else
		refuse_value(loader, source, node, "extends",
			     "this must be a policy's name or file, or a list of them");
}

/* What it says, after what it inherits.  Its file's name goes to the policy. */
static void take_in(struct loader *loader, struct source source)
{
	struct policy *policy = loader->policy;
	struct memcage_error err;

	if (policy->file_count == POLICY_SOURCES_MOST) {
		error_usage(&err, "more than %d policies are too many", POLICY_SOURCES_MOST);
		report_source(loader, &source, &err);
		return;
	}
	loader->seen[policy->file_count] = source.identity;
	policy->files[policy->file_count] = strdup(source.file);
	if (!policy->files[policy->file_count]) {
		out_of_memory(loader);
		return;
	}
	source.file = policy->files[policy->file_count++];
	if (source.nodes->count == 0)
		return; /* and there is no list to walk along */
	take_extends(loader, &source);
	add_own(loader, &source);
}

static void take_in_text(struct loader *loader, struct source source, const char *text,
			 size_t length)
{
	struct policy_nodes nodes = { 0 };
	struct memcage_error err;

	source.nodes = &nodes;
	if (policy_yaml_read(source.file, text, length, &nodes, &err) < 0)
		*new_fault(loader) = err;
	else
		take_in(loader, source);
	policy_yaml_release(&nodes);
}

static void load_file(struct loader *loader, struct source source, const char *path)
{
	auto_free char *joined = join_path(source.outer, path);
	auto_free char *text = NULL;
	char shown[SHOWN];
	struct memcage_error err;
	size_t length = 0;
	struct stat st;

	if (!joined) {
		out_of_memory(loader);
		return;
	}
	source.path = joined;
	source.file = parse_show(joined, shown, sizeof(shown));
	if (text_file_read(joined, POLICY_BYTES_MOST, &text, &length, &st, &err) < 0) {
		report_source(loader, &source, &err);
		return;
	}
	source.identity = (struct identity) { .device = st.st_dev, .inode = st.st_ino };
	if (check_chain(&source, &err) < 0)
		report_source(loader, &source, &err);
	else if (!was_seen(loader, &source))
		take_in_text(loader, source, text, length);
}

static void load_shipped(struct loader *loader, struct source source, const char *name)
{
	struct memcage_error err;
	char file[SHOWN];

	source.identity.shipped = find_shipped(name);
	source.file = file;
	snprintf(file, sizeof(file), "%s.yaml", name);
	if (!source.identity.shipped) {
		refuse_name(name, &err);
		report_source(loader, &source, &err);
		return;
	}
	source.nodes = &source.identity.shipped->nodes;
	if (check_chain(&source, &err) < 0)
		report_source(loader, &source, &err);
	else if (!was_seen(loader, &source))
		take_in(loader, source);
}

static void load_named(struct loader *loader, const struct source *outer,
		       const struct policy_node *place, const char *text)
{
	struct source source = { .outer = outer, .place = place };

	if (loader->faults->count >= POLICY_FAULTS_MOST)
		return; /* or a long list of broken files would be read to its end */
	if (is_name(text))
		load_shipped(loader, source, text);
	else
		load_file(loader, source, text);
}

/* ---- what others call ---- */

static int begin(struct loader *loader, const char *name, struct policy *policy,
		 struct policy_faults *faults)
{
	*policy = (struct policy) { .name = strdup(name) };
	faults->count = 0;
	*loader = (struct loader) { .policy = policy, .faults = faults, .tried = SPEC_EMPTY };
	return policy->name ? 0 : out_of_memory(loader);
}

static int finish(struct loader *loader)
{
	spec_release(&loader->tried);
	if (loader->faults->count == 0)
		return 0;
	policy_release(loader->policy);
	return -1;
}

int policy_load(const char *text, struct policy *ret, struct policy_faults *faults)
{
	struct loader loader;

	if (begin(&loader, text, ret, faults) == 0)
		load_named(&loader, NULL, NULL, text);
	return finish(&loader);
}

int policy_load_file(const char *path, struct policy *ret, struct policy_faults *faults)
{
	struct source source = { 0 };
	struct loader loader;

	if (begin(&loader, path, ret, faults) == 0)
		load_file(&loader, source, path);
	return finish(&loader);
}

int policy_load_text(const char *path, const char *text, size_t length, struct policy *ret,
		     struct policy_faults *faults)
{
	struct source source = { .path = path, .file = path };
	struct loader loader;

	if (begin(&loader, path, ret, faults) == 0)
		take_in_text(&loader, source, text, length);
	return finish(&loader);
}

void policy_release(struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++)
		release_value(&policy->values[i]);
	for (size_t i = 0; i < policy->file_count; i++)
		free(policy->files[i]);
	free(policy->values);
	free(policy->name);
	free(policy->description);
	*policy = (struct policy) { 0 };
}

static int apply_value(const struct policy_value *value, struct memcage_spec *spec,
		       struct memcage_error *err)
{
	if (value->off || value->is_program)
		return 0;
	if (value->counts)
		return settings_add_cpus_env(&spec->settings, value->name, err);
	return spec_set(spec, value->key, value->text, err);
}

int policy_apply(const struct policy *policy, struct memcage_spec *spec, struct memcage_error *err)
{
	struct memcage_spec fresh = SPEC_EMPTY;

	fresh.settings.mask = spec->settings.mask;
	fresh.settings.has_mask = spec->settings.has_mask;
	fresh.settings.usage = spec->settings.usage;
	if (spec_set(&fresh, "policy", policy->name, err) < 0)
		goto fail;
	for (size_t i = 0; i < policy->count; i++)
		if (apply_value(&policy->values[i], &fresh, err) < 0)
			goto fail;
	spec_release(spec);
	*spec = fresh;
	return 0;
fail:
	spec_release(&fresh);
	return error_prefix(err, "policy");
}

const char *policy_text(const struct policy *policy, const char *key)
{
	for (size_t i = 0; i < policy->count; i++)
		if (strcmp(policy->values[i].key, key) == 0)
			return policy->values[i].text;
	return NULL;
}

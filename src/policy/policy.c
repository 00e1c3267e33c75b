/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy extends is taken in first, then its own keys override; a policy that is inherited
 * twice counts once, at its first place, or the second copy would undo what came between.
 */
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/parse.h"
#include "base/text_file.h"
#include "policy/policy_keys.h"
#include "policy/policy_loader.h"
#include "policy/policy_shipped.h"

#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
#define SHOWN 200 /* bytes of a file's name in a message */

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
		policy_refuse_value(loader, source->outer, source->place, "extends", err->text);
	else
		*policy_new_fault(loader) = *err;
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
		for (end = policy_node_end(source->nodes, node); ++node < end;)
			load_named(loader, source, node, node->text);
	else
		policy_refuse_value(loader, source, node, "extends",
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
		policy_out_of_memory(loader);
		return;
	}
	source.file = policy->files[policy->file_count++];
	if (source.nodes->count == 0)
		return; /* and there is no list to walk along */
	take_extends(loader, &source);
	policy_add_own(loader, &source);
}

static void take_in_text(struct loader *loader, struct source source, const char *text,
			 size_t length)
{
	struct policy_nodes nodes = { 0 };
	struct memcage_error err;

	source.nodes = &nodes;
	if (policy_yaml_read(source.file, text, length, &nodes, &err) < 0)
		*policy_new_fault(loader) = err;
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
		policy_out_of_memory(loader);
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
	return policy->name ? 0 : policy_out_of_memory(loader);
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
		policy_release_value(&policy->values[i]);
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

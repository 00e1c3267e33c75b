/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two walks over one text.  The first looks at libyaml's events, which have places: it refuses what
 * we do not take, and lists the keys.  The second is libcyaml's, by a schema made of that list; it
 * gives the values.  libcyaml alone would not do: it keeps no places, says what is wrong only in a
 * log, and takes maps with fixed keys only, while the names of variables are anybody's.
 */
#include "policy/policy_yaml.h"

#include <cyaml/cyaml.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/own.h"
#include "base/parse.h"
#include "base/utf8.h"

int policy_refuse(struct memcage_error *err, const char *file, struct policy_place at,
		  const char *format, ...)
{
	char problem[sizeof(err->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(problem, sizeof(problem), format, args);
	va_end(args);
	return error_usage(err, "%s:%u:%u: %s", file, at.line, at.column, problem);
}

static int out_of_memory(struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

/* ---- bytes ---- */

/* NULL, or why a character must not be there. */
static const char *character_problem(const char *text, size_t length)
{
	/* What begins lines for YAML and for no editor, or does not show at all. */
	static const struct {
		const char *bytes, *problem;
	} odd[] = {
		{ "\xef\xbb\xbf", "a byte order mark; save the file as plain UTF-8" },
		{ "\xe2\x80\xa8", "U+2028, which does not show; take it out" },
		{ "\xe2\x80\xa9", "U+2029, which does not show; take it out" },
		{ "\xc2\x85", "U+0085, which does not show; take it out" },
	};
	unsigned char first = (unsigned char) *text;

	if (first == '\r')
		return "a carriage return; lines must end with a newline alone";
	if (first == '\0')
		return "a NUL byte; this is no text file";
	if ((first < ' ' && first != '\n' && first != '\t') || first == 0x7f)
		return "a control character; this is no text file";
	if (length == 0)
		return "a byte that is not UTF-8; save the file as UTF-8";
	for (size_t i = 0; i < ARRAY_LEN(odd); i++)
		if (strncmp(text, odd[i].bytes, length) == 0 && odd[i].bytes[length] == '\0')
			return odd[i].problem;
	return NULL;
}

/* The text ends with a NUL byte behind its length, so that a cut character is none. */
static int check_bytes(const char *file, const char *text, size_t length, struct memcage_error *err)
{
	struct policy_place at = { 1, 1 };

	for (const char *end = text + length; text < end;) {
		size_t bytes = utf8_length(text);
		const char *problem = character_problem(text, bytes);

		if (problem)
			return policy_refuse(err, file, at, "here is %s", problem);
		at.column++;
		if (*text == '\n')
			at = (struct policy_place) { at.line + 1, 1 };
		text += bytes;
	}
	return 0;
}

/* ---- the first walk: shape and places ---- */

struct walk {
	yaml_parser_t parser;
	yaml_event_t event; /* the latest */
	const char *file;
	struct policy_nodes *nodes;
	struct memcage_error *err;
};

static struct policy_place place_of(yaml_mark_t mark)
{
	return (struct policy_place) { (unsigned int) mark.line + 1,
				       (unsigned int) mark.column + 1 };
}

static struct policy_place here(const struct walk *walk)
{
	return place_of(walk->event.start_mark);
}

static int refuse(const struct walk *walk, const char *problem)
{
	return policy_refuse(walk->err, walk->file, here(walk), "%s", problem);
}

static int refuse_syntax(const struct walk *walk)
{
	const yaml_parser_t *parser = &walk->parser;

	if (parser->error == YAML_MEMORY_ERROR)
		return out_of_memory(walk->err);
	return policy_refuse(walk->err, walk->file, place_of(parser->problem_mark),
			     "this is no YAML: %s", parser->problem ? parser->problem : "");
}

/* What an event carries besides its value. */
static bool has_extras(const yaml_event_t *event)
{
	switch ((int) event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor || event->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor || event->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor || event->data.mapping_start.tag;
	default:
		return event->type == YAML_ALIAS_EVENT;
	}
}

static int next(struct walk *walk)
{
	yaml_event_delete(&walk->event);
	if (!yaml_parser_parse(&walk->parser, &walk->event))
		return refuse_syntax(walk);
	if (has_extras(&walk->event))
		return refuse(walk, "anchors, aliases and tags are not taken; write it out");
	if (walk->event.type == YAML_SCALAR_EVENT &&
	    strlen((const char *) walk->event.data.scalar.value) != walk->event.data.scalar.length)
		return refuse(walk, "a text must have no NUL byte");
	return 0;
}

/* The events until then have nothing to say. */
static int skip_to(struct walk *walk, int count)
{
	while (count-- > 0)
		if (next(walk) < 0)
			return -1;
	return 0;
}

static const char *scalar(const struct walk *walk)
{
	return (const char *) walk->event.data.scalar.value;
}

static bool is_nothing(const struct walk *walk)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(scalar(walk), words[i]) == 0)
			return walk->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return false;
}

/* The nodes' owner frees what they have, so node->key is handed on. */
static struct policy_node *add_node(struct walk *walk, struct policy_node node)
{
	struct policy_nodes *nodes = walk->nodes;
	struct policy_node *larger;

	if (nodes->count == POLICY_NODES_MOST) {
		policy_refuse(walk->err, walk->file, here(walk),
			      "more than %d keys and items are too many", POLICY_NODES_MOST);
		return NULL;
	}
	larger = reallocarray(nodes->list, nodes->count + 1, sizeof(node));
	if (!larger) {
		out_of_memory(walk->err);
		return NULL;
	}
	nodes->list = larger;
	nodes->list[nodes->count] = node;
	return &nodes->list[nodes->count++];
}

static int read_list(struct walk *walk, unsigned int depth)
{
	for (;;) {
		if (next(walk) < 0)
			return -1;
		if (walk->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (walk->event.type != YAML_SCALAR_EVENT)
			return refuse(walk, "an item of a list must be a text");
		if (is_nothing(walk))
			return refuse(walk, "an item of a list must have a value");
		if (!add_node(walk, (struct policy_node) { .shape = POLICY_ITEM,
							   .depth = depth,
							   .key_at = here(walk),
							   .at = here(walk) }))
			return -1;
	}
}

static int read_map(struct walk *walk, unsigned int depth);

static int read_value(struct walk *walk, struct policy_node *node)
{
	unsigned int below = node->depth + 1;

	node->at = here(walk);
	switch ((int) walk->event.type) {
	case YAML_SCALAR_EVENT:
		node->shape = is_nothing(walk) ? POLICY_NOTHING : POLICY_TEXT;
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		node->shape = POLICY_LIST;
		return read_list(walk, below);
	default:
		node->shape = POLICY_MAP;
		if (below <= POLICY_DEPTH_MOST)
			return read_map(walk, below);
		return refuse(walk, "maps within maps within maps are too deep");
	}
}

/* Is the key in the map whose nodes begin at first?  Then where. */
static const struct policy_node *find_key(const struct policy_nodes *nodes, size_t first,
					  unsigned int depth, const char *key)
{
	for (size_t i = first; i < nodes->count; i++)
		if (nodes->list[i].depth == depth && nodes->list[i].key &&
		    strcmp(nodes->list[i].key, key) == 0)
			return &nodes->list[i];
	return NULL;
}

static struct policy_node *read_key(struct walk *walk, size_t first, unsigned int depth)
{
	struct policy_node node = { .depth = depth, .key_at = here(walk) }, *added;
	const struct policy_node *earlier;
	char quoted[PARSE_QUOTED];

	if (walk->event.type != YAML_SCALAR_EVENT) {
		refuse(walk, "a key must be a word");
		return NULL;
	}
	earlier = find_key(walk->nodes, first, depth, scalar(walk));
	if (earlier) {
		policy_refuse(walk->err, walk->file, here(walk),
			      "the key %s is there already, in line %u",
			      parse_quote(scalar(walk), quoted, sizeof(quoted)),
			      earlier->key_at.line);
		return NULL;
	}
	node.key = strdup(scalar(walk));
	if (!node.key) {
		out_of_memory(walk->err);
		return NULL;
	}
	added = add_node(walk, node);
	if (!added)
		free((char *) node.key);
	return added;
}

static int read_map(struct walk *walk, unsigned int depth)
{
	size_t first = walk->nodes->count;

	for (;;) {
		struct policy_node *node;

		if (next(walk) < 0)
			return -1;
		if (walk->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		node = read_key(walk, first, depth);
		if (!node || next(walk) < 0 || read_value(walk, node) < 0)
			return -1;
	}
}

/* An empty file is an empty policy. */
static int read_stream(struct walk *walk)
{
	if (skip_to(walk, 2) < 0)
		return -1;
	if (walk->event.type == YAML_STREAM_END_EVENT)
		return 0;
	if (next(walk) < 0)
		return -1;
	if (walk->event.type != YAML_MAPPING_START_EVENT)
		return refuse(walk, "a policy is a map; say for example limits: {memory: 512M}");
	if (read_map(walk, 1) < 0 || skip_to(walk, 2) < 0)
		return -1;
	if (walk->event.type != YAML_STREAM_END_EVENT)
		return refuse(walk, "a second document is not taken");
	return 0;
}

static int read_shape(const char *file, const char *text, size_t length, struct policy_nodes *nodes,
		      struct memcage_error *err)
{
	struct walk walk = { .file = file, .nodes = nodes, .err = err };
	int result;

	if (!yaml_parser_initialize(&walk.parser))
		return out_of_memory(err);
	yaml_parser_set_encoding(&walk.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&walk.parser, (const unsigned char *) text, length);
	result = read_stream(&walk);
	yaml_event_delete(&walk.event);
	yaml_parser_delete(&walk.parser);
	return result;
}

/* ---- the second walk: values ---- */

/* What libcyaml fills in for a node; a map's keys have slots of their own. */
struct slot {
	char *text;
	char **items;
	uint32_t count;
};

static const cyaml_schema_value_t any_text = {
	.type = CYAML_STRING,
	.flags = CYAML_FLAG_POINTER,
	.data_size = sizeof(char),
	.string = { 0, CYAML_UNLIMITED },
};

struct schema {
	const struct policy_nodes *nodes;
	cyaml_schema_field_t *fields, *unused;
};

static const cyaml_schema_field_t *lay_out(struct schema *schema, size_t first, unsigned int depth);

/* All slots are in one array, so a map within a map begins where the outer one does. */
static cyaml_schema_field_t field_of(struct schema *schema, size_t index)
{
	const struct policy_node *node = &schema->nodes->list[index];
	uint32_t slot = (uint32_t) (index * sizeof(struct slot));
	cyaml_schema_field_t field = {
		.key = node->key,
		.data_offset = slot + (uint32_t) offsetof(struct slot, text),
		.value = any_text,
	};

	if (node->shape == POLICY_LIST) {
		field.data_offset = slot + (uint32_t) offsetof(struct slot, items);
		field.count_offset = slot + (uint32_t) offsetof(struct slot, count);
		field.count_size = sizeof(((struct slot *) NULL)->count);
		field.value = (cyaml_schema_value_t) {
			.type = CYAML_SEQUENCE,
			.flags = CYAML_FLAG_POINTER,
			.data_size = sizeof(char *),
			.sequence = { &any_text, 0, CYAML_UNLIMITED },
		};
	} else if (node->shape == POLICY_MAP) {
		field.data_offset = 0;
		field.value = (cyaml_schema_value_t) {
			.type = CYAML_MAPPING,
			.data_size = (uint32_t) (schema->nodes->count * sizeof(struct slot)),
			.mapping.fields = lay_out(schema, index + 1, node->depth + 1),
		};
	}
	return field;
}

/* The fields of the map whose nodes begin at first; behind them one without a key. */
static const cyaml_schema_field_t *lay_out(struct schema *schema, size_t first, unsigned int depth)
{
	const struct policy_nodes *nodes = schema->nodes;
	cyaml_schema_field_t *fields = schema->unused, *field = fields;
	size_t end = first;

	for (; end < nodes->count && nodes->list[end].depth >= depth; end++)
		if (nodes->list[end].depth == depth)
			schema->unused++;
	schema->unused++;
	for (size_t i = first; i < end; i++)
		if (nodes->list[i].depth == depth)
			*field++ = field_of(schema, i);
	return fields;
}

/* Texts are moved out of the slots, whose owner then frees the rest. */
static void take_texts(struct policy_nodes *nodes, struct slot *slots)
{
	for (size_t i = 0; i < nodes->count; i++) {
		if (nodes->list[i].shape == POLICY_TEXT)
			nodes->list[i].text = take_pointer(slots[i].text);
		for (size_t item = 0; item < slots[i].count; item++)
			nodes->list[i + 1 + item].text = take_pointer(slots[i].items[item]);
	}
}

static int read_values(const char *file, const char *text, size_t length,
		       struct policy_nodes *nodes, struct memcage_error *err)
{
	const cyaml_config_t config = { .mem_fn = cyaml_mem, .flags = CYAML_CFG_NO_ALIAS };
	auto_free cyaml_schema_field_t *fields = calloc(2 * nodes->count + 1, sizeof(*fields));
	struct schema schema = { nodes, fields, fields };
	cyaml_schema_value_t top = { .type = CYAML_MAPPING, .flags = CYAML_FLAG_POINTER };
	struct slot *slots = NULL;
	cyaml_err_t result;

	if (!fields)
		return out_of_memory(err);
	top.data_size = (uint32_t) (nodes->count * sizeof(*slots));
	top.mapping.fields = lay_out(&schema, 0, 1);
	result = cyaml_load_data((const uint8_t *) text, length, &config, &top,
				 (cyaml_data_t **) &slots, NULL);
	if (result == CYAML_ERR_OOM)
		return out_of_memory(err);
	if (result != CYAML_OK)
		return error_usage(err, "%s: cannot be read: %s", file, cyaml_strerror(result));
	take_texts(nodes, slots);
	cyaml_free(&config, &top, slots, 0);
	return 0;
}

int policy_yaml_read(const char *file, const char *text, size_t length, struct policy_nodes *ret,
		     struct memcage_error *err)
{
	struct policy_nodes nodes = { 0 };

	if (length > POLICY_BYTES_MOST)
		return error_usage(err, "%s: more than %d bytes are too many for a policy", file,
				   POLICY_BYTES_MOST);
	if (check_bytes(file, text, length, err) < 0 ||
	    read_shape(file, text, length, &nodes, err) < 0 ||
	    (nodes.count > 0 && read_values(file, text, length, &nodes, err) < 0)) {
		policy_yaml_release(&nodes);
		return -1;
	}
	*ret = nodes;
	return 0;
}

void policy_yaml_release(struct policy_nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++) {
		free((char *) nodes->list[i].key);
		free((char *) nodes->list[i].text);
	}
	free(nodes->list);
	*nodes = (struct policy_nodes) { 0 };
}

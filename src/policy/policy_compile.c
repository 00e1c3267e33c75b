/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_compile - prints the C source of policy_shipped: the policies that memcage brings along,
 * as they were read from their files.  Runs while memcage is built, so that a run parses nothing
 * and a single program has them all:
 *
 *	policy_compile FILE... >policy_shipped.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "policy/policy_shipped.h"
#include "policy/policy_yaml.h"

static const char *const shapes[] = {
	[POLICY_TEXT] = "POLICY_TEXT", [POLICY_NOTHING] = "POLICY_NOTHING",
	[POLICY_LIST] = "POLICY_LIST", [POLICY_ITEM] = "POLICY_ITEM",
	[POLICY_MAP] = "POLICY_MAP",
};

static void print_text(const char *text)
{
	if (!text) {
		printf("NULL");
		return;
	}
	putchar('"');
	for (; *text; text++)
		if (*text >= ' ' && *text <= '~' && !strchr("\"\\?", *text))
			putchar(*text);
		else
			printf("\\%03o", (unsigned char) *text);
	putchar('"');
}

static void print_node(const struct policy_node *node)
{
	printf("\t{ %s, %u, ", shapes[node->shape], node->depth);
	print_text(node->key);
	printf(", ");
	print_text(node->text);
	printf(", { %u, %u }, { %u, %u } },\n", node->key_at.line, node->key_at.column,
	       node->at.line, node->at.column);
}

/* "policies/strict.yaml": "strict". */
static void print_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	printf("%.*s", (int) strcspn(base, "."), base);
}

static int read_whole(const char *path, char text[POLICY_BYTES_MOST + 2], size_t *ret_length)
{
	auto_fclose FILE *file = fopen(path, "r");

	if (!file)
		return -1;
	*ret_length = fread(text, 1, POLICY_BYTES_MOST + 1, file);
	text[*ret_length] = '\0';
	return ferror(file) ? -1 : 0;
}

static int print_policy(const char *path)
{
	static char text[POLICY_BYTES_MOST + 2];
	struct policy_nodes nodes = { 0 };
	struct memcage_error err;
	size_t length;

	if (read_whole(path, text, &length) < 0) {
		perror(path);
		return -1;
	}
	if (policy_yaml_read(path, text, length, &nodes, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	printf("\nstatic const struct policy_node ");
	print_name(path);
	printf("_nodes[] = {\n");
	for (size_t i = 0; i < nodes.count; i++)
		print_node(&nodes.list[i]);
	printf("};\n");
	policy_yaml_release(&nodes);
	return 0;
}

int main(int argc, char *argv[])
{
	printf("/* Made by policy_compile.c from policies. */\n"
	       "#include \"policy/policy_shipped.h\"\n");
	for (int i = 1; i < argc; i++)
		if (print_policy(argv[i]) < 0)
			return EXIT_FAILURE;
	printf("\nconst struct policy_shipped policy_shipped[] = {\n");
	for (int i = 1; i < argc; i++) {
		printf("\t{ \"");
		print_name(argv[i]);
		printf("\", { (struct policy_node *) ");
		print_name(argv[i]);
		printf("_nodes, sizeof(");
		print_name(argv[i]);
		printf("_nodes) / sizeof(struct policy_node) } },\n");
	}
	printf("\t{ NULL },\n};\n");
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

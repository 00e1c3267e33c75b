/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy_yaml.h"

/*
 * Nodes as a line each: dots for the depth, key, value, and in brackets where the key and where the
 * value begins.
 */
static void describe(const struct policy_nodes *nodes, char *out, size_t size)
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < nodes->count && used < size; i++) {
		static const char *const shapes[] = {
			[POLICY_TEXT] = "=",	 [POLICY_NOTHING] = " nothing",
			[POLICY_LIST] = " list", [POLICY_ITEM] = "- ",
			[POLICY_MAP] = " map",
		};
		const struct policy_node *node = &nodes->list[i];

		used += (size_t) snprintf(out + used, size - used, "%.*s%s%s%s [%u:%u %u:%u]\n",
					  (int) node->depth - 1, "......",
					  node->key ? node->key : "", shapes[node->shape],
					  node->text ? node->text : "", node->key_at.line,
					  node->key_at.column, node->at.line, node->at.column);
	}
}

static const struct good {
	const char *name, *text, *want;
} goods[] = {
	{ "nothing at all", "", "" },
	{ "a blank", " ", "" },
	{ "empty lines", "\n\n\n", "" },
	{ "a comment", "# nothing\n", "" },
	{ "a comment without an end", "# nothing", "" },
	{ "a map of nothing", "{}", "" },
	{ "a start of a document and a map of nothing", "---\n{}\n", "" },
	{ "a key", "oom: kill-job\n", "oom=kill-job [1:1 1:6]\n" },
	{ "a key without a newline", "oom: kill-job", "oom=kill-job [1:1 1:6]\n" },
	{ "a key after a start", "---\noom: kill-job\n", "oom=kill-job [2:1 2:6]\n" },
	{ "a start and an end", "--- \noom: x\n...\n", "oom=x [2:1 2:6]\n" },
	{ "a version", "%YAML 1.1\n---\noom: x\n", "oom=x [3:1 3:6]\n" },
	{ "two keys", "a: b\nc: d\n", "a=b [1:1 1:4]\nc=d [2:1 2:4]\n" },
	{ "keys in braces", "{a: b, c: d}", "a=b [1:2 1:5]\nc=d [1:8 1:11]\n" },
	{ "keys as JSON", "{\"a\": \"b\", \"c\": 1}", "a=b [1:2 1:7]\nc=1 [1:12 1:17]\n" },
	{ "blanks before a key", "  a: b\n  c: d\n", "a=b [1:3 1:6]\nc=d [2:3 2:6]\n" },
	{ "a comment behind a value", "a: b # c\n", "a=b [1:1 1:4]\n" },
	{ "a number sign in a value", "a: b#c\n", "a=b#c [1:1 1:4]\n" },
	{ "a number is a text", "a: 0x10\nb: 1e3\nc: 010\n",
	  "a=0x10 [1:1 1:4]\nb=1e3 [2:1 2:4]\nc=010 [3:1 3:4]\n" },
	{ "a truth is a text", "a: true\nb: no\n", "a=true [1:1 1:4]\nb=no [2:1 2:4]\n" },
	{ "a date is a text", "a: 2026-11-20\n", "a=2026-11-20 [1:1 1:4]\n" },
	{ "a time is a text", "a: 1:30\n", "a=1:30 [1:1 1:4]\n" },
	{ "a value with blanks", "a: b  c\n", "a=b  c [1:1 1:4]\n" },
	{ "a value of two lines", "a: b\n  c\n", "a=b c [1:1 1:4]\n" },
	{ "a value on the next line", "a:\n  b\n", "a=b [1:1 2:3]\n" },
	{ "single quotes", "a: 'b: ''c'' # d'\n", "a=b: 'c' # d [1:1 1:4]\n" },
	{ "double quotes", "a: \"b\\t\\\"c\\\"\\u00e9\"\n", "a=b\t\"c\"\xc3\xa9 [1:1 1:4]\n" },
	{ "an empty text", "a: ''\nb: \"\"\n", "a= [1:1 1:4]\nb= [2:1 2:4]\n" },
	{ "a text that looks like nothing", "a: '~'\nb: \"null\"\n",
	  "a=~ [1:1 1:4]\nb=null [2:1 2:4]\n" },
	{ "a block of lines", "a: |\n  b\n  c\n", "a=b\nc\n [1:1 1:4]\n" },
	{ "a block without its end", "a: |-\n  b\n  c\n", "a=b\nc [1:1 1:4]\n" },
	{ "folded lines", "a: >-\n  b\n  c\n", "a=b c [1:1 1:4]\n" },
	{ "nothing", "a:\nb: ~\nc: null\nd: Null\ne: NULL\n",
	  "a nothing [1:1 1:3]\nb nothing [2:1 2:4]\nc nothing [3:1 3:4]\n"
	  "d nothing [4:1 4:4]\ne nothing [5:1 5:4]\n" },
	{ "nothing in braces", "{a: , b}", "a nothing [1:2 1:5]\nb nothing [1:7 1:8]\n" },
	{ "nothing that is nULL", "a: nULL\n", "a=nULL [1:1 1:4]\n" },
	{ "characters, not bytes, are counted", "{\xc3\xa9: \xe2\x82\xac, a: b}",
	  "\xc3\xa9=\xe2\x82\xac [1:2 1:5]\na=b [1:8 1:11]\n" },
	{ "characters beyond the basic plane", "{a: \xf0\x9f\x98\x80, b: c}",
	  "a=\xf0\x9f\x98\x80 [1:2 1:5]\nb=c [1:8 1:11]\n" },
	{ "a quoted key", "'a b': c\n\"d\": e\n", "a b=c [1:1 1:8]\nd=e [2:1 2:6]\n" },
	{ "an empty key", "'': c\n", "=c [1:1 1:5]\n" },
	{ "a key that is a number", "1: c\n", "1=c [1:1 1:4]\n" },
	{ "a key that is a question", "? a\n: b\n", "a=b [1:3 2:3]\n" },
	{ "the key of a merge is a key", "<<: b\n", "<<=b [1:1 1:5]\n" },
	{ "a list", "a: [b, c]\n", "a list [1:1 1:4]\n.- b [1:5 1:5]\n.- c [1:8 1:8]\n" },
	{ "a list of lines", "a:\n- b\n- c\n",
	  "a list [1:1 2:1]\n.- b [2:3 2:3]\n.- c [3:3 3:3]\n" },
	{ "a list of lines further in", "a:\n  - b\n  # x\n  - 'c'\n",
	  "a list [1:1 2:3]\n.- b [2:5 2:5]\n.- c [4:5 4:5]\n" },
	{ "a list over lines", "a: [\n  b,\n  c,\n]\n",
	  "a list [1:1 1:4]\n.- b [2:3 2:3]\n.- c [3:3 3:3]\n" },
	{ "a list of nothing", "a: []\nb: c\n", "a list [1:1 1:4]\nb=c [2:1 2:4]\n" },
	{ "a list of empty texts", "a: ['', \"\"]\n",
	  "a list [1:1 1:4]\n.-  [1:5 1:5]\n.-  [1:9 1:9]\n" },
	{ "two lists", "a: [b]\nc: [d]\n",
	  "a list [1:1 1:4]\n.- b [1:5 1:5]\nc list [2:1 2:4]\n.- d [2:5 2:5]\n" },
	{ "a map", "a: {b: c}\nd: e\n", "a map [1:1 1:4]\n.b=c [1:5 1:8]\nd=e [2:1 2:4]\n" },
	{ "a map of lines", "a:\n  b: c\n  d: e\nf: g\n",
	  "a map [1:1 2:3]\n.b=c [2:3 2:6]\n.d=e [3:3 3:6]\nf=g [4:1 4:4]\n" },
	{ "an empty map", "a: {}\nb: c\n", "a map [1:1 1:4]\nb=c [2:1 2:4]\n" },
	{ "maps three deep", "a: {b: {c: d}, e: f}\ng: h\n",
	  "a map [1:1 1:4]\n.b map [1:5 1:8]\n..c=d [1:9 1:12]\n.e=f [1:16 1:19]\n"
	  "g=h [2:1 2:4]\n" },
	{ "a list in the deepest map", "a: {b: {c: [d, e]}}\n",
	  "a map [1:1 1:4]\n.b map [1:5 1:8]\n..c list [1:9 1:12]\n...- d [1:13 1:13]\n"
	  "...- e [1:16 1:16]\n" },
	{ "the same key in two maps", "a: {x: 1}\nb: {x: 2}\nx: 3\n",
	  "a map [1:1 1:4]\n.x=1 [1:5 1:8]\nb map [2:1 2:4]\n.x=2 [2:5 2:8]\nx=3 [3:1 3:4]\n" },
	{ "the key of a map in it", "a: {a: {a: b}}\n",
	  "a map [1:1 1:4]\n.a map [1:5 1:8]\n..a=b [1:9 1:12]\n" },
	{ "items that are alike", "a: [b, b]\n",
	  "a list [1:1 1:4]\n.- b [1:5 1:5]\n.- b [1:8 1:8]\n" },
	{ "a list between maps", "a: {b: c}\nd: [e]\nf: {g: h}\n",
	  "a map [1:1 1:4]\n.b=c [1:5 1:8]\nd list [2:1 2:4]\n.- e [2:5 2:5]\n"
	  "f map [3:1 3:4]\n.g=h [3:5 3:8]\n" },
	{ "a tab behind a value", "a: b\t\n", "a=b [1:1 1:4]\n" },
};

static void check_good(void **state)
{
	const struct good *row = *state;
	struct policy_nodes nodes = { 0 };
	struct memcage_error err = { 0 };
	char said[4096];

	if (policy_yaml_read("f", row->text, strlen(row->text), &nodes, &err) < 0)
		fail_msg("%s", err.text);
	describe(&nodes, said, sizeof(said));
	policy_yaml_release(&nodes);
	assert_string_equal(said, row->want);
}

#define EXTRAS "anchors, aliases and tags are not taken; write it out"
#define DEEP "maps within maps within maps are too deep"
#define NO_MAP "a policy is a map; say for example limits: {memory: 512M}"
#define NUL_TEXT "a text must have no NUL byte"
#define NO_ITEM "an item of a list must be a text"
#define ODD_UTF8 "here is a byte that is not UTF-8; save the file as UTF-8"
#define ODD_CONTROL "here is a control character; this is no text file"
#define ODD_RETURN "here is a carriage return; lines must end with a newline alone"

static const struct bad {
	const char *name, *text, *want; /* the message; where it ends in '*', how it begins */
	size_t length;			/* of a text with NUL bytes; else 0 */
} bads[] = {
	{ "a byte order mark", "\xef\xbb\xbfoom: x",
	  "f:1:1: here is a byte order mark; save the file as plain UTF-8" },
	{ "a byte order mark later on", "a: b\n\xef\xbb\xbf",
	  "f:2:1: here is a byte order mark; save the file as plain UTF-8" },
	{ "UTF-16",
	  "\xff\xfe"
	  "a\0:\0 \0b\0",
	  "f:1:1: " ODD_UTF8, 10 },
	{ "UTF-16 the other way round", "\xfe\xff\0a\0:\0 \0b", "f:1:1: " ODD_UTF8, 10 },
	{ "UTF-16 without a mark", "a\0:\0 \0b\0",
	  "f:1:2: here is a NUL byte; this is no text file", 8 },
	{ "a NUL byte", "a: b\0c", "f:1:5: here is a NUL byte; this is no text file", 6 },
	{ "a NUL byte at the end", "a: b\n\0", "f:2:1: here is a NUL byte; this is no text file",
	  6 },
	{ "nothing but a NUL byte", "\0", "f:1:1: here is a NUL byte; this is no text file", 1 },
	{ "an ELF file", "\177ELF\2\1", "f:1:1: " ODD_CONTROL },
	{ "a carriage return", "a: b\r\nc: d\r\n", "f:1:5: " ODD_RETURN },
	{ "a carriage return alone", "a: b\rc: d", "f:1:5: " ODD_RETURN },
	{ "a carriage return in quotes", "a: 'b\r'", "f:1:6: " ODD_RETURN },
	{ "a bell", "a: \a", "f:1:4: " ODD_CONTROL },
	{ "an escape", "# \033[2J", "f:1:3: " ODD_CONTROL },
	{ "a delete", "a: \177", "f:1:4: " ODD_CONTROL },
	{ "Latin-1", "a: caf\xe9", "f:1:7: " ODD_UTF8 },
	{ "a cut character", "a: \xe2\x82", "f:1:4: " ODD_UTF8 },
	{ "an overlong character", "a: \xc0\xaf", "f:1:4: " ODD_UTF8 },
	{ "a surrogate", "a: \xed\xa0\x80", "f:1:4: " ODD_UTF8 },
	{ "a character beyond the last", "a: \xf4\x90\x80\x80", "f:1:4: " ODD_UTF8 },
	{ "a line separator", "a: \xe2\x80\xa8", "f:1:4: here is U+2028, which does not show; *" },
	{ "a paragraph separator", "a: b\nc: \xe2\x80\xa9",
	  "f:2:4: here is U+2029, which does not show; *" },
	{ "a next line", "a: \xc2\x85", "f:1:4: here is U+0085, which does not show; *" },
	{ "the place counts characters", "\xc3\xa9\xc3\xa9: \x01", "f:1:5: " ODD_CONTROL },

	{ "a text", "oom", "f:1:1: " NO_MAP },
	{ "a text below a comment", "# x\n\n  oom\n", "f:3:3: " NO_MAP },
	{ "a list at the top", "- a\n- b\n", "f:1:1: " NO_MAP },
	{ "a list in brackets at the top", "[a]", "f:1:1: " NO_MAP },
	{ "a document of nothing", "---\n", "f:2:1: " NO_MAP },
	{ "nothing, said", "~", "f:1:1: " NO_MAP },
	{ "a second document", "a: b\n---\nc: d\n", "f:2:1: a second document is not taken" },
	{ "a second document of nothing", "a: b\n---\n", "f:2:1: a second document is not taken" },

	{ "an anchor", "a: &x b\n", "f:1:4: " EXTRAS },
	{ "an anchor of a key", "&x a: b\n", "f:1:1: " EXTRAS },
	{ "an anchor of a list", "a: &x [b]\n", "f:1:4: " EXTRAS },
	{ "an anchor of a map", "a: &x {b: c}\n", "f:1:4: " EXTRAS },
	{ "an anchor of all", "&x\na: b\n", "f:1:1: " EXTRAS },
	{ "an anchor of an item", "a: [&x b]\n", "f:1:5: " EXTRAS },
	{ "an alias", "a: *x\n", "f:1:4: " EXTRAS },
	{ "an alias as an item", "a: [*x]\n", "f:1:5: " EXTRAS },
	{ "an alias as a key", "*x : b\n", "f:1:1: " EXTRAS },
	{ "an alias as all", "*x", "f:1:1: " EXTRAS },
	{ "aliases that grow", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "f:1:4: " EXTRAS },
	{ "an alias of itself", "a: &a [*a]\n", "f:1:4: " EXTRAS },
	{ "a merge", "a: {b: c}\n<<: *a\n", "f:2:5: " EXTRAS },
	{ "a tag", "a: !!str b\n", "f:1:4: " EXTRAS },
	{ "a tag of one's own", "a: !x b\n", "f:1:4: " EXTRAS },
	{ "a tag that is none", "a: ! b\n", "f:1:4: " EXTRAS },
	{ "a tag of a map", "a: !!set {b}\n", "f:1:4: " EXTRAS },
	{ "a tag of bytes", "a: !!binary AAAA\n", "f:1:4: " EXTRAS },
	{ "a tag of all", "!!map\na: b\n", "f:1:1: " EXTRAS },

	{ "a key twice", "a: b\na: c\n", "f:2:1: the key 'a' is there already, in line 1" },
	{ "a key twice in braces", "{a: b, c: d, a: b}",
	  "f:1:14: the key 'a' is there already, in line 1" },
	{ "a key twice, once in quotes", "a: b\n\n'a': c\n",
	  "f:3:1: the key 'a' is there already, in line 1" },
	{ "a key twice, once escaped", "a: b\n\"\\x61\": c\n",
	  "f:2:1: the key 'a' is there already, in line 1" },
	{ "a key twice in a map", "x:\n  a: b\n  a: b\n",
	  "f:3:3: the key 'a' is there already, in line 2" },
	{ "a key twice around a map", "a: b\nx: {c: d}\na: e\n",
	  "f:3:1: the key 'a' is there already, in line 1" },
	{ "an empty key twice", "{'': b, '': c}", "f:1:9: the key '' is there already, in line 1" },

	{ "a NUL byte, escaped", "a: \"b\\0c\"", "f:1:4: " NUL_TEXT },
	{ "a NUL byte in a key", "\"a\\0\": b", "f:1:1: " NUL_TEXT },
	{ "a NUL byte in an item", "a: [\"\\x00\"]", "f:1:5: " NUL_TEXT },
	{ "maps four deep", "{a: {b: {c: {d: e}}}}", "f:1:13: " DEEP },
	{ "an empty map four deep", "{a: {b: {c: {}}}}", "f:1:13: " DEEP },
	{ "a list in a list", "a: [[b]]", "f:1:5: " NO_ITEM },
	{ "a map in a list", "a:\n- b: c\n", "f:2:3: " NO_ITEM },
	{ "a pair in a list", "a: [b: c]\n", "f:1:5: " NO_ITEM },
	{ "nothing in a list", "a:\n-\n- b\n", "f:2:2: an item of a list must have a value" },
	{ "nothing in brackets", "a: [~]\n", "f:1:5: an item of a list must have a value" },
	{ "a list as a key", "? [a]\n: b\n", "f:1:3: a key must be a word" },
	{ "a list as a key in braces", "{[a]: b}", "f:1:2: a key must be a word" },
	{ "a map as a key", "{{a: b}: c}", "f:1:2: a key must be a word" },

	{ "a colon too many", "a: b: c\n", "f:1:5: this is no YAML: *" },
	{ "a tab in front", "a:\n\tb: c\n", "f:2:1: this is no YAML: *" },
	{ "an open bracket", "a: [b\n", "f:2:1: this is no YAML: *" },
	{ "an open brace", "{a: b\n", "f:2:1: this is no YAML: *" },
	{ "an open quote", "a: 'b\n", "f:2:1: this is no YAML: *" },
	{ "an open double quote", "a: \"b\n", "f:2:1: this is no YAML: *" },
	{ "a closed bracket", "a: ]\n", "f:1:4: this is no YAML: *" },
	{ "brackets that do not match", "a: [b}\n", "f:1:6: this is no YAML: *" },
	{ "an escape that is none", "a: \"\\q\"\n", "f:1:*" },
	{ "a surrogate, escaped", "a: \"\\ud800\"\n", "f:1:*" },
	{ "an at sign", "a: @b\n", "f:1:4: this is no YAML: *" },
	{ "a backquote", "a: `b`\n", "f:1:4: this is no YAML: *" },
	{ "a percent sign", "a: %b\n", "f:1:4: this is no YAML: *" },
	{ "a key and then a text", "a: b\nc\n", "f:3:1: this is no YAML: *" },
	{ "a key further in", "a: b\n  c: d\n", "f:2:4: this is no YAML: *" },
	{ "a key further out", "  a: b\nc: d\n", "f:2:1: this is no YAML: *" },
	{ "a version of the future", "%YAML 3.0\n---\na: b\n", "f:1:1: this is no YAML: *" },
	{ "a directive alone", "%YAML 1.1\n", "f:2:1: this is no YAML: *" },
	{ "an item among keys", "a: b\n- c\n", "f:2:1: this is no YAML: *" },
	{ "text behind a quote", "a: 'b' c\n", "f:1:8: this is no YAML: *" },
};

static void check_bad(void **state)
{
	const struct bad *row = *state;
	size_t length = row->length ? row->length : strlen(row->text);
	size_t said = strlen(row->want);
	struct policy_nodes nodes = { 0 };
	struct memcage_error err = { 0 };

	assert_int_equal(policy_yaml_read("f", row->text, length, &nodes, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_null(nodes.list);
	if (row->want[said - 1] == '*')
		err.text[said - 1] = '*', err.text[said] = '\0';
	assert_string_equal(err.text, row->want);
}

/* ---- texts that are too much of something ---- */

static const struct much {
	const char *name, *head, *part, *tail; /* head, part over and over, tail */
	size_t parts;
	const char *want; /* NULL: it is not too much */
} muches[] = {
	{ "as many bytes as there may be", "", "#", "", POLICY_BYTES_MOST, NULL },
	{ "a byte too many", "", "#", "", POLICY_BYTES_MOST + 1,
	  "f: more than 65536 bytes are too many for a policy" },
	{ "a long text", "a: ", "b", "\n", 60000, NULL },
	{ "a long key", "", "a", ": b\n", 1000, NULL },
	{ "a key that is too long", "", "a", ": b\n", 60000, "f:1:1: " NO_MAP },
	{ "as many items as there may be", "a: [", "b,", "]", POLICY_NODES_MOST - 1, NULL },
	{ "an item too many", "a: [", "b,", "]", POLICY_NODES_MOST,
	  "f:1:2051: more than 1024 keys and items are too many" },
	{ "open brackets", "", "[", "", 60000, "f:1:1: *" },
	{ "open brackets of a key", "a: ", "[", "", 60000, "f:1:5: " NO_ITEM },
	{ "open braces", "", "{", "", 60000, "f:1:2: *" },
	{ "keys within keys", "", "{a: ", "", 15000, "f:1:13: " DEEP },
	{ "dashes", "a:\n", "- ", "", 30000, "f:2:3: " NO_ITEM },
	{ "questions", "", "? ", "", 30000, "f:1:3: a key must be a word" },
	{ "documents", "", "---\n", "", 15000, "f:2:1: " NO_MAP },
	{ "tags", "", "!a ", "", 20000, "f:1:*" },
	{ "anchors", "", "&a ", "", 20000, "f:1:*" },
	{ "directives", "", "%TAG !a! !b\n", "", 5000, "f:*" },
	{ "empty lines", "", "\n", "a: b\n", 60000, NULL },
	{ "a deep indentation", "a:\n", " ", "b: c\n", 60000, NULL },
	{ "quotes", "a: '", "''", "'\n", 30000, NULL },
	{ "escapes", "a: \"", "\\n", "\"\n", 30000, NULL },
	{ "a block of lines", "a: |\n", "  b\n", "", 15000, NULL },
};

static void check_much(void **state)
{
	const struct much *row = *state;
	size_t length = strlen(row->part), said = row->want ? strlen(row->want) : 0;
	size_t size = strlen(row->head) + row->parts * length + strlen(row->tail);
	char *text = malloc(size + 1), *end = stpcpy(text, row->head);
	struct policy_nodes nodes = { 0 };
	struct memcage_error err = { 0 };
	int result;

	for (size_t i = 0; i < row->parts; i++)
		end = stpcpy(end, row->part);
	stpcpy(end, row->tail);
	result = policy_yaml_read("f", text, size, &nodes, &err);
	policy_yaml_release(&nodes);
	free(text);
	if (!row->want) {
		assert_string_equal(err.text, "");
		return;
	}
	assert_int_equal(result, -1);
	if (row->want[said - 1] == '*')
		err.text[said - 1] = '*', err.text[said] = '\0';
	assert_string_equal(err.text, row->want);
}

/* Each beginning of a text is read or refused, and never read beyond its end. */
static void check_beginnings(void **state)
{
	static const char whole[] =
		"a: [\"b\\u00e9\", 'c''d', {e: f}]\n\xc3\xa9: |\n  g\nh: {i: [j]}\n";

	(void) state;
	for (size_t length = 0; length < sizeof(whole); length++) {
		char *text = strndup(whole, length);
		struct policy_nodes nodes = { 0 };
		struct memcage_error err;

		if (policy_yaml_read("f", text, length, &nodes, &err) == 0)
			policy_yaml_release(&nodes);
		else
			assert_true(strncmp(err.text, "f:", 2) == 0);
		free(text);
	}
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_good, goods);
	TEST_ROWS(&suite, check_bad, bads);
	TEST_ROWS(&suite, check_much, muches);
	test_add(&suite, "any beginning of a text is read or refused", check_beginnings, NULL);
	return test_run("policy-yaml", &suite);
}

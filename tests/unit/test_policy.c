/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "cli/say.h"
#include "policy/policy.h"
#include "policy/policy_keys.h"
#include "policy/policy_shipped.h"

/* Values as lines: key, name, text and place, of the policy's own file only the line. */
static void describe(const struct policy *policy, char *out, size_t size)
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < policy->count && used < size; i++) {
		const struct policy_value *value = &policy->values[i];
		bool own = strcmp(value->file, "f.yaml") == 0;

		used += (size_t) snprintf(out + used, size - used, "%s %s%s %s%s%u\n", value->key,
					  value->off	? "off"
					  : value->text ? value->text
							: "on",
					  value->counts ? " (counts)" : "", own ? "" : value->file,
					  own ? "" : ":", value->line);
	}
}

static int load(const char *text, struct policy *policy, struct policy_faults *faults)
{
	return policy_load_text("f.yaml", text, strlen(text), policy, faults);
}

static const struct good {
	const char *name, *text, *want;
} goods[] = {
	{ "nothing", "", "" },
	{ "a description", "description: some jobs\n", "" },
	{ "a setting", "oom: kill-process\n", "oom kill-process 1\n" },
	{ "a limit", "limits: {memory: 4G}\n", "memory 4G 1\n" },
	{ "limits on lines", "limits:\n  memory: 4G\n  pids: 256\n", "memory 4G 2\npids 256 3\n" },
	{ "no limits", "limits: {}\n", "" },
	{ "numbers are texts", "limits: {cpus: 1.5, pids: 7, timeout: 90}\noom-exit-code: 137\n",
	  "cpus 1.5 1\npids 7 1\ntimeout 90 1\noom-exit-code 137 2\n" },
	{ "quotes make no difference", "limits: {'pids': \"7\"}\n'oom': 'kill-job'\n",
	  "pids 7 1\noom kill-job 2\n" },
	{ "each plain limit",
	  "limits:\n  memory: 1G\n  memory-high: 900M\n  swap: 0\n  cpus: 2\n  cpu-weight: 50\n"
	  "  cpuset: '0'\n  pids: max\n  tmp: 1G\n  timeout: 2h\n  cpu-time: 30m\n  grace: 5s\n",
	  "memory 1G 2\nmemory-high 900M 3\nswap 0 4\ncpus 2 5\ncpu-weight 50 6\ncpuset 0 7\n"
	  "pids max 8\ntmp 1G 9\ntimeout 2h 10\ncpu-time 30m 11\ngrace 5s 12\n" },
	{ "rlimits", "limits:\n  rlimits: {NOFILE: \"1024:4096\", CORE: 0}\n",
	  "rlimits NOFILE=1024:4096 2\nrlimits CORE=0 2\n" },
	{ "a list", "bind: [/data, '/a:/b:ro']\n", "bind /data 1\nbind /a:/b:ro 1\n" },
	{ "a list on lines", "bind:\n- /data\n- /srv\n", "bind /data 2\nbind /srv 3\n" },
	{ "one in place of a list", "bind: /data\n", "bind /data 1\n" },
	{ "an empty list", "bind: []\n", "" },
	{ "what a path is relative to is seen later", "bind: ['.']\n", "bind . 1\n" },
	{ "a tilde is a name", "bind: ['~/x']\n", "bind ~/x 1\n" },
	{ "variables", "env: {A: b, C: 'd=e', F: ''}\n", "env A=b 1\nenv C=d=e 1\nenv F= 1\n" },
	{ "a variable of the caller's", "env:\n  A:\n  B: ~\n", "env A 2\nenv B 3\n" },
	{ "a variable that counts CPUs", "env: {A: '{cpus}', B: '{cpus} '}\n",
	  "env A={cpus} (counts) 1\nenv B={cpus}  1\n" },
	{ "a variable of two lines", "env: {A: \"b\\nc\"}\n", "env A=b\nc 1\n" },
	{ "a switch that is on", "clear-env: true\n", "clear-env on 1\n" },
	{ "a switch that is off", "clear-env: false\n", "clear-env off 1\n" },
	{ "a switch that may have words, without them", "allow-unsupported: true\n",
	  "allow-unsupported on 1\n" },
	{ "a switch that may have words, with one", "allow-unsupported: tmp-not-private\n",
	  "allow-unsupported tmp-not-private 1\n" },
	{ "a switch that may have words, with two",
	  "allow-unsupported: [tmp-not-private, limit-unsupported]\n",
	  "allow-unsupported tmp-not-private,limit-unsupported 1\n" },
	{ "what is said at the end", "format: github\nreport: r.json\nsample: 1s\n",
	  "format github 1\nreport r.json 2\nsample 1s 3\n" },
	{ "descriptors", "pass-fd: [3, 4]\n", "pass-fd 3 1\npass-fd 4 1\n" },
	{ "where to start", "workdir: /\nhostname: box\nbackend: v2\n",
	  "workdir / 1\nhostname box 2\nbackend v2 3\n" },
	{ "a shipped policy that says nothing", "extends: default\noom: kill-job\n",
	  "oom kill-job 2\n" },
	{ "a list of one", "extends: [default]\n", "" },
	{ "a list of none", "extends: []\n", "" },
	{ "the same policy twice", "extends: [default, default]\n", "" },
	{ "extends stands anywhere", "oom: kill-job\nextends: default\n", "oom kill-job 1\n" },
	{ "the example of the manual",
	  "description: Data jobs of the night batch\nextends: [default]\n"
	  "limits: {memory: 4G, cpus: 2, pids: 256, tmp: 1G, timeout: 2h,\n"
	  "  rlimits: {NOFILE: \"1024:4096\"}}\noom: kill-job\noom-exit-code: 137\nnetwork: none\n"
	  "bind: [\"/data:/data:ro\", \"/srv/out\"]\nenv: {OMP_NUM_THREADS: \"2\"}\n",
	  "memory 4G 3\ncpus 2 3\npids 256 3\ntmp 1G 3\ntimeout 2h 3\nrlimits NOFILE=1024:4096 4\n"
	  "oom kill-job 5\noom-exit-code 137 6\nnetwork none 7\nbind /data:/data:ro 8\n"
	  "bind /srv/out 8\nenv OMP_NUM_THREADS=2 9\n" },
};

static void check_good(void **state)
{
	const struct good *row = *state;
	struct policy_faults faults;
	struct policy policy;
	char said[4096];

	if (load(row->text, &policy, &faults) < 0)
		fail_msg("%s", faults.list[0].text);
	describe(&policy, said, sizeof(said));
	policy_release(&policy);
	assert_string_equal(said, row->want);
}

#define NO_VALUE "here is no value; give it one, or leave the key out"
#define A9 "aaaaaaaaa"
#define A90 A9 A9 A9 A9 A9 A9 A9 A9 A9 A9
#define A99 A90 A9
#define NAMES "a name has at least one letter and no '='"
#define SEE "see memcage-policy(5) for those there are"

static const struct bad {
	const char *name, *text, *want; /* all messages, a line each, without "f.yaml:" */
} bads[] = {
	{ "a value that is wrong", "limits: {memory: 64Q}\n",
	  "1:18: limits.memory: '64Q' is not a size; say 512M, 1.5G or max\n" },
	{ "a value that is wrong, of a setting", "\n\nnetwork:  bridge\n",
	  "3:11: network: 'bridge' is not right; say host or none\n" },
	{ "a word that is YAML's truth", "network: no\n",
	  "1:10: network: 'no' is not right; say host or none\n" },
	{ "a typo", "netwrok: host\n",
	  "1:1: there is no key 'netwrok'; did you mean 'network'?\n" },
	{ "a typo in a limit", "limits:\n  memroy: 1G\n",
	  "2:3: there is no key 'memroy' in 'limits'; did you mean 'memory'?\n" },
	{ "a typo in 'limits'", "limit: {memory: 1G}\n",
	  "1:1: there is no key 'limit'; did you mean 'limits'?\n" },
	{ "a typo in 'extends'", "extend: build\n",
	  "1:1: there is no key 'extend'; did you mean 'extends'?\n" },
	{ "the option's name", "limits: {rlimit: {CORE: 0}}\n",
	  "1:10: there is no key 'rlimit' in 'limits'; did you mean 'rlimits'?\n" },
	{ "another case", "OOM: kill-job\n", "1:1: there is no key 'OOM'; " SEE "\n" },
	{ "an underscore", "oom_exit_code: 1\n",
	  "1:1: there is no key 'oom_exit_code'; did you mean 'oom-exit-code'?\n" },
	{ "a key with its dashes", "--network: none\n",
	  "1:1: there is no key '--network'; did you mean 'network'?\n" },
	{ "a limit at the top", "memory: 1G\n",
	  "1:1: there is no key 'memory'; it belongs below 'limits'\n" },
	{ "a typo of a limit at the top", "memroy: 1G\n",
	  "1:1: there is no key 'memroy'; did you mean 'memory', below 'limits'?\n" },
	{ "a setting among the limits", "limits: {network: none}\n",
	  "1:10: there is no key 'network' in 'limits'; it belongs at the top\n" },
	{ "a key like no other", "colour: blue\n", "1:1: there is no key 'colour'; " SEE "\n" },
	{ "a long key", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: b\n",
	  "1:1: there is no key 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; " SEE "\n" },
	{ "a key of odd bytes", "\"\\e[2J\": b\n", "1:1: there is no key '\\x1b[2J'; " SEE "\n" },
	{ "an empty key", "'': b\n", "1:1: there is no key ''; " SEE "\n" },
	{ "the option that names a policy", "policy: build\n",
	  "1:1: there is no key 'policy'; did you mean 'extends'?\n" },
	{ "an option of the program alone", "quiet: true\n",
	  "1:1: there is no key 'quiet'; " SEE "\n" },
	{ "nothing", "oom:\n", "1:5: oom: " NO_VALUE "\n" },
	{ "nothing, said", "limits: {memory: ~}\n", "1:18: limits.memory: " NO_VALUE "\n" },
	{ "no list", "bind:\n", "1:6: bind: " NO_VALUE "\n" },
	{ "no map", "env:\n", "1:5: env: " NO_VALUE "\n" },
	{ "no limits at all", "limits:\n",
	  "1:8: limits: this must be a map, such as {memory: 512M}\n" },
	{ "a list of limits", "limits: [memory]\n",
	  "1:9: limits: this must be a map, such as {memory: 512M}\n" },
	{ "a text of limits", "limits: 4G\n",
	  "1:9: limits: this must be a map, such as {memory: 512M}\n" },
	{ "a list for a value", "oom: [kill-job]\n",
	  "1:6: oom: this must be one value: kill-job|kill-process\n" },
	{ "a map for a value", "limits: {memory: {max: 1G}}\n",
	  "1:18: limits.memory: this must be one value: SIZE\n" },
	{ "a map for a list", "bind: {/a: /b}\n",
	  "1:7: bind: this must be a list: [SRC[:DST][:ro], ...]\n" },
	{ "a list for a map", "env: [A=b]\n",
	  "1:6: env: this must be a map: {NAME: VALUE, ...}\n" },
	{ "a text for a map", "limits: {rlimits: NOFILE=5}\n",
	  "1:19: limits.rlimits: this must be a map: {NAME: VALUE, ...}\n" },
	{ "a list for a switch", "clear-env: [true]\n",
	  "1:12: clear-env: this must be true or false\n" },
	{ "a switch that is yes", "clear-env: yes\n",
	  "1:12: clear-env: 'yes' is not right; say true or false\n" },
	{ "a switch that is 1", "clear-env: 1\n",
	  "1:12: clear-env: '1' is not right; say true or false\n" },
	{ "a map for words", "allow-unsupported: {a: b}\n",
	  "1:20: allow-unsupported: this must be a list of words, or true or false\n" },
	{ "a word that is wrong", "allow-unsupported: [tmp-not-private, all]\n",
	  "1:20: allow-unsupported: 'tmp-not-private,all' is not right; say *" },
	{ "an item that is wrong", "bind:\n- /a\n- ':x'\n",
	  "3:3: bind: ':x' is not right; say SRC, SRC:/DST or SRC:/DST:ro, for example "
	  "/data:/data:ro\n" },
	{ "a variable without a name", "env: {'': x}\n", "1:7: env.'': " NAMES "\n" },
	{ "a variable with an equals sign", "env: {A=B: x}\n", "1:7: env.A=B: " NAMES "\n" },
	{ "a variable that is a list", "env: {A: [x]}\n", "1:10: env.A: this must be one value\n" },
	{ "a variable that is a list of none, and one that is right", "env: {A: [], B: c, C: {}}\n",
	  "1:10: env.A: this must be one value\n1:23: env.C: this must be one value\n" },
	{ "a variable that is a map", "env: {A: {B: x}}\n",
	  "1:10: env.A: this must be one value\n" },
	{ "a long name is cut at a whole letter", "limits: {rlimits: {" A99 "\u00e9: 5}}\n",
	  "1:122: limits.rlimits.'" A90 "aaaa'...: *" },
	{ "an rlimit that is not there", "limits: {rlimits: {NOFILES: 5}}\n",
	  "1:29: limits.rlimits.NOFILES: *" },
	{ "an rlimit without a value", "limits: {rlimits: {CORE: }}\n",
	  "1:26: limits.rlimits.CORE: this must be one value\n" },
	{ "an rlimit that is wrong", "limits: {rlimits: {CORE: x}}\n",
	  "1:26: limits.rlimits.CORE: CORE: 'x' is not a size; say 512M, 1.5G or max\n" },
	{ "a disk that is none", "limits: {io: [nope]}\n", "1:15: limits.io: 'nope' is not *" },
	{ "a description that is a list", "description: [a]\n",
	  "1:14: description: this must be one text\n" },
	{ "no description", "description:\n", "1:13: description: this must be one text\n" },
	{ "a way to say it that is not there", "format: json\n",
	  "1:9: format: 'json' is not right; say text|github|quiet\n" },
	{ "half a way to say it", "format: tex\n",
	  "1:9: format: 'tex' is not right; say text|github|quiet\n" },
	{ "two ways to say it", "format: text|github\n",
	  "1:9: format: 'text|github' is not right; say text|github|quiet\n" },
	{ "extends nothing", "extends:\n",
	  "1:9: extends: this must be a policy's name or file, or a list of them\n" },
	{ "extends a map", "extends: {a: b}\n",
	  "1:10: extends: this must be a policy's name or file, or a list of them\n" },
	{ "extends what is not there", "extends: nosuch\n",
	  "1:10: extends: there is no policy 'nosuch'; see memcage policy list, or name a file as "
	  "./nosuch\n" },
	{ "extends a typo", "extends: [default, defualt]\n",
	  "1:20: extends: there is no policy 'defualt'; did you mean 'default'?\n" },
	{ "extends a file that is not there", "extends: [no/such.yaml]\n",
	  "1:11: extends: cannot read 'no/such.yaml': No such file or directory\n" },
	{ "extends an empty name", "extends: ''\n",
	  "1:10: extends: cannot read '': No such file or directory\n" },
	{ "all that is wrong is said", "oom: x\nlimits: {pids: y, memory: 1G}\nzzz: 1\n",
	  "1:6: oom: 'x' is not right; say kill-job or kill-process\n"
	  "2:16: limits.pids: 'y' is not a whole number; say 256 or max\n"
	  "3:1: there is no key 'zzz'; " SEE "\n" },
	{ "what is no YAML is said alone", "oom: x\nlimits: [\n", "3:1: this is no YAML: *" },
};

static void check_bad(void **state)
{
	const struct bad *row = *state;
	size_t length = strlen(row->want), used = 0;
	struct policy_faults faults;
	struct policy policy;
	char said[4096];

	assert_int_equal(load(row->text, &policy, &faults), -1);
	assert_null(policy.values);
	assert_in_range(faults.count, 1, POLICY_FAULTS_MOST);
	for (size_t i = 0; i < faults.count; i++) {
		assert_int_equal(faults.list[i].code, MEMCAGE_ERROR_USAGE);
		assert_true(strncmp(faults.list[i].text, "f.yaml:", 7) == 0);
		used += (size_t) snprintf(said + used, sizeof(said) - used, "%s\n",
					  faults.list[i].text + 7);
	}
	if (row->want[length - 1] == '*')
		said[length - 1] = '*', said[length] = '\0';
	assert_string_equal(said, row->want);
}

/* ---- specs ---- */

/* What a policy says replaces what a spec held, but for what is no option. */
static void check_apply(void **state)
{
	struct memcage_spec *spec = memcage_spec_new();
	struct policy_faults faults;
	struct memcage_error err;
	struct policy policy;

	(void) state;
	memcage_spec_set_usage(spec, false);
	assert_int_equal(memcage_spec_set(spec, "memory", "1G", &err), 0);
	assert_int_equal(memcage_spec_set(spec, "bind", "/old", &err), 0);
	assert_int_equal(load("limits: {pids: 7}\nnetwork: none\nbind: /new\nclear-env: false\n"
			      "env: {A: '{cpus}', B: c}\nformat: quiet\n",
			      &policy, &faults),
			 0);
	assert_int_equal(policy_apply(&policy, spec, &err), 0);
	assert_string_equal(policy_text(&policy, "format"), "quiet");
	assert_null(policy_text(&policy, "oom"));
	policy_release(&policy);
	assert_false(spec->limits[LIMIT_MEMORY].set);
	assert_int_equal(spec->limits[LIMIT_PIDS].number, 7);
	assert_true(spec->settings.network_none);
	assert_false(spec->settings.clear_env);
	assert_false(spec->settings.usage);
	assert_int_equal(spec->settings.bind_count, 1);
	assert_string_equal(spec->settings.binds[0].source, "/new");
	assert_int_equal(spec->settings.env_count, 1);
	assert_int_equal(spec->settings.cpus_env_count, 1);
	assert_string_equal(spec->settings.cpus_env[0], "A");
	assert_string_equal(spec->settings.policy, "f.yaml");
	memcage_spec_free(spec);
}

/* A policy that is refused leaves the spec as it was. */
static void check_refused(void **state)
{
	struct memcage_spec *spec = memcage_spec_new();
	struct memcage_error err;

	(void) state;
	assert_int_equal(memcage_spec_set(spec, "pids", "9", &err), 0);
	assert_int_equal(memcage_spec_set(spec, "policy", "nosuch", &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_string_equal(err.text, "there is no policy 'nosuch'; see memcage policy list, or "
				      "name a file as ./nosuch");
	assert_int_equal(memcage_spec_set(spec, "policy", NULL, &err), -1);
	assert_string_equal(err.text, "--policy: needs a value");
	assert_int_equal(spec->limits[LIMIT_PIDS].number, 9);
	assert_null(spec->settings.policy);
	assert_int_equal(memcage_spec_set(spec, "policy", "default", &err), 0);
	assert_false(spec->limits[LIMIT_PIDS].set);
	assert_string_equal(spec->settings.policy, "default");
	memcage_spec_free(spec);
}

/* ---- tables ---- */

/* Each shipped policy is right, says what it is for, and is found by its name. */
static void check_shipped(void **state)
{
	(void) state;
	for (const struct policy_shipped *at = policy_shipped; at->name; at++) {
		struct policy_faults faults;
		struct policy policy;

		if (policy_load(at->name, &policy, &faults) < 0)
			fail_msg("%s", faults.list[0].text);
		assert_non_null(policy.description);
		assert_string_equal(policy.name, at->name);
		policy_release(&policy);
	}
	assert_string_equal(policy_shipped[0].name, "default");
	assert_int_equal(policy_shipped[0].nodes.count, 1); /* a plain run pays for nothing */
}

/* Each key is another, is found, and can be shown with what it is written to. */
static void check_keys(void **state)
{
	struct policy_key key, found;
	size_t count = 0;

	(void) state;
	for (; policy_key_at(count, &key); count++) {
		assert_true(policy_key_find(key.key, key.in_limits, &found));
		assert_string_equal(found.key, key.key);
		assert_false(policy_key_find(key.key, !key.in_limits, &found));
		if (!key.place[0])
			fail_msg("no place for %s", key.key);
		assert_true(key.arg || (key.form != POLICY_VALUE && key.form != POLICY_VALUES));
	}
	assert_true(count > LIMIT__COUNT);
	assert_false(policy_key_find("policy", false, &key));
}

/* The program takes each text that the key's row names. */
static void check_formats(void **state)
{
	struct policy_key key;
	char *words, *rest;

	(void) state;
	assert_true(policy_key_find("format", false, &key));
	rest = words = strdup(key.arg);
	for (char *word; (word = strsep(&rest, "|"));)
		assert_int_not_equal(say_format_find(word), SAY__COUNT);
	free(words);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_good, goods);
	TEST_ROWS(&suite, check_bad, bads);
	test_add(&suite, "a policy replaces what a spec held", check_apply, NULL);
	test_add(&suite, "a policy that is refused changes nothing", check_refused, NULL);
	test_add(&suite, "each shipped policy is right", check_shipped, NULL);
	test_add(&suite, "each key is complete", check_keys, NULL);
	test_add(&suite, "the program knows each format", check_formats, NULL);
	return test_run("policy", &suite);
}

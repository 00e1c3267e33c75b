/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spec/limit.h"
#include "spec/settings.h"

#define LONG 65536

/* What the settings now say of a key, as text; of a list its last. */
static void describe(const struct settings *settings, const char *key, char *out, size_t size)
{
	static const char *const backends[] = { "auto", "v2", "v1", "observe" };
	size_t count = settings->bind_count;
	const struct bind *bind = count > 0 ? &settings->binds[count - 1] : NULL;

	snprintf(out, size, "-");
	if (strcmp(key, "policy") == 0 && settings->policy)
		snprintf(out, size, "%s", settings->policy);
	else if (strcmp(key, "oom") == 0)
		snprintf(out, size, "%s", settings->kill_process ? "kill-process" : "kill-job");
	else if (strcmp(key, "network") == 0)
		snprintf(out, size, "%s", settings->network_none ? "none" : "host");
	else if (strcmp(key, "bind") == 0 && bind)
		snprintf(out, size, "%s %s %s", bind->source, bind->target,
			 bind->read_only ? "ro" : "rw");
	else if (strcmp(key, "root") == 0)
		snprintf(out, size, "%s", settings->root_read_only ? "ro" : "rw");
	else if (strcmp(key, "hide") == 0 && settings->hide_count > 0)
		snprintf(out, size, "%s", settings->hides[settings->hide_count - 1]);
	else if (strcmp(key, "user") == 0 && settings->has_user)
		snprintf(out, size, "%u:%u", settings->uid, settings->gid);
	else if (strcmp(key, "capabilities") == 0 && settings->has_capabilities)
		snprintf(out, size, "%" PRIx64, settings->capabilities);
	else if (strcmp(key, "no-new-privs") == 0)
		snprintf(out, size, "%s", settings->allow_new_privs ? "false" : "true");
	else if (strcmp(key, "pass-fd") == 0 && settings->pass_fd_count > 0)
		snprintf(out, size, "%d", settings->pass_fds[settings->pass_fd_count - 1]);
	else if (strcmp(key, "workdir") == 0 && settings->workdir)
		snprintf(out, size, "%s", settings->workdir);
	else if (strcmp(key, "env") == 0 && settings->env_count > 0)
		snprintf(out, size, "%s", settings->env[settings->env_count - 1]);
	else if (strcmp(key, "clear-env") == 0)
		snprintf(out, size, "%d", settings->clear_env);
	else if (strcmp(key, "hostname") == 0 && settings->hostname)
		snprintf(out, size, "%s", settings->hostname);
	else if (strcmp(key, "seccomp") == 0 && settings->seccomp)
		snprintf(out, size, "%s", settings->seccomp);
	else if (strcmp(key, "seccomp-log") == 0)
		snprintf(out, size, "%d", settings->seccomp_log);
	else if (strcmp(key, "backend") == 0)
		snprintf(out, size, "%s", backends[settings->backend]);
	else if (strcmp(key, "allow-unsupported") == 0)
		snprintf(out, size, "%d", settings->allowed);
	else if (strcmp(key, "report") == 0 && settings->report)
		snprintf(out, size, "%s", settings->report);
	else if (strcmp(key, "sample") == 0)
		snprintf(out, size, "%" PRIu64, settings->sample_usec);
	else if (strcmp(key, "oom-exit-code") == 0)
		snprintf(out, size, "%d", settings->oom_exit_code);
}

static const struct good {
	const char *name;
	const char *key, *text, *want;
} goods[] = {
	{ "the name of a policy", "policy", "a b/c.yaml", "a b/c.yaml" },
	{ "the kernel's victim alone", "oom", "kill-process", "kill-process" },
	{ "the whole job", "oom", "kill-job", "kill-job" },
	{ "no network", "network", "none", "none" },
	{ "the host's network", "network", "host", "host" },
	{ "a bind at the same place", "bind", "/data", "/data /data rw" },
	{ "a bind at another place", "bind", "/data:/srv/x", "/data /srv/x rw" },
	{ "a bind to read", "bind", "/data:/srv:ro", "/data /srv ro" },
	{ "a bind at the same place to read", "bind", "/data:ro", "/data /data ro" },
	{ "a source that is called ro", "bind", "/ro:/ro", "/ro /ro rw" },
	{ "a bind of a relative path", "bind", "etc/./ssl//certs/",
	  "/usr/etc/ssl/certs /usr/etc/ssl/certs rw" },
	{ "a bind of where we are", "bind", ".:/here", "/usr /here rw" },
	{ "paths are made comparable", "bind", "//a/./b/:/c//d/.", "/a/b /c/d rw" },
	{ "the source may go up", "bind", "/a/../b:/c", "/a/../b /c rw" },
	{ "names that begin with dots", "bind", "/.a/..b:/..c/d..", "/.a/..b /..c/d.. rw" },
	{ "a bind with blanks", "bind", "/a b:/c d", "/a b /c d rw" },
	{ "a tree to read", "root", "ro", "ro" },
	{ "a tree to write", "root", "rw", "rw" },
	{ "something hidden", "hide", "/home", "/home" },
	{ "something relative hidden", "hide", "share/./x//", "/usr/share/x" },
	{ "something hidden with blanks", "hide", "/a b\nc", "/a b\nc" },
	{ "a user and his group", "user", "1000:100", "1000:100" },
	{ "a user, and a group of the same number", "user", "1000", "1000:1000" },
	{ "root", "user", "0:0", "0:0" },
	{ "the last user", "user", "4294967294", "4294967294:4294967294" },
	{ "no capabilities", "capabilities", "none", "0" },
	{ "one capability", "capabilities", "CAP_CHOWN", "1" },
	{ "capabilities in all ways", "capabilities", "cap_chown,KILL,Cap_Net_Raw", "2021" },
	{ "the last capability", "capabilities", "checkpoint_restore", "10000000000" },
	{ "new rights by execve", "no-new-privs", "false", "false" },
	{ "no new rights by execve", "no-new-privs", "true", "true" },
	{ "a descriptor", "pass-fd", "3", "3" },
	{ "a standard descriptor", "pass-fd", "0", "0" },
	{ "a high descriptor", "pass-fd", "1048576", "1048576" },
	{ "a working directory", "workdir", "some where", "some where" },
	{ "a variable with its value", "env", "A=b=c", "A=b=c" },
	{ "a variable without its value", "env", "A", "A" },
	{ "an empty value", "env", "A=", "A=" },
	{ "a value of two lines", "env", "A=b\nc", "A=b\nc" },
	{ "no variables", "clear-env", NULL, "1" },
	{ "a host name", "hostname", "build-1.example_x", "build-1.example_x" },
	{ "the longest host name", "hostname",
	  "0123456789012345678901234567890123456789012345678901234567890123",
	  "0123456789012345678901234567890123456789012345678901234567890123" },
	{ "a shipped filter", "seccomp", "strict", "strict" },
	{ "a profile of the user's", "seccomp", "a b/p.json", "a b/p.json" },
	{ "no filter", "seccomp", "off", "off" },
	{ "what the filter denied", "seccomp-log", NULL, "1" },
	{ "whatever there is", "backend", "auto", "auto" },
	{ "version 2", "backend", "v2", "v2" },
	{ "version 1", "backend", "v1", "v1" },
	{ "no cgroup", "backend", "observe", "observe" },
	{ "without what is not supported", "allow-unsupported", NULL, "7" },
	{ "without a limit", "allow-unsupported", "limit-unsupported", "1" },
	{ "without namespaces", "allow-unsupported", "namespace-unavailable,tmp-not-private", "6" },
	{ "a report on stdout", "report", "-", "-" },
	{ "a report to a descriptor", "report", "fd:3", "fd:3" },
	{ "a report to a file", "report", "a b/r.json", "a b/r.json" },
	{ "a file that is called like a descriptor", "report", "./fd:x", "./fd:x" },
	{ "the fastest pace", "sample", "1ms", "1000" },
	{ "a slow pace", "sample", "1.5h", "5400000000" },
	{ "the smallest status", "oom-exit-code", "0", "0" },
	{ "the largest status", "oom-exit-code", "255", "255" },
};

static void check_good(void **state)
{
	const struct good *row = *state;
	struct settings settings = SETTINGS_DEFAULT;
	struct memcage_error err = { 0 };
	char said[256];

	assert_int_equal(setting_find(row->key)->parse(row->text, &settings, &err), 0);
	describe(&settings, row->key, said, sizeof(said));
	assert_string_equal(said, row->want);
	settings_release(&settings);
}

static const struct bad {
	const char *name;
	const char *key, *text;
	const char *quoted, *right; /* must be in the message */
} bads[] = {
	{ "no way to end", "oom", "kill", "'kill'", "kill-job or kill-process" },
	{ "a way to end in other letters", "oom", "Kill-Job", "'Kill-Job'", "kill-job" },
	{ "a way to end with a blank", "oom", "kill-job ", "'kill-job '", "kill-job" },
	{ "no text for the way to end", "oom", "", "''", "kill-job" },
	{ "no code", "allow-unsupported", "", "''", "limit-unsupported" },
	{ "a code that is not there", "allow-unsupported", "pids-limit", "'pids-limit'",
	  "tmp-not-private" },
	{ "a code and nothing", "allow-unsupported", "tmp-not-private,", "'tmp-not-private,'",
	  "with commas between" },
	{ "the beginning of a code", "allow-unsupported", "tmp", "'tmp'", "tmp-not-private" },
	{ "a network that is not there", "network", "bridge", "'bridge'", "host or none" },
	{ "a bind of nothing", "bind", "", "''", "SRC:/DST:ro" },
	{ "a bind of a colon", "bind", ":", "':'", "SRC:/DST:ro" },
	{ "a bind without a source", "bind", ":/x", "':/x'", "/data:/data:ro" },
	{ "a bind to read nothing", "bind", ":ro", "':ro'", "/data:/data:ro" },
	{ "a bind without a place", "bind", "/x:", "'/x:'", "/data:/data:ro" },
	{ "a bind without a place, to read", "bind", "/x::ro", "'/x::ro'", "/data:/data:ro" },
	{ "a place that is relative", "bind", "/a:b", "'/a:b'", "SRC:/DST" },
	{ "a mode that is not there", "bind", "/a:/b:rw", "'/a:/b:rw'", "SRC:/DST:ro" },
	{ "a mode too many", "bind", "/a:/b:ro:ro", "'/a:/b:ro:ro'", "SRC:/DST:ro" },
	{ "a place that goes up", "bind", "/a:/tmp/../etc", "'/a:/tmp/../etc'", "SRC:/DST" },
	{ "a place that is above all", "bind", "/a:/..", "'/a:/..'", "SRC:/DST" },
	{ "a place that ends going up", "bind", "/a:/tmp/..", "'/a:/tmp/..'", "SRC:/DST" },
	{ "a tree to execute", "root", "rx", "'rx'", "ro or rw" },
	{ "no tree", "root", "", "''", "ro or rw" },
	{ "nothing hidden", "hide", "", "''", "/home" },
	{ "everything hidden", "hide", "/./", "'/./'", "a path below /" },
	{ "a user by name", "user", "nobody", "'nobody'", "UID:GID, for example 1000:1000" },
	{ "a group by name", "user", "1000:users", "'1000:users'", "1000:1000" },
	{ "no group", "user", "1000:", "'1000:'", "UID:GID" },
	{ "only a group", "user", ":1000", "':1000'", "UID:GID" },
	{ "a negative user", "user", "-1", "'-1'", "UID:GID" },
	{ "the user that means none", "user", "4294967295", "'4294967295'", "UID:GID" },
	{ "a user beyond 32 bits", "user", "4294967296", "'4294967296'", "UID:GID" },
	{ "two groups", "user", "1:2:3", "'1:2:3'", "UID:GID" },
	{ "a capability that is not there", "capabilities", "CAP_CHOWN,CAP_FLY", "'CAP_FLY'",
	  "none, or for example CAP_CHOWN,CAP_NET_BIND_SERVICE" },
	{ "none and some", "capabilities", "none,CAP_CHOWN", "'none'", "say none" },
	{ "an empty capability", "capabilities", "CAP_CHOWN,", "''", "say none" },
	{ "no text for capabilities", "capabilities", "", "''", "say none" },
	{ "a capability with a blank", "capabilities", "chown, kill", "' kill'", "say none" },
	{ "half new rights", "no-new-privs", "yes", "'yes'", "true or false" },
	{ "a negative descriptor", "pass-fd", "-1", "'-1'", "0 to 1048576" },
	{ "a descriptor that is too high", "pass-fd", "1048577", "'1048577'", "0 to 1048576" },
	{ "a descriptor beyond 64 bits", "pass-fd", "18446744073709551619",
	  "'18446744073709551619'", "0 to" },
	{ "a descriptor with a sign", "pass-fd", "+3", "'+3'", "0 to" },
	{ "a descriptor with a blank", "pass-fd", "3 ", "'3 '", "0 to" },
	{ "a hexadecimal descriptor", "pass-fd", "0x3", "'0x3'", "0 to" },
	{ "no descriptor", "pass-fd", "", "''", "0 to" },
	{ "no filter's name", "seccomp", "", "''", "default, strict, off or a file" },
	{ "no working directory", "workdir", "", "''", "a directory" },
	{ "no variable", "env", "", "''", "NAME=VALUE" },
	{ "a variable without a name", "env", "=x", "'=x'", "NAME=VALUE" },
	{ "no host name", "hostname", "", "''", "build-1" },
	{ "a host name with a blank", "hostname", "a b", "'a b'", "build-1" },
	{ "a host name with a slash", "hostname", "../x", "'../x'", "build-1" },
	{ "a host name with an umlaut", "hostname", "b\xc3\xa4r", "'b\xc3\xa4r'", "build-1" },
	{ "a host name that clears the screen", "hostname", "\x1b[2J\n", "'\\x1b[2J\\n'",
	  "build-1" },
	{ "a host name one too long", "hostname",
	  "01234567890123456789012345678901234567890123456789012345678901234", "'0123456789",
	  "1 to 64" },
	{ "a backend of the future", "backend", "v3", "'v3'", "auto, v2, v1 or observe" },
	{ "a backend in capitals", "backend", "V2", "'V2'", "auto, v2, v1 or observe" },
	{ "no place for a report", "report", "", "''", "a file, fd:3 or -" },
	{ "a descriptor without a number", "report", "fd:", "'fd:'", "fd:3" },
	{ "a descriptor that is none", "report", "fd:x", "'fd:x'", "./fd:x" },
	{ "a report to a negative descriptor", "report", "fd:-1", "'fd:-1'", "fd:3" },
	{ "a pace of zero", "sample", "0", "'0'", "500ms" },
	{ "a pace too fast", "sample", "0.9ms", "'0.9ms'", "1ms or more" },
	{ "a pace that never comes", "sample", "max", "'max'", "1ms or more" },
	{ "a pace in no unit", "sample", "5x", "'5x'", "500ms" },
	{ "a pace that is negative", "sample", "-1s", "'-1s'", "500ms" },
	{ "a status too large", "oom-exit-code", "256", "'256'", "0 to 255" },
	{ "a negative status", "oom-exit-code", "-1", "'-1'", "0 to 255" },
	{ "no status", "oom-exit-code", "", "''", "0 to 255" },
	{ "a status without end", "oom-exit-code", "max", "'max'", "0 to 255" },
};

/* One line, which says what is wrong and what would be right; the settings are as they were. */
static void check_refused(const char *key, const char *text, const char *quoted, const char *right)
{
	struct settings settings = SETTINGS_DEFAULT;
	struct memcage_error err = { 0 };
	char before[256], after[256];

	settings.kill_process = settings.network_none = true;
	settings.backend = BACKEND_V1;
	describe(&settings, key, before, sizeof(before));
	assert_int_equal(setting_find(key)->parse(text, &settings, &err), -1);
	describe(&settings, key, after, sizeof(after));
	assert_string_equal(after, before);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	if (!strstr(err.text, quoted) || !strstr(err.text, right))
		fail_msg("%s", err.text);
	for (const char *at = err.text; *at; at++)
		assert_true((unsigned char) *at >= ' ' && *at != 0x7f);
	settings_release(&settings);
}

static void check_bad(void **state)
{
	const struct bad *row = *state;

	check_refused(row->key, row->text, row->quoted, row->right);
}

/* A text of 64 KiB is refused like any other, or kept as it is. */
static void check_huge(void **state)
{
	static const char *const refusing[] = { "oom",		 "network",	"pass-fd",
						"hostname",	 "backend",	"sample",
						"oom-exit-code", "root",	"user",
						"capabilities",	 "no-new-privs" };
	struct settings settings = SETTINGS_DEFAULT;
	struct memcage_error err = { 0 };
	char *text = malloc(LONG + 1);

	(void) state;
	memset(text, 'a', LONG);
	text[LONG] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(refusing); i++)
		check_refused(refusing[i], text, "'aaaa", "");
	assert_int_equal(setting_find("env")->parse(text, &settings, &err), 0);
	assert_string_equal(settings.env[0], text);
	assert_int_equal(setting_find("workdir")->parse(text, &settings, &err), 0);
	assert_string_equal(settings.workdir, text);
	settings_release(&settings);
	free(text);
}

/* Lists take as many as they say, and then refuse. */
static void check_most(void **state)
{
	static const struct {
		const char *key, *text;
		int most;
	} lists[] = { { "bind", "/a", BINDS_MOST },
		      { "hide", "/a", HIDES_MOST },
		      { "pass-fd", "5", PASS_FDS_MOST } };

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct setting *row = setting_find(lists[i].key);
		struct settings settings = SETTINGS_DEFAULT;
		struct memcage_error err;
		char want[32];

		for (int n = 0; n < lists[i].most; n++)
			assert_int_equal(row->parse(lists[i].text, &settings, &err), 0);
		assert_int_equal(row->parse(lists[i].text, &settings, &err), -1);
		snprintf(want, sizeof(want), "more than %d", lists[i].most);
		assert_non_null(strstr(err.text, want));
		settings_release(&settings);
	}
}

/* ---- the table ---- */

static bool letter_is_taken(char letter, const struct setting *but)
{
	for (const struct setting *row = settings_table; row->key; row++)
		if (row != but && row->letter == letter)
			return true;
	for (int id = 0; id < LIMIT__COUNT; id++)
		if (limits[id].letter == letter)
			return true;
	return false;
}

static bool has_good(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(goods); i++)
		if (strcmp(goods[i].key, key) == 0)
			return true;
	return false;
}

static void check_table(void **state)
{
	(void) state;
	for (const struct setting *row = settings_table; row->key; row++) {
		assert_ptr_equal(setting_find(row->key), row);
		assert_int_equal(limit_find(row->key), LIMIT__COUNT);
		assert_true(*row->help && row->parse);
		assert_int_equal(row->key[strspn(row->key, "abcdefghijklmnopqrstuvwxyz-")], 0);
		assert_true(!row->arg || *row->arg);
		assert_false(row->letter && letter_is_taken(row->letter, row));
		assert_true(has_good(row->key));
	}
	assert_null(setting_find(""));
	assert_null(setting_find("memory"));
	assert_null(setting_find("oo"));
	assert_null(setting_find("oomx"));
}

/* ---- copies ---- */

static void say(struct settings *settings, const char *key, const char *text)
{
	struct memcage_error err;

	assert_int_equal(setting_find(key)->parse(text, settings, &err), 0);
}

/* Two of each list and one of each other, shared with nobody. */
static void check_copy(void **state)
{
	struct settings from = SETTINGS_DEFAULT, to;
	struct memcage_error err;
	char one[256], other[256];

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(goods); i++)
		say(&from, goods[i].key, goods[i].text);
	assert_int_equal(settings_add_cpus_env(&from, "A", &err), 0);
	assert_int_equal(settings_add_cpus_env(&from, "B", &err), 0);
	assert_int_equal(settings_copy(&from, &to), 0);
	for (const struct setting *row = settings_table; row->key; row++) {
		describe(&from, row->key, one, sizeof(one));
		describe(&to, row->key, other, sizeof(other));
		assert_string_equal(one, other);
	}
	assert_int_equal(to.bind_count, from.bind_count);
	assert_int_equal(to.env_count, from.env_count);
	assert_int_equal(to.pass_fd_count, from.pass_fd_count);
	settings_release(&from);
	assert_string_equal(to.binds[0].source, "/data");
	assert_string_equal(to.binds[0].text, "/data");
	assert_string_equal(to.hides[0], "/home");
	assert_string_equal(to.env[0], "A=b=c");
	assert_int_equal(to.cpus_env_count, 2);
	assert_string_equal(to.cpus_env[1], "B");
	assert_string_equal(to.policy, "a b/c.yaml");
	assert_int_equal(to.pass_fds[0], 3);
	assert_string_equal(to.workdir, "some where");
	settings_release(&to);
	assert_int_equal(to.oom_exit_code, 120);
	assert_int_equal(to.bind_count, 0);
}

static void check_empty_copy(void **state)
{
	struct settings from = SETTINGS_DEFAULT, to;

	(void) state;
	assert_int_equal(settings_copy(&from, &to), 0);
	assert_null(to.binds);
	assert_null(to.env);
	assert_null(to.workdir);
	assert_int_equal(to.oom_exit_code, 120);
	settings_release(&to);
}

static void check_folder_gone(void **state)
{
	struct settings settings = SETTINGS_DEFAULT;
	struct memcage_error err;
	char folder[] = "/tmp/settings-XXXXXX";

	(void) state;
	assert_non_null(mkdtemp(folder));
	assert_return_code(chdir(folder), errno);
	assert_return_code(rmdir(folder), errno);
	assert_int_equal(setting_find("bind")->parse("x", &settings, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_non_null(strstr(err.text, "working directory"));
	settings_release(&settings);
	assert_return_code(chdir("/usr"), errno);
}

int main(void)
{
	static struct test_suite suite;

	if (chdir("/usr") < 0)
		return 1;
	TEST_ROWS(&suite, check_good, goods);
	TEST_ROWS(&suite, check_bad, bads);
	test_add(&suite, "texts without end", check_huge, NULL);
	test_add(&suite, "lists are not without end", check_most, NULL);
	test_add(&suite, "every row is complete and no other's", check_table, NULL);
	test_add(&suite, "a copy has all, and is shared with nobody", check_copy, NULL);
	test_add(&suite, "a copy of nothing", check_empty_copy, NULL);
	test_add(&suite, "the working directory is gone", check_folder_gone, NULL);
	return test_run("settings", &suite);
}

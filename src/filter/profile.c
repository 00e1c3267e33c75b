/* SPDX-License-Identifier: Apache-2.0 */
#include "filter/profile.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "base/parse.h"
#include "filter/profile_reader.h"

#define RULES_MOST 8192

static int out_of_memory(const struct reader *reader)
{
	return error_set(reader->err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

static size_t count_of(const struct json_t *list)
{
	return list ? json_count(list) : 0;
}

static bool list_has(const struct json_t *list, const char *text)
{
	for (size_t i = 0; i < count_of(list); i++)
		if (strcmp(json_text(json_item(list, i)), text) == 0)
			return true;
	return false;
}

/* ---- actions ---- */

static const struct {
	const char *name;
	uint32_t verdict;
	bool has_errno;
} actions[] = {
	{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false },
	{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true },
	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false },
	{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_PROCESS, false },
	{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_PROCESS, false },
	{ "SCMP_ACT_LOG", SECCOMP_RET_LOG, false },
	{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true },
	{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false },
};

/* By name, as podman's files have it beside the number. */
static int find_errno(const char *name)
{
	for (int number = 1; number < 134; number++) {
		const char *known = strerrorname_np(number);

		if (known && strcmp(known, name) == 0)
			return number;
	}
	return 0;
}

static int read_errno(const struct reader *reader, const struct json_t *object, const char *parent,
		      const char *number_key, const char *name_key, uint64_t *ret)
{
	const char *name;

	*ret = EPERM;
	if (reader_number(reader, object, parent, number_key, 4095, ret) < 0 ||
	    reader_text(reader, object, parent, name_key, &name) < 0)
		return -1;
	if (!name || !*name)
		return 0;
	*ret = (uint64_t) find_errno(name);
	return *ret != 0 ? 0
			 : reader_refuse(reader, path_of(parent, name_key).text,
					 "has to be the name of an error, such as EPERM");
}

static int read_action(const struct reader *reader, const struct json_t *object, const char *parent,
		       const char *key, uint64_t number, uint32_t *ret)
{
	char quoted[PARSE_QUOTED];
	const char *name;

	if (reader_text(reader, object, parent, key, &name) < 0)
		return -1;
	if (!name || !*name)
		return reader_refuse(reader, parent, "lacks \"%s\"", key);
	if (strcmp(name, "SCMP_ACT_NOTIFY") == 0)
		return reader_refuse(
			reader, path_of(parent, key).text,
			"is SCMP_ACT_NOTIFY: there is no agent here that could be asked");
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (strcmp(name, actions[i].name) != 0)
			continue;
		*ret = actions[i].verdict | (actions[i].has_errno ? (uint32_t) number : 0);
		return 0;
	}
	return reader_refuse(
		reader, path_of(parent, key).text,
		"is %s; say SCMP_ACT_ALLOW, _ERRNO, _KILL_PROCESS, _KILL, _LOG, _TRACE or _TRAP",
		parse_quote(name, quoted, sizeof(quoted)));
}

/* ---- which rules hold here ---- */

static const char *const capabilities[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

_Static_assert(ARRAY_LEN(capabilities) == CAP_CHECKPOINT_RESTORE + 1, "a name for each");

/* One that is not known is one that nobody has. */
static bool has_capability(const struct reader *reader, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(capabilities); i++)
		if (strcmp(capabilities[i], name) == 0)
			return (reader->host->capabilities >> i & 1) != 0;
	return false;
}

static size_t count_capabilities(const struct reader *reader, const struct json_t *list)
{
	size_t count = 0;

	for (size_t i = 0; i < count_of(list); i++)
		count += has_capability(reader, json_text(json_item(list, i)));
	return count;
}

/* "4.8"; what follows the second number does not count. */
static int read_kernel(const struct reader *reader, const struct json_t *object, const char *parent,
		       bool *ret_said, bool *ret_reached)
{
	unsigned int major, minor;
	const char *text;

	if (reader_text(reader, object, parent, "minKernel", &text) < 0)
		return -1;
	*ret_said = text && *text;
	if (!*ret_said)
		return 0;
	if (sscanf(text, "%4u.%4u", &major, &minor) != 2)
		return reader_refuse(reader, path_of(parent, "minKernel").text,
				     "has to be a version of Linux, such as 4.8");
	*ret_reached = reader->host->kernel[0] > major ||
		       (reader->host->kernel[0] == major && reader->host->kernel[1] >= minor);
	return 0;
}

/* `includes` wants all that it names, of `excludes` one is enough. */
static int read_conditions(const struct reader *reader, const struct json_t *rule,
			   const char *parent, const char *key, bool including, bool *holds)
{
	struct path path = path_of(parent, key);
	const struct json_t *object, *list, *names;
	bool said, reached = false;
	size_t had;

	if (reader_get(reader, rule, parent, key, JSON_KIND_OBJECT, &object) < 0)
		return -1;
	if (!object)
		return 0;
	if (reader_list(reader, object, path.text, "arches", &list) < 0 ||
	    reader_list(reader, object, path.text, "caps", &names) < 0 ||
	    read_kernel(reader, object, path.text, &said, &reached) < 0)
		return -1;
	had = count_capabilities(reader, names);
	if (count_of(list) > 0 && list_has(list, arches[reader->host->arch].docker) != including)
		*holds = false;
	if (including ? had < count_of(names) : had > 0)
		*holds = false;
	if (said && reached != including)
		*holds = false;
	return 0;
}

/* ---- arguments ---- */

static const char *const operators[PROFILE_OP__COUNT] = {
	[PROFILE_NE] = "SCMP_CMP_NE",
	[PROFILE_LT] = "SCMP_CMP_LT",
	[PROFILE_LE] = "SCMP_CMP_LE",
	[PROFILE_EQ] = "SCMP_CMP_EQ",
	[PROFILE_GE] = "SCMP_CMP_GE",
	[PROFILE_GT] = "SCMP_CMP_GT",
	[PROFILE_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

static int read_operator(const struct reader *reader, const struct json_t *object,
			 const char *parent, enum profile_op *ret)
{
	char quoted[PARSE_QUOTED];
	const char *name;
	int op = 0;

	if (reader_text(reader, object, parent, "op", &name) < 0)
		return -1;
	if (!name)
		return reader_refuse(reader, parent, "lacks \"op\"");
	while (op < PROFILE_OP__COUNT && strcmp(operators[op], name) != 0)
		op++;
	*ret = (enum profile_op) op;
	return op < PROFILE_OP__COUNT
		       ? 0
		       : reader_refuse(
				 reader, path_of(parent, "op").text,
				 "is %s; say SCMP_CMP_EQ, _NE, _LT, _LE, _GE, _GT or _MASKED_EQ",
				 parse_quote(name, quoted, sizeof(quoted)));
}

static int read_arg(const struct reader *reader, const struct json_t *object, const char *path,
		    struct profile_arg *ret)
{
	uint64_t index = UINT64_MAX;

	*ret = (struct profile_arg) { 0 };
	if (json_kind_of(object) != JSON_KIND_OBJECT)
		return reader_refuse(reader, path, "has to be an object");
	if (reader_number(reader, object, path, "index", PROFILE_ARGS_MOST - 1, &index) < 0 ||
	    reader_number(reader, object, path, "value", INT64_MAX, &ret->value) < 0 ||
	    reader_number(reader, object, path, "valueTwo", INT64_MAX, &ret->value_two) < 0)
		return -1;
	if (index == UINT64_MAX)
		return reader_refuse(reader, path, "lacks \"index\"");
	ret->index = (unsigned int) index;
	return read_operator(reader, object, path, &ret->op);
}

/* ---- rules ---- */

static struct profile_rule *add_rule(const struct reader *reader)
{
	struct profile *profile = reader->profile;

	if (profile->rule_count % 64 == 0) {
		struct profile_rule *larger = reallocarray(profile->rules, profile->rule_count + 64,
							   sizeof(struct profile_rule));

		if (!larger)
			return NULL;
		profile->rules = larger;
	}
	return &profile->rules[profile->rule_count++];
}

/*
 * As in runc and crun: conditions on different arguments have to hold together, but where two are
 * on the same one, any is enough, a rule each.
 */
static bool are_alternatives(const struct profile_rule *rule)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < rule->arg_count; i++) {
		if (seen & 1U << rule->args[i].index)
			return true;
		seen |= 1U << rule->args[i].index;
	}
	return false;
}

static int add_rules(const struct reader *reader, const struct profile_rule *rule, const char *path)
{
	bool split = are_alternatives(rule);
	size_t count = split ? rule->arg_count : 1;

	for (size_t i = 0; i < count; i++) {
		struct profile_rule *added;

		if (reader->profile->rule_count == RULES_MOST)
			return reader_refuse(reader, path, "is one rule too many: %d are the most",
					     RULES_MOST);
		added = add_rule(reader);
		if (!added)
			return out_of_memory(reader);
		*added = *rule;
		if (!split)
			continue;
		added->args[0] = rule->args[i];
		added->arg_count = 1;
	}
	return 0;
}

static int read_args(const struct reader *reader, const struct json_t *object, const char *parent,
		     struct profile_rule *rule)
{
	struct path path = path_of(parent, "args");
	const struct json_t *args;

	if (reader_get(reader, object, parent, "args", JSON_KIND_ARRAY, &args) < 0)
		return -1;
	if (count_of(args) > PROFILE_ARGS_MOST)
		return reader_refuse(reader, path.text, "has more than %d conditions",
				     PROFILE_ARGS_MOST);
	for (size_t i = 0; i < count_of(args); i++)
		if (read_arg(reader, json_item(args, i), path_item(path.text, i).text,
			     &rule->args[rule->arg_count++]) < 0)
			return -1;
	return 0;
}

static int read_names(const struct reader *reader, const struct json_t *object, const char *parent,
		      const struct json_t **ret_list, const char **ret_name)
{
	if (reader_list(reader, object, parent, "names", ret_list) < 0 ||
	    reader_text(reader, object, parent, "name", ret_name) < 0)
		return -1;
	if (*ret_name && !**ret_name)
		*ret_name = NULL;
	if (*ret_name && count_of(*ret_list) > 0)
		return reader_refuse(reader, parent, "has both \"name\" and \"names\"");
	if (!*ret_name && !*ret_list)
		return reader_refuse(reader, parent, "lacks \"names\"");
	return 0;
}

static int read_call(const struct reader *reader, const struct json_t *object, const char *path)
{
	struct profile_rule rule = { 0 };
	const struct json_t *list;
	bool holds = true;
	uint64_t number;

	if (json_kind_of(object) != JSON_KIND_OBJECT)
		return reader_refuse(reader, path, "has to be an object");
	if (read_names(reader, object, path, &list, &rule.name) < 0 ||
	    read_errno(reader, object, path, "errnoRet", "errno", &number) < 0 ||
	    read_action(reader, object, path, "action", number, &rule.verdict) < 0 ||
	    read_args(reader, object, path, &rule) < 0 ||
	    read_conditions(reader, object, path, "includes", true, &holds) < 0 ||
	    read_conditions(reader, object, path, "excludes", false, &holds) < 0)
		return -1;
	if (!holds || rule.verdict == reader->profile->verdict)
		return 0;
	if (rule.name)
		return add_rules(reader, &rule, path);
	for (size_t i = 0; i < count_of(list); i++) {
		rule.name = json_text(json_item(list, i));
		if (add_rules(reader, &rule, path) < 0)
			return -1;
	}
	return 0;
}

static int read_calls(const struct reader *reader, const struct json_t *root)
{
	const struct json_t *calls;

	if (reader_get(reader, root, "", "syscalls", JSON_KIND_ARRAY, &calls) < 0)
		return -1;
	for (size_t i = 0; i < count_of(calls); i++)
		if (read_call(reader, json_item(calls, i), path_item("syscalls", i).text) < 0)
			return -1;
	return 0;
}

/* ---- architectures ---- */

static int add_arch(const struct reader *reader, const char *path, const char *name)
{
	struct profile *profile = reader->profile;
	enum arch arch =
		strcmp(name, "SCMP_ARCH_NATIVE") == 0 ? reader->host->arch : arch_find(name);
	char quoted[PARSE_QUOTED];

	if (arch == ARCH__COUNT)
		return reader_refuse(reader, path, "is %s; say for example SCMP_ARCH_X86_64",
				     parse_quote(name, quoted, sizeof(quoted)));
	for (size_t i = 0; i < profile->arch_count; i++)
		if (profile->arches[i] == arch)
			return 0;
	/* A machine never runs those of the other byte order, and libseccomp mixes them not. */
	if (arches[arch].big == arches[reader->host->arch].big)
		profile->arches[profile->arch_count++] = arch;
	return 0;
}

static int add_arches(const struct reader *reader, const struct json_t *object, const char *parent,
		      const char *key)
{
	struct path path = path_of(parent, key);
	const struct json_t *list;

	if (reader_list(reader, object, parent, key, &list) < 0)
		return -1;
	for (size_t i = 0; i < count_of(list); i++)
		if (add_arch(reader, path_item(path.text, i).text, json_text(json_item(list, i))) <
		    0)
			return -1;
	return 0;
}

/* Of Docker's map only the row of this machine counts. */
static int read_map_row(const struct reader *reader, const struct json_t *object, const char *path)
{
	const char *name;

	if (json_kind_of(object) != JSON_KIND_OBJECT)
		return reader_refuse(reader, path, "has to be an object");
	if (reader_text(reader, object, path, "architecture", &name) < 0)
		return -1;
	if (!name || strcmp(name, arches[reader->host->arch].oci) != 0)
		return 0;
	return add_arches(reader, object, path, "subArchitectures");
}

static int read_arches(const struct reader *reader, const struct json_t *root)
{
	struct profile *profile = reader->profile;
	const struct json_t *map, *list;

	profile->arches[profile->arch_count++] = reader->host->arch;
	if (reader_get(reader, root, "", "archMap", JSON_KIND_ARRAY, &map) < 0 ||
	    reader_list(reader, root, "", "architectures", &list) < 0)
		return -1;
	if (count_of(map) > 0 && count_of(list) > 0)
		return reader_refuse(reader, "archMap", "and \"architectures\" exclude each other");
	for (size_t i = 0; i < count_of(map); i++)
		if (read_map_row(reader, json_item(map, i), path_item("archMap", i).text) < 0)
			return -1;
	return add_arches(reader, root, "", "architectures");
}

/* ---- the whole ---- */

/* None changes what is filtered, and all but the second go without saying. */
static const char *const flags[] = {
	"SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_LOG",
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
};

static bool is_flag(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strcmp(flags[i], text) == 0)
			return true;
	return false;
}

static int check_flags(const struct reader *reader, const struct json_t *root)
{
	const struct json_t *list;
	char quoted[PARSE_QUOTED];

	if (reader_list(reader, root, "", "flags", &list) < 0)
		return -1;
	for (size_t i = 0; i < count_of(list); i++) {
		const char *text = json_text(json_item(list, i));

		if (!is_flag(text))
			return reader_refuse(reader, path_item("flags", i).text,
					     "is %s; say for example SECCOMP_FILTER_FLAG_LOG",
					     parse_quote(text, quoted, sizeof(quoted)));
	}
	reader->profile->log = list_has(list, "SECCOMP_FILTER_FLAG_LOG");
	return 0;
}

static int read_profile(const struct reader *reader, const struct json_t *root)
{
	uint64_t number;

	if (json_kind_of(root) != JSON_KIND_OBJECT)
		return reader_refuse(reader, "", "a profile has to be an object");
	if (json_member(root, "listenerPath") || json_member(root, "listenerMetadata"))
		return reader_refuse(reader,
				     json_member(root, "listenerPath") ? "listenerPath"
								       : "listenerMetadata",
				     "is there: there is no agent here that could be asked");
	if (check_flags(reader, root) < 0 || read_arches(reader, root) < 0 ||
	    read_errno(reader, root, "", "defaultErrnoRet", "defaultErrno", &number) < 0 ||
	    read_action(reader, root, "", "defaultAction", number, &reader->profile->verdict) < 0)
		return -1;
	return read_calls(reader, root);
}

int profile_read(struct profile *ret, const char *text, size_t length,
		 const struct profile_host *host, struct memcage_error *err)
{
	struct json_problem problem;
	struct reader reader = { ret, host, text, length, err };

	*ret = (struct profile) { 0 };
	if (length > PROFILE_BYTES_MOST)
		return error_usage(err, "1:1: a profile has 1 MiB at most");
	ret->json = json_read(text, length, &problem);
	if (!ret->json)
		return error_usage(err, "%u:%u: %s", problem.line, problem.column, problem.text);
	if (read_profile(&reader, ret->json) == 0)
		return 0;
	profile_release(ret);
	return -1;
}

void profile_release(struct profile *profile)
{
	free(profile->rules);
	json_free(profile->json);
	*profile = (struct profile) { 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "cage/capability.h"
#include "report/output.h"

#define QUOTED 120

static int out_of_memory(struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

static int refuse(struct memcage_error *err, const char *text, const char *right)
{
	char quoted[QUOTED];

	return error_usage(err, "%s is not right; say %s",
			   parse_quote(text, quoted, sizeof(quoted)), right);
}

/* Makes room for one more element of an array that has count. */
static int grow(void *array, size_t count, size_t element, struct memcage_error *err)
{
	void *larger = reallocarray(*(void **) array, count + 1, element);

	if (!larger)
		return out_of_memory(err);
	*(void **) array = larger;
	return 0;
}

static int replace(char **to, const char *text, struct memcage_error *err)
{
	char *copy = strdup(text);

	if (!copy)
		return out_of_memory(err);
	free(*to);
	*to = copy;
	return 0;
}

/* Only its name; what it says comes as texts of other keys. */
static int parse_policy(const char *text, struct settings *settings, struct memcage_error *err)
{
	return replace(&settings->policy, text, err);
}

static int parse_oom(const char *text, struct settings *settings, struct memcage_error *err)
{
	bool process = strcmp(text, "kill-process") == 0;

	if (!process && strcmp(text, "kill-job") != 0)
		return refuse(err, text, "kill-job or kill-process");
	settings->kill_process = process;
	return 0;
}

static int parse_network(const char *text, struct settings *settings, struct memcage_error *err)
{
	bool none = strcmp(text, "none") == 0;

	if (!none && strcmp(text, "host") != 0)
		return refuse(err, text, "host or none");
	settings->network_none = none;
	return 0;
}

static int parse_root(const char *text, struct settings *settings, struct memcage_error *err)
{
	bool read_only = strcmp(text, "ro") == 0;

	if (!read_only && strcmp(text, "rw") != 0)
		return refuse(err, text, "ro or rw");
	settings->root_read_only = read_only;
	return 0;
}

/*
 * As an absolute path without "." and "//", so that paths can be compared; ".." stays, as only
 * the kernel can follow it.
 */
static char *absolute_path(const char *path)
{
	auto_free char *cwd = *path == '/' ? strdup("") : getcwd(NULL, 0);
	auto_free char *joined = NULL;
	char *plain, *end;

	if (!cwd || asprintf(&joined, "%s/%s", cwd, path) < 0)
		return NULL;
	plain = end = malloc(strlen(joined) + 2);
	if (!plain)
		return NULL;
	for (char *rest = joined, *part; (part = strsep(&rest, "/"));)
		if (*part && strcmp(part, ".") != 0)
			end = stpcpy(stpcpy(end, "/"), part);
	if (end == plain)
		*end++ = '/';
	*end = '\0';
	return plain;
}

/* A relative path needs a working directory, which may be gone. */
static int refuse_path(struct memcage_error *err)
{
	if (errno == ENOMEM)
		return out_of_memory(err);
	return error_set(err, MEMCAGE_ERROR_USAGE, errno,
			 "the working directory cannot be found; say an absolute path");
}

/* Compared with other paths as text: no ".." in it; and no ':' that was meant to say something. */
static bool is_plain_target(const char *target)
{
	size_t length = strlen(target);

	return *target == '/' && !strchr(target, ':') && !strstr(target, "/../") &&
	       !(length >= 3 && strcmp(target + length - 3, "/..") == 0);
}

static int parse_bind(const char *text, struct settings *settings, struct memcage_error *err)
{
	auto_free char *copy = strdup(text);
	struct bind bind = { 0 };
	char *target, *mode;

	if (!copy)
		return out_of_memory(err);
	if (settings->bind_count == BINDS_MOST)
		return error_usage(err, "more than %d of them", BINDS_MOST);
	mode = strrchr(copy, ':');
	if (mode && strcmp(mode, ":ro") == 0) {
		bind.read_only = true;
		*mode = '\0';
	}
	target = strchr(copy, ':');
	if (target)
		*target++ = '\0';
	if (*copy == '\0' || (target && !is_plain_target(target)))
		return refuse(err, text,
			      "SRC, SRC:/DST or SRC:/DST:ro, for example /data:/data:ro");
	if (grow(&settings->binds, settings->bind_count, sizeof(bind), err) < 0)
		return -1;
	bind.text = strdup(text);
	bind.source = absolute_path(copy);
	bind.target = absolute_path(target ? target : copy);
	settings->binds[settings->bind_count++] = bind;
	return bind.text && bind.source && bind.target ? 0 : refuse_path(err);
}

static int parse_hide(const char *text, struct settings *settings, struct memcage_error *err)
{
	auto_free char *path = NULL;

	if (settings->hide_count == HIDES_MOST)
		return error_usage(err, "more than %d of them", HIDES_MOST);
	if (*text == '\0')
		return refuse(err, text, "a path, for example /home");
	path = absolute_path(text);
	if (!path)
		return refuse_path(err);
	if (strcmp(path, "/") == 0)
		return refuse(err, text, "a path below /, for example /home");
	if (grow(&settings->hides, settings->hide_count, sizeof(char *), err) < 0)
		return -1;
	settings->hides[settings->hide_count++] = take_pointer(path);
	return 0;
}

static int parse_pass_fd(const char *text, struct settings *settings, struct memcage_error *err)
{
	uint64_t number;

	if (parse_number(text, 1 << 20, &number, err) < 0)
		return -1;
	if (settings->pass_fd_count == PASS_FDS_MOST)
		return error_usage(err, "more than %d of them", PASS_FDS_MOST);
	if (grow(&settings->pass_fds, settings->pass_fd_count, sizeof(int), err) < 0)
		return -1;
	settings->pass_fds[settings->pass_fd_count++] = (int) number;
	return 0;
}

static int parse_workdir(const char *text, struct settings *settings, struct memcage_error *err)
{
	return *text ? replace(&settings->workdir, text, err) : refuse(err, text, "a directory");
}

static int parse_env(const char *text, struct settings *settings, struct memcage_error *err)
{
	char *copy;

	if (*text == '\0' || *text == '=')
		return refuse(err, text, "NAME or NAME=VALUE");
	if (grow(&settings->env, settings->env_count, sizeof(char *), err) < 0)
		return -1;
	copy = strdup(text);
	if (!copy)
		return out_of_memory(err);
	settings->env[settings->env_count++] = copy;
	return 0;
}

int settings_add_cpus_env(struct settings *settings, const char *name, struct memcage_error *err)
{
	char *copy;

	if (grow(&settings->cpus_env, settings->cpus_env_count, sizeof(char *), err) < 0)
		return -1;
	copy = strdup(name);
	if (!copy)
		return out_of_memory(err);
	settings->cpus_env[settings->cpus_env_count++] = copy;
	return 0;
}

static int parse_clear_env(const char *text, struct settings *settings, struct memcage_error *err)
{
	(void) text;
	(void) err;
	settings->clear_env = true;
	return 0;
}

#define HOSTNAME_MOST 64 /* __NEW_UTS_LEN, include/uapi/linux/utsname.h */
#define HOSTNAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

static int parse_hostname(const char *text, struct settings *settings, struct memcage_error *err)
{
	size_t length = strlen(text);

	if (length == 0 || length > HOSTNAME_MOST || strspn(text, HOSTNAME_BYTES) != length)
		return refuse(err, text,
			      "1 to 64 letters, digits, dots, dashes, for example build-1");
	return replace(&settings->hostname, text, err);
}

#define IDS_MOST (UINT32_MAX - 1) /* the last one means "leave it as it is" to the kernel */

static int parse_user(const char *text, struct settings *settings, struct memcage_error *err)
{
	auto_free char *copy = strdup(text);
	struct memcage_error number_err;
	uint64_t uid, gid;
	char *group;

	if (!copy)
		return out_of_memory(err);
	group = strchr(copy, ':');
	if (group)
		*group++ = '\0';
	if (parse_number(copy, IDS_MOST, &uid, &number_err) < 0 ||
	    parse_number(group ? group : copy, IDS_MOST, &gid, &number_err) < 0)
		return refuse(err, text,
			      "numbers, UID or UID:GID, for example 1000:1000 (as id(1) prints "
			      "them)");
	settings->has_user = true;
	settings->uid = (uid_t) uid;
	settings->gid = (gid_t) gid;
	return 0;
}

static int parse_capabilities(const char *text, struct settings *settings,
			      struct memcage_error *err)
{
	if (capability_parse(text, &settings->capabilities, err) < 0)
		return -1;
	settings->has_capabilities = true;
	return 0;
}

static int parse_no_new_privs(const char *text, struct settings *settings,
			      struct memcage_error *err)
{
	bool wanted = strcmp(text, "true") == 0;

	if (!wanted && strcmp(text, "false") != 0)
		return refuse(err, text, "true or false");
	settings->allow_new_privs = !wanted;
	return 0;
}

static int parse_backend(const char *text, struct settings *settings, struct memcage_error *err)
{
	static const char *const names[BACKEND__COUNT] = {
		[BACKEND_AUTO] = "auto",
		[BACKEND_V2] = "v2",
		[BACKEND_V1] = "v1",
		[BACKEND_OBSERVE] = "observe",
	};

	for (int i = 0; i < BACKEND__COUNT; i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		settings->backend = (enum backend_choice) i;
		return 0;
	}
	return refuse(err, text, "auto, v2, v1 or observe");
}

static int parse_seccomp(const char *text, struct settings *settings, struct memcage_error *err)
{
	return *text ? replace(&settings->seccomp, text, err)
		     : refuse(err, text, "default, strict, off or a file");
}

static int parse_seccomp_log(const char *text, struct settings *settings, struct memcage_error *err)
{
	(void) text;
	(void) err;
	settings->seccomp_log = true;
	return 0;
}

static const char *const allowance_names[ALLOW__COUNT] = {
	[ALLOW_LIMIT] = "limit-unsupported",
	[ALLOW_NAMESPACE] = "namespace-unavailable",
	[ALLOW_TMP] = "tmp-not-private",
};

bool settings_allow(const struct settings *settings, enum allowance allowance)
{
	return (settings->allowed & (1U << allowance)) != 0;
}

static int find_allowance(const char *name, size_t length)
{
	int i = 0;

	while (i < ALLOW__COUNT && (strlen(allowance_names[i]) != length ||
				    strncmp(name, allowance_names[i], length) != 0))
		i++;
	return i;
}

/* Without a list: all of them. */
static int parse_allow_unsupported(const char *text, struct settings *settings,
				   struct memcage_error *err)
{
	unsigned int allowed = text ? 0 : (1U << ALLOW__COUNT) - 1;

	for (const char *at = text; at; at = *at ? at + 1 : NULL) {
		size_t length = strcspn(at, ",");
		int i = find_allowance(at, length);

		if (i == ALLOW__COUNT)
			return refuse(err, text,
				      "limit-unsupported, namespace-unavailable, tmp-not-private, "
				      "or several with commas between");
		allowed |= 1U << i;
		at += length;
	}
	settings->allowed |= allowed;
	return 0;
}

static int parse_report(const char *text, struct settings *settings, struct memcage_error *err)
{
	return output_check(text, err) < 0 ? -1 : replace(&settings->report, text, err);
}

#define SAMPLE_LEAST 1000 /* microseconds: a sample costs about 50 of them */

static int parse_sample(const char *text, struct settings *settings, struct memcage_error *err)
{
	uint64_t usec;

	if (parse_duration(text, &usec, err) < 0)
		return -1;
	if (usec < SAMPLE_LEAST || usec == PARSE_MAX)
		return refuse(err, text, "1ms or more, for example 500ms");
	settings->sample_usec = usec;
	return 0;
}

static int parse_oom_exit_code(const char *text, struct settings *settings,
			       struct memcage_error *err)
{
	uint64_t number;

	if (parse_number(text, 255, &number, err) < 0)
		return -1;
	settings->oom_exit_code = (int) number;
	return 0;
}

const struct setting settings_table[] = {
	{ "policy", 'p', "NAME|FILE", "start from a policy; options override it (default: default)",
	  parse_policy },
	{ "oom", 0, "kill-job|kill-process",
	  "what an OOM kill ends: the whole job (default) or its victim alone", parse_oom },
	{ "network", 0, "host|none", "share the host's network (default) or have a loopback only",
	  parse_network },
	{ "root", 0, "ro|rw", "the host's file tree to read only, or with the caller's rights",
	  parse_root },
	{ "bind", 0, "SRC[:DST][:ro]", "show SRC of the host at DST in the cage (repeats)",
	  parse_bind },
	{ "hide", 0, "PATH", "show nothing of PATH but what is bound below it (repeats)",
	  parse_hide },
	{ "pass-fd", 0, "N", "leave descriptor N open in the job (repeats)", parse_pass_fd },
	{ "workdir", 0, "DIR", "start in DIR", parse_workdir },
	{ "env", 'e', "NAME[=VALUE]", "set or pass a variable (repeats)", parse_env },
	{ "clear-env", 0, NULL, "pass no variables but those of --env", parse_clear_env },
	{ "user", 0, "UID[:GID]", "run as this user and group; numbers only", parse_user },
	{ "hostname", 0, "NAME", "the cage's host name", parse_hostname },
	{ "capabilities", 0, "none|CAP_NAME,...", "capabilities that the job keeps",
	  parse_capabilities, .policy_only = true },
	{ "no-new-privs", 0, "true|false", "whether programs may gain rights by execve",
	  parse_no_new_privs, .policy_only = true },
	{ "seccomp", 0, "NAME|FILE|off",
	  "filter system calls by default, strict, an OCI profile, or not", parse_seccomp },
	{ "seccomp-log", 0, NULL, "say at the end which system calls the filter denied",
	  parse_seccomp_log },
	{ "backend", 0, "auto|v2|v1|observe",
	  "which cgroup version to use, or none (default: auto)", parse_backend },
	{ "allow-unsupported", 0, "CODE,...",
	  "do without what this host cannot give, with a warning; all or these codes",
	  parse_allow_unsupported, .optional = true },
	{ "report", 'r', "FILE|fd:N|-", "write the report there, as JSON", parse_report },
	{ "sample", 0, "DURATION", "keep a timeline of memory and CPU in the report",
	  parse_sample },
	{ "oom-exit-code", 0, "N", "exit status after an OOM kill (default: 120)",
	  parse_oom_exit_code },
	{ NULL },
};

const struct setting *setting_find(const char *key)
{
	for (const struct setting *row = settings_table; row->key; row++)
		if (strcmp(row->key, key) == 0)
			return row;
	return NULL;
}

static char *copy_text(const char *text, bool *failed)
{
	char *copy = text ? strdup(text) : NULL;

	*failed |= text && !copy;
	return copy;
}

static char **copy_texts(char *const *from, size_t *count, bool *failed)
{
	char **copy = *count ? calloc(*count, sizeof(char *)) : NULL;

	*failed |= *count && !copy;
	*count = copy ? *count : 0;
	for (size_t i = 0; i < *count; i++)
		copy[i] = copy_text(from[i], failed);
	return copy;
}

static void *copy_array(const void *array, size_t count, size_t element, bool *failed)
{
	void *copy = count ? calloc(count, element) : NULL;

	*failed |= count && !copy;
	if (copy)
		memcpy(copy, array, count * element);
	return copy;
}

int settings_copy(const struct settings *from, struct settings *to)
{
	bool failed = false;

	*to = *from;
	to->workdir = copy_text(from->workdir, &failed);
	to->hostname = copy_text(from->hostname, &failed);
	to->seccomp = copy_text(from->seccomp, &failed);
	to->report = copy_text(from->report, &failed);
	to->pass_fds = copy_array(from->pass_fds, from->pass_fd_count, sizeof(int), &failed);
	to->binds = copy_array(from->binds, from->bind_count, sizeof(struct bind), &failed);
	to->policy = copy_text(from->policy, &failed);
	to->env = copy_texts(from->env, &to->env_count, &failed);
	to->cpus_env = copy_texts(from->cpus_env, &to->cpus_env_count, &failed);
	to->bind_count = to->binds ? from->bind_count : 0;
	to->hides = copy_texts(from->hides, &to->hide_count, &failed);
	for (size_t i = 0; i < to->bind_count; i++) {
		to->binds[i].text = copy_text(from->binds[i].text, &failed);
		to->binds[i].source = copy_text(from->binds[i].source, &failed);
		to->binds[i].target = copy_text(from->binds[i].target, &failed);
	}
	if (!failed)
		return 0;
	settings_release(to);
	errno = ENOMEM;
	return -1;
}

static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

void settings_release(struct settings *settings)
{
	for (size_t i = 0; i < settings->bind_count; i++) {
		free(settings->binds[i].text);
		free(settings->binds[i].source);
		free(settings->binds[i].target);
	}
	free_texts(settings->hides, settings->hide_count);
	free_texts(settings->env, settings->env_count);
	free_texts(settings->cpus_env, settings->cpus_env_count);
	free(settings->binds);
	free(settings->pass_fds);
	free(settings->policy);
	free(settings->workdir);
	free(settings->hostname);
	free(settings->seccomp);
	free(settings->report);
	*settings = SETTINGS_DEFAULT;
}

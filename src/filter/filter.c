/* SPDX-License-Identifier: Apache-2.0 */
#include "filter/filter.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "base/text_file.h"
#include "filter/arch.h"
#include "filter/filter_cache.h"
#include "filter/filter_compile.h"
#include "filter/filter_eval.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* ---- loading ---- */

static int load(const struct sock_fprog *program, unsigned int flags)
{
	return (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

/*
 * SPEC_ALLOW (since 4.17): up to 5.15 a filter also slows the job down by turning off speculative
 * stores, which guards secrets inside one process only.
 */
int filter_load(const struct sock_fprog *program, unsigned int flags)
{
	int result = load(program, flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW);

	if (result < 0 && errno == EINVAL)
		result = load(program, 0);
	/* An outer filter may not know seccomp(2). */
	if (result < 0 && errno == ENOSYS)
		result = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0);
	return result;
}

/* WAIT_KILLABLE_RECV (since 5.19): else a signal makes the call again, and it is counted twice. */
int filter_load_asking(const struct sock_fprog *program, unsigned int flags)
{
	unsigned int with =
		flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_NEW_LISTENER;
	int result = load(program, with | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

	return result < 0 && errno == EINVAL ? load(program, with) : result;
}

/* ---- choosing ---- */

static int out_of_memory(struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

/*
 * Those that the command will have: what a root may pass on by execve, and what anybody else has
 * made ambient; less what the settings take.
 */
static uint64_t job_capabilities(const struct settings *settings)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };
	bool root = geteuid() == 0;
	uint64_t permitted, kept = 0;

	syscall(SYS_capget, &header, data);
	permitted = (uint64_t) data[1].permitted << 32 | data[0].permitted;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		int has = root ? prctl(PR_CAPBSET_READ, cap, 0, 0, 0)
			       : prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0);

		if (has > 0)
			kept |= permitted & UINT64_C(1) << cap;
	}
	if (settings->has_capabilities)
		return kept & settings->capabilities;
	return settings->has_user && settings->uid != 0 ? 0 : kept;
}

static struct profile_host this_host(const struct settings *settings)
{
	struct profile_host host = { .arch = arch_native(),
				     .capabilities = job_capabilities(settings) };
	struct utsname name;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &host.kernel[0], &host.kernel[1]) < 2)
		host.kernel[0] = host.kernel[1] = 0;
	return host;
}

static int compile(struct filter *filter, const char *text, size_t length,
		   const struct profile_host *host, struct memcage_error *err)
{
	struct profile profile;
	int result;

	if (profile_read(&profile, text, length, host, err) < 0)
		return -1;
	result = filter_compile(&profile, &filter->program, err);
	filter->owned = result == 0;
	filter->flags = profile.log ? SECCOMP_FILTER_FLAG_LOG : 0;
	profile_release(&profile);
	return result;
}

static int choose_file(struct filter *filter, const char *path, const struct settings *settings,
		       struct memcage_error *err)
{
	const struct profile_host host = this_host(settings);
	auto_free char *text = NULL;
	size_t length = 0;
	struct stat st;

	if (host.arch == ARCH__COUNT)
		return error_usage(err, "profiles are not supported on this machine");
	if (text_file_read(path, PROFILE_BYTES_MOST, &text, &length, &st, err) < 0)
		return error_prefix(err,
				    "is not one of default, strict, off, so it has to be a file");
	if (filter_cache_find(filter, text, length, &host))
		return 0;
	if (compile(filter, text, length, &host, err) < 0)
		return -1;
	filter_cache_keep(filter, text, length, &host);
	return 0;
}

static uint32_t verdict_of(const struct sock_fprog *program, long number, uint64_t filling)
{
	struct seccomp_data data = { .nr = (int) number, .arch = arches[arch_native()].audit };

	for (size_t i = 0; i < ARRAY_LEN(data.args); i++)
		data.args[i] = filling;
	return filter_eval(program, &data);
}

/*
 * A command starts by execve, and a start that fails ends by exit_group: both are made under the
 * filter, where nobody could say any more what is wrong.
 */
static int check_start(const struct filter *filter, struct memcage_error *err)
{
	static const struct {
		const char *name;
		long number;
	} calls[] = { { "execve", SYS_execve }, { "exit_group", SYS_exit_group } };
	static const uint64_t fillings[] = { 0, UINT64_MAX, UINT64_C(0x7ffd12345678) };

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		for (size_t j = 0; j < ARRAY_LEN(fillings); j++) {
			uint32_t verdict =
				verdict_of(&filter->program, calls[i].number, fillings[j]);

			if (verdict != SECCOMP_RET_ALLOW && verdict != SECCOMP_RET_LOG)
				return error_usage(err,
						   "it does not allow %s, without which no command "
						   "can run",
						   calls[i].name);
		}
	}
	return 0;
}

/* What a kernel of this machine runs. */
static bool kills_any(const struct sock_fprog *program)
{
	enum arch native = arch_native();

	if (native == ARCH_X86_64 && filter_may_kill(program, arches[ARCH_X86].audit, NULL))
		return true;
	return native < ARCH__COUNT && filter_may_kill(program, arches[native].audit, NULL);
}

static bool is_asked(uint32_t verdict, bool log)
{
	uint32_t action = verdict & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_KILL_PROCESS || action == SECCOMP_RET_KILL_THREAD ||
	       (log && action == SECCOMP_RET_ERRNO);
}

static int make_asking(struct filter *filter, bool log, struct memcage_error *err)
{
	size_t count = filter->program.len;

	filter->asking.filter = calloc(count, sizeof(struct sock_filter));
	if (!filter->asking.filter)
		return out_of_memory(err);
	memcpy(filter->asking.filter, filter->program.filter, count * sizeof(struct sock_filter));
	for (size_t i = 0; i < count; i++) {
		struct sock_filter *at = &filter->asking.filter[i];

		if (at->code == (BPF_RET | BPF_K) && is_asked(at->k, log))
			at->k = SECCOMP_RET_USER_NOTIF;
	}
	filter->asking.len = filter->program.len;
	return 0;
}

static int choose(struct filter *filter, const struct settings *settings, struct memcage_error *err)
{
	const char *name = settings->seccomp ? settings->seccomp : "default";

	filter->is_default = strcmp(name, "default") == 0;
	if (filter->is_default)
		filter->program = filter_default;
	else if (strcmp(name, "strict") == 0)
		filter->program = filter_strict;
	else if (strcmp(name, "off") != 0 && choose_file(filter, name, settings, err) < 0)
		return -1;
	else
		filter->with_terminal = filter->program.len > 0;
	if (filter->program.len == 0)
		return settings->seccomp_log
			       ? error_usage(err, "off: there is nothing for --seccomp-log to log")
			       : 0;
	/* Nothing is learnt of the default filter that would be worth its time in each run. */
	if (filter->is_default && !settings->seccomp_log)
		return 0;
	filter->must_ask = settings->seccomp_log;
	filter->kills = kills_any(&filter->program);
	if (check_start(filter, err) < 0)
		return -1;
	return filter->kills || settings->seccomp_log
		       ? make_asking(filter, settings->seccomp_log, err)
		       : 0;
}

int filter_choose(struct filter *filter, const struct settings *settings, struct memcage_error *err)
{
	char quoted[PARSE_QUOTED];

	*filter = (struct filter) { 0 };
	if (choose(filter, settings, err) == 0)
		return 0;
	filter_release(filter);
	return error_prefix(err, "--seccomp: %s",
			    parse_quote(settings->seccomp ? settings->seccomp : "default", quoted,
					sizeof(quoted)));
}

void filter_release(struct filter *filter)
{
	if (filter->owned)
		free(filter->program.filter);
	free(filter->asking.filter);
	*filter = (struct filter) { 0 };
}

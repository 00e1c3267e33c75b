/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seccomp profile.  One that is refused is refused in one line that begins with its place; of one
 * that is taken a program is made that is whole, that kills what is of no architecture of the
 * profile, and that does the same with a call each time it is made.
 */
#include "fuzz.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include "filter/filter_compile.h"
#include "filter/filter_eval.h"
#include "filter/profile.h"

static const struct profile_host hosts[] = {
	{ ARCH_X86_64, 0, { 6, 1 } },
	{ ARCH_X86_64, UINT64_MAX, { 4, 7 } },
	{ ARCH_AARCH64, 1 << 21, { 6, 12 } },
};

static void check_refusal(const struct memcage_error *err)
{
	unsigned int line = 0, column = 0;

	assert(err->code == MEMCAGE_ERROR_USAGE);
	assert(sscanf(err->text, "%u:%u: ", &line, &column) == 2 && line > 0 && column > 0);
	assert(!strchr(err->text, '\n') && !strchr(err->text, '\033'));
}

static void check_program(const struct sock_fprog *program, const struct profile *profile)
{
	struct seccomp_data data = { .arch = AUDIT_ARCH_SPARC };
	const int number = 39;

	assert(filter_check(program));
	assert(filter_eval(program, &data) == SECCOMP_RET_KILL_PROCESS);
	data.arch = arches[profile->arches[0]].audit;
	data.nr = number;
	if (filter_eval(program, &data) == SECCOMP_RET_KILL_PROCESS)
		assert(filter_may_kill(program, data.arch, &number));
}

static void check(const char *text, size_t length, const struct profile_host *host)
{
	struct memcage_error err = { 0 };
	struct sock_fprog program = { 0 };
	struct profile profile;

	if (profile_read(&profile, text, length, host, &err) < 0) {
		check_refusal(&err);
		return;
	}
	if (filter_compile(&profile, &program, &err) == 0)
		check_program(&program, &profile);
	else
		assert(*err.text);
	free(program.filter);
	profile_release(&profile);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy whose end is an end: what reads on is seen. */
	auto_free char *text = malloc(size + 1);

	assert(text);
	memcpy(text, data, size);
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		check(text, size, &hosts[i]);
	return 0;
}

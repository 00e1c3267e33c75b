/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile - a seccomp profile in the OCI JSON format, as Docker, podman and containerd read it:
 * which of its rules hold on this host, as plain values.  What to make of them is filter_compile.h.
 *
 * As there, keys that are not known mean nothing, and a rule whose action is the default one, or
 * that does not include this host, is left out.  Unlike there an action or operator that is not
 * known is refused in all rules, and killing is always killing the process: a program that lost one
 * thread may hang for ever.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "filter/arch.h"

#define PROFILE_ARGS_MOST 6
#define PROFILE_BYTES_MOST (1 << 20)

enum profile_op {
	PROFILE_NE,
	PROFILE_LT,
	PROFILE_LE,
	PROFILE_EQ,
	PROFILE_GE,
	PROFILE_GT,
	PROFILE_MASKED_EQ, /* (arg & value) == value_two */
	PROFILE_OP__COUNT,
};

struct profile_arg {
	unsigned int index;
	enum profile_op op;
	uint64_t value, value_two;
};

/* All args have to match; none always does. */
struct profile_rule {
	const char *name;
	uint32_t verdict; /* SECCOMP_RET_..., with its data */
	struct profile_arg args[PROFILE_ARGS_MOST];
	size_t arg_count;
};

struct profile {
	uint32_t verdict; /* of what no rule matches */
	bool log;	  /* SECCOMP_FILTER_FLAG_LOG: denials go to the kernel log */
	enum arch arches[ARCH__COUNT];
	size_t arch_count;
	struct profile_rule *rules;
	size_t rule_count;
	struct json_t *json; /* owns the names; NULL where they are constants */
};

/* What a profile may ask for. */
struct profile_host {
	enum arch arch;
	uint64_t capabilities; /* of the job: 1 << CAP_... */
	unsigned int kernel[2];
};

/*
 * Reads a profile; -1 with a usage error that begins with LINE:COLUMN.  *ret is the caller's, for
 * profile_release().
 */
int profile_read(struct profile *ret, const char *text, size_t length,
		 const struct profile_host *host, struct memcage_error *err);
void profile_release(struct profile *profile);

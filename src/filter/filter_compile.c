/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most of a program is libseccomp's.  In front of it stands what it cannot say, for each
 * architecture of the profile:
 *
 *	calls with names that are newer than its tables.  From 424 on new calls have the same
 *	number on all architectures (but for an offset on some, where they stay unknown), so that
 *	a table of ours does for all;
 *
 *	ENOSYS for numbers above all that the profile names, as in runc: to a program that tries a
 *	new call EPERM says "you may not" where "not here, use the old one" is meant.  Not where
 *	the profile lets the unknown pass.
 */
#include "filter/filter_compile.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"

#define PRELUDE_MOST 2048
/* Below it libseccomp's tree has no branches, and for none at all it made a wrong one (2.5.4). */
#define RULES_FOR_A_TREE 8

/* Newer than libseccomp 2.5.4 (include/uapi/asm-generic/unistd.h, Linux 6.18). */
static const struct {
	const char *name;
	int number;
} newer[] = {
	{ "cachestat", 451 },	      { "fchmodat2", 452 },	   { "map_shadow_stack", 453 },
	{ "futex_wake", 454 },	      { "futex_wait", 455 },	   { "futex_requeue", 456 },
	{ "statmount", 457 },	      { "listmount", 458 },	   { "lsm_get_self_attr", 459 },
	{ "lsm_set_self_attr", 460 }, { "lsm_list_modules", 461 }, { "mseal", 462 },
	{ "setxattrat", 463 },	      { "getxattrat", 464 },	   { "listxattrat", 465 },
	{ "removexattrat", 466 },     { "open_tree_attr", 467 },   { "file_getattr", 468 },
	{ "file_setattr", 469 },
};

/* A program being put together. */
struct prelude {
	struct sock_filter code[PRELUDE_MOST];
	uint32_t length;
};

static int fail(struct memcage_error *err, const char *what, int errnum)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, errnum, "cannot make the seccomp filter: %s",
			 what);
}

static uint32_t token_of(enum arch arch)
{
	return seccomp_arch_resolve_name(arches[arch].seccomp);
}

/* The number of a newer call; 0. */
static int find_newer(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(newer); i++)
		if (strcmp(newer[i].name, name) == 0)
			return newer[i].number;
	return 0;
}

static int offset_of(enum arch arch)
{
	return arch == ARCH_X32 ? ARCH_X32_BIT : 0;
}

/* ---- what is libseccomp's ---- */

/* The architecture that this runs on is there by itself, and has to go for another. */
static int set_arches(scmp_filter_ctx filter, const struct profile *profile,
		      struct memcage_error *err)
{
	int result = seccomp_arch_remove(filter, SCMP_ARCH_NATIVE);

	for (size_t i = 0; result == 0 && i < profile->arch_count; i++) {
		uint32_t token = token_of(profile->arches[i]);

		/* One that this libseccomp does not know is killed with the rest. */
		if (token != 0)
			result = seccomp_arch_add(filter, token);
	}
	return result < 0 ? fail(err, "architectures", -result) : 0;
}

static int set_attributes(scmp_filter_ctx filter, const struct profile *profile,
			  struct memcage_error *err)
{
	int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	/* A binary tree, whose depth is most of what loading and running cost. */
	if (result == 0 && profile->rule_count > RULES_FOR_A_TREE)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return result < 0 ? fail(err, "attributes", -result) : 0;
}

static struct scmp_arg_cmp condition(const struct profile_arg *arg)
{
	static const enum scmp_compare operators[PROFILE_OP__COUNT] = {
		[PROFILE_NE] = SCMP_CMP_NE,
		[PROFILE_LT] = SCMP_CMP_LT,
		[PROFILE_LE] = SCMP_CMP_LE,
		[PROFILE_EQ] = SCMP_CMP_EQ,
		[PROFILE_GE] = SCMP_CMP_GE,
		[PROFILE_GT] = SCMP_CMP_GT,
		[PROFILE_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
	};

	return (struct scmp_arg_cmp) { arg->index, operators[arg->op], arg->value, arg->value_two };
}

/* Names that an architecture lacks have numbers that stand for that, and make no rule there. */
static int add_rule(scmp_filter_ctx filter, const struct profile_rule *rule,
		    struct memcage_error *err)
{
	struct scmp_arg_cmp args[PROFILE_ARGS_MOST];
	int number = seccomp_syscall_resolve_name(rule->name), result;
	char quoted[PARSE_QUOTED];

	if (number == __NR_SCMP_ERROR)
		return 0; /* as in the runtimes: this kernel has it not, or it is in our prelude */
	for (size_t i = 0; i < rule->arg_count; i++)
		args[i] = condition(&rule->args[i]);
	result = seccomp_rule_add_array(filter, rule->verdict, number,
					(unsigned int) rule->arg_count, args);
	if (result == 0 || result == -EEXIST)
		return 0;
	return fail(err, parse_quote(rule->name, quoted, sizeof(quoted)), -result);
}

static uint32_t swap(uint32_t word)
{
	return __builtin_bswap32(word);
}

/* Exported in the order of bytes of the machine that it is for. */
static void make_native(struct sock_filter *at, size_t count, bool big)
{
	if (big == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		return;
	for (size_t i = 0; i < count; i++) {
		at[i].code = (uint16_t) (swap(at[i].code) >> 16);
		at[i].k = swap(at[i].k);
	}
}

static int export(scmp_filter_ctx filter, const struct profile *profile, struct sock_filter *code,
		  size_t *ret_length, struct memcage_error *err)
{
	auto_fd int fd = memfd_create("filter", MFD_CLOEXEC);
	size_t room = BPF_MAXINSNS * sizeof(*code);
	ssize_t length;
	int result;

	if (fd < 0)
		return fail(err, "memory file", errno);
	result = seccomp_export_bpf(filter, fd);
	if (result < 0)
		return fail(err, "export", -result);
	if (lseek(fd, 0, SEEK_END) > (off_t) room)
		return error_usage(err, "the profile is too long for the kernel");
	length = pread(fd, code, room, 0);
	if (length <= 0)
		return fail(err, "program", length < 0 ? errno : ENODATA);
	*ret_length = (size_t) length / sizeof(*code);
	make_native(code, *ret_length, arches[profile->arches[0]].big);
	return 0;
}

static int compile(scmp_filter_ctx filter, const struct profile *profile, struct sock_filter *code,
		   size_t *ret_length, struct memcage_error *err)
{
	if (set_attributes(filter, profile, err) < 0 || set_arches(filter, profile, err) < 0)
		return -1;
	for (size_t i = 0; i < profile->rule_count; i++)
		if (add_rule(filter, &profile->rules[i], err) < 0)
			return -1;
	return export(filter, profile, code, ret_length, err);
}

/* ---- what stands in front of it ---- */

static uint32_t emit(struct prelude *prelude, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	uint32_t at = prelude->length;

	if (at < PRELUDE_MOST)
		prelude->code[prelude->length++] = (struct sock_filter) { code, jt, jf, k };
	return at < PRELUDE_MOST ? at : 0;
}

static void emit_load(struct prelude *prelude, size_t offset)
{
	emit(prelude, BPF_LD | BPF_W | BPF_ABS, (uint32_t) offset, 0, 0);
}

/* Where the compare holds goes on, else leaves: the jump is returned for land(). */
static uint32_t emit_unless(struct prelude *prelude, uint16_t compare, uint32_t k)
{
	emit(prelude, BPF_JMP | compare | BPF_K, k, 1, 0);
	return emit(prelude, BPF_JMP | BPF_JA, 0, 0, 0);
}

static void land(struct prelude *prelude, uint32_t jump)
{
	prelude->code[jump].k = prelude->length - jump - 1;
}

static bool denies_unknown(const struct profile *profile)
{
	uint32_t action = profile->verdict & SECCOMP_RET_ACTION_FULL;

	return action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG &&
	       action != SECCOMP_RET_TRACE && profile->verdict != (SECCOMP_RET_ERRNO | ENOSYS);
}

/* Above all that the profile names for this architecture; 0: it names none. */
static uint32_t highest(const struct profile *profile, enum arch arch)
{
	uint32_t token = token_of(arch);
	int most = 0;

	for (size_t i = 0; i < profile->rule_count; i++) {
		const char *name = profile->rules[i].name;
		int number = token != 0 ? seccomp_syscall_resolve_name_arch(token, name) : -1;

		if (number == __NR_SCMP_ERROR && arches[arch].plain && find_newer(name) != 0)
			number = find_newer(name) + offset_of(arch);
		if (number > most)
			most = number;
	}
	return (uint32_t) most;
}

static void emit_newer(struct prelude *prelude, const struct profile *profile, enum arch arch)
{
	for (size_t i = 0; i < profile->rule_count && arches[arch].plain; i++) {
		const struct profile_rule *rule = &profile->rules[i];
		int number = find_newer(rule->name);

		if (number == 0 || seccomp_syscall_resolve_name(rule->name) != __NR_SCMP_ERROR)
			continue;
		emit(prelude, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) (number + offset_of(arch)), 0,
		     1);
		emit(prelude, BPF_RET | BPF_K, rule->verdict, 0, 0);
	}
}

/* Calls of this architecture alone get to see this; others, and what it does not decide, go on. */
static void emit_arch(struct prelude *prelude, const struct profile *profile, enum arch arch)
{
	uint32_t most = highest(profile, arch), other, mode = 0;

	emit_load(prelude, offsetof(struct seccomp_data, arch));
	other = emit_unless(prelude, BPF_JEQ, arches[arch].audit);
	emit_load(prelude, offsetof(struct seccomp_data, nr));
	if (arch == ARCH_X32) {
		mode = emit_unless(prelude, BPF_JGE, ARCH_X32_BIT);
	} else if (arch == ARCH_X86_64) {
		emit(prelude, BPF_JMP | BPF_JGE | BPF_K, ARCH_X32_BIT, 0, 1);
		mode = emit(prelude, BPF_JMP | BPF_JA, 0, 0, 0);
	}
	emit_newer(prelude, profile, arch);
	if (most != 0 && denies_unknown(profile)) {
		emit(prelude, BPF_JMP | BPF_JGT | BPF_K, most, 0, 1);
		emit(prelude, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	}
	land(prelude, other);
	if (mode != 0)
		land(prelude, mode);
}

static bool has_newer(const struct profile *profile)
{
	for (size_t i = 0; i < profile->rule_count; i++)
		if (find_newer(profile->rules[i].name) != 0)
			return true;
	return false;
}

static int check_newer(const struct profile *profile, struct memcage_error *err)
{
	for (size_t i = 0; i < profile->rule_count; i++)
		if (profile->rules[i].arg_count > 0 && find_newer(profile->rules[i].name) != 0 &&
		    seccomp_syscall_resolve_name(profile->rules[i].name) == __NR_SCMP_ERROR)
			return error_usage(err, "conditions on arguments of %s are not supported",
					   profile->rules[i].name);
	return 0;
}

static int join(const struct prelude *prelude, const struct sock_filter *code, size_t length,
		struct sock_fprog *ret, struct memcage_error *err)
{
	size_t whole = prelude->length + length;

	if (length == 0 || whole > BPF_MAXINSNS || prelude->length == PRELUDE_MOST)
		return error_usage(err, "the profile is too long for the kernel");
	ret->filter = calloc(whole, sizeof(*code));
	if (!ret->filter)
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	memcpy(ret->filter, prelude->code, prelude->length * sizeof(*code));
	memcpy(ret->filter + prelude->length, code, length * sizeof(*code));
	ret->len = (unsigned short) whole;
	return 0;
}

int filter_compile(const struct profile *profile, struct sock_fprog *ret, struct memcage_error *err)
{
	struct sock_filter code[BPF_MAXINSNS];
	struct prelude prelude = { .length = 0 };
	scmp_filter_ctx filter;
	size_t length = 0;
	int result;

	if (check_newer(profile, err) < 0)
		return -1;
	seccomp_api_set(3); /* actions by their numbers, whatever this kernel has */
	filter = seccomp_init(profile->verdict);
	if (!filter)
		return fail(err, "begin", EINVAL);
	result = compile(filter, profile, code, &length, err);
	seccomp_release(filter);
	if (result < 0)
		return -1;
	if (denies_unknown(profile) || has_newer(profile))
		for (size_t i = 0; i < profile->arch_count; i++)
			emit_arch(&prelude, profile, profile->arches[i]);
	return join(&prelude, code, length, ret, err);
}

bool filter_knows(const char *name)
{
	return find_newer(name) != 0 || seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

unsigned int filter_compiler_version(void)
{
	const struct scmp_version *version = seccomp_version();

	return version ? version->major << 16 | version->minor << 8 | version->micro : 0;
}

/* libseccomp's answer is a copy; most names of a report are, too. */
const char *filter_call_name(uint32_t audit, long number, char *buffer, size_t size)
{
	enum arch arch = arch_of_call(audit, number);
	auto_free char *name = NULL;

	if (arch == ARCH__COUNT)
		return NULL;
	name = seccomp_syscall_resolve_num_arch(token_of(arch), (int) number);
	for (size_t i = 0; !name && arches[arch].plain && i < ARRAY_LEN(newer); i++)
		if (number == newer[i].number + offset_of(arch))
			name = strdup(newer[i].name);
	if (!name)
		return NULL;
	snprintf(buffer, size, "%s", name);
	return buffer;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles as texts: those that are refused with the place and the words, and what those that are
 * taken do with a call, by the program that is made of them and filter_eval().  The calls' numbers
 * are those of x86-64, i386 and x32, whatever this runs on.
 */
#include "filter/profile.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "filter/filter.h"
#include "filter/filter_compile.h"
#include "filter/filter_eval.h"
#include "test.h"

#define X64 AUDIT_ARCH_X86_64
#define I386 AUDIT_ARCH_I386
#define X32(number) (0x40000000 | (number))

#define ALLOW SECCOMP_RET_ALLOW
#define DENY SECCOMP_RET_ERRNO
#define KILL SECCOMP_RET_KILL_PROCESS

static const struct profile_host plain = { ARCH_X86_64, 0, { 6, 1 } };
static const struct profile_host root = { ARCH_X86_64, UINT64_MAX, { 6, 1 } };
static const struct profile_host old = { ARCH_X86_64, 0, { 4, 7 } };
static const struct profile_host arm = { ARCH_AARCH64, 0, { 6, 1 } };

/* ---- texts that are no profile ---- */

static const struct wrong {
	const char *name, *text, *error;
} wrongs[] = {
	{ "nothing", "", "1:1: '[' or '{' expected near end of file" },
	{ "no JSON", "{\n  \"a\": x\n}", "2:8: invalid token near 'x'" },
	{ "an end that is missing", "{\"defaultAction\": \"SCMP_ACT_ALLOW\"",
	  "1:34: '}' expected near end of file" },
	{ "more behind the end", "{}\n{}", "2:1: end of file expected near '{'" },
	{ "a key twice", "{\n\"a\": 1,\n\"a\": 2}", "3:3: duplicate object key near '\"a\"'" },
	{ "bytes that are no text", "{\"a\": \"\xff\"}",
	  "1:7: unable to decode byte 0xff near '\"'" },
	{ "a number beyond 64 bits", "{\"a\": 18446744073709551616}",
	  "1:26: too big integer near '18446744073709551616'" },
	{ "lists without end",
	  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	  "1:33: nested too deep" },
	{ "a list", "[]", "1:1: a profile has to be an object" },
	{ "no action", "{\"syscalls\": []}", "1:1: lacks \"defaultAction\"" },
	{ "no such action", "{\n \"defaultAction\": \"SCMP_ACT_ALOW\"\n}",
	  "2:19: defaultAction is 'SCMP_ACT_ALOW'; say SCMP_ACT_ALLOW, _ERRNO, _KILL_PROCESS, "
	  "_KILL, _LOG, _TRACE or _TRAP" },
	{ "an action that is no text", "{\"defaultAction\": 3}",
	  "1:19: defaultAction has to be a text" },
	{ "an agent", "{\"defaultAction\": \"SCMP_ACT_NOTIFY\"}",
	  "1:19: defaultAction is SCMP_ACT_NOTIFY: there is no agent here that could be asked" },
	{ "an agent's socket",
	  "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"/run/x\"}",
	  "1:53: listenerPath is there: there is no agent here that could be asked" },
	{ "a flag", "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"FAST\"]}",
	  "1:47: flags[0] is 'FAST'; say for example SECCOMP_FILTER_FLAG_LOG" },
	{ "an architecture",
	  "{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n\"architectures\": [\"SCMP_ARCH_X86\", "
	  "\"VAX\"]}",
	  "2:36: architectures[1] is 'VAX'; say for example SCMP_ARCH_X86_64" },
	{ "both lists of architectures",
	  "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_X86\"],\n"
	  "\"archMap\": [{\"architecture\": \"SCMP_ARCH_X86_64\"}]}",
	  "2:12: archMap and \"architectures\" exclude each other" },
	{ "an errno that is none",
	  "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": -1}",
	  "1:56: defaultErrnoRet has to be a number from 0 to 4095" },
	{ "an errno by a wrong name",
	  "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrno\": \"ENOPE\"}",
	  "1:53: defaultErrno has to be the name of an error, such as EPERM" },
#define RULE(text) "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [\n{" text "}]}"
#define NAMED(text) RULE("\"names\": [\"getpid\"], \"action\": \"SCMP_ACT_KILL\", " text)
	{ "a rule that is none", "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [\n7]}",
	  "2:1: syscalls[0] has to be an object" },
	{ "a rule without names", RULE("\"action\": \"SCMP_ACT_KILL\""),
	  "2:1: syscalls[0] lacks \"names\"" },
	{ "a rule with both names",
	  RULE("\"name\": \"read\", \"names\": [\"write\"], \"action\": \"SCMP_ACT_KILL\""),
	  "2:1: syscalls[0] has both \"name\" and \"names\"" },
	{ "a name that is none", RULE("\"names\": [\"read\", 3], \"action\": \"SCMP_ACT_KILL\""),
	  "2:20: syscalls[0].names[1] has to be a text" },
	{ "a rule without an action", RULE("\"names\": [\"read\"]"),
	  "2:1: syscalls[0] lacks \"action\"" },
	{ "a rule's action", RULE("\"names\": [\"read\"], \"action\": \"KILL\""),
	  "2:31: syscalls[0].action is 'KILL'; say SCMP_ACT_ALLOW, _ERRNO, _KILL_PROCESS, _KILL, "
	  "_LOG, _TRACE or _TRAP" },
	{ "an operator", NAMED("\"args\": [{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_IS\"}]"),
	  "2:90: syscalls[0].args[0].op is 'SCMP_CMP_IS'; say SCMP_CMP_EQ, _NE, _LT, _LE, _GE, _GT "
	  "or _MASKED_EQ" },
	{ "no operator", NAMED("\"args\": [{\"index\": 0, \"value\": 1}]"),
	  "2:59: syscalls[0].args[0] lacks \"op\"" },
	{ "no index", NAMED("\"args\": [{\"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]"),
	  "2:59: syscalls[0].args[0] lacks \"index\"" },
	{ "a seventh argument", NAMED("\"args\": [{\"index\": 6, \"op\": \"SCMP_CMP_EQ\"}]"),
	  "2:69: syscalls[0].args[0].index has to be a number from 0 to 5" },
	{ "a version", NAMED("\"includes\": {\"minKernel\": \"new\"}"),
	  "2:76: syscalls[0].includes.minKernel has to be a version of Linux, such as 4.8" },
	{ "what to exclude", NAMED("\"excludes\": [\"CAP_SYS_ADMIN\"]"),
	  "2:62: syscalls[0].excludes has to be an object" },
	{ "a terminal's escape", NAMED("\"excludes\": \"\x1b[2J\""),
	  "2:62: control character 0x1b near '\"'" },
};

static void check_wrong(void **state)
{
	const struct wrong *row = *state;
	struct memcage_error err = { 0 };
	struct profile profile;

	assert_int_equal(profile_read(&profile, row->text, strlen(row->text), &plain, &err), -1);
	assert_string_equal(err.text, row->error);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
}

static void check_huge(void **state)
{
	static char text[PROFILE_BYTES_MOST + 1];
	struct memcage_error err = { 0 };
	struct profile profile;

	(void) state;
	memset(text, ' ', sizeof(text));
	assert_int_equal(profile_read(&profile, text, sizeof(text), &plain, &err), -1);
	assert_string_equal(err.text, "1:1: a profile has 1 MiB at most");
}

/* ---- what those that are taken do ---- */

static struct sock_fprog compile(const char *text, size_t length, const struct profile_host *host)
{
	struct sock_fprog program = { 0 };
	struct memcage_error err = { 0 };
	struct profile profile;

	if (profile_read(&profile, text, length, host, &err) < 0)
		fail_msg("%s", err.text);
	if (filter_compile(&profile, &program, &err) < 0)
		fail_msg("%s", err.text);
	profile_release(&profile);
	assert_true(filter_check(&program));
	return program;
}

static struct sock_fprog compile_file(const char *path, const struct profile_host *host)
{
	static char text[PROFILE_BYTES_MOST];
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	length = fread(text, 1, sizeof(text), file);
	fclose(file);
	return compile(text, length, host);
}

static uint32_t call(const struct sock_fprog *program, uint32_t audit, int number, uint64_t first,
		     uint64_t second)
{
	const struct seccomp_data data = { .nr = number, .arch = audit, .args = { first, second } };

	return filter_eval(program, &data);
}

#define ALLOWING(rule)                                                                             \
	"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"comment\": \"any\", \"syscalls\": [" rule "]}"
#define DENYING(rule)                                                                              \
	"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"archMap\": [{\"architecture\": "                \
	"\"SCMP_ARCH_X86_64\", \"subArchitectures\": [\"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\"]}], "   \
	"\"syscalls\": [" rule "]}"
#define ONE(name, action) "{\"names\": [\"" name "\"], \"action\": \"SCMP_ACT_" action "\"}"
#define WITH(name, action, more)                                                                   \
	"{\"names\": [\"" name "\"], \"action\": \"SCMP_ACT_" action "\", " more "}"
#define ARG(op, value) "{\"index\": 0, \"op\": \"SCMP_CMP_" op "\", \"value\": " value "}"
#define ARGS(args) "\"args\": [" args "]"

static const struct right {
	const char *name, *text;
	const struct profile_host *host;
	uint32_t audit;
	int number;
	uint64_t args[2];
	uint32_t want;
} rights[] = {
	{ "what is not named is allowed",
	  ALLOWING(ONE("getpid", "KILL")),
	  &plain,
	  X64,
	  110,
	  { 0 },
	  ALLOW },
	{ "what is named is killed",
	  ALLOWING(ONE("getpid", "KILL")),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  KILL },
	{ "a thread is not killed alone",
	  ALLOWING(ONE("getpid", "KILL_THREAD")),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  KILL },
	{ "the old single name",
	  ALLOWING("{\"name\": \"getpid\", \"action\": \"SCMP_ACT_KILL\"}"),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  KILL },
	{ "no names at all",
	  ALLOWING("{\"names\": [], \"action\": \"SCMP_ACT_KILL\"}"),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  ALLOW },
	{ "EPERM is what is meant",
	  ALLOWING(ONE("getpid", "ERRNO")),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  DENY | EPERM },
	{ "an errno by number",
	  ALLOWING(WITH("getpid", "ERRNO", "\"errnoRet\": 38")),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  DENY | ENOSYS },
	{ "an errno by name",
	  ALLOWING(WITH("getpid", "ERRNO", "\"errno\": \"EACCES\", \"errnoRet\": 38")),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  DENY | EACCES },
	{ "a trap", ALLOWING(ONE("getpid", "TRAP")), &plain, X64, 39, { 0 }, SECCOMP_RET_TRAP },
	{ "a log", ALLOWING(ONE("getpid", "LOG")), &plain, X64, 39, { 0 }, SECCOMP_RET_LOG },
	{ "a tracer",
	  ALLOWING(WITH("getpid", "TRACE", "\"errnoRet\": 7")),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  SECCOMP_RET_TRACE | 7 },
	{ "a name that nobody knows",
	  ALLOWING(ONE("gettea", "KILL")),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  ALLOW },
	{ "the default again", ALLOWING(ONE("getpid", "ALLOW")), &plain, X64, 39, { 0 }, ALLOW },
	{ "keys that nobody knows",
	  ALLOWING(WITH("getpid", "KILL", "\"colour\": [3]")),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  KILL },
	{ "null is as good as nothing",
	  ALLOWING(WITH("getpid", "KILL", "\"args\": null")),
	  &plain,
	  X64,
	  39,
	  { 0 },
	  KILL },

	{ "equal",
	  ALLOWING(WITH("close", "KILL", ARGS(ARG("EQ", "5")))),
	  &plain,
	  X64,
	  3,
	  { 5 },
	  KILL },
	{ "not the same",
	  ALLOWING(WITH("close", "KILL", ARGS(ARG("EQ", "5")))),
	  &plain,
	  X64,
	  3,
	  { 6 },
	  ALLOW },
	{ "all 64 bits count",
	  ALLOWING(WITH("close", "KILL", ARGS(ARG("EQ", "5")))),
	  &plain,
	  X64,
	  3,
	  { 1ULL << 32 | 5 },
	  ALLOW },
	{ "not equal",
	  ALLOWING(WITH("close", "KILL", ARGS(ARG("NE", "5")))),
	  &plain,
	  X64,
	  3,
	  { 6 },
	  KILL },
	{ "less",
	  ALLOWING(WITH("close", "KILL", ARGS(ARG("LT", "5")))),
	  &plain,
	  X64,
	  3,
	  { 4 },
	  KILL },
	{ "not less",
	  ALLOWING(WITH("close", "KILL", ARGS(ARG("LT", "5")))),
	  &plain,
	  X64,
	  3,
	  { 5 },
	  ALLOW },
	{ "less or equal",
	  ALLOWING(WITH("close", "KILL", ARGS(ARG("LE", "5")))),
	  &plain,
	  X64,
	  3,
	  { 5 },
	  KILL },
	{ "greater",
	  ALLOWING(WITH("close", "KILL", ARGS(ARG("GT", "5")))),
	  &plain,
	  X64,
	  3,
	  { 6 },
	  KILL },
	{ "greater or equal",
	  ALLOWING(WITH("close", "KILL", ARGS(ARG("GE", "5")))),
	  &plain,
	  X64,
	  3,
	  { 5 },
	  KILL },
	{ "greater in the upper half",
	  ALLOWING(WITH("close", "KILL", ARGS(ARG("GT", "5")))),
	  &plain,
	  X64,
	  3,
	  { 1ULL << 32 },
	  KILL },
	{ "masked",
	  ALLOWING(WITH("close", "KILL",
			ARGS("{\"index\": 0, \"op\": \"SCMP_CMP_MASKED_EQ\", \"value\": 255, "
			     "\"valueTwo\": 5}"))),
	  &plain,
	  X64,
	  3,
	  { 0x1205 },
	  KILL },
	{ "masked, and another",
	  ALLOWING(WITH("close", "KILL",
			ARGS("{\"index\": 0, \"op\": \"SCMP_CMP_MASKED_EQ\", \"value\": 255, "
			     "\"valueTwo\": 5}"))),
	  &plain,
	  X64,
	  3,
	  { 0x0512 },
	  ALLOW },
#define TWO "{\"index\": 1, \"op\": \"SCMP_CMP_EQ\", \"value\": 7}"
	{ "two arguments together",
	  ALLOWING(WITH("dup2", "KILL", ARGS(ARG("EQ", "5") "," TWO))),
	  &plain,
	  X64,
	  33,
	  { 5, 7 },
	  KILL },
	{ "one of two is not enough",
	  ALLOWING(WITH("dup2", "KILL", ARGS(ARG("EQ", "5") "," TWO))),
	  &plain,
	  X64,
	  33,
	  { 5, 8 },
	  ALLOW },
	{ "of two on one argument it is",
	  ALLOWING(WITH("dup2", "KILL", ARGS(ARG("EQ", "5") "," ARG("EQ", "6")))),
	  &plain,
	  X64,
	  33,
	  { 6, 0 },
	  KILL },

#define INCLUDES(what) "\"includes\": {" what "}"
#define EXCLUDES(what) "\"excludes\": {" what "}"
	{ "a capability that is there",
	  ALLOWING(WITH("mount", "KILL",
			INCLUDES("\"caps\": "
				 "[\"CAP_SYS_ADMIN\"]"))),
	  &root,
	  X64,
	  165,
	  { 0 },
	  KILL },
	{ "a capability that is not",
	  ALLOWING(WITH("mount", "KILL",
			INCLUDES("\"caps\": "
				 "[\"CAP_SYS_ADMIN\"]"))),
	  &plain,
	  X64,
	  165,
	  { 0 },
	  ALLOW },
	{ "all capabilities have to be there",
	  ALLOWING(WITH("mount", "KILL", INCLUDES("\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_BREW\"]"))),
	  &root,
	  X64,
	  165,
	  { 0 },
	  ALLOW },
	{ "of those excluded one is enough",
	  ALLOWING(WITH("mount", "KILL", EXCLUDES("\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_BREW\"]"))),
	  &root,
	  X64,
	  165,
	  { 0 },
	  ALLOW },
	{ "none that is excluded",
	  ALLOWING(WITH("mount", "KILL", EXCLUDES("\"caps\": [\"CAP_SYS_ADMIN\"]"))),
	  &plain,
	  X64,
	  165,
	  { 0 },
	  KILL },
	{ "this architecture",
	  ALLOWING(WITH("mount", "KILL", INCLUDES("\"arches\": [\"amd64\"]"))),
	  &plain,
	  X64,
	  165,
	  { 0 },
	  KILL },
	{ "another architecture",
	  ALLOWING(WITH("mount", "KILL", INCLUDES("\"arches\": [\"s390x\"]"))),
	  &plain,
	  X64,
	  165,
	  { 0 },
	  ALLOW },
	{ "not this architecture",
	  ALLOWING(WITH("mount", "KILL", EXCLUDES("\"arches\": [\"amd64\"]"))),
	  &plain,
	  X64,
	  165,
	  { 0 },
	  ALLOW },
	{ "a kernel that is new enough",
	  ALLOWING(WITH("ptrace", "KILL", INCLUDES("\"minKernel\": \"4.8\""))),
	  &plain,
	  X64,
	  101,
	  { 0 },
	  KILL },
	{ "a kernel that is not",
	  ALLOWING(WITH("ptrace", "KILL", INCLUDES("\"minKernel\": \"4.8\""))),
	  &old,
	  X64,
	  101,
	  { 0 },
	  ALLOW },
	{ "a kernel that is too new",
	  ALLOWING(WITH("ptrace", "KILL", EXCLUDES("\"minKernel\": \"4.8.0\""))),
	  &plain,
	  X64,
	  101,
	  { 0 },
	  ALLOW },

	{ "i386 where it is not named",
	  ALLOWING(ONE("getpid", "ERRNO")),
	  &plain,
	  I386,
	  3,
	  { 0 },
	  KILL },
	{ "x32 where it is not named",
	  ALLOWING(ONE("getpid", "ERRNO")),
	  &plain,
	  X64,
	  X32(0),
	  { 0 },
	  KILL },
	{ "x32 where it is not named, denying",
	  "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [" ONE("read", "ALLOW") "]}",
	  &plain,
	  X64,
	  X32(0),
	  { 0 },
	  KILL },
	{ "i386 by its own number",
	  DENYING(ONE("getpid", "ALLOW")),
	  &plain,
	  I386,
	  20,
	  { 0 },
	  ALLOW },
	{ "i386 by the other's number",
	  DENYING(ONE("getpid", "ALLOW")),
	  &plain,
	  I386,
	  13,
	  { 0 },
	  DENY | EPERM },
	{ "x32 by its own number",
	  DENYING(ONE("getpid", "ALLOW")),
	  &plain,
	  X64,
	  X32(39),
	  { 0 },
	  ALLOW },
	{ "x32 is denied the rest",
	  DENYING(ONE("getpid", "ALLOW")),
	  &plain,
	  X64,
	  X32(38),
	  { 0 },
	  DENY | EPERM },
	{ "nor what it has by another number",
	  DENYING(ONE("ioctl", "ALLOW")),
	  &plain,
	  X64,
	  X32(514),
	  { 0 },
	  ALLOW },
	{ "a list of architectures",
	  "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_X86\"], "
	  "\"syscalls\": [" ONE("getpid", "ERRNO") "]}",
	  &plain,
	  I386,
	  20,
	  { 0 },
	  DENY | EPERM },
	{ "any other architecture",
	  DENYING(ONE("getpid", "ALLOW")),
	  &plain,
	  AUDIT_ARCH_ARM,
	  20,
	  { 0 },
	  KILL },
	{ "on ARM",
	  ALLOWING(ONE("getpid", "ERRNO")),
	  &arm,
	  AUDIT_ARCH_AARCH64,
	  172,
	  { 0 },
	  DENY | EPERM },

	{ "above all that is named there is nothing",
	  DENYING(ONE("getpid", "ALLOW")),
	  &plain,
	  X64,
	  40,
	  { 0 },
	  DENY | ENOSYS },
	{ "below it there is",
	  DENYING(ONE("getpid", "ALLOW")),
	  &plain,
	  X64,
	  38,
	  { 0 },
	  DENY | EPERM },
	{ "above it on i386",
	  DENYING(ONE("getpid", "ALLOW")),
	  &plain,
	  I386,
	  21,
	  { 0 },
	  DENY | ENOSYS },
	{ "above it on x32",
	  DENYING(ONE("getpid", "ALLOW")),
	  &plain,
	  X64,
	  X32(40),
	  { 0 },
	  DENY | ENOSYS },
	{ "a name newer than libseccomp",
	  DENYING(ONE("mseal", "ALLOW")),
	  &plain,
	  X64,
	  462,
	  { 0 },
	  ALLOW },
	{ "a newer name on i386", DENYING(ONE("mseal", "ALLOW")), &plain, I386, 462, { 0 }, ALLOW },
	{ "a newer name on x32",
	  DENYING(ONE("mseal", "ALLOW")),
	  &plain,
	  X64,
	  X32(462),
	  { 0 },
	  ALLOW },
	{ "beside a newer name",
	  DENYING(ONE("mseal", "ALLOW")),
	  &plain,
	  X64,
	  461,
	  { 0 },
	  DENY | EPERM },
	{ "above a newer name",
	  DENYING(ONE("mseal", "ALLOW")),
	  &plain,
	  X64,
	  463,
	  { 0 },
	  DENY | ENOSYS },
	{ "a newer name that is killed",
	  ALLOWING(ONE("open_tree_attr", "KILL")),
	  &plain,
	  X64,
	  467,
	  { 0 },
	  KILL },
};

static void check_right(void **state)
{
	const struct right *row = *state;
	struct sock_fprog program = compile(row->text, strlen(row->text), row->host);

	assert_int_equal(call(&program, row->audit, row->number, row->args[0], row->args[1]),
			 row->want);
	free(program.filter);
}

/* ---- whole profiles ---- */

struct whole_call {
	uint32_t audit;
	int number;
	uint64_t args[2];
	uint32_t with_rights, without;
};

static void check_whole(const char *path, const struct whole_call *calls, size_t count)
{
	struct sock_fprog with = compile_file(path, &root), without = compile_file(path, &plain);

	for (size_t i = 0; i < count; i++) {
		const struct whole_call *row = &calls[i];

		if (call(&with, row->audit, row->number, row->args[0], row->args[1]) !=
			    row->with_rights ||
		    call(&without, row->audit, row->number, row->args[0], row->args[1]) !=
			    row->without)
			fail_msg("call %d of %#x: %#x and %#x", row->number, row->audit,
				 call(&with, row->audit, row->number, row->args[0], row->args[1]),
				 call(&without, row->audit, row->number, row->args[0],
				      row->args[1]));
	}
	free(with.filter);
	free(without.filter);
}

#define NEWUSER 0x10000000

static void check_podman(void **state)
{
	static const struct whole_call calls[] = {
		{ X64, 0, { 0 }, ALLOW, ALLOW },	  /* read */
		{ X64, 59, { 0 }, ALLOW, ALLOW },	  /* execve */
		{ X64, 250, { 0 }, ALLOW, ALLOW },	  /* keyctl */
		{ X64, 272, { NEWUSER }, ALLOW, ALLOW },  /* unshare */
		{ X64, 165, { 0 }, ALLOW, ALLOW },	  /* mount */
		{ X64, 304, { 0 }, ALLOW, DENY | EPERM }, /* open_by_handle_at */
		{ X64, 175, { 0 }, ALLOW, DENY | EPERM }, /* init_module */
		{ X64, 227, { 0 }, ALLOW, DENY | EPERM }, /* clock_settime */
		{ X64, 135, { 0 }, ALLOW, ALLOW },	  /* personality */
		{ X64, 135, { 0x40000 }, DENY | ENOSYS, DENY | ENOSYS },
		{ X64, 41, { 16, 0 }, ALLOW, ALLOW },		   /* socket */
		{ X64, 462, { 0 }, DENY | ENOSYS, DENY | ENOSYS }, /* mseal, newer than it */
		{ I386, 21, { 0 }, ALLOW, ALLOW },		   /* mount */
		{ I386, 128, { 0 }, ALLOW, DENY | EPERM },	   /* init_module */
		{ X64, X32(175), { 0 }, ALLOW, DENY | EPERM },
		{ AUDIT_ARCH_ARM, 0, { 0 }, KILL, KILL },
	};

	(void) state;
	check_whole(PODMAN_PROFILE, calls, ARRAY_LEN(calls));
}

static void check_docker_form(void **state)
{
	static const struct whole_call calls[] = {
		{ X64, 0, { 0 }, ALLOW, ALLOW },
		{ X64, 250, { 0 }, DENY | EPERM, DENY | EPERM }, /* keyctl */
		{ X64, 272, { NEWUSER }, ALLOW, DENY | EPERM },	 /* unshare */
		{ X64, 165, { 0 }, ALLOW, DENY | EPERM },	 /* mount */
		{ X64, 56, { NEWUSER }, ALLOW, DENY | EPERM },	 /* clone */
		{ X64, 56, { 17 }, ALLOW, ALLOW },
		{ X64, 435, { 0 }, ALLOW, DENY | ENOSYS },	 /* clone3 */
		{ X64, 101, { 0 }, ALLOW, ALLOW },		 /* ptrace */
		{ X64, 154, { 0 }, ALLOW, ALLOW },		 /* modify_ldt */
		{ X64, 41, { 40 }, DENY | EPERM, DENY | EPERM }, /* socket, AF_VSOCK */
		{ X64, 41, { 2 }, ALLOW, ALLOW },
		{ X64, 135, { 4294967295 }, ALLOW, ALLOW },
		{ X64, 135, { 8 }, DENY | EPERM, DENY | EPERM },
		{ X64, 227, { 0 }, ALLOW, DENY | EPERM }, /* clock_settime */
		{ X64, 462, { 0 }, ALLOW, ALLOW },	  /* mseal */
		{ X64, 467, { 0 }, DENY | ENOSYS, DENY | ENOSYS },
		{ I386, 21, { 0 }, ALLOW, DENY | EPERM }, /* mount */
		{ X64, X32(165), { 0 }, ALLOW, DENY | EPERM },
		{ AUDIT_ARCH_ARM, 0, { 0 }, KILL, KILL },
	};

	(void) state;
	check_whole(FIXTURES "/docker-form.json", calls, ARRAY_LEN(calls));
}

static void check_strict(void **state)
{
	static const struct whole_call calls[] = {
		{ X64, 0, { 0 }, ALLOW, ALLOW },	 /* read */
		{ X64, 59, { 0 }, ALLOW, ALLOW },	 /* execve */
		{ X64, 231, { 0 }, ALLOW, ALLOW },	 /* exit_group */
		{ X64, 56, { 0x3d0f00 }, ALLOW, ALLOW }, /* clone, a thread */
		{ X64, 56, { NEWUSER | 17 }, DENY | EPERM, DENY | EPERM },
		{ X64, 56, { 0x20000 }, DENY | EPERM, DENY | EPERM },
		{ X64, 435, { 0 }, DENY | ENOSYS, DENY | ENOSYS }, /* clone3 */
		{ X64, 272, { 0x400 }, ALLOW, ALLOW },		   /* unshare CLONE_FILES */
		{ X64, 272, { NEWUSER }, DENY | EPERM, DENY | EPERM },
		{ X64, 272, { 0x80 }, DENY | EPERM, DENY | EPERM },	/* CLONE_NEWTIME */
		{ X64, 308, { 0 }, DENY | EPERM, DENY | EPERM },	/* setns */
		{ X64, 165, { 0 }, KILL, KILL },			/* mount */
		{ X64, 467, { 0 }, KILL, KILL },			/* open_tree_attr */
		{ X64, 101, { 0 }, KILL, KILL },			/* ptrace */
		{ X64, 321, { 0 }, KILL, KILL },			/* bpf */
		{ X64, 246, { 0 }, KILL, KILL },			/* kexec_load */
		{ X64, 250, { 0 }, DENY | EPERM, DENY | EPERM },	/* keyctl */
		{ X64, 425, { 0 }, DENY | EPERM, DENY | EPERM },	/* io_uring_setup */
		{ X64, 323, { 0 }, DENY | EPERM, DENY | EPERM },	/* userfaultfd */
		{ X64, 298, { 0 }, DENY | EPERM, DENY | EPERM },	/* perf_event_open */
		{ X64, 161, { 0 }, DENY | EPERM, DENY | EPERM },	/* chroot */
		{ X64, 41, { 2 }, ALLOW, ALLOW },			/* socket, AF_INET */
		{ X64, 41, { 16 }, ALLOW, ALLOW },			/* AF_NETLINK, routes */
		{ X64, 41, { 17 }, DENY | EPERM, DENY | EPERM },	/* AF_PACKET */
		{ X64, 41, { 40 }, DENY | EPERM, DENY | EPERM },	/* AF_VSOCK */
		{ X64, 16, { 0, 0x5401 }, ALLOW, ALLOW },		/* ioctl TCGETS */
		{ X64, 16, { 0, 0x5412 }, DENY | EPERM, DENY | EPERM }, /* TIOCSTI */
		{ X64, 16, { 0, 1ULL << 32 | 0x5412 }, DENY | EPERM, DENY | EPERM },
		{ X64, 16, { 0, 0x541c }, DENY | EPERM, DENY | EPERM }, /* TIOCLINUX */
		{ X64, 16, { 0, 0x5423 }, DENY | EPERM, DENY | EPERM }, /* TIOCSETD */
		{ X64, 462, { 0 }, ALLOW, ALLOW },			/* mseal */
		{ X64, 1000, { 0 }, DENY | ENOSYS, DENY | ENOSYS },
		{ I386, 20, { 0 }, KILL, KILL },
		{ X64, X32(39), { 0 }, KILL, KILL },
		{ AUDIT_ARCH_ARM, 0, { 0 }, KILL, KILL },
	};

	(void) state;
	check_whole(STRICT_PROFILE, calls, ARRAY_LEN(calls));
}

/* ---- what is known of a program without running it ---- */

static void check_may_kill(void **state)
{
	static const char text[] =
		DENYING(WITH("close", "KILL", ARGS(ARG("EQ", "5"))) "," ONE("getpid", "ALLOW"));
	struct sock_fprog program = compile(text, strlen(text), &plain);
	const int close_ = 3, getpid_ = 39, i386_close = 6, x32_close = X32(3);

	(void) state;
	assert_true(filter_may_kill(&program, X64, NULL));
	assert_true(filter_may_kill(&program, X64, &close_));
	assert_true(filter_may_kill(&program, X64, &x32_close));
	assert_false(filter_may_kill(&program, X64, &getpid_));
	assert_true(filter_may_kill(&program, I386, &i386_close));
	assert_false(filter_may_kill(&program, I386, &close_));
	assert_true(filter_may_kill(&program, AUDIT_ARCH_ARM, &getpid_));
	free(program.filter);
#ifdef __x86_64__
	assert_false(filter_may_kill(&filter_default, X64, NULL));
	assert_false(filter_may_kill(&filter_default, I386, NULL));
	assert_true(filter_may_kill(&filter_default, AUDIT_ARCH_ARM, NULL));
	assert_true(filter_may_kill(&filter_strict, X64, NULL));
	assert_false(filter_may_kill(&filter_strict, X64, &getpid_));
#endif
}

static const struct unchecked {
	const char *name;
	struct sock_filter code[3];
} uncheckeds[] = {
	{ "no verdict at its end", { { BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 } } },
	{ "a jump behind its end",
	  { { BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1 },
	    { BPF_RET | BPF_K, 0, 0, 0 },
	    { BPF_RET | BPF_K, 0, 0, 0 } } },
	{ "a long jump behind its end",
	  { { BPF_JMP | BPF_JA, 0, 0, UINT32_MAX },
	    { BPF_RET | BPF_K, 0, 0, 0 },
	    { BPF_RET | BPF_K, 0, 0, 0 } } },
	{ "a load from behind the call",
	  { { BPF_LD | BPF_W | BPF_ABS, 0, 0, sizeof(struct seccomp_data) },
	    { BPF_RET | BPF_K, 0, 0, 0 },
	    { BPF_RET | BPF_K, 0, 0, 0 } } },
	{ "a load from between words",
	  { { BPF_LD | BPF_W | BPF_ABS, 0, 0, 2 },
	    { BPF_RET | BPF_K, 0, 0, 0 },
	    { BPF_RET | BPF_K, 0, 0, 0 } } },
	{ "an instruction that is never made",
	  { { BPF_LDX | BPF_W | BPF_IMM, 0, 0, 0 },
	    { BPF_RET | BPF_K, 0, 0, 0 },
	    { BPF_RET | BPF_K, 0, 0, 0 } } },
};

static void check_unchecked(void **state)
{
	const struct unchecked *row = *state;
	struct sock_fprog program = { 3, (struct sock_filter *) row->code };

	if (row->code[1].code == 0)
		program.len = 1;
	assert_false(filter_check(&program));
}

static void check_names(void **state)
{
	char name[64];

	(void) state;
	assert_string_equal(filter_call_name(X64, 39, name, sizeof(name)), "getpid");
	assert_string_equal(filter_call_name(X64, X32(514), name, sizeof(name)), "ioctl");
	assert_string_equal(filter_call_name(I386, 20, name, sizeof(name)), "getpid");
	assert_string_equal(filter_call_name(X64, 462, name, sizeof(name)), "mseal");
	assert_string_equal(filter_call_name(X64, X32(462), name, sizeof(name)), "mseal");
	assert_string_equal(filter_call_name(AUDIT_ARCH_AARCH64, 172, name, sizeof(name)),
			    "getpid");
	assert_null(filter_call_name(X64, 9999, name, sizeof(name)));
	assert_null(filter_call_name(0xdead, 1, name, sizeof(name)));
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_wrong, wrongs);
	test_add(&suite, "a profile that is too long", check_huge, NULL);
	TEST_ROWS(&suite, check_right, rights);
	test_add(&suite, "podman's default profile", check_podman, NULL);
	test_add(&suite, "a profile in Docker's form", check_docker_form, NULL);
	test_add(&suite, "the strict profile", check_strict, NULL);
	test_add(&suite, "what a program may kill", check_may_kill, NULL);
	TEST_ROWS(&suite, check_unchecked, uncheckeds);
	test_add(&suite, "calls have names", check_names, NULL);
	return test_run("profile", &suite);
}

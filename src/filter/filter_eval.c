/* SPDX-License-Identifier: Apache-2.0 */
#include "filter/filter_eval.h"

#include <stddef.h>
#include <string.h>

static bool is_compare(uint16_t code)
{
	return code == (BPF_JMP | BPF_JEQ | BPF_K) || code == (BPF_JMP | BPF_JGT | BPF_K) ||
	       code == (BPF_JMP | BPF_JGE | BPF_K) || code == (BPF_JMP | BPF_JSET | BPF_K);
}

static bool check_instruction(const struct sock_filter *at, uint32_t left)
{
	switch (at->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return left > 0 && at->k % 4 == 0 && at->k < sizeof(struct seccomp_data);
	case BPF_ALU | BPF_AND | BPF_K:
		return left > 0;
	case BPF_JMP | BPF_JA:
		return at->k < left;
	case BPF_RET | BPF_K:
		return true;
	default:
		return is_compare(at->code) && at->jt < left && at->jf < left;
	}
}

bool filter_check(const struct sock_fprog *program)
{
	if (program->len == 0 || program->len > BPF_MAXINSNS)
		return false;
	for (uint32_t i = 0; i < program->len; i++)
		if (!check_instruction(&program->filter[i], program->len - 1 - i))
			return false;
	return true;
}

static bool compare(const struct sock_filter *at, uint32_t a)
{
	switch (BPF_OP(at->code)) {
	case BPF_JEQ:
		return a == at->k;
	case BPF_JGT:
		return a > at->k;
	case BPF_JGE:
		return a >= at->k;
	default:
		return (a & at->k) != 0;
	}
}

uint32_t filter_eval(const struct sock_fprog *program, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (const struct sock_filter *at = program->filter;; at++) {
		switch (at->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *) data + at->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= at->k;
			break;
		case BPF_JMP | BPF_JA:
			at += at->k;
			break;
		case BPF_RET | BPF_K:
			return at->k;
		default:
			at += compare(at, a) ? at->jt : at->jf;
		}
	}
}

static bool is_kill(uint32_t verdict)
{
	uint32_t action = verdict & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_KILL_PROCESS || action == SECCOMP_RET_KILL_THREAD;
}

/* What a way through the program may have loaded where it stands. */
enum loaded { LOADED_ARCH, LOADED_NUMBER, LOADED_OTHER, LOADED__COUNT };

#define REACHED(as) ((uint8_t) (1U << (as)))

static enum loaded loads(const struct sock_filter *at)
{
	if (at->k == offsetof(struct seccomp_data, arch))
		return LOADED_ARCH;
	return at->k == offsetof(struct seccomp_data, nr) ? LOADED_NUMBER : LOADED_OTHER;
}

/* Marks where an instruction leads to.  Known is what is loaded; NULL: it may be anything. */
static void step(const struct sock_filter *at, uint8_t *reached, enum loaded as,
		 const uint32_t *known)
{
	switch (at->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		reached[1] |= REACHED(loads(at));
		break;
	case BPF_ALU | BPF_AND | BPF_K:
		reached[1] |= REACHED(LOADED_OTHER);
		break;
	case BPF_JMP | BPF_JA:
		reached[1 + at->k] |= REACHED(as);
		break;
	default:
		if (!known || compare(at, *known))
			reached[1 + at->jt] |= REACHED(as);
		if (!known || !compare(at, *known))
			reached[1 + at->jf] |= REACHED(as);
	}
}

bool filter_may_kill(const struct sock_fprog *program, uint32_t audit, const int *number)
{
	uint32_t value = number ? (uint32_t) *number : 0;
	const uint32_t *known[LOADED__COUNT] = { &audit, number ? &value : NULL, NULL };
	uint8_t reached[BPF_MAXINSNS + 1] = { REACHED(LOADED_OTHER) };

	for (uint32_t i = 0; i < program->len; i++) {
		const struct sock_filter *at = &program->filter[i];

		if (reached[i] != 0 && at->code == (BPF_RET | BPF_K)) {
			if (is_kill(at->k))
				return true;
			continue;
		}
		for (int as = 0; as < LOADED__COUNT; as++)
			if (reached[i] & REACHED(as))
				step(at, reached + i, (enum loaded) as, known[as]);
	}
	return false;
}

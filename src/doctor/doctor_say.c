/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's lines, and what their words are made with. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "doctor/doctor_words.h"

const char *const doctor_lines[DOCTOR__COUNT] = {
	[DOCTOR_BACKEND] = "backend",
	[DOCTOR_CONTROLLERS] = "controllers",
	[DOCTOR_DELEGATION] = "delegation",
	[DOCTOR_NAMESPACES] = "namespaces",
	[DOCTOR_USER_NAMESPACE] = "user-namespace",
	[DOCTOR_SECCOMP] = "seccomp",
	[DOCTOR_NOTIFY] = "notify",
	[DOCTOR_KMSG] = "kmsg",
	[DOCTOR_PSI] = "psi",
	[DOCTOR_SWAP] = "swap",
	[DOCTOR_LIMITS_ABOVE] = "limits-above",
	[DOCTOR_TMP] = "tmp",
	[DOCTOR_SYSTEMD] = "systemd",
	[DOCTOR_LEFTOVERS] = "leftovers",
	[DOCTOR_KERNEL] = "kernel",
};

const char *const doctor_states[DOCTOR_STATE__COUNT] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_LIMITED] = "limited",
	[DOCTOR_NO] = "no",
	[DOCTOR_UNKNOWN] = "unknown",
};

#define WORDS_MOST 2048

void words_put(char *buffer, size_t size, const char *format, ...)
{
	struct line line = line_start(buffer, size);
	char words[WORDS_MOST];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	line_add(&line, "%s", words);
	line_end(&line);
}

const char *words_reason(int errnum)
{
	if (errnum <= KILLED)
		return "a seccomp filter kills for it";
	return errnum == NOT_TRIED ? "not tried" : strerror(errnum);
}

void words_item(struct doctor_finding *finding, const char *name, enum doctor_state state,
		const char *value)
{
	struct doctor_item *item = &finding->items[finding->item_count];

	if (finding->item_count == DOCTOR_ITEMS_MOST)
		return;
	finding->item_count++;
	item->state = state;
	words_put(item->name, sizeof(item->name), "%s", name);
	words_put(item->value, sizeof(item->value), "%s", value);
}

void words_list(struct line *line, const struct doctor_finding *finding, enum doctor_state state,
		const char *before)
{
	const char *between = before;

	for (size_t i = 0; i < finding->item_count; i++) {
		if (finding->items[i].state != state)
			continue;
		line_add(line, "%s%s", between, finding->items[i].name);
		between = ", ";
	}
}

size_t words_count(const struct doctor_finding *finding, enum doctor_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < finding->item_count; i++)
		count += finding->items[i].state == state;
	return count;
}

enum doctor_runtime words_denier(const struct doctor_facts *facts)
{
	return facts->here.uid != 0 ? RUNTIME_NONE : facts->here.runtime;
}

static say_fn *const says[DOCTOR__COUNT] = {
	[DOCTOR_BACKEND] = say_backend,
	[DOCTOR_CONTROLLERS] = say_controllers,
	[DOCTOR_DELEGATION] = say_delegation,
	[DOCTOR_NAMESPACES] = say_namespaces,
	[DOCTOR_USER_NAMESPACE] = say_user_namespace,
	[DOCTOR_SECCOMP] = say_seccomp,
	[DOCTOR_NOTIFY] = say_notify,
	[DOCTOR_KMSG] = say_kmsg,
	[DOCTOR_PSI] = say_psi,
	[DOCTOR_SWAP] = say_swap,
	[DOCTOR_LIMITS_ABOVE] = say_limits,
	[DOCTOR_TMP] = say_tmp,
	[DOCTOR_SYSTEMD] = say_systemd,
	[DOCTOR_LEFTOVERS] = say_leftovers,
	[DOCTOR_KERNEL] = say_kernel,
};

void doctor_say(const struct doctor_facts *facts, enum doctor_line line,
		struct doctor_finding *finding)
{
	finding->name = doctor_lines[line];
	says[line](facts, finding);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_words - what the doctor's lines are put into words with, and the lines.  Pure: for the
 * files doctor_say*.c only.
 */
#pragma once

#include "base/line.h"
#include "doctor/doctor.h"

/* Names of cgroups and processes may hold anything; what does not fit ends in "...". */
void words_put(char *buffer, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

#define VALUE(finding, ...) words_put((finding)->value, sizeof((finding)->value), __VA_ARGS__)
#define COST(finding, ...) words_put((finding)->cost, sizeof((finding)->cost), __VA_ARGS__)
#define MEND(finding, ...) words_put((finding)->mend, sizeof((finding)->mend), __VA_ARGS__)

/* Why it does not work: an errno, NOT_TRIED or KILLED. */
const char *words_reason(int errnum);
void words_item(struct doctor_finding *finding, const char *name, enum doctor_state state,
		const char *value);
/* The names of the items in that state, after a word; nothing where there are none. */
void words_list(struct line *line, const struct doctor_finding *finding, enum doctor_state state,
		const char *before);
size_t words_count(const struct doctor_finding *finding, enum doctor_state state);
/* Whose word is to be asked for a privilege: a plain user lacks it in a container as elsewhere. */
enum doctor_runtime words_denier(const struct doctor_facts *facts);

/* Do others in our cgroup forbid cages?  Only in a container they can be moved along. */
bool words_shared(const struct doctor_delegation *own);

/* The line that says why no cage can be made; NULL: none does. */
const char *words_guilty(const struct doctor_facts *facts);

typedef void say_fn(const struct doctor_facts *facts, struct doctor_finding *finding);

/* doctor_say_cgroups.c */
say_fn say_backend, say_controllers, say_delegation, say_swap, say_limits, say_leftovers;
/* doctor_say_system.c */
say_fn say_namespaces, say_user_namespace, say_seccomp, say_notify, say_kmsg, say_psi, say_tmp;
say_fn say_systemd, say_kernel;

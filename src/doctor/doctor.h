/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor - what this host allows, what is missing, what that costs and what would mend it.
 *
 * doctor_look() tries things and fills in facts, doctor_say() puts facts into words (pure, so that
 * the words are tested as rows), doctor_examine() does both for all lines.  Nothing is concluded
 * from a version or a uid: a namespace is made, a cgroup is made and given limits, and at last a
 * whole cage is run.  What is made is undone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "doctor/doctor_facts.h"

/* Their names are final: refusals elsewhere point to them. */
enum doctor_line {
	DOCTOR_BACKEND,
	DOCTOR_CONTROLLERS,
	DOCTOR_DELEGATION,
	DOCTOR_NAMESPACES,
	DOCTOR_USER_NAMESPACE,
	DOCTOR_SECCOMP,
	DOCTOR_NOTIFY,
	DOCTOR_KMSG,
	DOCTOR_PSI,
	DOCTOR_SWAP,
	DOCTOR_LIMITS_ABOVE,
	DOCTOR_TMP,
	DOCTOR_SYSTEMD,
	DOCTOR_LEFTOVERS,
	DOCTOR_KERNEL,
	DOCTOR__COUNT,
};

extern const char *const doctor_lines[DOCTOR__COUNT];

/*
 * ok: all of it; limited: works, but less than elsewhere; no: does not; unknown: could not be
 * tried.
 */
enum doctor_state { DOCTOR_OK, DOCTOR_LIMITED, DOCTOR_NO, DOCTOR_UNKNOWN, DOCTOR_STATE__COUNT };

extern const char *const doctor_states[DOCTOR_STATE__COUNT];

#define DOCTOR_ITEMS_MOST 64

/* One of several things that a line is about: a controller, a namespace, a limit above. */
struct doctor_item {
	char name[HIERARCHY_MOUNT + HIERARCHY_OWN];
	enum doctor_state state;
	char value[256];
};

struct doctor_finding {
	const char *name;
	enum doctor_state state;
	char value[768];
	char cost[512]; /* which option or verdict suffers; "": nothing */
	char mend[768]; /* the command or setting that would mend it; "": nothing to mend */
	struct doctor_item items[DOCTOR_ITEMS_MOST];
	size_t item_count;
};

struct doctor {
	struct doctor_facts facts;
	struct doctor_finding findings[DOCTOR__COUNT];
};

/*
 * trial: a command for the cage that is tried, which must exit 0 and do nothing; its output goes
 * to /dev/null.  NULL: no memory.
 */
struct doctor *doctor_examine(char *const trial[]);
struct doctor *doctor_free(struct doctor *doctor);
/* The document memcage.doctor/1, which the caller frees; NULL with errno ENOMEM. */
char *doctor_json(const struct doctor *doctor);

/* One line's facts in words; finding is zero before. */
void doctor_say(const struct doctor_facts *facts, enum doctor_line line,
		struct doctor_finding *finding);

/*
 * Removes what memcages that are dead have left in memcage's own cgroups; said is called with each
 * path that is gone.  Their number, or -1 with an error where there is no place to look at;
 * *ret_left is how many cages could not be removed.
 */
typedef void doctor_removed_fn(const char *path, void *data);
int doctor_clean(doctor_removed_fn *said, void *data, size_t *ret_left, struct memcage_error *err);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec - all that is said of jobs to come, by options and policies alike: keys and texts become
 * values here and nowhere else.
 */
#pragma once

#include "spec/limit.h"
#include "spec/settings.h"

struct memcage_spec {
	struct settings settings;
	struct limit_value limits[LIMIT__COUNT];
};

#define SPEC_EMPTY ((struct memcage_spec) { .settings = SETTINGS_DEFAULT })

/*
 * As memcage_spec_set(), but for `policy`, which is more than one value; and the error lacks the
 * place, which is an option's name or a line of a file.
 */
int spec_set(struct memcage_spec *spec, const char *key, const char *text,
	     struct memcage_error *err);
/* Replaces an empty one by a copy; -1 with ENOMEM, and it is empty. */
int spec_copy(const struct memcage_spec *from, struct memcage_spec *to);
/* Frees what the spec owns; it is then empty. */
void spec_release(struct memcage_spec *spec);

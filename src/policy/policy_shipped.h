/* SPDX-License-Identifier: Apache-2.0 */
/* policy_shipped - what policy_compile.c makes of policies: read while building, only looked at. */
#pragma once

#include "policy/policy_yaml.h"

struct policy_shipped {
	const char *name;
	struct policy_nodes nodes; /* never released */
};

/* Ends with a row whose name is NULL. */
extern const struct policy_shipped policy_shipped[];

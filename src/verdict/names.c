/* SPDX-License-Identifier: Apache-2.0 */
#include <memcage.h>
#include <stddef.h>

#include "export.h"

static const char *const causes[MEMCAGE_CAUSE__COUNT] = {
	[MEMCAGE_CAUSE_EXITED] = "exited",
	[MEMCAGE_CAUSE_SIGNALED] = "signaled",
	[MEMCAGE_CAUSE_OOM] = "oom",
	[MEMCAGE_CAUSE_TIMEOUT] = "timeout",
	[MEMCAGE_CAUSE_CPU_TIME] = "cpu-time",
	[MEMCAGE_CAUSE_SECCOMP] = "seccomp",
	[MEMCAGE_CAUSE_CANCELLED] = "cancelled",
	[MEMCAGE_CAUSE_EXEC_FAILED] = "exec-failed",
	[MEMCAGE_CAUSE_SETUP_FAILED] = "setup-failed",
};

static const char *const scopes[MEMCAGE_SCOPE__COUNT] = {
	[MEMCAGE_SCOPE_JOB] = "job",	     [MEMCAGE_SCOPE_ANCESTOR] = "ancestor",
	[MEMCAGE_SCOPE_HOST] = "host",	     [MEMCAGE_SCOPE_NESTED] = "nested",
	[MEMCAGE_SCOPE_UNKNOWN] = "unknown",
};

API const char *memcage_cause_name(enum memcage_cause cause)
{
	return (unsigned int) cause < MEMCAGE_CAUSE__COUNT ? causes[cause] : NULL;
}

API const char *memcage_scope_name(enum memcage_scope scope)
{
	return (unsigned int) scope < MEMCAGE_SCOPE__COUNT ? scopes[scope] : NULL;
}

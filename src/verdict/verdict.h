/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict - why did the job end?  A pure function from what was observed to one cause: all it may
 * use is in struct observation, so the same observation always gives the same verdict and a test
 * is a row.
 */
#pragma once

#include <stdbool.h>

#include <memcage.h>

#include "observe/observation.h"

struct verdict {
	enum memcage_cause cause;
	enum memcage_scope scope; /* NONE where nothing was killed for memory */
	int ancestor; /* index of the guilty one where the scope is ANCESTOR; -1: not known which */
	bool by_memcage;    /* the kernel found no victim; memcage ended the job */
	bool group_kill;    /* the whole job was killed for memory, by whomever */
	bool main_survived; /* the main process ended by itself after the first kill */
	bool ok;
	int exit_code; /* of the main process; -1: it did not exit */
	int signal;    /* that ended it; 0: none */
	bool core_dumped;
	int status; /* of memcage; oom_status where the cause is OOM */
};

struct verdict verdict_decide(const struct observation *seen, int oom_status);

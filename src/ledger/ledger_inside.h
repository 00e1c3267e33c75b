/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_inside - what ledger.c, ledger_task.c and ledger_attempt.c share. */
#pragma once

#include "ledger/database.h"
#include "ledger/ledger.h"

enum ledger_statement {
	LAST_MAP,
	ADD_MAP,
	END_MAP,
	FIND_MAP,
	FIND_FAMILY,
	ADD_FAMILY,
	FIND_COMMAND,
	ADD_COMMAND,
	FIND_SOURCE,
	ADD_SOURCE,
	FIND_TASK,
	ADD_TASK,
	CLAIM_TASK,
	RETURN_TASK,
	END_TASK,
	FIND_TAKEN,
	PUT_TAKEN,
	FIND_NEEDS,
	ADD_ATTEMPT,
	COUNT_ATTEMPT,
	END_ATTEMPT,
	FIND_ATTEMPT,
	LEARN_TASK,
	LEARN_FAMILY,
	LEARN_KILL,
	LEDGER_STATEMENT__COUNT,
};

/* The text that was looked up last: most maps have one command, and one source. */
struct ledger_known {
	char *text;
	int64_t id, family;
};

struct ledger {
	char *path; /* as it was given, or the default */
	struct database database;
	int claims; /* LEDGER-maps */
	bool resume, rerun_failed;
	int64_t map;
	int64_t last_attempt; /* of all there were when this map began */
	struct ledger_known command, source;
};

#define LEDGER_DATE_SIZE sizeof("2026-11-20T08:15:02.123456Z")

/* Now, as the report writes it; gives the buffer. */
const char *ledger_date(char buffer[LEDGER_DATE_SIZE]);

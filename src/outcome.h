/* SPDX-License-Identifier: Apache-2.0 */
/* outcome - what a run comes to: the verdict, its words, its report. */
#pragma once

#include "report.h"
#include "run.h"

struct outcome {
	struct memcage_result result;
	struct memcage_warning warnings[WARNINGS_MOST];
	struct timespec started_at;
	char id[32];
	char *json;
	char *summary, *hint;
};

/* Gives the run its id and its date. */
void outcome_begin(struct outcome *outcome);
/* The report while it runs; the caller frees it; NULL: no memory. */
char *outcome_unfinished(const struct outcome *outcome, const struct run *run);
/* Verdict, words, report; -1: no memory. */
int outcome_decide(struct outcome *outcome, const struct run *run);
void outcome_release(struct outcome *outcome);

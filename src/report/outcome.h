/* SPDX-License-Identifier: Apache-2.0 */
/* outcome - what a run comes to: the verdict, its words, its report. */
#pragma once

#include "report/report.h"
#include "supervise/run.h"

/* Its report points into the run, which outlives it. */
struct outcome {
	struct memcage_result result;
	struct report report;
	struct memcage_warning warnings[WARNINGS_MOST];
	struct timespec started_at;
	char id[32];
	char ancestor[PATH_MAX];
	char *json; /* made when it is asked for */
	char *summary, *hint;
	const char **denied;
};

/* Gives the run its date. */
void outcome_begin(struct outcome *outcome);
/* The report while it runs; the caller frees it; NULL: no memory. */
char *outcome_unfinished(struct outcome *outcome, const struct run *run);
/* Verdict and words, from what the run has seen by now. */
void outcome_decide(struct outcome *outcome, const struct run *run);
/* Fills the result from that. */
void outcome_end(struct outcome *outcome, const struct run *run);
/* The report of a run that is decided; belongs to the outcome; NULL: no memory. */
const char *outcome_json(struct outcome *outcome);
/* The same as one line, the caller's. */
char *outcome_json_line(struct outcome *outcome);
/*
 * The same of a job that could not be made of its options: what the caller knows of it, and why as
 * its summary.
 */
char *outcome_refused(const struct report *known);
void outcome_release(struct outcome *outcome);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text - a report in words, for a tired person at 3 a.m.: what happened (summary, text.c) and what
 * to do (hint, hint.c).  All fit their buffer (cut with "...") and are one line of clean UTF-8,
 * whatever names the job chose.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/report.h"

#define TEXT_LINE 768 /* a buffer that holds a summary with the longest failure, or a hint */

/* One line: how it ended, whose limit, who was killed. */
void text_summary(const struct report *report, char *buffer, size_t size);
/* What would help, or false where there is nothing to say. */
bool text_hint(const struct report *report, char *buffer, size_t size);
/* Bytes as a person writes them: 536870912 -> "512 MiB", 529530880 -> "505 MiB". */
void text_bytes(uint64_t bytes, char *buffer, size_t size);
/* A time as a person writes it: 3214000 -> "3.2 s", 90000000 -> "1 min 30 s". */
void text_usec(uint64_t usec, char *buffer, size_t size);
/* A size that people type, at least `bytes` and 1 MiB; UINT64_MAX where there is none so large. */
uint64_t text_size_round(uint64_t bytes);
/* The same as a text: 1 GiB -> "1G", 668467200 -> "640M". */
void text_size_option(uint64_t bytes, char *buffer, size_t size);
/* A duration to type, in whole milliseconds at least: 10000000 -> "10s", 180000000 -> "3m". */
void text_duration_option(uint64_t usec, char *buffer, size_t size);
/* "SIGKILL", "SIGRTMIN+3"; 0 -> "". */
void text_signal(int signo, char *buffer, size_t size);
/*
 * A line of --seccomp-log: a call that was denied with an error (negative: killed), who made it
 * first, and how often it was made.
 */
void text_denied(const struct call_seen *call, int errnum, uint64_t times, char *buffer,
		 size_t size);
/* Was the job killed at a limit that others had filled?  It used less than half of it itself. */
bool text_is_bystander(const struct report *report);

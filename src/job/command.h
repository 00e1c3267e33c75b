/* SPDX-License-Identifier: Apache-2.0 */
/* command - finds what is to be executed, as the job would see it, and says why it cannot be. */
#pragma once

#include "job/job.h"

/* Fills path, or exec_status and failure. */
void command_find(struct job *job);
/* What execve's errno means for this command: 126 or 127, and words for it. */
int command_explain(const struct job *job, int errnum, char *buffer, size_t size);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_server - a process that clones the inits of many cages for memcage.
 *
 * To fork costs as much as the process is large: its page tables are copied, and each page that it
 * writes afterwards is copied once more.  The fork server is forked while there is little, has none
 * of memcage's descriptors, and writes to hardly a page.  The inits are memcage's own children
 * (CLONE_PARENT): they die with it, and are waited for by it.
 *
 * It knows what memory held when it was started, and what is shared with it since: all that a plan
 * leads to has to be in one of these.  It ends with memcage, or when it is released.
 */
#pragma once

#include "cage/cage.h"

struct fork_server {
	pid_t pid;  /* -1: there is none */
	int socket; /* -1: there is none, or it has gone */
};

#define FORK_SERVER_NONE ((struct fork_server) { -1, -1 })

/* What became of a clone: the child, or errno; and as namespaces_clone() has it. */
struct forked {
	pid_t pid;
	int errnum;
	struct maker maker;
};

/*
 * For jobs that are like this model, and see these hierarchies.  -1 with errno; where the kernel
 * does not let us there is none, which is no error.
 */
int fork_server_start(struct fork_server *server, const struct host *host, const struct job *model);
/*
 * Asks for an init with this plan.  -1: there is no server (any more), and nothing was asked.  Each
 * answer is to be taken before the next one is asked for.
 */
int fork_server_ask(struct fork_server *server, const struct cage_plan *plan);
/*
 * Waits for the answer.  -1: the server has gone, or was stopped and is killed; what it has made
 * goes by itself, when our end of its pair is closed.
 */
int fork_server_answer(struct fork_server *server, struct forked *ret);
/* Ends it, and reaps it. */
void fork_server_release(struct fork_server *server);

/* SPDX-License-Identifier: Apache-2.0 */
/* launch - starts the init of a cage and talks with it. */
#pragma once

#include "cage/cage.h"
#include "cage/fork_server.h"

struct child {
	pid_t pid;	/* init; -1 */
	int pidfd;	/* readable once it has ended; -1 */
	int socket;	/* our end of the pair; -1 */
	bool rootless;	/* it is in a user namespace, and what its job needs was made with it */
	bool is_reaper; /* it is no PID 1: what is below it does not end with it */
	struct fork_server *asked; /* it will say what became of init; NULL: that is known */
};

#define CHILD_NONE ((struct child) { .pid = -1, .pidfd = -1, .socket = -1 })

/*
 * Clones init into its namespaces, or has the server do it, if there is one (NULL: there is none).
 * plan->socket is filled.  What goes on after that comes by launch_receive().
 */
int launch(struct child *child, struct cage_plan *plan, struct fork_server *server,
	   struct memcage_error *err);
/* Waits for the server's answer: until then there is no pid. */
int launch_await(struct child *child, const struct cage_plan *plan, struct memcage_error *err);

/* What the main process is born with. */
struct birthplace {
	const struct cgroup *cgroup; /* with all limits in force */
	int network;		     /* -1: init's */
	const int *stdio;	     /* three; -1: init's */
	bool favoured;		     /* launch_is_favoured() */
	bool go;		     /* there is no launch_go() */
};

/* Has memcage inherited a score below 0, which the job must not have? */
bool launch_is_favoured(void);
/* All of that is ready: the main process may be born. */
int launch_place(const struct child *child, const struct birthplace *at, struct memcage_error *err);
/* All that tells of the job's end is being watched: its main process may become the command. */
int launch_go(const struct child *child, uint64_t tmp_bytes, struct memcage_error *err);
/*
 * One message with its descriptors (-1 where none came); false where there is none now, or no
 * more.
 */
bool launch_receive(struct child *child, struct cage_message *message, int fds[CAGE_FDS_MOST]);
void launch_send(const struct child *child, int signo, enum cage_target target);
/*
 * SIGKILL to init: the kernel takes its whole PID namespace along; where it has none, all that is
 * below it is killed first.  False where something is left.
 */
bool launch_kill(const struct child *child);
/* Has it ended?  Then it is reaped; *ret_status is its wait status. */
bool launch_ended(struct child *child, int *ret_status);
/* Kills and reaps it if it is still there. */
void launch_release(struct child *child);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervise - makes the cage of a run and watches it until its init has ended.  One epoll set,
 * one timer; nothing blocks and nothing ticks where the kernel can tell.
 */
#pragma once

#include "supervise/run.h"

/*
 * Makes init and the cgroup; what goes on is told by run->epoll.  -1 with run->failure filled:
 * the run is to be released.
 */
int supervise_start(struct run *run);
/*
 * Takes what has happened and does what is due.  run->empty: only init is left; PHASE_ENDED:
 * nothing is.
 */
void supervise_step(struct run *run);
/* Passes a signal on; TERM and HUP, and KILL at once, cancel. */
void supervise_signal(struct run *run, int signo);
/* Kills at once; the cause is then `cancelled` by signo. */
void supervise_cancel(struct run *run, int signo);

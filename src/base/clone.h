/* SPDX-License-Identifier: Apache-2.0 */
/* clone - fork(2) into namespaces, with a descriptor of the child. */
#pragma once

#include <sys/types.h>

/*
 * 0 in the child.  -1 with errno; *ret_pidfd is set, and close-on-exec, where it is not; NULL: none
 * is wanted.  SIGCHLD is sent at its end, and with CLONE_PARENT what is sent at ours.
 */
pid_t clone_process(unsigned long flags, int *ret_pidfd);

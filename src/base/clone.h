/* SPDX-License-Identifier: Apache-2.0 */
/* clone - fork(2) into namespaces, with a descriptor of the child. */
#pragma once

#include <sys/types.h>

/* 0 in the child.  -1 with errno; *ret_pidfd is set, and close-on-exec, where it is not. */
pid_t clone_process(unsigned long flags, int *ret_pidfd);

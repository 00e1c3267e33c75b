/* SPDX-License-Identifier: Apache-2.0 */
/* message - records with descriptors over a SOCK_SEQPACKET pair (unix(7)).  Async-signal-safe. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define MESSAGE_FDS_MOST 16

/*
 * One record with copies of count descriptors; 0, or -1 with errno.  A reader that is gone is no
 * signal.
 */
int message_send(int socket, const void *data, size_t size, const int *fds, size_t count);
/*
 * One record; its length, 0 where the other end is gone, -1 with errno.  Of the descriptors that
 * came along, close-on-exec, the first `most` are put into fds and the rest of fds is -1.
 */
ssize_t message_receive(int socket, void *data, size_t size, int *fds, size_t most, int flags);

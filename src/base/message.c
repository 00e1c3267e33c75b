/* SPDX-License-Identifier: Apache-2.0 */
#include "base/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int message_send(int socket, const void *data, size_t size, const int *fds, size_t count)
{
	char control[CMSG_SPACE(MESSAGE_FDS_MOST * sizeof(int))] = { 0 };
	struct cmsghdr *rights = (struct cmsghdr *) control;
	struct iovec record = { (void *) data, size };
	struct msghdr header = { .msg_iov = &record, .msg_iovlen = 1 };
	ssize_t sent;

	if (count > 0) {
		*rights =
			(struct cmsghdr) { CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	do
		sent = sendmsg(socket, &header, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

ssize_t message_receive(int socket, void *data, size_t size, int *fds, size_t most, int flags)
{
	char control[CMSG_SPACE(MESSAGE_FDS_MOST * sizeof(int))];
	struct iovec record = { data, size };
	struct msghdr header = {
		.msg_iov = &record,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *rights;
	ssize_t received;

	for (size_t i = 0; i < most; i++)
		fds[i] = -1;
	do
		received = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
	while (received < 0 && errno == EINTR);
	rights = received > 0 ? CMSG_FIRSTHDR(&header) : NULL;
	if (rights && rights->cmsg_type == SCM_RIGHTS &&
	    rights->cmsg_len <= CMSG_LEN(most * sizeof(int)))
		memcpy(fds, CMSG_DATA(rights), rights->cmsg_len - CMSG_LEN(0));
	return received;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "filter/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "filter/filter_eval.h"

/* The kernel's structure may have grown, and wants to find nothing where it writes. */
union notification {
	struct seccomp_notif notif;
	char room[512];
};

/* Notifications name threads; processes are what is killed and what people know. */
static pid_t process_of(pid_t thread)
{
	char path[48], text[4096];
	const char *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int) thread);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0 ||
	    !(line = strstr(text, "\nTgid:")))
		return thread;
	return (pid_t) strtol(line + strlen("\nTgid:"), NULL, 10);
}

static void look(const struct seccomp_notif *notif, struct call_seen *ret)
{
	char path[48], text[64] = "";

	*ret = (struct call_seen) {
		.known = true,
		.number = notif->data.nr,
		.audit = notif->data.arch,
		.args_known = true,
		.pid = process_of((pid_t) notif->pid),
	};
	memcpy(ret->args, notif->data.args, sizeof(ret->args));
	snprintf(path, sizeof(path), "/proc/%u/comm", notif->pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return;
	text[strcspn(text, "\n")] = '\0'; /* a name may have one, but cannot say more */
	snprintf(ret->comm, sizeof(ret->comm), "%s", text);
}

/* Is the caller still there?  Then what was read by its number was of it. */
static bool still_waits(int fd, const struct seccomp_notif *notif)
{
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif->id) == 0;
}

static enum listened kill_caller(int fd, const struct seccomp_notif *notif, pid_t process)
{
	auto_fd int pidfd = (int) syscall(SYS_pidfd_open, process, 0U);

	if (!still_waits(fd, notif))
		return LISTENED_NOTHING;
	if (pidfd < 0 || syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0U) < 0)
		return LISTENED_CANNOT_KILL;
	return LISTENED_KILLED;
}

/* What is allowed after all was not asked about, but nobody may wait for ever. */
static void answer(int fd, const struct seccomp_notif *notif, uint32_t verdict)
{
	struct seccomp_notif_resp response = { .id = notif->id };

	if ((verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		response.error = -(int) (verdict & SECCOMP_RET_DATA);
	else
		response.error = -EPERM;
	ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static void count(struct denials *denials, const struct call_seen *call, uint32_t verdict)
{
	for (size_t i = 0; i < denials->count; i++) {
		struct denial *known = &denials->list[i];

		if (known->first.number != call->number || known->first.audit != call->audit ||
		    known->verdict != verdict)
			continue;
		known->times++;
		return;
	}
	if (denials->count < DENIALS_MOST)
		denials->list[denials->count++] = (struct denial) { *call, verdict, 1 };
	else
		denials->others++;
}

static bool is_kill(uint32_t verdict)
{
	uint32_t action = verdict & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_KILL_PROCESS || action == SECCOMP_RET_KILL_THREAD;
}

enum listened listener_take(int fd, const struct filter *filter, struct call_seen *ret,
			    struct denials *denials)
{
	union notification got = { .room = { 0 } };
	enum listened result = LISTENED_NOTHING;
	struct call_seen call;
	uint32_t verdict;

	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &got) < 0)
		return LISTENED_NOTHING;
	verdict = filter_eval(&filter->program, &got.notif.data);
	look(&got.notif, &call);
	if (!still_waits(fd, &got.notif))
		return LISTENED_NOTHING;
	if (is_kill(verdict))
		result = kill_caller(fd, &got.notif, call.pid);
	else
		answer(fd, &got.notif, verdict);
	if (result == LISTENED_KILLED)
		*ret = call;
	if (denials && (result == LISTENED_KILLED || !is_kill(verdict)))
		count(denials, &call, verdict);
	return result;
}

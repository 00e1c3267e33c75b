/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc ATTEMPT NAME - speaks with what a program of the host holds there: `ipc hold NAME` has one
 * object of each kind, says "ready" and ends with its stdin.
 */
#define _GNU_SOURCE
#include "escape.h"

#include <linux/keyctl.h>
#include <mqueue.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

static const char secret[] = "the host's";

/* Keys of System V and names of POSIX, made of one name. */
static key_t key_of(const char *name)
{
	return (key_t) (0x6d630000 | (strtol(name, NULL, 10) & 0xffff));
}

static const char *slashed(const char *name)
{
	static char text[64];

	snprintf(text, sizeof(text), "/escape-%s", name);
	return text;
}

static socklen_t address_of(const char *name, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "escape-%s", name);
	return (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 +
			    strlen(address->sun_path + 1));
}

static long connect_abstract(char **args)
{
	struct sockaddr_un address;
	socklen_t length = address_of(args[0], &address);

	return connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *) &address,
		       length);
}

static long attach_segment(char **args)
{
	return shmget(key_of(args[0]), 4096, 0);
}

static long open_queue(char **args)
{
	return mq_open(slashed(args[0]), O_RDONLY | O_CLOEXEC);
}

static long open_shared(char **args)
{
	return shm_open(slashed(args[0]), O_RDONLY, 0);
}

/* Where the caller's session keyring holds it. */
static long read_key(char **args)
{
	char text[sizeof(secret)];
	long key = syscall(SYS_request_key, "user", slashed(args[0]), NULL, 0);

	return key < 0 ? -1 : syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof(text));
}

/* From another session of the same user. */
static long read_user_key(char **args)
{
	char text[sizeof(secret)];
	long key;

	if (syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING) < 0)
		return -1;
	key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, "user", slashed(args[0]),
		      0);
	return key < 0 ? -1 : syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof(text));
}

static long hold(char **args)
{
	struct sockaddr_un address;
	socklen_t length = address_of(args[0], &address);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int segment = shmget(key_of(args[0]), 4096, IPC_CREAT | 0600);
	struct mq_attr small = { .mq_maxmsg = 1, .mq_msgsize = 16 };
	long key = syscall(SYS_add_key, "user", slashed(args[0]), secret, sizeof(secret),
			   KEY_SPEC_USER_KEYRING);
	char byte;

	if (bind(listener, (struct sockaddr *) &address, length) < 0 || listen(listener, 8) < 0)
		return -1;
	mq_open(slashed(args[0]), O_RDWR | O_CREAT | O_CLOEXEC, 0600, &small);
	shm_open(slashed(args[0]), O_RDWR | O_CREAT, 0600);
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	shmctl(segment, IPC_RMID, NULL);
	mq_unlink(slashed(args[0]));
	shm_unlink(slashed(args[0]));
	return syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_USER_KEYRING);
}

static const struct attempt attempts[] = {
	{ "hold", hold },
	{ "abstract", connect_abstract },
	{ "sysv", attach_segment },
	{ "queue", open_queue },
	{ "shm", open_shared },
	{ "key", read_key },
	{ "user-key", read_user_key },
};

int main(int argc, char **argv)
{
	return escape(argc, argv, attempts, ARRAY_LEN(attempts));
}

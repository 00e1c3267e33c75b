/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/capability.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"

#define NAME(name) [CAP_##name] = "CAP_" #name
#define PREFIX (sizeof("CAP_") - 1)

static const char *const names[] = {
	NAME(CHOWN),
	NAME(DAC_OVERRIDE),
	NAME(DAC_READ_SEARCH),
	NAME(FOWNER),
	NAME(FSETID),
	NAME(KILL),
	NAME(SETGID),
	NAME(SETUID),
	NAME(SETPCAP),
	NAME(LINUX_IMMUTABLE),
	NAME(NET_BIND_SERVICE),
	NAME(NET_BROADCAST),
	NAME(NET_ADMIN),
	NAME(NET_RAW),
	NAME(IPC_LOCK),
	NAME(IPC_OWNER),
	NAME(SYS_MODULE),
	NAME(SYS_RAWIO),
	NAME(SYS_CHROOT),
	NAME(SYS_PTRACE),
	NAME(SYS_PACCT),
	NAME(SYS_ADMIN),
	NAME(SYS_BOOT),
	NAME(SYS_NICE),
	NAME(SYS_RESOURCE),
	NAME(SYS_TIME),
	NAME(SYS_TTY_CONFIG),
	NAME(MKNOD),
	NAME(LEASE),
	NAME(AUDIT_WRITE),
	NAME(AUDIT_CONTROL),
	NAME(SETFCAP),
	NAME(MAC_OVERRIDE),
	NAME(MAC_ADMIN),
	NAME(SYSLOG),
	NAME(WAKE_ALARM),
	NAME(BLOCK_SUSPEND),
	NAME(AUDIT_READ),
	NAME(PERFMON),
	NAME(BPF),
	NAME(CHECKPOINT_RESTORE),
};

const char *capability_name(unsigned int capability)
{
	return capability < ARRAY_LEN(names) ? names[capability] : NULL;
}

/* The bit of a name with or without "CAP_"; 0 where there is none of that name. */
static uint64_t find(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_LEN(names); i++)
		if (parse_same(name, names[i]) || parse_same(name, names[i] + PREFIX))
			return UINT64_C(1) << i;
	return 0;
}

int capability_parse(const char *text, uint64_t *ret_set, struct memcage_error *err)
{
	auto_free char *copy = strdup(text);
	char quoted[PARSE_QUOTED];
	uint64_t set = 0;

	if (!copy)
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	for (char *rest = copy, *name; strcmp(text, "none") != 0 && (name = strsep(&rest, ","));) {
		uint64_t bit = find(name);

		if (bit == 0)
			return error_usage(err,
					   "%s is no capability; say none, or for example %s,%s",
					   parse_quote(name, quoted, sizeof(quoted)),
					   names[CAP_CHOWN], names[CAP_NET_BIND_SERVICE]);
		set |= bit;
	}
	*ret_set = set;
	return 0;
}

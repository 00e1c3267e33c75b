/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings - what is said of a cage apart from its limits: one row per option, with its help, its
 * parser and whether it repeats.  Form is checked here; what the host has to say comes with
 * job.h.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "host/host.h"

struct job;
struct premises;

struct bind {
	char *text;	       /* as it was said, for messages */
	char *source, *target; /* absolute */
	bool read_only;
};

/* What may be missing of a cage where it is asked for; by the code of the warning given then. */
enum allowance {
	ALLOW_LIMIT,	 /* limit-unsupported */
	ALLOW_NAMESPACE, /* namespace-unavailable */
	ALLOW_TMP,	 /* tmp-not-private */
	ALLOW__COUNT,
};

struct settings {
	char *policy;	   /* that all began with, as it was given; NULL: default */
	bool kill_process; /* --oom kill-process: an OOM kill ends only the kernel's victim */
	bool network_none;
	bool root_read_only; /* --root ro */
	struct bind *binds;
	size_t bind_count;
	char **hides; /* absolute */
	size_t hide_count;
	int *pass_fds;
	size_t pass_fd_count;
	char *workdir; /* NULL: the caller's */
	char **env;    /* NAME=VALUE, or NAME for the caller's value */
	size_t env_count;
	char **cpus_env; /* names for the number of the job's CPUs, where it is known */
	size_t cpus_env_count;
	bool clear_env;
	char *hostname; /* NULL: the host's */
	bool has_user;	/* --user */
	uid_t uid;
	gid_t gid;
	bool has_capabilities; /* only these are kept; none at all: see identity.h */
	uint64_t capabilities;
	bool allow_new_privs; /* no-new-privs: false */
	enum backend_choice backend;
	unsigned int allowed; /* bit 1 << enum allowance */
	char *seccomp;	      /* a shipped filter's name, a file, "off"; NULL: default */
	bool seccomp_log;     /* count what the filter denies */
	char *report;	      /* FILE, fd:N, -; NULL */
	uint64_t sample_usec; /* 0: no timeline */
	int oom_exit_code;
	sigset_t mask; /* the job's signal mask, where has_mask; else the caller's at the start */
	bool has_mask;
	bool usage; /* CPU time, I/O and processes of the job will be asked for */

	/* Of one job among many (map.h), the caller's: */
	bool no_terminal;	  /* it has a session of its own, without memcage's terminal */
	int stdio[3];		  /* what becomes its descriptors 0, 1, 2; -1: what memcage has */
	const struct job *model;  /* it is as this one, but for what is here and memory; NULL */
	const char *const *extra; /* then: NAME=VALUE for its environment, NULL-terminated */
	void *room;		  /* then: for its command and environment, if they fit */
	size_t room_bytes;
	struct premises *premises; /* what it has in common with others; NULL: nothing */
	bool any_limit;		   /* jobs that are not known yet may want any controller */
	const char *item;	   /* for the report; NULL: none */
	uint64_t seq, attempt;	   /* likewise; 0: none */
};

#define SETTINGS_DEFAULT                                                                           \
	((struct settings) { .oom_exit_code = 120, .usage = true, .stdio = { -1, -1, -1 } })
#define BINDS_MOST 64
#define HIDES_MOST 64
#define PASS_FDS_MOST 256

typedef int setting_parse_fn(const char *text, struct settings *settings,
			     struct memcage_error *err);

struct setting {
	const char *key;
	char letter;	 /* 0: none */
	const char *arg; /* NULL: a switch, whose text is NULL */
	const char *help;
	setting_parse_fn *parse;
	bool optional;	  /* the value may be left out (NULL), and is given as --KEY=VALUE */
	bool policy_only; /* a key of policies; there is no option for it */
};

/* Ends with a row whose key is NULL. */
extern const struct setting settings_table[];

/* The row, or NULL. */
const struct setting *setting_find(const char *key);
/* A variable of this name holds the number of CPUs, unless it is set otherwise. */
int settings_add_cpus_env(struct settings *settings, const char *name, struct memcage_error *err);
bool settings_allow(const struct settings *settings, enum allowance allowance);
int settings_copy(const struct settings *from, struct settings *to);
void settings_release(struct settings *settings);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_facts - what was tried for memcage doctor, and what came of it.  An errno of 0 means that
 * it worked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/host.h"
#include "spec/limit.h"

/* An "errno" for what could not be tried at all. */
#define NOT_TRIED (-1)
/* ... and for a child that was killed by a signal, as seccomp does it: KILLED - signal. */
#define KILLED (-1000)

enum doctor_runtime {
	RUNTIME_NONE,
	RUNTIME_DOCKER,
	RUNTIME_PODMAN,
	RUNTIME_KUBERNETES,
	RUNTIME_OTHER
};

/* Who and where we are: it decides which mend is named, never what is said to work. */
struct doctor_here {
	unsigned int uid;
	bool admin; /* CAP_SYS_ADMIN */
	bool proc;  /* /proc is there */
	enum doctor_runtime runtime;
};

/* A whole cage. */
struct doctor_trial {
	bool works;
	char backend[16]; /* "" where it did not get so far */
	char why[600];	  /* why not */
	char line[32];	  /* that the refusal points to; "" */
	char warnings[400];
};

/* A cage with a limit of the controller. */
struct doctor_controller {
	bool mounted, works;
	enum cgroup_version version;
	char mount[HIERARCHY_MOUNT];
	char why[300];
};

/* memcage's own cgroup, in the hierarchy of the memory controller. */
struct doctor_delegation {
	bool found;
	char why[300]; /* not found: why */
	enum cgroup_version version;
	char path[HIERARCHY_MOUNT + HIERARCHY_OWN];
	int mkdir_errnum;
	bool tree_root; /* v2's root may hold processes beside cages */
	bool namespace_root;
	bool memory;  /* it has the memory controller; v1: always */
	bool enabled; /* ... and gives it to children already */
	size_t others;
	char other[64]; /* one of them: "bash, pid 12" */
};

enum doctor_namespace {
	NAMESPACE_MOUNT,
	NAMESPACE_PID,
	NAMESPACE_IPC,
	NAMESPACE_UTS,
	NAMESPACE_CGROUP,
	NAMESPACE_NET,
	NAMESPACE__COUNT
};

struct doctor_namespaces {
	int errnum[NAMESPACE__COUNT];
	int in_user_errnum[NAMESPACE__COUNT]; /* together with a user namespace */
};

struct doctor_user_namespace {
	int errnum;	   /* making it, and mapping oneself in it */
	int inside_errnum; /* a mount namespace inside */
	/* Knobs as they read; UINT64_MAX: there is none. */
	uint64_t most, allowed, apparmor;
};

struct doctor_seccomp {
	int errnum; /* loading memcage's default filter, with no_new_privs */
	int mode;   /* PR_GET_SECCOMP: 0 none, 2 a filter; -1 not known */
	int no_new_privs;
	int listener_errnum;
};

struct doctor_kmsg {
	int errnum;
	uint64_t restricted; /* kernel.dmesg_restrict; UINT64_MAX: not known */
	bool root_pid_namespace;
};

struct doctor_pressure {
	int errnum;
};

struct doctor_swap {
	bool known;
	uint64_t bytes; /* of all devices */
	bool limited;	/* --swap works */
	char why[300];
};

/* A limit of memcage's own cgroup or one above it. */
struct doctor_limit {
	char file[HIERARCHY_MOUNT + HIERARCHY_OWN + 64];
	char value[64];
};

#define DOCTOR_LIMITS_MOST 48

struct doctor_limits {
	bool known;
	bool hidden; /* there are levels above that are not visible here */
	struct doctor_limit list[DOCTOR_LIMITS_MOST];
	size_t count, left_out;
	uint64_t memory_bytes; /* the smallest of memory; LIMIT_NONE */
};

struct doctor_tmp {
	int errnum; /* a tmpfs over /tmp in a mount namespace */
	int in_user_errnum;
	int proc_errnum, proc_in_user_errnum; /* a proc of its own there */
};

struct doctor_systemd {
	bool booted;	   /* the machine, or the container, was booted by it */
	int system_errnum; /* connecting to the system manager's bus */
	int user_errnum;
	char user_socket[120]; /* "": none is to be expected */
};

#define DOCTOR_LEFTOVERS_MOST 32

struct doctor_leftovers {
	bool known;
	char list[DOCTOR_LEFTOVERS_MOST][HIERARCHY_MOUNT + HIERARCHY_OWN + 64];
	size_t count; /* all, the list has the first ones */
};

enum doctor_feature {
	FEATURE_CLONE3,
	FEATURE_INTO_CGROUP,
	FEATURE_CGROUP_KILL,
	FEATURE_PIDFD,
	FEATURE_CLOSE_RANGE,
	FEATURE_OPENAT2,
	FEATURE_OPEN_TREE,
	FEATURE_MOUNT_SETATTR,
	FEATURE_MEMORY_PEAK,
	FEATURE_OOM_GROUP,
	FEATURE_EVENTS_LOCAL,
	FEATURE_PSI,
	FEATURE__COUNT,
};

struct doctor_kernel {
	char release[72];
	int errnum[FEATURE__COUNT];
};

struct doctor_facts {
	struct doctor_here here;
	struct doctor_trial trial; /* with a memory limit */
	struct doctor_trial bare;  /* without, where that does not work */
	struct doctor_controller controllers[CONTROLLER__COUNT];
	bool disk; /* there is one, to try a limit of io with */
	struct doctor_delegation delegation;
	struct doctor_namespaces namespaces;
	struct doctor_user_namespace user;
	struct doctor_seccomp seccomp;
	struct doctor_kmsg kmsg;
	struct doctor_pressure pressure;
	struct doctor_swap swap;
	struct doctor_limits limits;
	struct doctor_tmp tmp;
	struct doctor_systemd systemd;
	struct doctor_leftovers leftovers;
	struct doctor_kernel kernel;
};

/* Those that need nothing but ourselves. */
void doctor_try_system(struct doctor_facts *facts);
/* Whole cages, as memcage run makes them. */
void doctor_try_cages(struct doctor_facts *facts, char *const trial[]);
/* Those about cgroups, with whole cages among them. */
void doctor_try_cgroups(struct doctor_facts *facts, char *const trial[]);

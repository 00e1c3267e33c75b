/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cage - the processes of a cage and how they talk.
 *
 *	memcage		supervises; in its own cgroup; knows the verdict
 *	  `- init	PID 1 of the cage, in memcage's cgroup: makes the mounts, starts the main
 *	       |	process, reaps orphans, tells memcage how the main process ended
 *	       `- main	born in the job's cgroup; becomes the command
 *
 * Init makes the mounts while memcage makes the cgroup; the main process starts when memcage has
 * sent what it is to be born in, with all limits in force (struct cage_place).  It enters that
 * while memcage opens all that tells of the job's end, and becomes the command when memcage says
 * so (struct cage_go).  After that one struct cage_order at a time goes to init, one struct
 * cage_message comes from it, over the two ends of a SOCK_SEQPACKET pair.  Init cannot be spoken
 * for: its end is close-on-exec, and it is not dumpable, so that nobody without CAP_SYS_PTRACE
 * can open its descriptors or stop it. Nothing rests on its word but the main process's status:
 * deadlines, the OOM evidence and the end of the cage are memcage's own observation.  If memcage
 * dies init is killed (PR_SET_PDEATHSIG, and end of file on the pair), and with it its PID
 * namespace.
 *
 * Where no PID namespace can be made (namespaces.h) init is a reaper instead of PID 1: orphans of
 * the job come to it, and whoever ends the cage kills all that descends from it: memcage, from
 * outside, or init itself where memcage is gone.
 *
 * Init is forked and runs no allocator, stdio or lock: the caller of the library may have had
 * threads.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup/cgroup.h"
#include "job/job.h"

enum cage_message_kind {
	/*
	 * The main process runs; descriptors come along: its pidfd, the tmpfs (where `tmp`), the
	 * listener of its filter (where `listener`; `number` is why there is none).
	 */
	CAGE_STARTED,
	CAGE_STOPPED,	  /* main was stopped by signal `number` */
	CAGE_NESTED,	  /* the job has made a cgroup (told on v1 only) */
	CAGE_ENDED,	  /* main has ended: wait status `number`; others live on if `leftovers` */
	CAGE_EXEC_FAILED, /* execve failed with errno `number` */
	CAGE_FAILED,	  /* set-up failed with errno `number` at `text` */
};

struct cage_message {
	enum cage_message_kind kind;
	int number;
	bool leftovers, tmp, listener;
	uint64_t tmp_files; /* STARTED: files in the tmpfs that are not the job's */
	char text[256];	    /* STARTED: what the job does without, if anything */
};

#define CAGE_FDS_MOST 3

enum cage_target { CAGE_MAIN, CAGE_GROUP, CAGE_ALL };

/* Send this signal to main, to its process group, or to all processes of the cage. */
struct cage_order {
	int signo;
	enum cage_target target;
};

/*
 * The job's cgroup is ready: its leaves come along as descriptors, in this order, and last the
 * directory whose lock says that the cage lives; without a cgroup of the job's there are none.
 * Init fills in what numbers they have there.  After them come the job's network, if it has one
 * that init was not born in, and what becomes its stdin, stdout and stderr, where that is not
 * memcage's.
 */
struct cage_place {
	size_t count;
	enum cgroup_version versions[HIERARCHIES_MOST];
	int leaves[HIERARCHIES_MOST];
	/*
	 * A score below 0 was inherited.  It would make the job's processes the last that the
	 * kernel kills at the job's own limit, and -1000 none at all.
	 */
	bool reset_oom_score;
	bool network;
	bool stdio[3];
	bool go; /* no struct cage_go comes: all is being watched already */
};

#define CAGE_PLACE_FDS (HIERARCHIES_MOST + 5)

static inline size_t cage_place_directories(const struct cage_place *place)
{
	return place->count > 0 ? place->count + 1 : 0;
}

static inline size_t cage_place_fds(const struct cage_place *place)
{
	return cage_place_directories(place) + place->network + place->stdio[0] + place->stdio[1] +
	       place->stdio[2];
}

/* The main process may become the command. */
struct cage_go {
	uint64_t tmp_bytes; /* of the private tmpfs; LIMIT_NONE */
};

#define CAGE_TMP_LATER (LIMIT_NONE - 1)

/* What init needs and knows from its birth. */
struct cage_plan {
	const struct job *job;
	const struct host *host; /* which hierarchies are shown in the cage */
	int socket;		 /* init's end */
	/* PR_SET_PDEATHSIG is about the thread that forks: only of use from the main one */
	bool die_with_thread;
	sigset_t mask;	      /* the signal mask that the job gets */
	mode_t umask;	      /* ... and its umask, which init fills in */
	struct maker maker;   /* of its namespaces */
	bool cgroups_cleared; /* in the mounts that init begins with */
	uint64_t tmp_bytes;   /* of the private tmpfs; CAGE_TMP_LATER: comes with struct cage_go */
	int namespace_limits; /* see identity.h; init fills it in */
};

static inline struct clone_wish plan_wish(const struct cage_plan *plan, unsigned long flags)
{
	return (struct clone_wish) {
		.shared = &plan->job->shared,
		.flags = flags,
		.rootless_flags = plan->job->settings.network_none ? CLONE_NEWNET : 0,
	};
}

/* PID 1 of the cage: never returns. */
_Noreturn void init_run(struct cage_plan *plan);

/*
 * The mounts of the cage, in init, whose umask is 0.  Failed: -1 with errno and what it was about
 * in `about` (size bytes). *ret_tmp is a descriptor of the private tmpfs, -1 where no place is
 * private.
 */
int mounts_make(struct cage_plan *plan, int *ret_tmp, char *about, size_t size);
/* The size of the private tmpfs, where it was not known at first: -1 with errno. */
int mounts_resize(const struct job *job, uint64_t bytes);
/*
 * In main: /sys/fs/cgroup through its cgroup namespace.  The host's has been taken away by
 * mounts_make().  -1 where it is to be read-only and cannot be.
 */
int mounts_cgroup(const struct cage_plan *plan);

/* How far the main process got before execve. */
struct main_failure {
	int errnum;	 /* 0: it is running the command */
	bool exec;	 /* execve itself failed */
	char about[240]; /* what else did; or what the command runs without, if anything */
};

/* What init has of a main process that runs: descriptors or -1. */
struct main_started {
	int pidfd;
	int listener;		/* of its seccomp filter, where one was wanted and could be had */
	int no_listener_errnum; /* why it could not; 0 */
};

/*
 * Starts the main process; returns when it has become the command or failed: its pid, or -1 with
 * failure filled and nothing in *ret.
 */
pid_t main_start(const struct cage_plan *plan, const struct cage_place *place,
		 struct main_started *ret, struct main_failure *failure);

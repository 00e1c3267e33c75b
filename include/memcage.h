/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcage.h - run a command in a cage: its own cgroup, namespaces, private tmpfs and seccomp
 * filter, with a verdict on how it ended that never leaves out a memory kill.
 *
 * The order of calls:
 *
 *	spec = memcage_spec_new();
 *	memcage_spec_set(spec, "memory", "512M", &err);	// as in memcage-run(1)
 *	memcage_start(spec, argv, &job, &err);		// the command runs
 *	while (memcage_step(job) != MEMCAGE_ENDED) poll(memcage_fd(job));
 *	result = memcage_result(job);			// valid until memcage_job_free()
 *	memcage_job_free(job);
 *	memcage_spec_free(spec);
 *
 * or, in place of the middle, memcage_run(), which blocks until the job has ended.
 *
 * Nothing here prints, exits, or changes the signal handling of the caller; SIGCHLD must not be
 * ignored and nobody else may wait for children that he did not start (wait(2) with pid -1).  A
 * spec may be used for any number of jobs.  A job belongs to the process that started it; jobs
 * are independent and may be stepped from different threads, each by one thread at a time.  If
 * the process ends, its jobs end.
 */
#ifndef MEMCAGE_H
#define MEMCAGE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MEMCAGE_VERSION "0.1.0"

enum memcage_error_code {
	MEMCAGE_ERROR_NONE,
	MEMCAGE_ERROR_USAGE, /* a key or value is wrong; nothing was made */
	MEMCAGE_ERROR_SETUP, /* the host refused something; nothing is left behind */
	MEMCAGE_ERROR__COUNT,
};

/*
 * What failed, as one line without a newline.  Flat: needs no free and crosses a pipe in one
 * write.
 */
struct memcage_error {
	enum memcage_error_code code;
	int errnum; /* errno of the failed call, or 0; already put into words in text */
	char text[500];
};

enum memcage_cause {
	MEMCAGE_CAUSE_NONE, /* still running */
	MEMCAGE_CAUSE_EXITED,
	MEMCAGE_CAUSE_SIGNALED,
	MEMCAGE_CAUSE_OOM,
	MEMCAGE_CAUSE_TIMEOUT,
	MEMCAGE_CAUSE_CPU_TIME,
	MEMCAGE_CAUSE_SECCOMP,
	MEMCAGE_CAUSE_CANCELLED,
	MEMCAGE_CAUSE_EXEC_FAILED,
	MEMCAGE_CAUSE_SETUP_FAILED,
	MEMCAGE_CAUSE__COUNT,
};

/* Whose memory limit it was, where the cause is, or the report tells of, an OOM kill. */
enum memcage_scope {
	MEMCAGE_SCOPE_NONE,	/* no OOM kill */
	MEMCAGE_SCOPE_JOB,	/* the job's own limit */
	MEMCAGE_SCOPE_ANCESTOR, /* a limit above it: a container's, a pod's, a slice's */
	MEMCAGE_SCOPE_HOST,	/* the machine ran out */
	MEMCAGE_SCOPE_NESTED,	/* a limit that the job itself set inside */
	MEMCAGE_SCOPE_UNKNOWN,	/* the evidence is not readable here */
	MEMCAGE_SCOPE__COUNT,
};

/*
 * The names of the report: "oom", "cpu-time", "job", ...; NULL for the values that stand for
 * none.
 */
const char *memcage_cause_name(enum memcage_cause cause);
const char *memcage_scope_name(enum memcage_scope scope);

/* What the job's owner should know although it is not what ended the job. */
struct memcage_warning {
	const char *code;    /* "pids-limit", ...: memcage-report(5) */
	const char *message; /* one line */
};

struct memcage_result {
	enum memcage_cause cause;
	enum memcage_scope scope;
	bool ok;       /* the main process exited 0, nothing was killed for memory */
	bool quiet;    /* it merely exited, without a warning: nothing needs to be said */
	int status;    /* exit status of `memcage run`, 0 to 255 */
	int exit_code; /* of the main process; -1 where it did not exit */
	int signal;    /* that ended the main process; 0 where none did */
	uint64_t memory_limit_bytes; /* UINT64_MAX: none was set */
	uint64_t memory_peak_bytes;  /* UINT64_MAX: not known here */
	double wall_seconds;
	const char *backend;			/* "v2", "v1"; NULL: none was found; constant */
	const char *summary;			/* one line; owned by the job, as all below */
	const char *hint;			/* what to do about it, or NULL */
	const struct memcage_warning *warnings; /* those worth a line; the report has all */
	size_t warning_count;
	const char *const *denied; /* with seccomp-log: a line for each call that was denied */
	size_t denied_count;
	int report_errnum; /* errno with which writing the report failed, or 0 */
};

struct memcage_spec;
struct memcage_job;

/* An empty spec, or NULL with errno ENOMEM. */
struct memcage_spec *memcage_spec_new(void);
/* Takes NULL too; gives NULL, so that `spec = memcage_spec_free(spec)` leaves nothing dangling. */
struct memcage_spec *memcage_spec_free(struct memcage_spec *spec);

/*
 * Sets KEY (a long option of memcage-run(1) without its dashes) to TEXT, which is copied; for an
 * option without an argument TEXT is NULL.  A key that repeats (io, rlimit, bind, env, pass-fd)
 * adds, any other replaces.  The value is checked here: 0, or -1 with MEMCAGE_ERROR_USAGE.
 *
 * "policy" is many values at once: a shipped policy's name, or a file as in memcage-policy(5).  Say
 * it first: it replaces all that the spec holds, but for what the next two functions set.
 */
int memcage_spec_set(struct memcage_spec *spec, const char *key, const char *text,
		     struct memcage_error *err);

/* The job's signal mask; where none is set, that of the thread which starts it. */
void memcage_spec_set_mask(struct memcage_spec *spec, const sigset_t *mask);

/*
 * Will anybody ask for the CPU time, the I/O and the number of processes of the job?  True at
 * first; where nobody will, a job is started and ended sooner on cgroup v1, which counts them in
 * hierarchies of their own.
 */
void memcage_spec_set_usage(struct memcage_spec *spec, bool wanted);

/*
 * Starts argv[0] (looked up in the job's PATH where it has no slash) in a cage.  argv ends with
 * NULL and is copied.  0 and *ret_job, to be freed by the caller; -1 with MEMCAGE_ERROR_USAGE
 * where a value cannot be right on this host, and then nothing was made and no report written.  A
 * cage that cannot be made, or a command that cannot be executed, is a result of the job and not
 * an error.
 */
int memcage_start(const struct memcage_spec *spec, char *const argv[], struct memcage_job **ret_job,
		  struct memcage_error *err);

/*
 * Readable whenever memcage_step() has something to do.  Belongs to the job; -1 once it has
 * ended.
 */
int memcage_fd(const struct memcage_job *job);

enum memcage_state {
	MEMCAGE_RUNNING,
	MEMCAGE_STOPPED,	/* said once: the main process was stopped by SIGTSTP */
	MEMCAGE_WANTS_TERMINAL, /* said once: it was stopped by SIGTTIN or SIGTTOU */
	MEMCAGE_ENDED,		/* the cage is gone and the report is written */
};

/*
 * Does what is due and returns without blocking.  A program with job control stops itself when
 * the main process has been stopped, gives it the foreground when it wants the terminal, and says
 * memcage_signal(SIGCONT) for it to go on.
 */
enum memcage_state memcage_step(struct memcage_job *job);

/*
 * Passes a signal on.  USR1 and USR2 go to the main process, others to its process group.  TERM
 * and HUP also cancel the job: after the grace time it is killed; the second one kills at once.
 * KILL does so right away.  0, or -1 with errno EINVAL for a signal that is not passed on.
 */
int memcage_signal(struct memcage_job *job, int signo);

/* Kills the job at once; the cause is then `cancelled` by signo. */
void memcage_cancel(struct memcage_job *job, int signo);

/*
 * The main process, as the caller's PID namespace sees it; -1 before memcage_step() knows that it
 * runs, and after it has ended.
 */
pid_t memcage_pid(const struct memcage_job *job);

/* What is known; the cause is NONE until the job has ENDED.  Belongs to the job. */
const struct memcage_result *memcage_result(const struct memcage_job *job);

/*
 * The whole report of a job that has ended, as JSON text: memcage-report(5).  Belongs to the job;
 * NULL before the end, or with errno ENOMEM.
 */
const char *memcage_report(struct memcage_job *job);

/* Ends the job if it still runs, removes its cage, frees all.  Takes NULL; gives NULL. */
struct memcage_job *memcage_job_free(struct memcage_job *job);

/* Starts a job and steps it until it has ended; *ret_job and errors as in memcage_start(). */
int memcage_run(const struct memcage_spec *spec, char *const argv[], struct memcage_job **ret_job,
		struct memcage_error *err);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stopwatch - how long commands take, measured so that they can be compared.
 *
 *   stopwatch [-d|-m] [-n ROUNDS] [-w ROUNDS] [-i MS] [-t SECONDS] <CONTESTANTS
 *
 * Every round runs each contestant (see contest.h) once, so that whatever else the machine does
 * falls on all alike. The order within a round is shuffled: what one leaves behind for the kernel
 * to clean up, or leaves warm, would otherwise always be charged to the same neighbour. -w rounds
 * are run first and not counted; -i is a rest before each run, for cold starts; no run may take
 * longer than -t.
 *
 * With -m it is the peak of a command's memory instead, in KiB: of the largest of its process and
 * all that it has waited for, read when it is gone, so that its last moment counts too. Without -d
 * the time is from spawn to reap. With -d it is from the death of the job to the end of the command
 * around it. The command then has to run the program "victim" and its limit has to kill it; the
 * death is seen on a pidfd of the victim, whose pid the kernel tells, so that no word of the
 * command's is trusted.
 */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "contest.h"

#define DEADLINE_SECONDS 60 /* for one job, of the slowest peer in an emulated machine */

typedef double measure_fn(const struct contestant *one);

struct plan {
	measure_fn *measure;
	size_t rounds, warmup;
	long idle_ms;
};

static double now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static double time_run(const struct contestant *one)
{
	double begin = now_usec();
	struct rusage usage;

	contest_reap(one, contest_spawn(one, -1), &usage);
	return now_usec() - begin;
}

/* That of this process, which lends its memory to the child until it execs, is less than any. */
static double read_peak(const struct contestant *one)
{
	struct rusage usage;

	contest_reap(one, contest_spawn(one, -1), &usage);
	return (double) usage.ru_maxrss;
}

/* The pid, as this process sees it, of who wrote the next byte. */
static pid_t read_writer(int fd, const struct contestant *one)
{
	union {
		char room[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	const struct cmsghdr *header;

	if (recvmsg(fd, &message, 0) != 1)
		errx(1, "%s: ended before its job said a word", one->name);
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_CREDENTIALS)
		errx(1, "%s: no pid came with the job's word", one->name);
	return ((const struct ucred *) (const void *) CMSG_DATA(header))->pid;
}

static void wait_for_death(pid_t victim, int tell)
{
	int fd = (int) syscall(SYS_pidfd_open, victim, 0);
	struct pollfd death = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		err(1, "pidfd of the victim");
	if (write(tell, "!", 1) != 1)
		err(1, "victim");
	if (poll(&death, 1, -1) != 1)
		err(1, "poll");
	close(fd);
}

static double time_death(const struct contestant *one)
{
	int ends[2], yes = 1;
	struct rusage usage;
	double death;
	pid_t pid, victim;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		err(1, "socketpair");
	if (setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
		err(1, "SO_PASSCRED");
	pid = contest_spawn(one, ends[1]);
	close(ends[1]);
	victim = read_writer(ends[0], one);
	if (victim == pid)
		errx(1, "%s: copies its job's output: which pid has the job?", one->name);
	wait_for_death(victim, ends[0]);
	death = now_usec();
	contest_reap(one, pid, &usage);
	death = now_usec() - death;
	close(ends[0]);
	return death;
}

static void rest(long ms)
{
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000L };

	if (ms)
		nanosleep(&pause, NULL);
}

static void shuffle(size_t *order, size_t count)
{
	/* the same order in every measurement: a lucky one could not be told from a fast command */
	static unsigned int seed = 1;

	for (size_t i = count - 1; i > 0; i--) {
		size_t other = (size_t) rand_r(&seed) % (i + 1), kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
}

static double run_once(const struct contestant *one, const struct plan *plan)
{
	double sample;

	contest_enter(one);
	rest(plan->idle_ms);
	sample = plan->measure(one);
	contest_leave(one);
	return sample;
}

static void run_rounds(struct contest *contest, const struct plan *plan)
{
	size_t *order = calloc(contest->count, sizeof(*order));

	if (!order)
		err(1, "memory");
	for (size_t i = 0; i < contest->count; i++)
		order[i] = i;
	for (size_t round = 0; round < plan->warmup + plan->rounds; round++) {
		shuffle(order, contest->count);
		for (size_t i = 0; i < contest->count; i++) {
			struct contestant *one = &contest->all[order[i]];
			double sample = run_once(one, plan);

			if (round >= plan->warmup)
				contest_note(one, sample);
		}
	}
	free(order);
}

static long number(const char *text, long least)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || value < least)
		errx(2, "%s: not a number from %ld on", text, least);
	return value;
}

int main(int argc, char **argv)
{
	struct plan plan = { .measure = time_run, .rounds = 100, .warmup = 5 };
	unsigned int deadline = DEADLINE_SECONDS;
	struct contest contest;
	int option;

	while ((option = getopt(argc, argv, "dmn:w:i:t:")) != -1) {
		if (option == 'd')
			plan.measure = time_death;
		else if (option == 'm')
			plan.measure = read_peak;
		else if (option == 'n')
			plan.rounds = (size_t) number(optarg, 1);
		else if (option == 'w')
			plan.warmup = (size_t) number(optarg, 0);
		else if (option == 'i')
			plan.idle_ms = number(optarg, 0);
		else if (option == 't')
			deadline = (unsigned int) number(optarg, 1);
		else
			return 2;
	}
	contest_read(&contest, plan.rounds, deadline);
	run_rounds(&contest, &plan);
	contest_print(&contest);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs as rows.  The fixtures are records of real kills, as `cat /dev/kmsg` gives them on Linux 6.1
 * and 6.12 (cgroup v2) and 6.18 (v1): a process fills anonymous or shared memory in /slice/JOB or
 * /pods/pod1/JOB.  Backtraces are left out but for one of each kernel, paths above the job changed.
 */
#include "observe/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define JOB "/memcage-7f3a9c2e51d04b68"
#define OTHER "/memcage-00000000deadbeef"
#define LOG_MOST 65536

struct row {
	const char *name;
	const char *fixture; /* a file, or ... */
	const char *records; /* ... the records themselves */
	const char *job;     /* JOB where it is NULL */
	bool whole_path;
	const char *want;
};

/* The lines that matter, to write others: a = oom_memcg, b = task_memcg, c = comm, n = pid. */
#define OOM_AT(usec, a, b, c, n)                                                                   \
	"6,1," usec ",-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,"            \
	"mems_allowed=0,oom_memcg=" a ",task_memcg=" b ",task=" c ",pid=" n ",uid=0\n"
#define OOM(a, b, c, n) OOM_AT("100", a, b, c, n)
#define GLOBAL(cpuset, b, c, n)                                                                    \
	"6,1,100,-;oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=" cpuset             \
	",mems_allowed=0,global_oom,task_memcg=" b ",task=" c ",pid=" n ",uid=0\n"
#define KILLED_AT(usec, n, c)                                                                      \
	"3,2," usec ",-;Memory cgroup out of memory: Killed process " n " (" c ") total-vm:9kB, "  \
	"anon-rss:4kB, file-rss:2kB, shmem-rss:1kB, UID:0 pgtables:52kB oom_score_adj:0\n"
#define KILLED(n, c) KILLED_AT("200", n, c)
#define GROUP_AT(usec, path)                                                                       \
	"6,3," usec ",-;Tasks in " path " are going to be killed due to memory.oom.group set\n"
#define GROUP(path) GROUP_AT("250", path)
#define STATS(path) "6,4,90,-;Memory cgroup stats for " path ":\n"

static const struct row fixtures[] = {
	{ "6.18 v1: own limit", "v1-6.18-own",
	  .want = "own [17478 plain 17330176] 16740352 0 0 36864" },
	{ "6.18 v1: a name with a newline and a pid", "v1-6.18-comm",
	  .want = "own [17500 ev il\n),pid=1 17330176] 16740352 0 0 36864" },
	{ "6.18 v1: shared memory", "v1-6.18-shm",
	  .want = "own [17569 shmhog 17199104] 0 16699392 16699392 77824" },
	{ "6.18 v1: nested limit, then another's kill", "v1-6.18-nested",
	  .want = "nested [17578 nested 8941568]" },
	{ "6.18 v1: ancestor's limit", "v1-6.18-ancestor",
	  .want = "ancestor [17677 anc 17330176]" },
	{ "6.18 v1: a path too long for one record", "v1-6.18-long",
	  .want = "own [2024 a,task=b 17313792] 16654336 0 0 122880" },
	{ "6.18 v1: cgroups named like a key", "v1-6.18-evil",
	  .want = "own [2042 a),x=,uid=1 17313792] 16633856 0 0 143360" },
	{ "6.18 v1: by the whole path", "v1-6.18-own", .job = "/pods/pod1" JOB, .whole_path = true,
	  .want = "own [17478 plain 17330176] 16740352 0 0 36864" },
	{ "6.18 v1: another job is not concerned", "v1-6.18-own", .job = OTHER, .want = "" },
	{ "6.18 v1: half a component is another cgroup", "v1-6.18-own", .job = "/memcage-7f3a",
	  .want = "" },
	{ "6.18 v1: the job of the other report", "v1-6.18-nested", .job = "/minimum-17657",
	  .want = "own [17660 victim 21270528] 20832256 0 0 139264" },
	{ "6.1: own limit", "v2-6.1-own", .want = "own [700 plain 17432576] 16736256 0 0 40960" },
	{ "6.1: a name with a newline and a pid", "v2-6.1-comm",
	  .want = "own [707 ev il\n),pid=1 17432576] 16736256 0 0 40960" },
	{ "6.1: shared memory", "v2-6.1-shm",
	  .want = "own [714 shmhog 17395712] 0 16699392 16699392 77824" },
	{ "6.1: group kill", "v2-6.1-group",
	  .want = "own [722 first one 14082048] [723 kid 0 1626112] [724 kid 1 1626112] "
		  "[725 kid 2 1626112] 16580608 0 0 196608" },
	{ "6.1: nested limit", "v2-6.1-nested", .want = "nested [736 nested 9060352]" },
	{ "6.1: group kill in a nested cgroup", "v2-6.1-nested-group",
	  .want = "nested [744 innerhog 5709824] [745 kid 0 1626112] [746 kid 1 1626112] "
		  "[747 kid 2 1626112]" },
	{ "6.1: ancestor's limit", "v2-6.1-ancestor", .want = "ancestor [759 anc 17432576]" },
	{ "6.1: an ancestor's group may be anybody's", "v2-6.1-ancestor-group",
	  .want = "ancestor [767 ancgrp 14082048]" },
	{ "6.1: cgroups named like a key", "v2-6.1-evil",
	  .want = "own [701 a,task=b 17432576] 16736256 0 0 40960" },
	{ "6.1: a path too long for one record", "v2-6.1-long",
	  .want = "own [718 ev il),uid=1 17412096] 16715776 0 0 61440" },
	{ "6.1: the host", "v2-6.1-host", .want = "host [735 hostoom 488898560]" },
	{ "6.1: the host, group kill", "v2-6.1-host-group",
	  .want = "host [743 hostgrp 485658624] [744 kid 0 1101824] [745 kid 1 1101824] "
		  "[746 kid 2 1101824]" },
	{ "6.12: own limit", "v2-6.12-own", .want = "own [162 plain 17354752] 16740352 0 0 36864" },
	{ "6.12: shared memory", "v2-6.12-shm",
	  .want = "own [176 shmhog 17289216] 0 16699392 16699392 77824" },
	{ "6.12: group kill", "v2-6.12-group",
	  .want = "own [184 first one 13881344] [185 kid 0 1564672] [186 kid 1 1507328] "
		  "[187 kid 2 1507328] 16478208 0 0 299008" },
	{ "6.12: nested limit", "v2-6.12-nested", .want = "nested [198 nested 9031680]" },
	{ "6.12: an ancestor's group may be anybody's", "v2-6.12-ancestor-group",
	  .want = "ancestor [229 ancgrp 13881344]" },
	{ "6.12: a path too long for one record", "v2-6.12-long",
	  .want = "own [182 ev il),uid=1 17289216] 16666624 0 0 110592" },
	{ "6.12: the host", "v2-6.12-host", .want = "host [199 hostoom 459395072]" },
	{ "6.12: the host, group kill", "v2-6.12-host-group",
	  .want = "host [207 hostgrp 458358784] [208 kid 0 1048576] [209 kid 1 917504] "
		  "[210 kid 2 1048576]" },
	{ "6.12: a group kill without a report, then another's", "v2-6.12-burst",
	  .want = "own [231 burst10 17420288] [236 bgroup 13750272] [237 kid 0 1564672] "
		  "[238 kid 1 1507328] [239 kid 2 1507328] 16740352 0 0 36864" },
};

static const struct row hostile[] = {
	{ "nothing", .records = "", .want = "" },
	{ "a plain kill", .records = OOM(JOB, JOB, "x", "7") KILLED("7", "x"),
	  .want = "own [7 x 7168]" },
	{ "the second line is not there yet", .records = OOM(JOB, JOB, "x", "7"),
	  .want = "own [7 x ?]" },
	{ "a kill without a report is nobody's", .records = KILLED("7", "x"), .want = "" },
	{ "written by user space",
	  .records =
		  "14,1,100,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=" JOB
		  ",task_memcg=" JOB ",task=x,pid=7,uid=0\n",
	  .want = "" },
	{ "the job's path in the middle", .records = OOM("/a/b" JOB, "/a/b" JOB "/c", "x", "7"),
	  .want = "own [7 x ?]" },
	{ "a sibling with a longer name", .records = OOM(JOB "0", JOB "0", "x", "7"), .want = "" },
	{ "a sibling's limit", .records = OOM("/a" OTHER, "/a" OTHER, "x", "7"), .want = "" },
	{ "the root's limit", .records = OOM("/", "/a" JOB, "x", "7"), .want = "ancestor [7 x ?]" },
	{ "a job that repeats its own name is still nested", .want = "nested [7 x ?]",
	  .records = OOM("/a" JOB "/b" JOB, "/a" JOB "/b" JOB, "x", "7") },
	{ "a job two levels deep", .job = JOB "/job", .want = "own [7 x ?]",
	  .records = OOM("/a" JOB "/job", "/a" JOB "/job/in", "x", "7") },
	{ "the limit is memcage's own cgroup above it", .job = JOB "/job",
	  .want = "ancestor [7 x ?]", .records = OOM("/a" JOB, "/a" JOB "/job", "x", "7") },
	{ "the path names the host's uid and pid", .want = "own [7 x ?]",
	  .records = OOM(JOB, JOB "/a,task=b,pid=1,uid=0", "x", "7") },
	{ "the limit is named like a victim's path", .want = "nested [7 x ?]",
	  .records = OOM(JOB "/a,task_memcg=" JOB, JOB "/a,task_memcg=" JOB, "x", "7") },
	{ "a whole path is found at the start", .whole_path = true, .want = "own [7 x ?]",
	  .records = OOM(JOB, JOB "/in", "x", "7") },
	{ "a whole path is not found below another", .whole_path = true, .want = "",
	  .records = OOM("/a" JOB, "/a" JOB, "x", "7") GROUP("/a" JOB) KILLED("8", "x")
		  STATS("/a" JOB) "6,1,1,-;anon 1\n" },
	{ "another's cgroup is named like a key and our path", .whole_path = true, .want = "",
	  .records = OOM("/b/x,task_memcg=" JOB, "/b/x,task_memcg=" JOB, "x", "7") },
	{ "a limit whose name hides where the victim's path begins", .want = "",
	  .records = OOM("/b", "/c" JOB, "x", "7") },
	{ "a name that is the key of names", .records = OOM(JOB, JOB, ",task=,task=", "7"),
	  .want = "own [7 ,task=,task= ?]" },
	{ "an empty name", .records = OOM(JOB, JOB, "", "7") KILLED("7", ""),
	  .want = "own [7  7168]" },
	{ "a name that looks like the line's end", .want = "own [7 ) total-vm:1kB, 7168]",
	  .records = OOM(JOB, JOB, ") total-vm:1kB,", "7") KILLED("7", ") total-vm:1kB,") },
	{ "a backslash in a name", .records = OOM(JOB, JOB, "a\\x5cx41", "7"),
	  .want = "own [7 a\\x41 ?]" },
	{ "a name that begins like a report", .want = "",
	  .records = "4,1,100,-;oom-kill:constr invoked oom-killer: gfp_mask=0xcc0, order=0\n" },
	{ "a name that begins like a stats line", .want = "",
	  .records = STATS(JOB) "4,1,100,-;anon 99 invoked oom-killer: gfp_mask=0xcc0, order=0\n" },
	{ "a cpuset named like a limit", .want = "host [7 x ?]",
	  .records = GLOBAL(",oom_memcg=", "/a" JOB, "x", "7") },
	{ "a cpuset named like the host's", .want = "own [7 x ?]",
	  .records = "6,1,100,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),"
		     "cpuset=,global_oom,task_memcg=,mems_allowed=0,oom_memcg=" JOB
		     ",task_memcg=" JOB ",task=x,pid=7,uid=0\n" },
	{ "a path named like a limit, of the host's", .want = "host [7 x ?]",
	  .records = GLOBAL("/", JOB "/,oom_memcg=/a,task_memcg=/a", "x", "7") },
	{ "pid 0", .records = OOM(JOB, JOB, "x", "0"), .want = "" },
	{ "a pid beyond all", .records = OOM(JOB, JOB, "x", "18446744073709551623"), .want = "" },
	{ "no pid", .records = OOM(JOB, JOB, "x", ""), .want = "" },
	{ "no text", .records = "6,1,100,-;\n", .want = "" },
	{ "no prefix", .records = "oom-kill:constraint=\n6\n6,\n6,1,\n,,,;\n;\n", .want = "" },
	{ "cut off", .want = "",
	  .records = "6,1,100,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=" JOB
		     "\n" },
	{ "a continuation of nothing", .want = "",
	  .records = "6,1,100,c;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=" JOB
		     ",task_memcg=" JOB ",task=x,pid=7,uid=0\n" },
	{ "a path that forges the rest, in a record of its own", .want = "own [7 x 7168]",
	  .records = "6,1,100,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=" JOB
		     ",task_memcg=\n"
		     "4,2,100,c;" JOB "/a,task=b,pid=1,uid=0\n"
		     "4,3,100,-;another processor says something\n"
		     "4,4,100,c;,task=x,pid=7,uid=0\n" KILLED("7", "x") },
	{ "a dictionary", .want = "own [7 x ?]",
	  .records = OOM(JOB, JOB, "x", "7") " SUBSYSTEM=x\n DEVICE=+x\n" },
	{ "a number that is used again", .want = "own [7 x 7168] [7 x 7168]",
	  .records = OOM(JOB, JOB, "x", "7") KILLED("7", "x") OOM(JOB, JOB, "x", "7")
		  KILLED("7", "x") },
	{ "a number used again by another", .want = "own [7 x 7168]",
	  .records = OOM(JOB, JOB, "x", "7") KILLED("7", "x") OOM("/b", "/b", "y", "7")
		  KILLED("7", "y") },
	{ "a group kill: the first victim once", .want = "own [7 x 7168] [8 y 7168]",
	  .records = OOM(JOB, JOB, "x", "7") KILLED("7", "x") GROUP(JOB) KILLED("7", "x")
		  KILLED("8", "y") },
	{ "a group kill whose report was held back", .want = "[7 x 7168] [8 y 7168]",
	  .records = KILLED("7", "x") GROUP(JOB) KILLED("7", "x") KILLED("8", "y") },
	{ "a group below the job", .want = "[8 y 7168]",
	  .records = GROUP("/a" JOB "/in") KILLED("8", "y") },
	{ "a group above the job", .want = "", .records = GROUP("/a") KILLED("8", "y") },
	{ "another's group", .want = "", .records = GROUP("/a" OTHER) KILLED("8", "y") },
	{ "a group named like the line's end", .want = "[8 y 7168]",
	  .records = GROUP(JOB "/a are going to be killed due to memory.oom.group set")
		  KILLED("8", "y") },
	{ "a group, then another report", .want = "[8 y 7168]",
	  .records = GROUP(JOB) KILLED("8", "y") OOM("/b", "/b", "z", "9") KILLED("9", "z")
		  KILLED("10", "z") },
	{ "a group, then the head of another report", .want = "[8 y 7168]",
	  .records = GROUP(JOB)
		  KILLED("8", "y") "4,1,250,-;z invoked oom-killer: gfp_mask=0\n" KILLED("9",
											 "z") },
	{ "a group, then a kill later on", .want = "[8 y 7168]",
	  .records = GROUP_AT("1000", JOB) KILLED_AT("90000", "8", "y")
		  KILLED_AT("200000", "9", "z") },
	{ "a clock that another processor has a little earlier", .want = "[8 y 7168]",
	  .records = GROUP_AT("1000", JOB) KILLED_AT("999", "8", "y") },
	{ "the first report of the job's memory counts", .want = "own [7 x ?] [8 x ?] 1 2 0 3",
	  .records = STATS("/a" JOB) "6,1,1,-;anon 1\\x0afile 2\\x0akernel 3\n" OOM(JOB, JOB, "x",
										    "7")
		  STATS("/a" JOB) "6,1,1,-;anon 5\\x0afile 6\\x0akernel 7\n" OOM(JOB, JOB, "x",
										 "8") },
	{ "stats of another", .want = "",
	  .records = STATS(OTHER) "6,1,1,-;anon 1\n" STATS(JOB "/in") "6,1,1,-;anon 1\n" STATS(
		  "/a") "6,1,1,-;anon 1\n" STATS("") "6,1,1,-;anon 1\n" },
	{ "stats end with the list of tasks", .want = "1 0 0 0",
	  .records = STATS(JOB) "6,1,1,-;anon 1\n6,1,1,-;Tasks state (memory values in pages):\n"
				"6,1,1,-;file 9\n" },
	{ "stats that are no numbers", .want = "0 0 5 0",
	  .records = STATS(JOB) "6,1,1,-;anon -1\n6,1,1,-;anon\n6,1,1,-;anon 1 2\n6,1,1,-;file 1x\n"
				"6,1,1,-;file 99999999999999999999\n6,1,1,-;shmem 5\n" },
	{ "v1's own half and its whole half", .want = "8 9 3 4096",
	  .records = "6,1,1,-;kmem: usage 4kB, limit 9007199254740988kB, failcnt 0\n" STATS(
		  JOB) "6,1,1,-;cache 1\n6,1,1,-;rss 2\n6,1,1,-;shmem 1\n6,1,1,-;total_cache 9\n"
		       "6,1,1,-;total_rss 8\n6,1,1,-;total_shmem 3\n" },
	{ "no job path", .job = "", .records = OOM(JOB, JOB, "x", "7"), .want = "" },
	{ "the root as job path", .job = "/", .records = OOM(JOB, JOB, "x", "7"), .want = "" },
};

static size_t say_victims(const struct kmsg_evidence *evidence, char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < evidence->victim_count; i++) {
		const struct kmsg_victim *victim = &evidence->victims[i];
		char rss[32] = "?";

		if (victim->rss_bytes != UINT64_MAX)
			snprintf(rss, sizeof(rss), "%" PRIu64, victim->rss_bytes);
		length += (size_t) snprintf(text + length, size - length, "[%d %s %s] ",
					    victim->pid, victim->comm, rss);
		assert_true(length < size);
	}
	return length;
}

/* "own [PID NAME RSS] ... ANON FILE SHMEM KERNEL", what there is of it. */
static void say(const struct kmsg_evidence *evidence, char *text, size_t size)
{
	size_t length = (size_t) snprintf(text, size, "%s%s%s%s", evidence->own ? "own " : "",
					  evidence->nested ? "nested " : "",
					  evidence->ancestor ? "ancestor " : "",
					  evidence->host ? "host " : "");

	length += say_victims(evidence, text + length, size - length);
	if (evidence->memory_known)
		length += (size_t) snprintf(text + length, size - length,
					    "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " ",
					    evidence->anon_bytes, evidence->file_bytes,
					    evidence->shmem_bytes, evidence->kernel_bytes);
	text[length > 0 ? length - 1 : 0] = '\0';
}

/* tests/fixtures/kmsg/NAME.txt, from where this file is. */
static void read_fixture(const char *name, char *log, size_t size)
{
	const char *here = strrchr(__FILE__, '/');
	char path[4096];
	ssize_t length;

	snprintf(path, sizeof(path), "%.*s/../fixtures/kmsg/%s.txt",
		 here ? (int) (here - __FILE__) : 1, here ? __FILE__ : ".", name);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	length = read(fd, log, size - 1);
	assert_in_range(length, 1, size - 2);
	log[length] = '\0';
}

/* A record is a line, and the dictionary's lines below it. */
static char *next_record(char *record)
{
	char *end = strchr(record, '\n');

	while (end && end[1] == ' ')
		end = strchr(end + 1, '\n');
	if (!end)
		return NULL;
	*end = '\0';
	return end[1] ? end + 1 : NULL;
}

static void load(const struct row *row, char *log, size_t size)
{
	if (row->fixture)
		read_fixture(row->fixture, log, size);
	else
		assert_true((size_t) snprintf(log, size, "%s", row->records) < size);
}

static void check_parse(void **state)
{
	const struct row *row = *state;
	struct kmsg_evidence evidence = { .whole_path = row->whole_path };
	struct kmsg_parser parser = { .job_path = row->job ? row->job : JOB,
				      .evidence = &evidence };
	char log[LOG_MOST], said[4096];
	char *next;

	load(row, log, sizeof(log));
	for (char *record = log; record; record = next) {
		next = next_record(record);
		kmsg_parse(&parser, record);
	}
	kmsg_finish(&parser);
	say(&evidence, said, sizeof(said));
	assert_string_equal(said, row->want);
}

/* By kmsg_collect() after each few records, from a socket that keeps them apart as the log does. */
static void check_collect(void **state)
{
	const struct row *row = *state;
	const char *job = row->job ? row->job : JOB;
	struct kmsg_evidence evidence = { .whole_path = row->whole_path };
	char log[LOG_MOST], said[4096];
	int ends[2], count = 0;
	char *next;

	load(row, log, sizeof(log));
	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
				      ends),
			   errno);
	for (char *record = log; record; record = next) {
		next = next_record(record);
		assert_return_code(send(ends[1], record, strlen(record) + (*record == '\0'), 0),
				   errno);
		if (!next || (++count % 7 == 0 && !strstr(next, ",c;")))
			kmsg_collect(ends[0], job, &evidence);
	}
	close(ends[0]);
	close(ends[1]);
	say(&evidence, said, sizeof(said));
	assert_string_equal(said, row->want);
}

#define AUDIT "5,1,100,-;audit: type=1326 audit(1700000000.123:45): auid=4294967295 uid=0 gid=0 "

static const struct call_row {
	const char *name, *record;
	int number; /* -1: no call */
	uint32_t audit;
	pid_t pid;
	const char *comm;
} call_rows[] = {
	{ "a call that was killed for",
	  AUDIT "ses=4294967295 subj=unconfined pid=314 comm=\"call\" exe=\"/x/call\" sig=31 "
		"arch=c000003e syscall=110 compat=0 ip=0x401234 code=0x80000000\n",
	  110, 0xc000003e, 314, "call" },
	{ "one of i386, by a process with a name in hexadecimal digits",
	  AUDIT "ses=1 pid=7 comm=6120220A exe=\"/x\" sig=31 arch=40000003 syscall=20 compat=1 "
		"ip=0x0 code=0x80000000\n",
	  20, 0x40000003, 7, "a \"\n" },
	{ "a name that claims to be more",
	  AUDIT "ses=1 pid=7 comm=2070696431 exe=\"/x\" sig=31 arch=40000003 syscall=20\n", 20,
	  0x40000003, 7, " pid1" },
	{ "a label with blanks",
	  AUDIT "ses=1 subj=docker-default (enforce) pid=7 comm=\"x\" exe=\"/x\" sig=31 "
		"arch=c00000b7 syscall=0\n",
	  0, 0xc00000b7, 7, "x" },
	{ "a call that was only logged",
	  AUDIT "ses=1 pid=7 comm=\"x\" exe=\"/x\" sig=0 arch=c000003e syscall=1\n", -1 },
	{ "a line that is cut", AUDIT "ses=1 pid=7 comm=\"x\" exe=\"/x\" sig=31 arch=c0", -1 },
	{ "no process", AUDIT "ses=1 pid=0 comm=\"x\" sig=31 arch=c000003e syscall=1\n", -1 },
	{ "a number that is none", AUDIT "ses=1 pid=7 comm=\"x\" sig=31 arch=c000003e syscall=1x\n",
	  -1 },
	{ "another record of audit",
	  "5,1,100,-;audit: type=1400 audit(1.1:1): pid=7 sig=31 arch=c000003e syscall=1\n", -1 },
	{ "written by user space",
	  "13,1,100,-;audit: type=1326 audit(1.1:1): pid=7 sig=31 arch=c000003e syscall=1\n", -1 },
};

static void check_call(void **state)
{
	const struct call_row *row = *state;
	struct kmsg_evidence evidence = { 0 };
	struct kmsg_parser parser = { .job_path = JOB, .evidence = &evidence };

	kmsg_parse(&parser, row->record);
	kmsg_finish(&parser);
	assert_int_equal(evidence.call_count, row->number >= 0);
	if (row->number < 0)
		return;
	assert_int_equal(evidence.calls[0].number, row->number);
	assert_int_equal(evidence.calls[0].audit, row->audit);
	assert_int_equal(evidence.calls[0].pid, row->pid);
	assert_string_equal(evidence.calls[0].comm, row->comm);
}

static void check_many_calls(void **state)
{
	struct kmsg_evidence evidence = { 0 };
	struct kmsg_parser parser = { .job_path = JOB, .evidence = &evidence };

	(void) state;
	for (int i = 0; i < 3 * KMSG_CALLS_MOST; i++)
		kmsg_parse(&parser, call_rows[0].record);
	assert_int_equal(evidence.call_count, 3 * KMSG_CALLS_MOST);
	assert_int_equal(evidence.calls[KMSG_CALLS_MOST - 1].number, 110);
}

static void check_many_victims(void **state)
{
	struct kmsg_evidence evidence = { 0 };
	struct kmsg_parser parser = { .job_path = JOB, .evidence = &evidence };
	char record[512];

	(void) state;
	for (int pid = 1; pid <= 2 * KMSG_VICTIMS_MOST; pid++) {
		snprintf(record, sizeof(record),
			 "6,1,100,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=" JOB
			 ",task_memcg=" JOB ",task=x,pid=%d,uid=0\n",
			 pid);
		kmsg_parse(&parser, record);
	}
	kmsg_finish(&parser);
	assert_int_equal(evidence.victim_count, KMSG_VICTIMS_MOST);
	assert_int_equal(evidence.victims[0].pid, 1);
	assert_true(evidence.own);
}

/* A line without an end: what is beyond KMSG_LINE is left out, and nothing is overrun. */
static void check_long_line(void **state)
{
	struct kmsg_evidence evidence = { 0 };
	struct kmsg_parser parser = { .job_path = JOB, .evidence = &evidence };
	char piece[1024] = "4,2,100,c;";

	(void) state;
	memset(piece + strlen(piece), 'n', sizeof(piece) - strlen(piece) - 1);
	kmsg_parse(&parser, "6,1,100,-;oom-kill:constraint=CONSTRAINT_MEMCG,oom_memcg=" JOB
			    ",task_memcg=" JOB);
	for (int i = 0; i < 10; i++)
		kmsg_parse(&parser, piece);
	kmsg_parse(&parser, "4,3,100,c;,task=x,pid=7,uid=0");
	kmsg_finish(&parser);
	assert_int_equal(evidence.victim_count, 0);
}

/* Readable or not, nothing of what came before is read. */
static void check_open(void **state)
{
	auto_fd int fd = kmsg_open();
	struct kmsg_evidence evidence = { 0 };

	(void) state;
	if (fd < 0) {
		assert_int_not_equal(errno, 0);
		return;
	}
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	kmsg_collect(fd, JOB, &evidence);
	assert_int_equal(evidence.victim_count, 0);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_parse, fixtures);
	TEST_ROWS(&suite, check_parse, hostile);
	TEST_ROWS(&suite, check_call, call_rows);
	test_add(&suite, "calls without end", check_many_calls, NULL);
	TEST_ROWS(&suite, check_collect, fixtures);
	TEST_ROWS(&suite, check_collect, hostile);
	test_add(&suite, "victims beyond the table are left out", check_many_victims, NULL);
	test_add(&suite, "a line that does not end", check_long_line, NULL);
	test_add(&suite, "the log is read from its end on", check_open, NULL);
	return test_run("kmsg", &suite);
}

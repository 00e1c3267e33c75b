/* SPDX-License-Identifier: Apache-2.0 */
/* The limits that are lists: CPUs, rates of disks, resources of setrlimit(2). */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "spec/limit_row.h"

#define NOT_LIST(text) "'" text "' is not a list of CPUs; say 0-2,5 or max"

static const struct cpus {
	const char *name;
	const char *text, *online;
	const char *want; /* the kernel's spelling; NULL: refused */
	const char *message;
} cpus[] = {
	{ "a list is kept", "0-2,5", "0-7", "0-2,5", NULL },
	{ "a CPU alone", "3", "0-7", "3", NULL },
	{ "a list is sorted", "5,0,3", "0-7", "0,3,5", NULL },
	{ "neighbours become a range", "1,0", "0-7", "0-1", NULL },
	{ "ranges that touch become one", "0-1,2-3,4", "0-7", "0-4", NULL },
	{ "what is named twice is named once", "1,1,0-1", "0-7", "0-1", NULL },
	{ "a range of one", "2-2", "0-7", "2", NULL },
	{ "zeros in front", "00,0001", "0-7", "0-1", NULL },
	{ "the last CPU that can be named", "4095", NULL, "4095", NULL },
	{ "all CPUs that can be named", "0-4095", NULL, "0-4095", NULL },
	{ "online CPUs with a gap", "4-5", "0-1,4-5", "4-5", NULL },
	{ "CPUs are not looked up where sysfs is not there", "77", NULL, "77", NULL },
	{ "a CPU that is not there", "2", "0-1", NULL,
	  "'2' names CPU 2, which is not online; say some of 0-1" },
	{ "a CPU of a range that is not there", "0-3", "0-1,3", NULL,
	  "'0-3' names CPU 2, which is not online; say some of 0-1,3" },
	{ "a CPU beyond all", "4096", "0-1", NULL, NOT_LIST("4096") },
	{ "a CPU beyond 64 bits", "18446744073709551616", "0-1", NULL,
	  NOT_LIST("18446744073709551616") },
	{ "no CPU", "", "0-1", NULL, NOT_LIST("") },
	{ "a range that goes down", "1-0", "0-1", NULL, NOT_LIST("1-0") },
	{ "a range without an end", "0-", "0-1", NULL, NOT_LIST("0-") },
	{ "a range without a start", "-1", "0-1", NULL, NOT_LIST("-1") },
	{ "a range of three", "0-1-2", "0-3", NULL, NOT_LIST("0-1-2") },
	{ "a comma at the end", "0,", "0-1", NULL, NOT_LIST("0,") },
	{ "a comma at the start", ",0", "0-1", NULL, NOT_LIST(",0") },
	{ "a blank in the list", "0, 1", "0-1", NULL, NOT_LIST("0, 1") },
	{ "a newline behind the list", "0\n", "0-1", NULL, NOT_LIST("0\\n") },
	{ "a stride", "0-6:2", "0-7", NULL, NOT_LIST("0-6:2") },
	{ "a mask", "0x3", "0-1", NULL, NOT_LIST("0x3") },
	{ "all by name", "all", "0-1", NULL, NOT_LIST("all") },
};

static void check_cpus(void **state)
{
	const struct cpus *row = *state;
	struct limit_value value = { 0 };
	struct memcage_error err = { 0 };
	int result = limit_cpuset_read(row->text, row->online, NULL, &value, &err);

	assert_string_equal(err.text, row->message ? row->message : "");
	assert_int_equal(result, row->want ? 0 : -1);
	if (row->want)
		assert_string_equal(value.cpus, row->want);
	limit_release(&value);
}

/* Every third CPU left out: the longest list there is. */
static void check_longest_list(void **state)
{
	static char text[4 * LIMIT_CPUS_MOST];
	struct limit_value values[LIMIT__COUNT] = { 0 };
	struct memcage_error err;
	struct limit_plan plan;
	size_t used = 0;

	(void) state;
	for (int cpu = 0; cpu + 1 < LIMIT_CPUS_MOST; cpu += 3)
		used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%d-%d",
					  used ? "," : "", cpu, cpu + 1);
	assert_int_equal(limit_cpuset_read(text, NULL, "0-3", &values[LIMIT_CPUSET], &err), 0);
	values[LIMIT_CPUSET].set = true;
	assert_string_equal(values[LIMIT_CPUSET].cpus, text);
	limit_plan(values, LIMIT_CPUSET, CGROUP_V1, &plan);
	assert_string_equal(plan.writes[1].line, text);
	limit_release(&values[LIMIT_CPUSET]);
}

static void check_cpuset_plan(void **state)
{
	struct limit_value values[LIMIT__COUNT] = { 0 };
	struct memcage_error err;
	struct limit_plan plan;

	(void) state;
	assert_int_equal(limit_cpuset_read("1,0", "0-3", "0-1", &values[LIMIT_CPUSET], &err), 0);
	values[LIMIT_CPUSET].set = true;
	limit_plan(values, LIMIT_CPUSET, CGROUP_V2, &plan);
	assert_int_equal(plan.count, 1);
	assert_string_equal(plan.writes[0].file, "cpuset.cpus");
	assert_string_equal(plan.writes[0].check, "cpuset.cpus.effective");
	assert_string_equal(plan.writes[0].line, "0-1");
	limit_plan(values, LIMIT_CPUSET, CGROUP_V1, &plan);
	assert_int_equal(plan.count, 3);
	assert_string_equal(plan.writes[0].file, "cpuset.mems");
	assert_string_equal(plan.writes[0].line, "0-1");
	assert_string_equal(plan.writes[1].file, "cpuset.cpus");
	assert_string_equal(plan.writes[2].file, "cgroup.clone_children");
	limit_release(&values[LIMIT_CPUSET]);
}

static void check_any_cpu(void **state)
{
	struct limit_value values[LIMIT__COUNT] = { 0 };
	struct memcage_error err;
	struct limit_plan plan;

	(void) state;
	assert_int_equal(limit_parse(LIMIT_CPUSET, "0", &values[LIMIT_CPUSET], &err), 0);
	assert_non_null(values[LIMIT_CPUSET].mems);
	assert_int_equal(limit_parse(LIMIT_CPUSET, "max", &values[LIMIT_CPUSET], &err), 0);
	assert_null(values[LIMIT_CPUSET].cpus);
	limit_plan(values, LIMIT_CPUSET, CGROUP_V2, &plan);
	assert_int_equal(plan.count, 0);
}

/* A sysfs with two disks, 8:0 with a partition and 254:0, in the order in which it is made. */
static const struct node {
	const char *path;
	const char *content; /* NULL: a folder */
	bool link;
} nodes[] = {
	{ "dev", NULL, false },
	{ "dev/block", NULL, false },
	{ "devices", NULL, false },
	{ "devices/sda", NULL, false },
	{ "devices/sda/dev", "8:0\n", false },
	{ "devices/sda/sda1", NULL, false },
	{ "devices/sda/sda1/dev", "8:1\n", false },
	{ "devices/sda/sda1/partition", "1\n", false },
	{ "devices/vda", NULL, false },
	{ "devices/vda/dev", "254:0\n", false },
	{ "dev/block/8:0", "../../devices/sda", true },
	{ "dev/block/8:1", "../../devices/sda/sda1", true },
	{ "dev/block/254:0", "../../devices/vda", true },
};

static void make_node(int dir, const struct node *node)
{
	auto_fd int fd = -1;

	if (node->link) {
		assert_int_equal(symlinkat(node->content, dir, node->path), 0);
	} else if (!node->content) {
		assert_int_equal(mkdirat(dir, node->path, 0700), 0);
	} else {
		fd = openat(dir, node->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		assert_int_equal(file_write_all(fd, node->content, strlen(node->content)), 0);
	}
}

static int make_sysfs(char path[])
{
	int dir;

	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		make_node(dir, &nodes[i]);
	return dir;
}

static void remove_sysfs(const char *path, int dir)
{
	for (size_t i = ARRAY_LEN(nodes); i-- > 0;) {
		bool folder = !nodes[i].content;

		assert_int_equal(unlinkat(dir, nodes[i].path, folder ? AT_REMOVEDIR : 0), 0);
	}
	close(dir);
	assert_int_equal(rmdir(path), 0);
}

#define RIGHT_DEVICE "say a disk's path or numbers, such as /dev/vda or 8:0"
#define RIGHT_RATE "say rbps, wbps, riops or wiops, as in wbps=50M"

#define READ_BPS "blkio.throttle.read_bps_device "
#define WRITE_BPS "blkio.throttle.write_bps_device "
#define READ_IOPS "blkio.throttle.read_iops_device "
#define WRITE_IOPS "blkio.throttle.write_iops_device "

static const struct io {
	const char *name;
	const char *texts;   /* of one --io after the other */
	const char *v2, *v1; /* the writes, FILE LINE each */
	const char *message; /* NULL: all are right; else the last one is not */
} ios[] = {
	{ "one rate", "8:0:wbps=1M", "io.max 8:0 rbps=max wbps=1048576 riops=max wiops=max\n",
	  WRITE_BPS "8:0 1048576\n", NULL },
	{ "all rates in any order", "8:0:wiops=4,riops=3,wbps=2K,rbps=1KB",
	  "io.max 8:0 rbps=1000 wbps=2048 riops=3 wiops=4\n",
	  READ_BPS "8:0 1000\n" WRITE_BPS "8:0 2048\n" READ_IOPS "8:0 3\n" WRITE_IOPS "8:0 4\n",
	  NULL },
	{ "a partition stands for its disk", "8:1:rbps=1",
	  "io.max 8:0 rbps=1 wbps=max riops=max wiops=max\n", READ_BPS "8:0 1\n", NULL },
	{ "two disks", "8:0:rbps=1 254:0:rbps=2",
	  "io.max 8:0 rbps=1 wbps=max riops=max wiops=max\n"
	  "io.max 254:0 rbps=2 wbps=max riops=max wiops=max\n",
	  READ_BPS "8:0 1\n" READ_BPS "254:0 2\n", NULL },
	{ "a disk again adds other rates", "8:0:rbps=1 8:1:wbps=2",
	  "io.max 8:0 rbps=1 wbps=2 riops=max wiops=max\n", READ_BPS "8:0 1\n" WRITE_BPS "8:0 2\n",
	  NULL },
	{ "a rate again overrides", "8:0:rbps=1,wbps=5 254:0:rbps=9 8:0:rbps=2",
	  "io.max 8:0 rbps=2 wbps=5 riops=max wiops=max\n"
	  "io.max 254:0 rbps=9 wbps=max riops=max wiops=max\n",
	  READ_BPS "8:0 2\n" WRITE_BPS "8:0 5\n" READ_BPS "254:0 9\n", NULL },
	{ "max takes a rate back", "8:0:rbps=1,wbps=5 8:0:rbps=max",
	  "io.max 8:0 rbps=max wbps=5 riops=max wiops=max\n", WRITE_BPS "8:0 5\n", NULL },
	{ "a disk without a limit is not written", "8:0:rbps=1 8:0:rbps=max", "", "", NULL },
	{ "the most operations that the kernel holds", "8:0:riops=4294967294",
	  "io.max 8:0 rbps=max wbps=max riops=4294967294 wiops=max\n", READ_IOPS "8:0 4294967294\n",
	  NULL },
	{ "zeros in front of numbers", "08:00:riops=01",
	  "io.max 8:0 rbps=max wbps=max riops=1 wiops=max\n", READ_IOPS "8:0 1\n", NULL },
	{ "operations that wrap in the kernel", "8:0:riops=4294967297", "", "",
	  "riops: '4294967297' is out of range; say at most 4294967294, or max for none" },
	{ "operations that mean none in the kernel", "8:0:wiops=4294967295", "", "",
	  "wiops: '4294967295' is out of range; say at most 4294967294, or max for none" },
	{ "a rate of 0 bytes", "8:0:rbps=0", "", "",
	  "rbps: '0' is not a limit; say max for none, or for instance 50M" },
	{ "a rate of 0 operations", "8:0:riops=0", "", "",
	  "riops: '0' is not a limit; say max for none, or for instance 1000" },
	{ "a rate that is no size", "8:0:rbps=fast", "", "",
	  "rbps: 'fast' is not a size; say 512M, 1.5G or max" },
	{ "operations with a suffix", "8:0:riops=1K", "", "",
	  "riops: '1K' is not a whole number; say 256 or max" },
	{ "a rate without a number", "8:0:rbps=", "", "",
	  "rbps: '' is not a size; say 512M, 1.5G or max" },
	{ "no rate", "8:0:", "", "", "'' is not KEY=RATE; " RIGHT_RATE },
	{ "a disk alone", "8:0", "", "", "'0' is not KEY=RATE; " RIGHT_RATE },
	{ "a path alone", "/dev/vda", "", "",
	  "'/dev/vda' is not DEVICE:KEY=RATE,...; say /dev/vda:wbps=50M" },
	{ "an empty text", "", "", "", "'' is not DEVICE:KEY=RATE,...; say /dev/vda:wbps=50M" },
	{ "a comma at the end", "8:0:rbps=1,", "", "", "'' is not KEY=RATE; " RIGHT_RATE },
	{ "an unknown rate", "8:0:bps=1", "", "", "'bps=1' is not a rate; " RIGHT_RATE },
	{ "a rate in capitals", "8:0:RBPS=1", "", "", "'RBPS=1' is not a rate; " RIGHT_RATE },
	{ "a rate twice in one text", "8:0:rbps=1,rbps=2", "", "",
	  "'rbps=2' gives rbps a second time; say it once" },
	{ "a device that is not there", "8:16:rbps=1", "", "",
	  "there is no block device '8:16' here; " RIGHT_DEVICE },
	{ "a device beyond the kernel's numbers", "4096:0:rbps=1", "", "",
	  "'4096:0' is not a device; " RIGHT_DEVICE },
	{ "a minor beyond the kernel's numbers", "8:18446744073709551616:rbps=1", "", "",
	  "'8:18446744073709551616' is not a device; " RIGHT_DEVICE },
	{ "no device", ":rbps=1", "", "", "'' is not a device; " RIGHT_DEVICE },
	{ "half a device", "8::rbps=1", "", "", "'8:' is not a device; " RIGHT_DEVICE },
	{ "a path that is not there", "/nowhere/at:all:rbps=1", "", "",
	  "'/nowhere/at:all': No such file or directory; " RIGHT_DEVICE },
	{ "a path that is no block device", "/dev/null:rbps=1", "", "",
	  "'/dev/null' is not a block device; " RIGHT_DEVICE },
	{ "a refused text changes nothing", "8:0:rbps=1 8:0:rbps=2,wbps=0",
	  "io.max 8:0 rbps=1 wbps=max riops=max wiops=max\n", READ_BPS "8:0 1\n",
	  "wbps: '0' is not a limit; say max for none, or for instance 50M" },
};

static void spell_io(const struct limit_plan *plan, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < plan->count; i++) {
		const struct limit_write *write = &plan->writes[i];

		assert_int_equal(write->in_leaf, strcmp(write->file, "io.max") != 0);
		assert_true(limit_holds(write, write->line));
		used += (size_t) snprintf(text + used, size - used, "%s %s\n", write->file,
					  write->line);
	}
}

static void check_io(void **state)
{
	const struct io *row = *state;
	char path[] = "/tmp/memcage-test-XXXXXX", written[2000];
	auto_free char *texts = strdup(row->texts);
	struct limit_value values[LIMIT__COUNT] = { [LIMIT_IO] = { .set = true } };
	struct memcage_error err = { 0 };
	struct limit_plan plan;
	int sysfs = make_sysfs(path), result = 0;

	for (char *rest = texts, *text; (text = strsep(&rest, " "));) {
		assert_int_equal(result, 0);
		result = limit_io_read(text, sysfs, &values[LIMIT_IO], &err);
	}
	remove_sysfs(path, sysfs);
	assert_string_equal(err.text, row->message ? row->message : "");
	assert_int_equal(result, row->message ? -1 : 0);
	limit_plan(values, LIMIT_IO, CGROUP_V2, &plan);
	spell_io(&plan, written, sizeof(written));
	assert_string_equal(written, row->v2);
	limit_plan(values, LIMIT_IO, CGROUP_V1, &plan);
	spell_io(&plan, written, sizeof(written));
	assert_string_equal(written, row->v1);
	limit_release(&values[LIMIT_IO]);
}

/* The first block device of /dev that this machine has, if any. */
static bool find_block_device(char *path, size_t size, struct stat *st)
{
	auto_closedir DIR *dev = opendir("/dev");
	struct dirent *entry;
	char sysfs[64];

	while (dev && (entry = readdir(dev))) {
		snprintf(path, size, "/dev/%s", entry->d_name);
		if (stat(path, st) < 0 || !S_ISBLK(st->st_mode))
			continue;
		snprintf(sysfs, sizeof(sysfs), "/sys/dev/block/%u:%u", major(st->st_rdev),
			 minor(st->st_rdev));
		if (access(sysfs, F_OK) == 0)
			return true;
	}
	return false;
}

static void check_path(void **state)
{
	struct limit_value value = { 0 };
	struct memcage_error err;
	char path[300], text[320];
	struct stat st;

	(void) state;
	if (!find_block_device(path, sizeof(path), &st))
		return;
	snprintf(text, sizeof(text), "%s:rbps=1M,riops=5", path);
	assert_int_equal(limit_parse(LIMIT_IO, text, &value, &err), 0);
	assert_true(value.set);
	assert_int_equal(value.count, 1);
	assert_int_equal(value.io[0].rbps, 1 << 20);
	assert_int_equal(value.io[0].wbps, LIMIT_NONE);
	assert_int_equal(value.io[0].riops, 5);
	limit_release(&value);
}

static void check_no_sysfs(void **state)
{
	struct limit_value value = { 0 };
	struct memcage_error err;

	(void) state;
	assert_int_equal(limit_io_read("8:0:rbps=1", -1, &value, &err), -1);
	assert_string_equal(err.text, "there is no block device '8:0' here; " RIGHT_DEVICE);
	assert_int_equal(limit_parse(LIMIT_IO, "8:0:rbps", &value, &err), -1);
	assert_false(value.set);
}

/* As many devices as there may be, with the longest numbers, fit into a plan; one more does not. */
static void check_most_devices(void **state)
{
	char path[] = "/tmp/memcage-test-XXXXXX", text[200];
	struct limit_value values[LIMIT__COUNT] = { [LIMIT_IO] = { .set = true } };
	struct memcage_error err = { 0 };
	struct limit_plan plan;
	int sysfs = make_sysfs(path);

	(void) state;
	for (int i = 0; i <= LIMIT_REPEATS_MOST; i++) {
		snprintf(text, sizeof(text), "dev/block/4095:%d", 1048575 - i);
		assert_int_equal(symlinkat("../../devices/vda", sysfs, text), 0);
		snprintf(text, sizeof(text),
			 "4095:%d:rbps=9223372036854775807,"
			 "wbps=9223372036854775807,riops=4294967294,wiops=4294967294",
			 1048575 - i);
		assert_int_equal(limit_io_read(text, sysfs, &values[LIMIT_IO], &err),
				 i < LIMIT_REPEATS_MOST ? 0 : -1);
		snprintf(text, sizeof(text), "dev/block/4095:%d", 1048575 - i);
		assert_int_equal(unlinkat(sysfs, text, 0), 0);
	}
	remove_sysfs(path, sysfs);
	assert_string_equal(err.text, "4095:1048511 is one device too many; name at most 64");
	limit_plan(values, LIMIT_IO, CGROUP_V2, &plan);
	assert_int_equal(plan.count, LIMIT_REPEATS_MOST);
	limit_plan(values, LIMIT_IO, CGROUP_V1, &plan);
	assert_int_equal(plan.count, LIMIT_PLAN_MOST);
	limit_release(&values[LIMIT_IO]);
}

static const struct rlimit_row {
	const char *name;
	const char *text;
	int resource;
	rlim_t soft, hard;
	const char *message;
} rlimit_rows[] = {
	{ "soft and hard", "NOFILE=1024:4096", RLIMIT_NOFILE, 1024, 4096, NULL },
	{ "soft alone is hard, too", "NOFILE=1024", RLIMIT_NOFILE, 1024, 1024, NULL },
	{ "RLIMIT_ in front", "RLIMIT_NPROC=5", RLIMIT_NPROC, 5, 5, NULL },
	{ "small letters", "nofile=7", RLIMIT_NOFILE, 7, 7, NULL },
	{ "small letters with rlimit_ in front", "rlimit_stack=8M", RLIMIT_STACK, 8 << 20, 8 << 20,
	  NULL },
	{ "no core files", "CORE=0", RLIMIT_CORE, 0, 0, NULL },
	{ "no limit", "MEMLOCK=unlimited", RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY, NULL },
	{ "max is no limit", "STACK=8M:max", RLIMIT_STACK, 8 << 20, RLIM_INFINITY, NULL },
	{ "bytes with a suffix of thousands", "AS=1GB", RLIMIT_AS, 1000000000, 1000000000, NULL },
	{ "bytes are not rounded to pages", "FSIZE=1001", RLIMIT_FSIZE, 1001, 1001, NULL },
	{ "data", "DATA=1K", RLIMIT_DATA, 1024, 1024, NULL },
	{ "resident set", "RSS=1K", RLIMIT_RSS, 1024, 1024, NULL },
	{ "message queues", "MSGQUEUE=1K", RLIMIT_MSGQUEUE, 1024, 1024, NULL },
	{ "CPU seconds", "CPU=60:61", RLIMIT_CPU, 60, 61, NULL },
	{ "locks", "LOCKS=3", RLIMIT_LOCKS, 3, 3, NULL },
	{ "niceness", "NICE=20", RLIMIT_NICE, 20, 20, NULL },
	{ "real-time priority", "RTPRIO=1", RLIMIT_RTPRIO, 1, 1, NULL },
	{ "real time in microseconds", "RTTIME=1000", RLIMIT_RTTIME, 1000, 1000, NULL },
	{ "pending signals", "SIGPENDING=9", RLIMIT_SIGPENDING, 9, 9, NULL },
	{ "soft above hard", "NOFILE=4096:1024", 0, 0, 0,
	  "'NOFILE=4096:1024' has its soft limit above the hard one; "
	  "say for instance NOFILE=1024:4096" },
	{ "no soft limit above a hard one", "NOFILE=max:1024", 0, 0, 0,
	  "'NOFILE=max:1024' has its soft limit above the hard one; "
	  "say for instance NOFILE=1024:4096" },
	{ "an unknown resource", "FILES=1", 0, 0, 0,
	  "'FILES' is not a resource of setrlimit(2); say for instance NOFILE=1024:4096" },
	{ "no resource", "=1", 0, 0, 0,
	  "'' is not a resource of setrlimit(2); say for instance NOFILE=1024:4096" },
	{ "RLIMIT_ alone", "RLIMIT_=1", 0, 0, 0,
	  "'RLIMIT_' is not a resource of setrlimit(2); say for instance NOFILE=1024:4096" },
	{ "RLIMIT_ twice", "RLIMIT_RLIMIT_AS=1", 0, 0, 0,
	  "'RLIMIT_RLIMIT_AS' is not a resource of setrlimit(2); "
	  "say for instance NOFILE=1024:4096" },
	{ "a resource without a limit", "NOFILE", 0, 0, 0,
	  "'NOFILE' is not NAME=SOFT[:HARD]; say for instance NOFILE=1024:4096" },
	{ "nothing behind the sign", "NOFILE=", 0, 0, 0,
	  "NOFILE: '' is not a whole number; say 256 or max" },
	{ "nothing behind the colon", "NOFILE=1:", 0, 0, 0,
	  "NOFILE: '' is not a whole number; say 256 or max" },
	{ "three limits", "NOFILE=1:2:3", 0, 0, 0,
	  "NOFILE: '2:3' is not a whole number; say 256 or max" },
	{ "a size where none is", "nofile=1K", 0, 0, 0,
	  "NOFILE: '1K' is not a whole number; say 256 or max" },
	{ "a negative limit", "STACK=-1", 0, 0, 0,
	  "STACK: '-1' is not a size; say 512M, 1.5G or max" },
};

static void check_rlimit(void **state)
{
	const struct rlimit_row *row = *state;
	struct limit_value value = { 0 };
	struct memcage_error err = { 0 };
	int result = limit_parse(LIMIT_RLIMITS, row->text, &value, &err);

	assert_string_equal(err.text, row->message ? row->message : "");
	assert_int_equal(result, row->message ? -1 : 0);
	assert_int_equal(value.set, !row->message);
	assert_int_equal(value.count, row->message ? 0 : 1);
	if (!row->message) {
		assert_int_equal(value.rlimits[0].resource, row->resource);
		assert_int_equal(value.rlimits[0].soft, row->soft);
		assert_int_equal(value.rlimits[0].hard, row->hard);
	}
	limit_release(&value);
}

static void check_rlimits_add(void **state)
{
	struct limit_value value = { 0 };
	struct memcage_error err;

	(void) state;
	assert_int_equal(limit_parse(LIMIT_RLIMITS, "NOFILE=1", &value, &err), 0);
	assert_int_equal(limit_parse(LIMIT_RLIMITS, "CORE=0", &value, &err), 0);
	assert_int_equal(limit_parse(LIMIT_RLIMITS, "nofile=2:3", &value, &err), 0);
	assert_int_equal(limit_parse(LIMIT_RLIMITS, "nofile=2:x", &value, &err), -1);
	assert_int_equal(value.count, 2);
	assert_int_equal(value.rlimits[0].soft, 2);
	assert_int_equal(value.rlimits[0].hard, 3);
	assert_int_equal(value.rlimits[1].resource, RLIMIT_CORE);
	limit_release(&value);
}

/* What a copy has is its own. */
static void check_copy(void **state)
{
	struct limit_value from = { 0 }, to = { 0 };
	struct memcage_error err;

	(void) state;
	assert_int_equal(limit_cpuset_read("0-2,5", NULL, "1", &from, &err), 0);
	assert_int_equal(limit_rlimit_parse("NOFILE=1:2", &from, &err), 0);
	from.io = calloc(1, sizeof(*from.io));
	from.io->major = 8;
	from.set = true;
	assert_int_equal(limit_copy(&from, &to), 0);
	assert_int_equal(limit_copy(&from, &to), 0);
	limit_release(&from);
	assert_true(to.set);
	assert_string_equal(to.cpus, "0-2,5");
	assert_string_equal(to.mems, "1");
	assert_int_equal(to.count, 1);
	assert_int_equal(to.rlimits[0].hard, 2);
	assert_int_equal(to.io[0].major, 8);
	limit_release(&to);
	assert_null(to.cpus);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_cpus, cpus);
	TEST_ROWS(&suite, check_io, ios);
	TEST_ROWS(&suite, check_rlimit, rlimit_rows);
	test_add(&suite, "the longest list of CPUs fits", check_longest_list, NULL);
	test_add(&suite, "CPUs in the files of each version", check_cpuset_plan, NULL);
	test_add(&suite, "any CPU replaces some", check_any_cpu, NULL);
	test_add(&suite, "a disk of this machine by its path", check_path, NULL);
	test_add(&suite, "no device without sysfs", check_no_sysfs, NULL);
	test_add(&suite, "the most devices fit", check_most_devices, NULL);
	test_add(&suite, "a resource again overrides, another adds", check_rlimits_add, NULL);
	test_add(&suite, "a copy owns what it has", check_copy, NULL);
	return test_run("limit_list", &suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/kmsg_line.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

bool kmsg_starts(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

char *kmsg_find_last(char *text, const char *what)
{
	char *last = NULL;

	for (char *at = strstr(text, what); at; at = strstr(at + 1, what))
		last = at;
	return last;
}

/* Digits only, and moves on behind them. */
static bool take_number(const char **at, uint64_t *ret)
{
	const char *digit = *at;
	uint64_t number = 0;

	for (; *digit >= '0' && *digit <= '9'; digit++) {
		unsigned int value = (unsigned char) (*digit - '0');

		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, value, &number))
			return false;
	}
	if (digit == *at)
		return false;
	*at = digit;
	*ret = number;
	return true;
}

static bool take_char(const char **at, char wanted)
{
	if (**at != wanted)
		return false;
	++*at;
	return true;
}

static bool take_field(const char **at, uint64_t *ret)
{
	return take_number(at, ret) && take_char(at, ',');
}

/* Facility 0, a priority below 8, is the kernel's own: /dev/kmsg lets nobody write it. */
bool kmsg_split_record(const char *record, struct kmsg_record *ret)
{
	uint64_t priority, sequence, usec;
	const char *at = record, *text = strchr(record, ';');

	if (!text || !take_field(&at, &priority) || priority >= 8)
		return false;
	if (!take_field(&at, &sequence) || !take_field(&at, &usec))
		return false;
	*ret = (struct kmsg_record) { .usec = usec, .continues = *at == 'c', .text = text + 1 };
	return true;
}

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Backslashes, control bytes and those above 126 come as \xNN, but never NUL, which cuts a text. */
static int escaped_byte(const char *text)
{
	int high, low;

	if (text[0] != '\\' || text[1] != 'x')
		return -1;
	high = hex_digit(text[2]);
	low = high < 0 ? -1 : hex_digit(text[3]);
	return low < 0 || high + low == 0 ? -1 : high << 4 | low;
}

size_t kmsg_unescape(const char *text, char *buffer, size_t size)
{
	size_t length = 0;

	while (*text && *text != '\n' && length + 1 < size) {
		int byte = escaped_byte(text);

		buffer[length++] = byte < 0 ? *text : (char) byte;
		text += byte < 0 ? 1 : 4;
	}
	buffer[length] = '\0';
	return length;
}

size_t kmsg_find_job(const char *path, const char *job_path)
{
	size_t length = strlen(job_path);

	if (job_path[0] != '/' || length < 2)
		return 0;
	for (const char *at = strstr(path, job_path); at; at = strstr(at + 1, job_path))
		if (at[length] == '\0' || at[length] == '/')
			return (size_t) (at - path) + length;
	return 0;
}

/* Is path the cgroup `top`, of that length, or one below it? */
static bool is_within(const char *path, const char *top, size_t length)
{
	if (strncmp(path, top, length) != 0)
		return false;
	return path[length] == '\0' || path[length] == '/' || length == 1;
}

static void copy_comm(char comm[KMSG_COMM], const char *name, size_t length)
{
	if (length > KMSG_COMM - 1)
		length = KMSG_COMM - 1;
	memcpy(comm, name, length);
	comm[length] = '\0';
}

static bool is_pid(uint64_t number)
{
	return number > 0 && number <= INT32_MAX;
}

/* Cuts "KEYnumber" off the end of text. */
static bool cut_number(char *text, const char *key, uint64_t *ret)
{
	char *at = kmsg_find_last(text, key);
	const char *digits;

	if (!at)
		return false;
	digits = at + strlen(key);
	if (!take_number(&digits, ret) || *digits != '\0')
		return false;
	*at = '\0';
	return true;
}

/*
 * ",task=NAME", from the right.  NAME may hold the key itself, so the leftmost that leaves a
 * possible name counts.  Where it was a cgroup's name that held it, the path gets shorter, but not
 * shorter than the job's.
 */
static bool cut_comm(char *text, char comm[KMSG_COMM])
{
	static const char key[] = ",task=";
	size_t length = strlen(text), reach = strlen(key) + KMSG_COMM - 1;
	char *at = strstr(length > reach ? text + length - reach : text, key);

	if (!at)
		return false;
	*at = '\0';
	at += strlen(key);
	copy_comm(comm, at, strlen(at));
	return true;
}

/* ",task=NAME,pid=N,uid=N" */
static bool cut_victim(char *line, struct kmsg_victim *ret)
{
	uint64_t uid, pid;

	if (!cut_number(line, ",uid=", &uid) || !cut_number(line, ",pid=", &pid) || !is_pid(pid))
		return false;
	ret->pid = (pid_t) pid;
	ret->rss_bytes = UINT64_MAX;
	return cut_comm(line, ret->comm);
}

/* "LIMIT,task_memcg=PATH": LIMIT ends where a path begins that is LIMIT or below it. */
static bool split_limit(char *limit, struct kmsg_oom *ret)
{
	static const char key[] = ",task_memcg=";

	for (char *at = strstr(limit, key); at; at = strstr(at + 1, key)) {
		if (!is_within(at + strlen(key), limit, (size_t) (at - limit)))
			continue;
		*at = '\0';
		ret->oom_memcg = limit;
		ret->task_memcg = at + strlen(key);
		return true;
	}
	return false;
}

/*
 * ",oom_memcg=LIMIT,task_memcg=PATH" or ",global_oom,task_memcg=PATH", from the left: the only name
 * before it is that of a cpuset, without its path, so that no '/' can follow a key in there.
 */
static bool split_paths(char *line, struct kmsg_oom *ret)
{
	static const char host_key[] = ",global_oom,task_memcg=/", limit_key[] = ",oom_memcg=/";
	char *host = strstr(line, host_key), *limit = strstr(line, limit_key);

	if (limit && (!host || limit < host))
		return split_limit(limit + strlen(limit_key) - 1, ret);
	if (!host)
		return false;
	ret->oom_memcg = NULL;
	ret->task_memcg = host + strlen(host_key) - 1;
	return true;
}

bool kmsg_split_oom(char *line, struct kmsg_oom *ret)
{
	return cut_victim(line, &ret->victim) && split_paths(line, ret);
}

bool kmsg_split_stat(const char *line, const char *key, uint64_t *ret_number)
{
	const char *at = line + strlen(key);
	uint64_t number;

	if (!kmsg_starts(line, key) || !take_char(&at, ' ') || !take_number(&at, &number))
		return false;
	if (*at != '\0')
		return false;
	*ret_number = number;
	return true;
}

uint64_t kmsg_kib_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	uint64_t number;

	if (!at)
		return 0;
	at += strlen(key);
	return take_number(&at, &number) && number <= UINT64_MAX / 4096 ? number * 1024 : 0;
}

bool kmsg_split_killed(char *text, struct kmsg_victim *ret)
{
	const char *at = text, *end = kmsg_find_last(text, ") total-vm:");
	uint64_t pid;

	if (!end || !take_number(&at, &pid) || !is_pid(pid))
		return false;
	if (!take_char(&at, ' ') || !take_char(&at, '(') || at > end)
		return false;
	ret->pid = (pid_t) pid;
	copy_comm(ret->comm, at, (size_t) (end - at));
	ret->rss_bytes = kmsg_kib_after(end, ", anon-rss:") + kmsg_kib_after(end, ", file-rss:") +
			 kmsg_kib_after(end, ", shmem-rss:");
	return true;
}

/* The value behind " KEY=", in hexadecimal or decimal digits, as a blank or the end ends it. */
static bool find_value(const char *line, const char *key, int base, unsigned long *ret)
{
	const char *at = strstr(line, key);
	char *end;

	if (!at)
		return false;
	at += strlen(key);
	*ret = strtoul(at, &end, base);
	return end > at && (*end == ' ' || *end == '\0');
}

/* In quotes, or as hexadecimal digits where it has a quote, a blank or control character. */
static void take_audit_comm(const char *line, char comm[KMSG_COMM])
{
	static const char key[] = " comm=";
	const char *at = strstr(line, key);
	size_t length = 0;

	comm[0] = '\0';
	if (!at)
		return;
	at += strlen(key);
	if (*at == '"') {
		at++;
		copy_comm(comm, at, strcspn(at, "\""));
		return;
	}
	for (; length < KMSG_COMM - 1; at += 2) {
		int high = hex_digit(at[0] >= 'A' && at[0] <= 'F' ? (char) (at[0] + 32) : at[0]);
		int low = high < 0 ? -1
				   : hex_digit(at[1] >= 'A' && at[1] <= 'F' ? (char) (at[1] + 32)
									    : at[1]);

		if (low < 0)
			break;
		comm[length++] = (char) (high << 4 | low);
	}
	comm[length] = '\0';
}

bool kmsg_split_call(const char *line, struct kmsg_call *ret)
{
	unsigned long pid, signo, audit, number;

	if (!find_value(line, " pid=", 10, &pid) || !find_value(line, " sig=", 10, &signo) ||
	    !find_value(line, " arch=", 16, &audit) || !find_value(line, " syscall=", 10, &number))
		return false;
	if (signo != SIGSYS || !is_pid(pid) || audit > UINT32_MAX || number > INT32_MAX)
		return false;
	*ret = (struct kmsg_call) { .pid = (pid_t) pid,
				    .audit = (uint32_t) audit,
				    .number = (int) number };
	take_audit_comm(line, ret->comm);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* io: the rates of disks.  A device is looked up in sysfs, a partition stands for its disk. */
#include "spec/limit_row.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/own.h"
#include "base/parse.h"

#define DIGITS "0123456789"

/* Both versions keep operations a second in 32 bits; v1 wraps silently (block/blk-throttle.c). */
#define IOPS_MOST (UINT32_MAX - 1) /* UINT32_MAX is none */

enum rate { RBPS, WBPS, RIOPS, WIOPS, RATE__COUNT };

/* The rates in the kernel's order. */
static const struct rate_row {
	const char *key;
	const char *v1_file;
	bool bytes; /* a second; else operations */
} rates[RATE__COUNT] = {
	[RBPS] = { "rbps", "blkio.throttle.read_bps_device", true },
	[WBPS] = { "wbps", "blkio.throttle.write_bps_device", true },
	[RIOPS] = { "riops", "blkio.throttle.read_iops_device", false },
	[WIOPS] = { "wiops", "blkio.throttle.write_iops_device", false },
};

static uint64_t *rate_of(struct limit_io *io, size_t rate)
{
	uint64_t *const members[RATE__COUNT] = {
		[RBPS] = &io->rbps,
		[WBPS] = &io->wbps,
		[RIOPS] = &io->riops,
		[WIOPS] = &io->wiops,
	};

	return members[rate];
}

/* A rate's number, which key names in messages. */
static int read_rate_number(const struct rate_row *rate, const char *text, uint64_t *ret,
			    struct memcage_error *err)
{
	char quoted[PARSE_QUOTED];
	int result = rate->bytes ? parse_size(text, ret, err) : parse_count(text, ret, err);

	if (result == 0 && *ret == 0)
		result = limit_refuse_zero(text, rate->bytes ? "50M" : "1000", err);
	else if (result == 0 && !rate->bytes && *ret != PARSE_MAX && *ret > IOPS_MOST)
		result = error_usage(err, "%s is out of range; say at most %u, or max for none",
				     parse_quote(text, quoted, sizeof(quoted)), IOPS_MOST);
	if (result < 0)
		error_prefix(err, "%s", rate->key);
	return result;
}

/* Takes KEY=RATE apart. */
static int read_rate(char *pair, struct limit_io *io, bool given[RATE__COUNT],
		     struct memcage_error *err)
{
	static const char right[] = "say rbps, wbps, riops or wiops, as in wbps=50M";
	char quoted[PARSE_QUOTED];
	char *number = strchr(pair, '=');
	size_t rate = 0;

	parse_quote(pair, quoted, sizeof(quoted));
	if (!number)
		return error_usage(err, "%s is not KEY=RATE; %s", quoted, right);
	*number++ = '\0';
	while (rate < RATE__COUNT && strcmp(rates[rate].key, pair) != 0)
		rate++;
	if (rate == RATE__COUNT)
		return error_usage(err, "%s is not a rate; %s", quoted, right);
	if (given[rate])
		return error_usage(err, "%s gives %s a second time; say it once", quoted, pair);
	given[rate] = true;
	return read_rate_number(&rates[rate], number, rate_of(io, rate), err);
}

/* "8:0" -> both numbers, of 12 and 20 bits; false where it is no such pair. */
static bool read_pair(const char *text, struct limit_io *io)
{
	size_t length = strspn(text, DIGITS);
	const char *second = text + length + 1;
	unsigned long major_number, minor_number;

	if (length == 0 || text[length] != ':' || *second == '\0' || second[strspn(second, DIGITS)])
		return false;
	major_number = strtoul(text, NULL, 10);
	minor_number = strtoul(second, NULL, 10);
	io->major = (unsigned int) major_number;
	io->minor = (unsigned int) minor_number;
	return major_number < 1U << 12 && minor_number < 1U << 20;
}

/* The throttles of a partition are its disk's, and the kernel wants the disk's name. */
static bool find_disk(int sysfs, struct limit_io *io)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "dev/block/%u:%u", io->major, io->minor);
	if (faccessat(sysfs, path, F_OK, 0) < 0)
		return false;
	snprintf(path, sizeof(path), "dev/block/%u:%u/partition", io->major, io->minor);
	if (faccessat(sysfs, path, F_OK, 0) < 0)
		return true;
	snprintf(path, sizeof(path), "dev/block/%u:%u/../dev", io->major, io->minor);
	if (file_read_at(sysfs, path, text, sizeof(text)) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return read_pair(text, io);
}

/* DEVICE, a path or MAJ:MIN, to the numbers of its disk. */
static int find_device(const char *text, int sysfs, struct limit_io *io, struct memcage_error *err)
{
	static const char right[] = "say a disk's path or numbers, such as /dev/vda or 8:0";
	char quoted[PARSE_QUOTED];
	struct stat st;

	parse_quote(text, quoted, sizeof(quoted));
	if (text[strspn(text, DIGITS ":")] == '\0') {
		if (!read_pair(text, io))
			return error_usage(err, "%s is not a device; %s", quoted, right);
	} else {
		if (stat(text, &st) < 0)
			return error_usage(err, "%s: %s; %s", quoted, strerror(errno), right);
		if (!S_ISBLK(st.st_mode))
			return error_usage(err, "%s is not a block device; %s", quoted, right);
		io->major = major(st.st_rdev);
		io->minor = minor(st.st_rdev);
	}
	if (!find_disk(sysfs, io))
		return error_usage(err, "there is no block device %s here; %s", quoted, right);
	return 0;
}

/* The device's entry in the value: the one that was there, or a new one without any limit. */
static struct limit_io *entry_of(struct limit_value *value, const struct limit_io *asked,
				 struct memcage_error *err)
{
	struct limit_io *grown;

	for (size_t i = 0; i < value->count; i++)
		if (value->io[i].major == asked->major && value->io[i].minor == asked->minor)
			return &value->io[i];
	if (value->count == LIMIT_REPEATS_MOST) {
		error_usage(err, "%u:%u is one device too many; name at most %d", asked->major,
			    asked->minor, LIMIT_REPEATS_MOST);
		return NULL;
	}
	grown = realloc(value->io, (value->count + 1) * sizeof(*grown));
	if (!grown) {
		limit_refuse_memory(err);
		return NULL;
	}
	value->io = grown;
	grown[value->count] = (struct limit_io) {
		asked->major, asked->minor, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE, LIMIT_NONE,
	};
	return &grown[value->count++];
}

/* KEY=RATE,... of one --io; text is taken apart. */
static int read_rates(char *text, struct limit_io *io, bool given[RATE__COUNT],
		      struct memcage_error *err)
{
	char *pair;

	while ((pair = strsep(&text, ",")) != NULL)
		if (read_rate(pair, io, given, err) < 0)
			return -1;
	return 0;
}

int limit_io_read(const char *text, int sysfs, struct limit_value *value, struct memcage_error *err)
{
	char quoted[PARSE_QUOTED];
	auto_free char *device = strdup(text);
	char *colon = device ? strrchr(device, ':') : NULL;
	struct limit_io asked = { 0 }, *entry;
	bool given[RATE__COUNT] = { false };

	if (!device)
		return limit_refuse_memory(err);
	parse_quote(text, quoted, sizeof(quoted));
	if (!colon)
		return error_usage(err, "%s is not DEVICE:KEY=RATE,...; say /dev/vda:wbps=50M",
				   quoted);
	*colon = '\0';
	if (read_rates(colon + 1, &asked, given, err) < 0 ||
	    find_device(device, sysfs, &asked, err) < 0)
		return -1;
	entry = entry_of(value, &asked, err);
	if (!entry)
		return -1;
	for (size_t i = 0; i < RATE__COUNT; i++)
		if (given[i])
			*rate_of(entry, i) = *rate_of(&asked, i);
	return 0;
}

int limit_io_parse(const char *text, struct limit_value *value, struct memcage_error *err)
{
	auto_fd int sysfs = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return limit_io_read(text, sysfs, value, err);
}

/* A rate as io.max spells it. */
static const char *spell_rate(uint64_t number, char buffer[24])
{
	if (number == LIMIT_NONE)
		return "max";
	snprintf(buffer, 24, "%" PRIu64, number);
	return buffer;
}

void limit_io_plan_v2(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
		      struct limit_plan *plan)
{
	for (size_t i = 0; i < values[id].count; i++) {
		const struct limit_io *io = &values[id].io[i];
		char text[RATE__COUNT][24];

		/* io.max has no line for a device without any limit. */
		if (io->rbps == LIMIT_NONE && io->wbps == LIMIT_NONE && io->riops == LIMIT_NONE &&
		    io->wiops == LIMIT_NONE)
			continue;
		limit_plan_add(plan, limits[id].file[CGROUP_V2],
			       "%u:%u rbps=%s wbps=%s riops=%s wiops=%s", io->major, io->minor,
			       spell_rate(io->rbps, text[RBPS]), spell_rate(io->wbps, text[WBPS]),
			       spell_rate(io->riops, text[RIOPS]),
			       spell_rate(io->wiops, text[WIOPS]));
	}
}

void limit_io_plan_v1(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
		      struct limit_plan *plan)
{
	for (size_t i = 0; i < values[id].count; i++) {
		struct limit_io io = values[id].io[i];

		for (size_t r = 0; r < RATE__COUNT; r++)
			if (*rate_of(&io, r) != LIMIT_NONE)
				limit_plan_add(plan, rates[r].v1_file, "%u:%u %" PRIu64, io.major,
					       io.minor, *rate_of(&io, r));
	}
	/* They do not hold for cgroups below: 1 MB/s above was 1 GB/s in the leaf, on 6.18. */
	for (size_t w = 0; w < plan->count; w++)
		plan->writes[w].in_leaf = true;
}

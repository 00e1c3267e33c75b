/* SPDX-License-Identifier: Apache-2.0 */
#include "host/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/bus.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "base/parse.h"
#include "cgroup/cgroup_tree.h"

#define ANSWER_USEC (5 * USEC_PER_SEC) /* for all of it: systemd needs some ten milliseconds */
#define LOOK_NSEC 1000000
#define NAMES_MOST 3
#define NAME 64
#define SOCKET 108 /* as in sockaddr_un */
#define PROC_SELF_CGROUP 8192

/* ---- which slice ---- */

/* The length of the first component of path, with its slash. */
static size_t component(const char *path)
{
	return *path == '/' ? 1 + strcspn(path + 1, "/") : 0;
}

static bool is_slice(const char *path, size_t length)
{
	return length > 7 && strncmp(path + length - 6, ".slice", 6) == 0;
}

/* Goes down from `at` as long as there are slices, and takes the last. */
static void take_slices(const char *own, size_t at, struct scope_place *ret)
{
	for (size_t length; is_slice(own + at, length = component(own + at)); at += length)
		snprintf(ret->slice, sizeof(ret->slice), "%.*s", (int) length - 1, own + at + 1);
	ret->kept = at;
}

/* Another memcage's, which would lose sight of us. */
static bool is_in_cage(const char *own)
{
	for (size_t length; (length = component(own)) > 0; own += length)
		if (strncmp(own + 1, CGROUP_PREFIX, strlen(CGROUP_PREFIX)) == 0 &&
		    own[length] == '/' && strncmp(own + length - 6, ".scope", 6) != 0)
			return true;
	return false;
}

bool scope_place(const char *own, uid_t uid, struct scope_place *ret)
{
	char manager[96];
	size_t at = 0, length;

	if (is_in_cage(own))
		return false;
	if (uid == 0) {
		snprintf(ret->slice, sizeof(ret->slice), "-.slice");
		take_slices(own, 0, ret);
		return true;
	}
	snprintf(manager, sizeof(manager), "/user.slice/user-%u.slice/user@%u.service",
		 (unsigned int) uid, (unsigned int) uid);
	snprintf(ret->slice, sizeof(ret->slice), "app.slice");
	while ((length = component(own + at)) > 0 && length == component(manager + at) &&
	       strncmp(own + at, manager + at, length) == 0)
		at += length;
	ret->kept = at;
	if (manager[at] == '\0')
		take_slices(own, at, ret);
	return true;
}

/* ---- the limits of the levels that are left ---- */

/* Without a property: what a scope cannot be given, so that the level is not left. */
static const struct left_limit {
	const char *file, *property;
} left_limits[] = {
	{ "memory.max", "MemoryMax" },
	{ "memory.high", "MemoryHigh" },
	{ "memory.swap.max", "MemorySwapMax" },
	{ "pids.max", "TasksMax" },
	{ "cpu.max", "CPUQuotaPerSecUSec" },
	{ "cpuset.cpus", NULL },
	{ "io.max", NULL },
};

/* One number; of cpu.max, "QUOTA PERIOD", the CPU time in a second. */
static uint64_t read_limit(int dir, const char *file)
{
	unsigned long long quota, period;
	char text[64];
	uint64_t number;

	if (strcmp(file, "cpu.max") != 0)
		return file_number_at(dir, file, &number) < 0 ? UINT64_MAX : number;
	if (file_read_at(dir, file, text, sizeof(text)) < 0 ||
	    sscanf(text, "%llu %llu", &quota, &period) != 2 || period == 0)
		return UINT64_MAX;
	return quota * USEC_PER_SEC / period;
}

static bool is_empty(int dir, const char *file)
{
	char text[64] = "";

	return (file_read_at(dir, file, text, sizeof(text)) < 0 && errno != EFBIG) ||
	       text[0] == '\n' || text[0] == '\0';
}

/* Lowers each number to that of this level. */
static int add_level(int dir, const char *path, uint64_t numbers[], struct memcage_error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(left_limits); i++) {
		const struct left_limit *limit = &left_limits[i];
		uint64_t number;

		if (!limit->property && !is_empty(dir, limit->file))
			return error_set(err, MEMCAGE_ERROR_SETUP, 0,
					 "%s of %s is set, and a scope would be outside of it",
					 limit->file, path);
		number = limit->property ? read_limit(dir, limit->file) : UINT64_MAX;
		if (number < numbers[i])
			numbers[i] = number;
	}
	return 0;
}

/* The smallest of all levels below path + kept; UINT64_MAX: none. */
static int read_left(const struct hierarchy *hierarchy, size_t kept, uint64_t numbers[],
		     struct memcage_error *err)
{
	char path[HIERARCHY_MOUNT + HIERARCHY_OWN];
	const char *own = hierarchy->own;

	for (size_t i = 0; i < ARRAY_LEN(left_limits); i++)
		numbers[i] = UINT64_MAX;
	for (size_t at = kept, length; (length = component(own + at)) > 0;) {
		at += length;
		snprintf(path, sizeof(path), "%s%.*s", hierarchy->mount, (int) at, own);
		auto_fd int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0 && add_level(dir, path + strlen(hierarchy->mount), numbers, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the call ---- */

static void put_property(struct bus_body *body, const char *name, const char *type)
{
	bus_put_struct(body);
	bus_put_string(body, name);
	bus_put_signature(body, type);
}

static void put_text(struct bus_body *body, const char *name, const char *text)
{
	put_property(body, name, "s");
	bus_put_string(body, text);
}

/* Pid 0 is the caller, whatever PID namespace he is in. */
static void put_self(struct bus_body *body)
{
	size_t pids;

	put_property(body, "PIDs", "au");
	pids = bus_begin_array(body, sizeof(uint32_t));
	bus_put_u32(body, 0);
	bus_end_array(body, pids, sizeof(uint32_t));
}

static void put_arguments(struct bus_body *body, const char *name, const char *slice,
			  const uint64_t numbers[])
{
	size_t properties, units;

	bus_put_string(body, name);
	bus_put_string(body, "fail");
	properties = bus_begin_array(body, 8);
	put_text(body, "Description", "memcage run");
	put_text(body, "Slice", slice);
	put_text(body, "CollectMode", "inactive-or-failed");
	put_property(body, "Delegate", "b");
	bus_put_u32(body, 1);
	for (size_t i = 0; i < ARRAY_LEN(left_limits); i++)
		if (numbers[i] != UINT64_MAX) {
			put_property(body, left_limits[i].property, "t");
			bus_put_u64(body, numbers[i]);
		}
	put_self(body);
	bus_end_array(body, properties, 8);
	units = bus_begin_array(body, 8);
	bus_end_array(body, units, 8);
}

static void choose_name(char name[NAME])
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = clock_usec();
	snprintf(name, NAME, "memcage-%ld-%016llx.scope", (long) getpid(),
		 (unsigned long long) random);
}

static int start_scope(struct bus *bus, const char *slice, const uint64_t numbers[],
		       char name[NAME], struct memcage_error *err)
{
	static const struct bus_method start = { "org.freedesktop.systemd1",
						 "/org/freedesktop/systemd1",
						 "org.freedesktop.systemd1.Manager",
						 "StartTransientUnit", "ssa(sv)a(sa(sv))" };
	char error[BUS_NAME];

	for (int tries = 1;; tries++) {
		struct bus_body body = { .used = 0 };

		choose_name(name);
		put_arguments(&body, name, slice, numbers);
		if (bus_call(bus, &start, &body, error, err) == 0)
			return 0;
		if (strcmp(error, "org.freedesktop.systemd1.UnitExists") != 0 ||
		    tries == NAMES_MOST)
			return -1;
	}
}

/* systemd answers when the job is queued; once we are in the scope all else of it is done. */
static int wait_until_moved(const char *name, uint64_t deadline_usec, struct memcage_error *err)
{
	const struct timespec pause = { .tv_nsec = LOOK_NSEC };
	char text[PROC_SELF_CGROUP], last[NAME + 2];

	snprintf(last, sizeof(last), "/%s\n", name);
	do {
		if (file_read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) >= 0 &&
		    strstr(text, last))
			return 0;
		nanosleep(&pause, NULL);
	} while (clock_usec() < deadline_usec);
	return error_set(err, MEMCAGE_ERROR_SETUP, 0, "it said that it makes %s, but did not",
			 name);
}

/* ---- the manager ---- */

struct socket {
	char name[SOCKET]; /* "@...": in the abstract namespace */
	bool straight;
};

#define SOCKETS_MOST 5

struct sockets {
	struct socket list[SOCKETS_MOST];
	size_t count;
};

static void add_socket(struct sockets *sockets, bool straight, const char *folder, const char *name)
{
	struct socket *at = &sockets->list[sockets->count];

	at->straight = straight;
	if (snprintf(at->name, sizeof(at->name), "%s%s", folder, name) < (int) sizeof(at->name) &&
	    (at->name[0] == '@' || access(at->name, F_OK) == 0))
		sockets->count++;
}

/* "%2f" is a slash. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		char digits[3] = "";
		char *end = digits;
		long number;

		if (*from == '%') {
			memcpy(digits, from + 1, strnlen(from + 1, 2));
			number = strtol(digits, &end, 16);
		}
		if (end == digits + 2) {
			*to++ = (char) number;
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* "unix:path=/run/user/1000/bus,guid=...;...": those of its addresses that are ours to use. */
static void add_addresses(struct sockets *sockets, const char *addresses)
{
	static const char path[] = "unix:path=", abstract[] = "unix:abstract=";

	for (const char *at = addresses; at && *at && sockets->count < 2;) {
		char name[SOCKET] = "@";
		bool is_path = strncmp(at, path, sizeof(path) - 1) == 0;
		size_t prefix = is_path ? sizeof(path) - 1 : sizeof(abstract) - 1;

		if (is_path || strncmp(at, abstract, sizeof(abstract) - 1) == 0) {
			snprintf(name + !is_path, sizeof(name) - 1, "%.*s",
				 (int) strcspn(at + prefix, ",;"), at + prefix);
			unescape(name);
			add_socket(sockets, false, name, "");
		}
		at = strchr(at, ';');
		at = at ? at + 1 : NULL;
	}
}

/* systemd's own socket is there without a bus; root's first, since it needs no bus to be alive. */
static void list_sockets(struct sockets *sockets, uid_t uid)
{
	char own[64];
	const char *folder = getenv("XDG_RUNTIME_DIR");

	sockets->count = 0;
	if (uid == 0) {
		add_socket(sockets, true, "/run/systemd", "/private");
		add_socket(sockets, false, "/run/dbus", "/system_bus_socket");
		return;
	}
	snprintf(own, sizeof(own), "/run/user/%u", (unsigned int) uid);
	add_addresses(sockets, getenv("DBUS_SESSION_BUS_ADDRESS"));
	if (!folder || folder[0] != '/')
		folder = own;
	add_socket(sockets, false, folder, "/bus");
	add_socket(sockets, true, own, "/systemd/private");
}

static int ask(const struct socket *socket, const char *slice, const uint64_t numbers[],
	       uint64_t deadline_usec, struct memcage_error *err)
{
	struct bus bus = BUS_NONE;
	char name[NAME], quoted[PARSE_QUOTED];
	int failed;

	failed = bus_open(&bus, socket->name, socket->straight, deadline_usec, err) < 0 ||
		 start_scope(&bus, slice, numbers, name, err) < 0;
	bus_close(&bus);
	if (failed || wait_until_moved(name, deadline_usec, err) < 0)
		return error_prefix(err, "%s", parse_quote(socket->name, quoted, sizeof(quoted)));
	return 0;
}

static const struct hierarchy *unified(const struct host *host)
{
	for (size_t i = 0; i < host->count; i++)
		if (host->hierarchies[i].version == CGROUP_V2)
			return &host->hierarchies[i];
	return NULL;
}

/* The path of v2 in a text like /proc/self/cgroup; its length, 0: none. */
static size_t unified_path(const char *text, const char **ret_path)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "0::", 3) == 0) {
			*ret_path = line + 3;
			return strcspn(*ret_path, "\n");
		}
	}
	return 0;
}

static size_t read_path(const char *file, char text[PROC_SELF_CGROUP], const char **ret_path)
{
	return file_read_at(AT_FDCWD, file, text, PROC_SELF_CGROUP) < 0
		       ? 0
		       : unified_path(text, ret_path);
}

/*
 * Is our tree the one that process 1 manages?  In a cage or a container, say, /run may be the
 * host's, and a scope from its systemd would be outside.  systemd itself is in /init.scope, seen
 * from where it sees us where we do.  Who may not look at process 1 needs the initial namespace.
 */
static bool is_managed(const struct host *host, const struct hierarchy *hierarchy)
{
	char text[PROC_SELF_CGROUP];
	const char *path;
	size_t length = read_path("/proc/1/cgroup", text, &path);

	if (length == 0)
		return hierarchy->whole_path && !host->cgroup_namespace;
	if (length != strlen("/init.scope") || strncmp(path, "/init.scope", length) != 0)
		return false;
	length = strlen(hierarchy->own);
	return read_path("/proc/self/cgroup", text, &path) >= length &&
	       strncmp(path, hierarchy->own, length) == 0;
}

const struct hierarchy *scope_hierarchy(const struct host *host)
{
	const struct hierarchy *hierarchy = unified(host);

	return hierarchy && access("/run/systemd/system", F_OK) == 0 && is_managed(host, hierarchy)
		       ? hierarchy
		       : NULL;
}

int scope_take(const struct hierarchy *hierarchy, struct memcage_error *err)
{
	uint64_t deadline_usec = clock_usec() + ANSWER_USEC;
	uint64_t numbers[ARRAY_LEN(left_limits)];
	struct memcage_error later;
	struct scope_place place;
	struct sockets sockets;
	uid_t uid = geteuid();

	if (!scope_place(hierarchy->own, uid, &place))
		return error_set(err, MEMCAGE_ERROR_SETUP, 0, "we are in a cage");
	if (read_left(hierarchy, place.kept, numbers, err) < 0)
		return -1;
	list_sockets(&sockets, uid);
	if (sockets.count == 0)
		return error_set(err, MEMCAGE_ERROR_SETUP, 0,
				 uid == 0 ? "no socket of it in /run/systemd and /run/dbus"
					  : "no user manager runs for uid %u",
				 (unsigned int) uid);
	/* The first place is the one that was meant: what is wrong there is told. */
	for (size_t i = 0; i < sockets.count; i++) {
		if (ask(&sockets.list[i], place.slice, numbers, deadline_usec,
			i == 0 ? err : &later) == 0)
			return 0;
		if (clock_usec() >= deadline_usec)
			break;
	}
	return -1;
}

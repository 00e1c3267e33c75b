/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus against a peer that has said all it has to say before it is asked: a client that reads no
 * further than it should notices nothing.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/bus.h"
#include "base/clock.h"

#define OK "OK 0123456789abcdef\r\n"
#define SOON (60 * USEC_PER_SEC)
#define LATE (50 * USEC_PER_MSEC)

enum { RETURN = 2, ERROR, SIGNAL };

struct says {
	unsigned char type; /* 0: the end of the list */
	uint32_t serial;    /* that it answers; 0: none */
	const char *error, *text;
	/* What is wrong with it. */
	unsigned char order, version;
	uint32_t body, fields;
	size_t cut; /* so many bytes are missing */
};

static const struct row {
	const char *name;
	const char *greeting;
	struct says says[3];
	const char *error; /* NULL: it succeeds */
	const char *error_name;
	bool stays_open;
} rows[] = {
	{ "an answer", OK, { { RETURN, 1 } }, NULL, "", false },
	{ "a signal comes first", OK, { { SIGNAL, 0 }, { RETURN, 1 } }, NULL, "", false },
	{ "an answer to another call comes first",
	  OK,
	  { { RETURN, 7 }, { RETURN, 1 } },
	  NULL,
	  "",
	  false },
	{ "a signal that is too long to be kept comes first",
	  OK,
	  { { SIGNAL, 0, NULL, "", .body = 70000 }, { RETURN, 1 } },
	  NULL,
	  "",
	  false },
	{ "an error with a text",
	  OK,
	  { { ERROR, 1, "a.b.Exists", "it is there" } },
	  "it is there",
	  "a.b.Exists",
	  false },
	{ "an error without a text",
	  OK,
	  { { ERROR, 1, "a.b.Exists" } },
	  "a.b.Exists",
	  "a.b.Exists",
	  false },
	{ "an error without anything", OK, { { ERROR, 1 } }, "an error without a name", "", false },
	{ "an error that would write on a terminal",
	  OK,
	  { { ERROR, 1, "a.b", "x\033[2Jy\nz" } },
	  "x?[2Jy?z",
	  "a.b",
	  false },
	{ "we are not welcome",
	  "REJECTED EXTERNAL\r\n",
	  { { 0 } },
	  "Permission denied",
	  "",
	  false },
	{ "another language", "220 mail.example ESMTP\r\n", { { 0 } }, "not D-Bus", "", false },
	{ "nothing but an end", "", { { 0 } }, "it hung up", "", false },
	{ "an end in the first line", "OK 01", { { 0 } }, "it hung up", "", false },
	{ "an end after the first line", OK, { { 0 } }, "it hung up", "", false },
	{ "an end in a message", OK, { { RETURN, 1, .cut = 3 } }, "it hung up", "", false },
	{ "an end in what is dropped",
	  OK,
	  { { RETURN, 1, .body = 100U << 20, .cut = 1 } },
	  "it hung up",
	  "",
	  false },
	{ "only signals", OK, { { SIGNAL, 0 } }, "it hung up", "", false },
	{ "another order of bytes", OK, { { RETURN, 1, .order = 'x' } }, "not D-Bus", "", false },
	{ "another version", OK, { { RETURN, 1, .version = 2 } }, "not D-Bus", "", false },
	{ "a body that is too long",
	  OK,
	  { { RETURN, 1, .body = UINT32_MAX } },
	  "not D-Bus",
	  "",
	  false },
	{ "fields that are too long",
	  OK,
	  { { RETURN, 1, .fields = UINT32_MAX } },
	  "not D-Bus",
	  "",
	  false },
	{ "fields that end in the middle of one",
	  OK,
	  { { ERROR, 1, "a.b", .fields = 12 } },
	  "not D-Bus",
	  "",
	  false },
	{ "silence", "", { { 0 } }, "it did not answer in time", "", true },
	{ "silence after the greeting", OK, { { 0 } }, "it did not answer in time", "", true },
	{ "half a message and silence",
	  OK,
	  { { RETURN, 1, .cut = 1 } },
	  "it did not answer in time",
	  "",
	  true },
};

static void write_all(int fd, const void *data, size_t size)
{
	if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t) size)
		_exit(1);
}

static void put_byte(unsigned char *bytes, size_t *used, unsigned char byte)
{
	bytes[(*used)++] = byte;
}

static void align_to(unsigned char *bytes, size_t *used, size_t to)
{
	while (*used % to)
		put_byte(bytes, used, 0);
}

static void put_number(unsigned char *bytes, size_t *used, uint32_t number)
{
	align_to(bytes, used, 4);
	memcpy(bytes + *used, &number, 4);
	*used += 4;
}

static void put_text(unsigned char *bytes, size_t *used, const char *text)
{
	put_number(bytes, used, (uint32_t) strlen(text));
	memcpy(bytes + *used, text, strlen(text) + 1);
	*used += strlen(text) + 1;
}

/* A field's code and type. */
static void put_field(unsigned char *bytes, size_t *used, unsigned char code, char type)
{
	align_to(bytes, used, 8);
	put_byte(bytes, used, code);
	put_byte(bytes, used, 1);
	put_byte(bytes, used, (unsigned char) type);
	put_byte(bytes, used, 0);
}

static void say(int fd, const struct says *says)
{
	const unsigned char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B';
	unsigned char bytes[1024] = { says->order ? says->order : order, says->type, 0,
				      says->version ? says->version : 1 };
	static unsigned char zeros[70000];
	size_t used = 16, body_at;
	uint32_t fields, body;

	if (says->serial != 0) {
		put_field(bytes, &used, 5, 'u');
		put_number(bytes, &used, says->serial);
	}
	if (says->error) {
		put_field(bytes, &used, 4, 's');
		put_text(bytes, &used, says->error);
	}
	if (says->text) {
		put_field(bytes, &used, 8, 'g');
		put_byte(bytes, &used, 1);
		put_byte(bytes, &used, 's');
		put_byte(bytes, &used, 0);
	}
	fields = says->fields ? says->fields : (uint32_t) used - 16;
	align_to(bytes, &used, 8);
	body_at = used;
	if (says->text && says->body == 0)
		put_text(bytes, &used, says->text);
	body = says->body ? says->body : (uint32_t) (used - body_at);
	memcpy(bytes + 4, &body, 4);
	memcpy(bytes + 12, &fields, 4);
	write_all(fd, bytes, used - (says->body ? 0 : says->cut));
	if (says->body == sizeof(zeros))
		write_all(fd, zeros, sizeof(zeros));
}

/* The peer, in a child: speaks, and listens until the client is gone. */
_Noreturn static void serve(int listener, const struct row *row)
{
	auto_fd int fd = accept(listener, NULL, NULL);
	int size = 1 << 20;
	char byte[64];

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	write_all(fd, row->greeting, strlen(row->greeting));
	for (const struct says *says = row->says; says->type != 0; says++)
		say(fd, says);
	if (!row->stays_open)
		shutdown(fd, SHUT_WR);
	while (recv(fd, byte, sizeof(byte), 0) > 0)
		;
	_exit(0);
}

static pid_t start(const struct row *row, char name[64])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_fd int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t child;
	int length;

	length = snprintf(name, 64, "@memcage-test-bus-%d", (int) getpid());
	memcpy(address.sun_path + 1, name + 1, (size_t) length - 1);
	if (bind(listener, (const struct sockaddr *) &address,
		 (socklen_t) (offsetof(struct sockaddr_un, sun_path) + (size_t) length)) < 0 ||
	    listen(listener, 1) < 0)
		abort();
	child = fork();
	if (child == 0)
		serve(listener, row);
	return child;
}

static void check_row(void **state)
{
	static const struct bus_method method = { "a.b", "/a", "a.b", "C", NULL };
	const struct bus_body nothing = { .used = 0 };
	const struct row *row = *state;
	char name[64], error_name[BUS_NAME] = "";
	struct memcage_error err = { 0 };
	struct bus bus = BUS_NONE;
	pid_t child = start(row, name);
	uint64_t deadline = clock_usec() + (row->stays_open ? LATE : SOON);
	int failed;

	failed = bus_open(&bus, name, true, deadline, &err) < 0 ||
		 bus_call(&bus, &method, &nothing, error_name, &err) < 0;
	bus_close(&bus);
	assert_int_equal(waitpid(child, NULL, 0), child);
	if (row->error && !strstr(err.text, row->error))
		fail_msg("'%s' is not in '%s'", row->error, err.text);
	assert_int_equal(failed, row->error != NULL);
	assert_string_equal(error_name, row->error_name);
}

/* Whoever knows the protocol may check it: a{s} pads before its first element. */
static void check_body(void **state)
{
	struct bus_body body = { .used = 0 };
	const struct {
		uint32_t length;
		char text[4];
		uint32_t array, padding;
		uint32_t in_struct;
		char signature[4];
		uint64_t number;
		uint32_t empty;
	} want = { 2, "ab", 16, 0, 5, "\1t", 9, 0 };
	size_t place;

	(void) state;
	bus_put_string(&body, "ab");
	bus_put_u32(&body, 0);
	body.used -= 4;
	place = bus_begin_array(&body, 8);
	bus_put_struct(&body);
	bus_put_u32(&body, 5);
	bus_put_signature(&body, "t");
	bus_put_u64(&body, 9);
	bus_end_array(&body, place, 8);
	place = bus_begin_array(&body, 4);
	bus_end_array(&body, place, 4);
	assert_int_equal(body.used, offsetof(__typeof__(want), empty) + 4);
	assert_memory_equal(body.bytes, &want, 8 + 4);
	assert_memory_equal(body.bytes + 16, &want.in_struct, 7);
	assert_memory_equal(body.bytes + 24, &want.number, 12);
}

/* What does not fit is not sent, not even in part. */
static void check_overflow(void **state)
{
	static const struct bus_method method = { "a.b", "/a", "a.b", "C", "s" };
	struct bus_body body = { .used = 0 };
	struct memcage_error err = { 0 };
	char name[BUS_NAME], text[BUS_BODY];
	struct bus bus = BUS_NONE;
	size_t place;

	(void) state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	place = bus_begin_array(&body, 4);
	bus_put_string(&body, text);
	bus_end_array(&body, place, 4);
	assert_true(body.overflow);
	assert_int_equal(bus_call(&bus, &method, &body, name, &err), -1);
	assert_non_null(strstr(err.text, "Message too long"));
}

static const struct place_row {
	const char *name, *socket, *error;
} places[] = {
	{ "no socket there", "/nowhere/at/all", "No such file or directory" },
	{ "a folder", "/", "Connection refused" },
	{ "a name that is too long",
	  "/123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
	  "123456789"
	  "/123456789/123456789",
	  "File name too long" },
	{ "no abstract socket of that name", "@memcage-test-bus-of-nobody", "Connection refused" },
};

static void check_place(void **state)
{
	const struct place_row *row = *state;
	struct memcage_error err = { 0 };
	struct bus bus = BUS_NONE;

	assert_int_equal(bus_open(&bus, row->socket, true, clock_usec() + SOON, &err), -1);
	bus_close(&bus);
	assert_string_equal(err.text, row->error);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	TEST_ROWS(&suite, check_place, places);
	test_add(&suite, "arguments lie as the protocol wants it", check_body, NULL);
	test_add(&suite, "arguments that do not fit are not sent", check_overflow, NULL);
	return test_run("bus", &suite);
}

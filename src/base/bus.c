/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message is a header of 16 bytes, whose last 4 are the length of the array of fields; fields,
 * padded to 8; body.  Numbers are in the sender's order, which is ours on one machine.
 */
#include "base/bus.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/line.h"
#include "base/own.h"

#define ORDER (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B')
#define VERSION 1
#define HEADER 16
#define KEPT 4096	     /* of a message; the rest of a longer one is read and dropped */
#define LONGEST (128U << 20) /* that the protocol allows */
#define ANSWER_LINE 256	     /* of the authentication */

enum message_type { MESSAGE_CALL = 1, MESSAGE_RETURN, MESSAGE_ERROR };

enum field {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR_NAME,
	FIELD_REPLY_SERIAL,
	FIELD_DESTINATION,
	FIELD_SENDER,
	FIELD_SIGNATURE
};

/* ---- bytes of a message ---- */

static void put(struct bus_body *body, const void *data, size_t size)
{
	if (size > sizeof(body->bytes) - body->used) {
		body->overflow = true;
		return;
	}
	memcpy(body->bytes + body->used, data, size);
	body->used += size;
}

static void align(struct bus_body *body, size_t to)
{
	static const unsigned char zeros[8];

	put(body, zeros, (to - body->used % to) % to);
}

void bus_put_u32(struct bus_body *body, uint32_t number)
{
	align(body, sizeof(number));
	put(body, &number, sizeof(number));
}

void bus_put_u64(struct bus_body *body, uint64_t number)
{
	align(body, sizeof(number));
	put(body, &number, sizeof(number));
}

void bus_put_string(struct bus_body *body, const char *text)
{
	bus_put_u32(body, (uint32_t) strlen(text));
	put(body, text, strlen(text) + 1);
}

void bus_put_signature(struct bus_body *body, const char *text)
{
	unsigned char length = (unsigned char) strlen(text);

	put(body, &length, 1);
	put(body, text, (size_t) length + 1);
}

void bus_put_struct(struct bus_body *body)
{
	align(body, 8);
}

size_t bus_begin_array(struct bus_body *body, size_t alignment)
{
	size_t place;

	align(body, sizeof(uint32_t));
	place = body->used;
	bus_put_u32(body, 0);
	align(body, alignment);
	return place;
}

/* The length is that of the elements, without the padding before the first. */
void bus_end_array(struct bus_body *body, size_t place, size_t alignment)
{
	size_t first = (place + sizeof(uint32_t) + alignment - 1) / alignment * alignment;
	uint32_t length = (uint32_t) (body->used - first);

	if (!body->overflow)
		memcpy(body->bytes + place, &length, sizeof(length));
}

/* What is being read of a message; everything is checked against size. */
struct reader {
	const unsigned char *bytes;
	size_t size, at;
};

static bool skip(struct reader *reader, size_t size)
{
	if (size > reader->size - reader->at)
		return false;
	reader->at += size;
	return true;
}

static bool skip_to(struct reader *reader, size_t alignment)
{
	return skip(reader, (alignment - reader->at % alignment) % alignment);
}

static bool get_byte(struct reader *reader, unsigned char *ret)
{
	if (!skip(reader, 1))
		return false;
	*ret = reader->bytes[reader->at - 1];
	return true;
}

static bool get_u32(struct reader *reader, uint32_t *ret)
{
	if (!skip_to(reader, sizeof(*ret)) || !skip(reader, sizeof(*ret)))
		return false;
	memcpy(ret, reader->bytes + reader->at - sizeof(*ret), sizeof(*ret));
	return true;
}

/* The text stays where it is: there is a NUL behind it. */
static bool get_text(struct reader *reader, size_t length, const char **ret)
{
	const unsigned char *text = reader->bytes + reader->at;

	if (!skip(reader, length) || !skip(reader, 1) || text[length] != '\0')
		return false;
	*ret = (const char *) text;
	return true;
}

static bool get_string(struct reader *reader, const char **ret)
{
	uint32_t length;

	return get_u32(reader, &length) && get_text(reader, length, ret);
}

static bool get_signature(struct reader *reader, const char **ret)
{
	unsigned char length;

	return get_byte(reader, &length) && get_text(reader, length, ret);
}

/* ---- sending and receiving, up to the deadline ---- */

static int wait_for(const struct bus *bus, short events)
{
	struct pollfd watched = { .fd = bus->fd, .events = events };

	for (;;) {
		uint64_t now = clock_usec();
		uint64_t left = now < bus->deadline_usec ? bus->deadline_usec - now : 0;
		int ready = poll(&watched, 1, (int) ((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC));

		if (ready > 0)
			return 0;
		if (ready == 0)
			errno = ETIMEDOUT;
		if (ready == 0 || errno != EINTR)
			return -1;
	}
}

static int send_all(const struct bus *bus, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t sent = send(bus->fd, at, size, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (sent < 0 && wait_for(bus, POLLOUT) < 0)
			return -1;
		if (sent < 0)
			continue;
		at += sent;
		size -= (size_t) sent;
	}
	return 0;
}

static int receive_all(const struct bus *bus, void *data, size_t size)
{
	char *at = data;

	while (size > 0) {
		ssize_t got = -1;

		if (wait_for(bus, POLLIN) < 0)
			return -1;
		got = recv(bus->fd, at, size, 0);
		if (got == 0)
			errno = ECONNRESET;
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return -1;
		if (got < 0)
			continue;
		at += got;
		size -= (size_t) got;
	}
	return 0;
}

static int drop(const struct bus *bus, size_t size)
{
	char dropped[KEPT];

	while (size > 0) {
		size_t part = size < sizeof(dropped) ? size : sizeof(dropped);

		if (receive_all(bus, dropped, part) < 0)
			return -1;
		size -= part;
	}
	return 0;
}

/* ---- messages ---- */

struct message {
	enum message_type type;
	uint32_t reply_serial;	 /* 0: an answer to nobody */
	const char *name, *text; /* of an error, in bytes; "" */
	unsigned char bytes[KEPT];
};

static bool get_field(struct reader *reader, struct message *message, bool *is_text)
{
	const char *signature, *text = "";
	unsigned char code;
	uint32_t number = 0;

	if (!skip_to(reader, 8) || !get_byte(reader, &code) || !get_signature(reader, &signature))
		return false;
	switch (signature[0]) {
	case 's':
	case 'o':
		if (!get_string(reader, &text))
			return false;
		break;
	case 'g':
		if (!get_signature(reader, &text))
			return false;
		break;
	case 'u':
		if (!get_u32(reader, &number))
			return false;
		break;
	default: /* no field that there is has another type */
		return false;
	}
	if (code == FIELD_REPLY_SERIAL)
		message->reply_serial = number;
	if (code == FIELD_ERROR_NAME)
		message->name = text;
	if (code == FIELD_SIGNATURE)
		*is_text = text[0] == 's';
	return true;
}

static bool get_message(struct message *message, size_t fields, size_t kept)
{
	struct reader reader = { message->bytes, HEADER + fields, HEADER };
	bool is_text = false;

	message->type = (enum message_type) message->bytes[1];
	message->reply_serial = 0;
	message->name = message->text = "";
	while (reader.at < reader.size)
		if (!get_field(&reader, message, &is_text))
			return false;
	reader.size = kept;
	/* A text that was too long to be kept is none. */
	if (is_text && skip_to(&reader, 8) && !get_string(&reader, &message->text))
		message->text = "";
	return true;
}

static int receive_message(const struct bus *bus, struct message *message)
{
	size_t total, kept;
	uint32_t body, fields;

	if (receive_all(bus, message->bytes, HEADER) < 0)
		return -1;
	memcpy(&body, message->bytes + 4, sizeof(body));
	memcpy(&fields, message->bytes + 12, sizeof(fields));
	errno = EPROTO;
	if (message->bytes[0] != ORDER || message->bytes[3] != VERSION || body > LONGEST ||
	    fields > KEPT - HEADER)
		return -1;
	total = HEADER + (fields + 7) / 8 * 8 + (size_t) body;
	kept = total < KEPT ? total : KEPT;
	if (receive_all(bus, message->bytes + HEADER, kept - HEADER) < 0 ||
	    drop(bus, total - kept) < 0)
		return -1;
	errno = EPROTO;
	return get_message(message, fields, kept) ? 0 : -1;
}

static void put_field(struct bus_body *header, enum field code, const char *type, const char *text)
{
	const unsigned char byte = (unsigned char) code;

	if (!text)
		return;
	bus_put_struct(header);
	put(header, &byte, 1);
	bus_put_signature(header, type);
	if (type[0] == 'g')
		bus_put_signature(header, text);
	else
		bus_put_string(header, text);
}

static int send_call(struct bus *bus, const struct bus_method *method, const struct bus_body *body)
{
	const unsigned char start[4] = { ORDER, MESSAGE_CALL, 0, VERSION };
	struct bus_body header = { .used = 0 };
	size_t fields;

	put(&header, start, sizeof(start));
	bus_put_u32(&header, (uint32_t) body->used);
	bus_put_u32(&header, ++bus->serial);
	fields = bus_begin_array(&header, 8);
	put_field(&header, FIELD_PATH, "o", method->path);
	put_field(&header, FIELD_DESTINATION, "s", method->destination);
	put_field(&header, FIELD_INTERFACE, "s", method->interface);
	put_field(&header, FIELD_MEMBER, "s", method->member);
	put_field(&header, FIELD_SIGNATURE, "g", method->signature);
	bus_end_array(&header, fields, 8);
	bus_put_struct(&header);
	if (header.overflow || body->overflow) {
		errno = EMSGSIZE;
		return -1;
	}
	return send_all(bus, header.bytes, header.used) < 0 ||
			       send_all(bus, body->bytes, body->used) < 0
		       ? -1
		       : 0;
}

static const char *explain(int errnum)
{
	switch (errnum) {
	case ETIMEDOUT:
	case EAGAIN: /* of connect(2): its queue is full */
		return "it did not answer in time";
	case EPROTO:
		return "it answered with something that is not D-Bus";
	case ECONNRESET:
	case EPIPE:
		return "it hung up";
	default:
		return strerror(errnum);
	}
}

static int refuse(struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, 0, "%s", explain(errno));
}

int bus_call(struct bus *bus, const struct bus_method *method, const struct bus_body *body,
	     char ret_name[BUS_NAME], struct memcage_error *err)
{
	struct message message;

	ret_name[0] = '\0';
	if (send_call(bus, method, body) < 0)
		return refuse(err);
	do {
		if (receive_message(bus, &message) < 0)
			return refuse(err);
	} while (message.reply_serial != bus->serial ||
		 (message.type != MESSAGE_RETURN && message.type != MESSAGE_ERROR));
	if (message.type == MESSAGE_RETURN)
		return 0;
	snprintf(ret_name, BUS_NAME, "%s", message.name);
	if (message.text[0] == '\0')
		message.text = message.name[0] ? message.name : "an error without a name";
	struct line line = line_start(err->text, sizeof(err->text));

	line_add(&line, "%s", message.text);
	line_end(&line);
	err->code = MEMCAGE_ERROR_SETUP;
	err->errnum = 0;
	return -1;
}

/* ---- the beginning ---- */

static int connect_to(struct bus *bus, const char *socket_name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(socket_name);

	if (length >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, socket_name, length);
	if (socket_name[0] == '@')
		address.sun_path[0] = '\0';
	bus->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bus->fd < 0)
		return -1;
	length += offsetof(struct sockaddr_un, sun_path) + (socket_name[0] == '@' ? 0 : 1);
	return connect(bus->fd, (const struct sockaddr *) &address, (socklen_t) length);
}

/* The mechanism EXTERNAL: the socket tells who we are, and we say the same, in hexadecimal. */
static int authenticate(const struct bus *bus)
{
	char uid[16], text[80] = "\0AUTH EXTERNAL ", answer[ANSWER_LINE] = "";
	size_t used = 1 + strlen(text + 1), got = 0;

	snprintf(uid, sizeof(uid), "%u", (unsigned int) geteuid());
	for (const char *digit = uid; *digit; digit++)
		used += (size_t) snprintf(text + used, sizeof(text) - used, "%02x", *digit);
	used += (size_t) snprintf(text + used, sizeof(text) - used, "\r\n");
	if (send_all(bus, text, used) < 0)
		return -1;
	/* One by one: nothing follows until we say BEGIN. */
	do {
		if (receive_all(bus, answer + got, 1) < 0)
			return -1;
		got++;
	} while (answer[got - 1] != '\n' && got < sizeof(answer));
	errno = strncmp(answer, "REJECTED", 8) == 0 ? EACCES : EPROTO;
	if (answer[got - 1] != '\n' || strncmp(answer, "OK ", 3) != 0)
		return -1;
	return send_all(bus, "BEGIN\r\n", 7);
}

int bus_open(struct bus *bus, const char *socket_name, bool straight, uint64_t deadline_usec,
	     struct memcage_error *err)
{
	static const struct bus_method hello = { "org.freedesktop.DBus", "/org/freedesktop/DBus",
						 "org.freedesktop.DBus", "Hello", NULL };
	const struct bus_body nothing = { .used = 0 };
	char name[BUS_NAME];

	*bus = (struct bus) { .fd = -1, .deadline_usec = deadline_usec };
	if (connect_to(bus, socket_name) < 0 || authenticate(bus) < 0)
		return refuse(err);
	return straight ? 0 : bus_call(bus, &hello, &nothing, name, err);
}

void bus_close(struct bus *bus)
{
	own_close(&bus->fd);
}

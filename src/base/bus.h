/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus - a client of D-Bus, as large as method calls without a result need it: over a unix socket,
 * to a bus or straight to a service.  All is done by one deadline, and nothing of an answer is
 * trusted: what is not a D-Bus message is an error, what belongs to no call of ours is skipped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define BUS_BODY 2048 /* bytes of a call's arguments */
#define BUS_NAME 128  /* of an error's name; a longer one is cut */

/* Arguments, put in the order of the call's signature, aligned as the protocol wants it. */
struct bus_body {
	unsigned char bytes[BUS_BODY];
	size_t used;
	bool overflow; /* something did not fit: bus_call() refuses it */
};

void bus_put_u32(struct bus_body *body, uint32_t number); /* also a boolean: 0 or 1 */
void bus_put_u64(struct bus_body *body, uint64_t number);
void bus_put_string(struct bus_body *body, const char *text);
void bus_put_signature(struct bus_body *body, const char *text);
/* Structs and entries of dictionaries begin at a multiple of 8. */
void bus_put_struct(struct bus_body *body);
/* What is put between is the array, of elements of that alignment; begin gives end its place. */
size_t bus_begin_array(struct bus_body *body, size_t alignment);
void bus_end_array(struct bus_body *body, size_t place, size_t alignment);

struct bus {
	int fd; /* -1 */
	uint32_t serial;
	uint64_t deadline_usec;
};

#define BUS_NONE ((struct bus) { .fd = -1 })

struct bus_method {
	const char *destination, *path, *interface, *member;
	const char *signature; /* of its arguments; NULL: none */
};

/*
 * Connects and authenticates as this process's user.  A name that begins with '@' is in the
 * abstract namespace.  straight: the socket is the service's own, no bus.  -1: err says what is
 * wrong with the place.
 */
int bus_open(struct bus *bus, const char *socket, bool straight, uint64_t deadline_usec,
	     struct memcage_error *err);
/*
 * Calls and waits for the answer.  -1: no answer, or one that is an error: ret_name is then the
 * error's name, otherwise "".
 */
int bus_call(struct bus *bus, const struct bus_method *method, const struct bus_body *body,
	     char ret_name[BUS_NAME], struct memcage_error *err);
void bus_close(struct bus *bus);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the answers of a peer that takes itself for a D-Bus: an answer, or a clean
 * refusal.
 */
#include "fuzz.h"

#include <sys/socket.h>

#include "base/bus.h"
#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct bus_method method = { "a.b", "/a", "a.b", "C", NULL };
	const struct bus_body nothing = { .used = 0 };
	struct memcage_error err = { .code = MEMCAGE_ERROR_NONE };
	char name[BUS_NAME] = "x";
	struct bus bus = BUS_NONE;
	int pair[2];

	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	bus.fd = pair[0];
	bus.deadline_usec = clock_usec() + 5 * USEC_PER_SEC;
	/* All that it says is there at once, and then it has hung up. */
	assert(send(pair[1], data, size, 0) == (ssize_t) size);
	shutdown(pair[1], SHUT_WR);
	if (bus_call(&bus, &method, &nothing, name, &err) < 0) {
		assert(err.code == MEMCAGE_ERROR_SETUP);
		assert(strnlen(err.text, sizeof(err.text)) < sizeof(err.text));
		assert(*err.text && fuzz_is_shown(err.text));
	}
	assert(strnlen(name, sizeof(name)) < sizeof(name));
	bus_close(&bus);
	close(pair[1]);
	return 0;
}

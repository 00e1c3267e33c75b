/* SPDX-License-Identifier: Apache-2.0 */
/* loopback - talks to itself on 127.0.0.1; lists the interfaces; exits 0 if both worked. */
#define _GNU_SOURCE
#include "victim.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>

int main(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	socklen_t length = sizeof(here);
	struct if_nameindex *all = if_nameindex();
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);

	for (struct if_nameindex *one = all; one && one->if_name; one++)
		printf("%s\n", one->if_name);
	fflush(stdout);
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(server, (struct sockaddr *) &here, length) < 0 || listen(server, 1) < 0 ||
	    getsockname(server, (struct sockaddr *) &here, &length) < 0 ||
	    connect(client, (struct sockaddr *) &here, length) < 0) {
		say("loopback", -1);
		return 1;
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* network - a network of the job's own, in which nothing is but a loopback. */
#pragma once

/*
 * Makes one, by a child, while the caller stays where it is: its descriptor, or -1 with errno.  It
 * takes the kernel as long as all mounts of a cage, so memcage does it while init makes those.
 */
int network_make(void);
/* Of the network that we are in: -1 with errno.  Async-signal-safe. */
int network_bring_loopback_up(void);

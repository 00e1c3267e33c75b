/* SPDX-License-Identifier: Apache-2.0 */
/* look - says what it sees of itself, one "KEY=VALUE" a line. */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/utsname.h>

static void show(const char *key, const char *path)
{
	char text[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		snprintf(text, sizeof(text), "%s", strerrorname_np(errno));
	text[strcspn(text, "\n")] = '\0';
	printf("%s=%s\n", key, text);
	close(fd);
}

int main(void)
{
	struct utsname names;
	sigset_t mask;
	char directory[256];
	int blocked = 0, ignored = 0;

	uname(&names);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (int n = 1; n < NSIG; n++) {
		struct sigaction action;

		blocked += sigismember(&mask, n) == 1;
		ignored += sigaction(n, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
	}
	printf("pid=%d\nppid=%d\npgid=%d\nsid=%d\n", getpid(), getppid(), getpgrp(), getsid(0));
	printf("hostname=%s\ncwd=%s\n", names.nodename, getcwd(directory, sizeof(directory)));
	printf("tmpdir=%s\nblocked=%d\nignored=%d\n", getenv("TMPDIR"), blocked, ignored);
	show("oom_score_adj", "/proc/self/oom_score_adj");
	show("comm", "/proc/self/comm");
	show("init", "/proc/1/comm");
	return 0;
}

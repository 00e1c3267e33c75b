/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words for what was tried with cgroups.  A mend is a command or a setting as it is typed;
 * which one is named depends on where we seem to be.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor/doctor_words.h"
#include "report/text.h"

static const char *const writable_cgroup[] = {
	[RUNTIME_NONE] = "mount -o remount,rw /sys/fs/cgroup",
	[RUNTIME_DOCKER] = ("docker run --cgroupns=private --security-opt writable-cgroups=true "
			    "(Docker 28), or --privileged"),
	[RUNTIME_PODMAN] = "podman run --cgroupns=private --security-opt unmask=/sys/fs/cgroup",
	[RUNTIME_KUBERNETES] = ("a runtime class with cgroup_writable = true (containerd 2.1), or "
				"securityContext: {privileged: true}"),
	[RUNTIME_OTHER] = ("in the bundle a cgroup namespace, and the mount of /sys/fs/cgroup with "
			   "the option rw"),
};

/* ---- backend ---- */

static bool is_delegated(const struct doctor_delegation *own)
{
	return own->found && own->mkdir_errnum == 0 && own->memory && !words_shared(own);
}

/* Of the namespaces that every cage has: none of them, whatever is done? */
static bool is_forbidden(const struct doctor_namespaces *namespaces, bool in_user)
{
	for (int i = 0; i < NAMESPACE__COUNT; i++)
		if (i != NAMESPACE_NET && namespaces->errnum[i] != 0 &&
		    (in_user || namespaces->in_user_errnum[i] != 0))
			return true;
	return false;
}

const char *words_guilty(const struct doctor_facts *facts)
{
	for (int line = DOCTOR_BACKEND + 1; line < DOCTOR__COUNT; line++)
		if (strcmp(facts->trial.line, doctor_lines[line]) == 0)
			return doctor_lines[line];
	if (!is_delegated(&facts->delegation))
		return "delegation";
	if (is_forbidden(&facts->namespaces, false))
		return "namespaces";
	if (facts->tmp.errnum != 0 && facts->tmp.in_user_errnum != 0)
		return "tmp";
	if (facts->seccomp.errnum != 0)
		return "seccomp";
	if (facts->kernel.errnum[FEATURE_CLONE3] != 0)
		return "kernel";
	if (facts->tmp.proc_errnum != 0 && facts->tmp.proc_in_user_errnum != 0)
		return "namespaces";
	return is_forbidden(&facts->namespaces, true) ? "namespaces" : NULL;
}

static void say_no_backend(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const char *guilty = words_guilty(facts), *why = facts->trial.why;

	if (facts->bare.works) {
		finding->state = DOCTOR_LIMITED;
		VALUE(finding, "%s; a cage without limits was made, but with a memory limit: %s",
		      facts->bare.backend, why);
		COST(finding, "limits that a cgroup enforces are refused");
	} else {
		finding->state = DOCTOR_NO;
		VALUE(finding, "no cage can be made: %s", why);
		COST(finding, "memcage run ends with 125 (setup-failed), and runs nothing");
	}
	if (guilty)
		MEND(finding, "see line %s", guilty);
}

void say_backend(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_trial *trial = &facts->trial;

	if (!trial->works) {
		say_no_backend(facts, finding);
		return;
	}
	VALUE(finding, "%s; a cage with a memory limit was made, and nothing of it is left%s%s",
	      trial->backend, *trial->warnings ? "; " : "", trial->warnings);
	finding->state = *trial->warnings ? DOCTOR_LIMITED : DOCTOR_OK;
	if (strcmp(trial->backend, "v1") != 0)
		return;
	finding->state = DOCTOR_LIMITED;
	COST(finding, "--memory-high is refused, and systemd delegates no cgroup to a plain user");
	MEND(finding, "boot with systemd.unified_cgroup_hierarchy=1, for cgroup v2");
}

/* ---- controllers ---- */

/* The options that need it, from the limits' own rows. */
static void list_options(struct line *line, enum controller controller)
{
	for (int id = 0; id < LIMIT__COUNT; id++) {
		bool needs = limits[id].controller == controller ||
			     (controller == CONTROLLER_CPUACCT && id == LIMIT_CPU_TIME);

		if (needs)
			line_add(line, "%s--%s", line->used > 0 ? ", " : "",
				 limits[id].option ? limits[id].option : limits[id].key);
	}
}

static const char *const versions[CGROUP_VERSION__COUNT] = {
	[CGROUP_V2] = "v2", [CGROUP_V1] = "v1"
};

/* On v2 every cgroup counts CPU time. */
static bool is_needless(const struct doctor_facts *facts, int controller)
{
	return controller == CONTROLLER_CPUACCT && !facts->controllers[controller].mounted &&
	       facts->controllers[CONTROLLER_CPU].version == CGROUP_V2;
}

static void add_controller(const struct doctor_facts *facts, int controller,
			   struct doctor_finding *finding)
{
	const struct doctor_controller *one = &facts->controllers[controller];
	const char *name =
		controller_name((enum controller) controller,
				controller == CONTROLLER_CPUACCT ? CGROUP_V1 : CGROUP_V2);
	char value[400];

	if (one->works)
		snprintf(value, sizeof(value), "%s, %s", versions[one->version], one->mount);
	else
		snprintf(value, sizeof(value), "%s",
			 one->mounted ? one->why
				      : "in no cgroup hierarchy of which memcage is a "
					"member");
	words_item(finding, name, one->works ? DOCTOR_OK : DOCTOR_NO, value);
}

static void mend_controllers(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const char *guilty = words_guilty(facts);

	if (!facts->controllers[CONTROLLER_MEMORY].works) {
		if (guilty)
			MEND(finding, "see line %s", guilty);
	} else if (facts->here.runtime != RUNTIME_NONE)
		MEND(finding, "the cgroups above the container must have them in "
			      "cgroup.subtree_control");
	else if (facts->delegation.tree_root && facts->delegation.version == CGROUP_V2)
		MEND(finding, "a kernel with them, where no cgroup v1 hierarchy has taken them");
	else if (facts->delegation.version == CGROUP_V1)
		MEND(finding, "mount them: mount -t cgroup -o NAME none /sys/fs/cgroup/NAME");
	else if (facts->here.uid != 0)
		MEND(finding, "in /etc/systemd/system/user@.service.d/delegate.conf: [Service] "
			      "Delegate=cpu cpuset io memory pids");
	else
		MEND(finding, "in each cgroup above: echo +NAME >cgroup.subtree_control (systemd: "
			      "Delegate=yes)");
}

void say_controllers(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	struct line value = line_start(finding->value, sizeof(finding->value));
	struct line cost = line_start(finding->cost, sizeof(finding->cost));

	for (int c = 0; c < CONTROLLER__COUNT; c++) {
		if (is_needless(facts, c))
			continue;
		add_controller(facts, c, finding);
		if (!facts->controllers[c].works)
			list_options(&cost, (enum controller) c);
	}
	words_list(&value, finding, DOCTOR_OK, "");
	words_list(&value, finding, DOCTOR_NO, value.used > 0 ? "; not " : "none of ");
	if (cost.used > 0)
		line_add(&cost, " refused");
	line_end(&value);
	line_end(&cost);
	if (words_count(finding, DOCTOR_NO) == 0)
		return;
	finding->state = facts->controllers[CONTROLLER_MEMORY].works ? DOCTOR_LIMITED : DOCTOR_NO;
	mend_controllers(facts, finding);
}

/* ---- delegation ---- */

static void mend_undelegated(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	bool v1 = facts->delegation.version == CGROUP_V1;

	if (!v1 && facts->here.runtime != RUNTIME_NONE)
		MEND(finding, "%s", writable_cgroup[facts->here.runtime]);
	else if (!v1 && facts->here.uid == 0)
		MEND(finding, "systemd-run --scope -p Delegate=yes -- memcage run ...");
	else if (!v1 && facts->systemd.booted)
		MEND(finding, "systemd-run --user --scope -p Delegate=yes -- memcage run ...");
	else
		MEND(finding,
		     "run it as root, or let root give it a cgroup%s: mkdir, and chown of the "
		     "directory, its cgroup.procs and %s",
		     v1 ? " in each hierarchy" : "", v1 ? "tasks" : "cgroup.subtree_control");
}

static void mend_shared(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const char *path = facts->delegation.path;

	if (facts->here.runtime != RUNTIME_NONE || facts->systemd.booted)
		mend_undelegated(facts, finding);
	else
		MEND(finding,
		     "in a cgroup beside it: mkdir %s/../job; echo $$ >%s/../job/cgroup.procs; "
		     "exec memcage run ...",
		     path, path);
}

bool words_shared(const struct doctor_delegation *own)
{
	return own->version == CGROUP_V2 && own->others > 0 && !own->tree_root && !own->enabled &&
	       !own->namespace_root;
}

static void say_missing(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	finding->state = DOCTOR_NO;
	VALUE(finding, "memcage's own cgroup is not found: %s", facts->delegation.why);
	COST(finding, "no limit that a cgroup enforces, and no evidence of OOM kills");
	if (!facts->here.proc)
		MEND(finding, "mount -t proc proc /proc");
	else if (facts->here.runtime != RUNTIME_NONE)
		MEND(finding, "%s", writable_cgroup[facts->here.runtime]);
	else
		MEND(finding, "mount -t cgroup2 none /sys/fs/cgroup");
}

static void say_unwritable(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_delegation *own = &facts->delegation;

	finding->state = DOCTOR_NO;
	if (own->mkdir_errnum == EROFS) {
		VALUE(finding, "%s is mounted read-only", own->path);
		MEND(finding, "%s", writable_cgroup[facts->here.runtime]);
	} else if (own->mkdir_errnum == EACCES || own->mkdir_errnum == EPERM) {
		VALUE(finding, "%s is not delegated to uid %u", own->path, facts->here.uid);
		mend_undelegated(facts, finding);
	} else {
		VALUE(finding, "no cgroup can be made in %s: %s", own->path,
		      words_reason(own->mkdir_errnum));
		if (own->mkdir_errnum == EAGAIN)
			MEND(finding, "raise cgroup.max.descendants and cgroup.max.depth of the "
				      "cgroups above");
	}
	COST(finding, "no limit that a cgroup enforces");
}

void say_delegation(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_delegation *own = &facts->delegation;

	if (!own->found) {
		say_missing(facts, finding);
	} else if (own->mkdir_errnum != 0) {
		say_unwritable(facts, finding);
	} else if (!own->memory) {
		finding->state = DOCTOR_NO;
		VALUE(finding, "%s has no memory controller, as its parent gives it none",
		      own->path);
		COST(finding, "no limit of memory, and no evidence of OOM kills");
		mend_undelegated(facts, finding);
	} else if (words_shared(own)) {
		finding->state = DOCTOR_NO;
		VALUE(finding, "%s holds %zu other process%s (%s), and gives no controller below",
		      own->path, own->others, own->others == 1 ? "" : "es", own->other);
		COST(finding, "no limit that a cgroup enforces");
		mend_shared(facts, finding);
	} else if (own->namespace_root && own->others > 0 && !own->enabled) {
		VALUE(finding,
		      "%s is writable; %zu other process%s of the container step aside "
		      "into a leaf of it",
		      own->path, own->others, own->others == 1 ? "" : "es");
	} else {
		VALUE(finding, "%s is writable%s", own->path,
		      own->others == 0 ? ", and memcage's alone" : "");
	}
	/* memcage has found itself another place. */
	if (finding->state == DOCTOR_NO && facts->trial.works)
		finding->state = DOCTOR_LIMITED;
	if (finding->state == DOCTOR_LIMITED)
		COST(finding, "memcage run has to get itself another cgroup");
}

/* ---- swap, limits-above, leftovers ---- */

void say_swap(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_swap *swap = &facts->swap;
	char size[32];

	text_bytes(swap->bytes, size, sizeof(size));
	if (!swap->known || swap->bytes == 0) {
		VALUE(finding, "there is none%s", swap->known ? "" : " that can be seen");
		finding->state = swap->known || swap->limited ? DOCTOR_OK : DOCTOR_UNKNOWN;
		return;
	}
	VALUE(finding, "%s%s%s", size, swap->limited ? ", and --swap limits it" : ": ",
	      swap->limited ? "" : swap->why);
	if (swap->limited)
		return;
	finding->state = DOCTOR_NO;
	COST(finding, "--memory is refused unless with --swap max: what a job swaps out would not "
		      "count");
	if (facts->controllers[CONTROLLER_MEMORY].works)
		MEND(finding, "boot with swapaccount=1, or swapoff -a");
	else
		MEND(finding, "see line delegation");
}

void say_limits(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_limits *above = &facts->limits;
	struct line value = line_start(finding->value, sizeof(finding->value));
	char size[32];

	if (!above->known) {
		finding->state = DOCTOR_UNKNOWN;
		VALUE(finding, "memcage's own cgroup is not found");
		MEND(finding, "see line delegation");
		return;
	}
	for (size_t i = 0; i < above->count; i++)
		words_item(finding, above->list[i].file, DOCTOR_OK, above->list[i].value);
	text_bytes(above->memory_bytes, size, sizeof(size));
	if (above->memory_bytes == LIMIT_NONE)
		line_add(&value, "no memory limit is visible");
	else
		line_add(&value, "memory %s in effect", size);
	for (size_t i = 0; i < above->count; i++)
		line_add(&value, "; %s %s", above->list[i].file, above->list[i].value);
	if (above->hidden)
		line_add(&value, "; levels above are hidden");
	line_end(&value);
	if (!above->hidden)
		return;
	finding->state = DOCTOR_LIMITED;
	COST(finding, "an OOM kill at a hidden level has the scope unknown, unless the kernel log "
		      "tells");
}

void say_leftovers(const struct doctor_facts *facts, struct doctor_finding *finding)
{
	const struct doctor_leftovers *left = &facts->leftovers;

	if (!left->known) {
		finding->state = DOCTOR_UNKNOWN;
		VALUE(finding, "%s",
		      facts->delegation.found ? "another memcage is making a cage "
						"just now"
					      : "memcage's own cgroup is not found");
		return;
	}
	for (size_t i = 0; i < left->count && i < DOCTOR_LEFTOVERS_MOST; i++)
		words_item(finding, left->list[i], DOCTOR_LIMITED, "abandoned");
	if (left->count == 0) {
		VALUE(finding, "none");
		return;
	}
	finding->state = DOCTOR_LIMITED;
	VALUE(finding, "%zu cage%s of memcages that are dead, the first %s", left->count,
	      left->count == 1 ? "" : "s", left->list[0]);
	COST(finding, "some kernel memory, until the next memcage run removes %s",
	     left->count == 1 ? "it" : "them");
	MEND(finding, "memcage doctor --clean");
}

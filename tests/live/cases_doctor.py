# SPDX-License-Identifier: Apache-2.0
"""memcage doctor: what it says is compared with what then works, and it leaves all as it was."""

import os
import subprocess

from cases_delegate import AS_USER as AS_OWNER, give_cgroup
from cases_faults import READ_ONLY, no_process_left
from examine import Doctor
from expect import ANY, like
from harness import case, row
from host import HOST, MIB, UNIFIED, read

AS_USER = ('setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups', '--')
OWN_MOUNTS = ('unshare', '-m', 'sh', '-c')

row('doctor_help_is_on_stdout', argv=['doctor', '--help'], out=like('memcage doctor'), err='')
row('doctor_version_is_on_stdout', argv=['doctor', '--version'], out=like('^memcage [0-9]'), err='')
row('an_unknown_option_of_doctor_is_refused', argv=['doctor', '--jsno'], status=2,
    err=like('--jsno; see memcage doctor --help'))
row('an_abbreviated_option_of_doctor_is_refused', argv=['doctor', '--cl'], status=2,
    err=like('--cl'))
row('an_argument_of_doctor_is_refused', argv=['doctor', 'kmsg'], status=2, err=like("'kmsg'"))
row('clean_and_json_are_refused', argv=['doctor', '--clean', '--json'], status=2,
    err=like('together'))


def undone(live, before):
    """Home as it was: nothing is enabled, nothing made."""
    live.ensure(not list(live.home.groups()), f'left: {list(live.home.groups())}')
    after = read(live.home.memory + '/cgroup.subtree_control')
    live.ensure(after == before, f'cgroup.subtree_control was {before!r}, is {after!r}')


@case()
def what_doctor_says_to_root_is_so(live):
    before = read(live.home.memory + '/cgroup.subtree_control')
    doctor = Doctor(live)
    undone(live, before)
    doctor.agree(doctor.said['works'], True, 'works')
    doctor.agree(doctor.said['backend'], HOST.backend, 'backend')
    doctor.compare()


@case(shell_home=True)
def what_doctor_says_in_the_root_cgroup_is_so(live):
    doctor = Doctor(live).compare()
    doctor.agree(doctor.said['works'], True, 'works')


@case()
def what_doctor_says_to_a_plain_user_is_so(live):
    before = read(live.home.memory + '/cgroup.subtree_control')
    doctor = Doctor(live, AS_USER).compare()
    doctor.expect('delegation', 'no', value='not delegated to uid 1000', cost='limit')
    doctor.expect('kmsg', 'no' if read('/proc/sys/kernel/dmesg_restrict').strip() == '1' else 'ok')
    undone(live, before)


@case()
def what_doctor_says_to_a_user_with_a_cgroup_of_his_own_is_so(live):
    give_cgroup(live)
    doctor = Doctor(live, AS_OWNER).compare()
    doctor.agree(doctor.said['works'], True, 'works')
    doctor.expect('delegation', 'ok', value='writable')


@case()
def what_doctor_says_to_a_user_with_half_a_cgroup_is_so(live):
    give_cgroup(live, ['.'])
    doctor = Doctor(live, AS_OWNER).compare()
    doctor.agree(doctor.said['works'], False, 'works')
    doctor.expect('delegation', 'no', value='not delegated', mend='chown')


@case()
def what_doctor_says_of_a_read_only_cgroupfs_is_so(live):
    doctor = Doctor(live, [*OWN_MOUNTS, READ_ONLY]).compare()
    doctor.agree(doctor.said['works'], False, 'works')
    doctor.expect('delegation', 'no', value='read-only', mend='remount,rw')
    doctor.expect('controllers', 'no', cost='--memory')
    doctor.expect(
        'backend', 'limited' if doctor.runs() else 'no', mend='see line delegation')


@case()
def what_doctor_says_to_root_without_capabilities_is_so(live):
    """What a container's runtime leaves to root: no namespaces and no mounts but in a user's."""
    doctor = Doctor(live, ['setpriv', '--bounding-set=-sys_admin,-syslog',
                           '--inh-caps=-sys_admin,-syslog', '--']).compare()
    doctor.agree(doctor.state('namespaces', 'mount'), 'limited', 'namespaces mount')
    doctor.agree(doctor.state('tmp'), 'limited', 'tmp')


@case()
def doctor_needs_no_cgroups(live):
    doctor = Doctor(live, [*OWN_MOUNTS, 'umount -l -R /sys/fs/cgroup; exec "$0" "$@"']).compare()
    doctor.agree(doctor.said['works'], False, 'works')
    doctor.expect('delegation', 'no', mend='mount -t cgroup2')
    doctor.expect('limits-above', 'unknown')


@case()
def doctor_needs_no_proc(live):
    doctor = Doctor(live, [*OWN_MOUNTS, 'mount -t tmpfs none /proc; exec "$0" "$@"'])
    doctor.agree(doctor.said['works'], False, 'works')
    doctor.agree(doctor.said['works'], doctor.runs('-m', '64M'), 'works')
    doctor.expect('delegation', 'no', value='/proc/self/cgroup', mend='mount -t proc')
    doctor.expect('namespaces', 'ok')


@case()
def doctor_sees_a_masked_kernel_log(live):
    doctor = Doctor(live, [*OWN_MOUNTS,
                           'mount --bind /dev/null /dev/kmsg; exec "$0" "$@"']).compare()
    doctor.expect('kmsg', 'no', cost='process table')


@case()
def doctor_names_the_knob_that_forbids_user_namespaces(live):
    """The knob is a user namespace's own: it is turned in one of ours."""
    doctor = Doctor(live, ['unshare', '-Ur', 'sh', '-c', 'echo 0 >/proc/sys/user/'
                           'max_user_namespaces; exec "$0" "$@"'])
    doctor.expect('user-namespace', 'no', mend='sysctl user.max_user_namespaces=')


@case()
def doctor_sees_an_outer_filter_and_its_listener(live):
    doctor = Doctor(live, ['@listen']).compare()
    doctor.expect('seccomp', 'ok', value='one is on already; no_new_privs is on')
    doctor.expect('notify', 'no', value='already', cost='arguments')


@case(parent_memory=40 * MIB)
def doctor_lists_the_limits_above(live):
    doctor = Doctor(live)
    file = live.home.memory + ('/memory.max' if HOST.v2 else '/memory.limit_in_bytes')
    items = {item['name']: item['value'] for item in doctor.lines['limits-above']['items']}
    live.ensure(items.get(file) == str(40 * MIB), f'{file} is not in {items}')
    live.ensure(doctor.said['memory_effective_bytes'] == 40 * MIB, f'{doctor.said}')
    result = live.run('-m', '64M', '--', '@nothing')
    live.expect(result, status=0, err=ANY, report={'limits': {
        'memory_effective_bytes': doctor.said['memory_effective_bytes']}})


@case()
def doctor_puts_a_container_back_as_it_was(live):
    """All that is in the root of a cgroup namespace steps aside for a cage, and comes back."""
    mount = ('umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit 9; '
             if HOST.v2 else
             'umount /sys/fs/cgroup/memory && '
             'mount -t cgroup -o memory none /sys/fs/cgroup/memory || exit 9; ')
    before = read(live.home.memory + '/cgroup.subtree_control')
    doctor = Doctor(live, ['unshare', '-Cm', 'sh', '-c',
                           mount + 'sleep 1000 >/dev/null 2>&1 & exec "$0" "$@"'])
    doctor.agree(doctor.said['works'], True, 'works')
    doctor.expect('delegation', 'ok', value='1 other process' if HOST.v2 else 'writable')
    undone(live, before)
    live.ensure(len(read(live.home.memory + '/cgroup.procs').split()) == 1, 'sleep is elsewhere')
    os.kill(live.pid_of('sleep'), 9)
    no_process_left(live, 'sleep')


@case()
def doctor_says_who_shares_the_cgroup(live):
    """On v2 that forbids cages; v1 has no such rule."""
    before = read(live.home.memory + '/cgroup.subtree_control')
    doctor = Doctor(live, ['sh', '-c', 'sleep 1000 >/dev/null 2>&1 & exec "$0" "$@"']).compare()
    if HOST.v2 and not doctor.said['works']:
        doctor.expect('delegation', 'no', value='sleep, pid')
    else:
        doctor.agree(doctor.said['works'], True, 'works')
    undone(live, before)
    for pid in live.home_pids():
        os.kill(pid, 9)
    no_process_left(live, 'sleep')


# --clean ------------------------------------------------------------------------------------------


def abandon(live, **options):
    """A cage whose memcage was killed."""
    dead = live.start('run', '-m', '64M', '--', '@deaf', **options)
    live.until(lambda: 'ready' in live.output(dead), 'the job')
    dead.kill()
    dead.wait()


def cages(live):
    folder = HOST.trees[UNIFIED] if live.in_root else live.home.memory
    return {f'{folder}/{name}' for name in os.listdir(folder) if name.startswith('memcage-')}


@case(shell_home=True, exclusive=True)
def clean_removes_the_dead_and_leaves_the_living(live):
    live.expect(live.memcage('doctor', '--clean', report=None), status=0, out='nothing to remove\n',
                err='')
    living = live.start('run', '-r', 'r.json', '-m', '64M', '--', 'sleep', '1000')
    sleeper = live.pid_of('sleep')
    alive = cages(live)
    abandon(live)
    dead, = live.until(lambda: cages(live) - alive, 'the abandoned cage')
    live.until(lambda: live.home_pids() <= {sleeper, living.pid, *children(living.pid)}, 'its end')
    foreign = os.path.dirname(dead) + '/memcage.foreign'
    os.mkdir(foreign)
    doctor = Doctor(live)
    doctor.expect('leftovers', 'limited', value='1 cage', mend='memcage doctor --clean')
    live.ensure([item['name'] for item in doctor.lines['leftovers']['items']] == [dead],
                f'{dead} is not named: {doctor.lines["leftovers"]}')
    live.ensure(cages(live) == alive | {dead}, f'doctor has changed it: {cages(live)}')
    result = live.memcage('doctor', '--clean', report=None)
    live.expect(result, status=0, out=like(f'^removed {dead}$'), err='')
    live.ensure(all(line.endswith('/' + os.path.basename(dead))
                    for line in result.out.splitlines()), f'it removed {result.out}')
    live.ensure(cages(live) == alive and os.path.isdir(foreign), f'left are {cages(live)}')
    os.rmdir(foreign)
    os.kill(sleeper, 15)
    live.expect(live.finish(living), status=143, report={'cause': 'signaled'})


def children(pid):
    return map(int, read(f'/proc/{pid}/task/{pid}/children').split())


class Members:
    """Where a killed memcage has left its caller's cgroup: on v2 in a leaf below it."""

    def __init__(self, home):
        self.home, self.folder = home, home.memory + '/memcage.members'

    def joins(self):
        return ['-g', self.folder + '/cgroup.procs'] if HOST.v2 else self.home.joins()


@case()
def what_a_dead_memcage_left_above_a_leaf_is_removed(live):
    abandon(live)
    live.until(lambda: not live.home_pids(), 'its end')
    members = Members(live.home)
    live.expect(live.memcage('run', '-m', '64M', '--', '@nothing', report=None, home=members),
                status=0)
    live.ensure(not cages(live), f'a run has left {cages(live)}')
    abandon(live, home=members)
    live.until(lambda: not live.home_pids(), 'its end')
    dead, = cages(live)
    result = live.memcage('doctor', '--clean', report=None, home=members)
    live.expect(result, status=0, out=like(f'^removed {dead}$'), err='')
    live.ensure(not cages(live), f'it has left {cages(live)}')
    if HOST.v2:
        os.rmdir(members.folder)


@case()
def clean_says_what_it_may_not_remove(live):
    abandon(live)
    live.until(lambda: not live.home_pids(), 'its end')
    members = Members(live.home)
    process = live.launch([*AS_USER, '%memcage', 'doctor', '--clean'], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, home=members)
    said = live.read_all(process.stdout), live.read_all(process.stderr).decode()
    live.ensure(live.wait(process) == 1 and '1 abandoned cage cannot be removed' in said[1],
                f'it said {said}')
    live.ensure(len(cages(live)) == 1, f'left are {cages(live)}')
    live.expect(live.memcage('doctor', '--clean', report=None, home=members), status=0,
                out=like('^removed'), err='')
    if HOST.v2:
        os.rmdir(members.folder)

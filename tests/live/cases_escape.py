# SPDX-License-Identifier: Apache-2.0
"""Attempts to get out: each is a small program (tests/escapes) that tries one thing.

The table says of each what comes of it without a cage, where it gets through or the row says why
that cannot be shown, and in a cage that root makes: with `default`, with `default` for a command
that runs as nobody, and with `strict`.  `default` is for commands that are trusted with all that
their caller may do, so it stops root from what changes the host's kernel, and not from much else;
SECURITY.md says the same in words.
"""

import contextlib
import os
import re
import shutil
import subprocess

from cases_exit import PLAIN
from cases_terminal import Terminal
from expect import ANY, Is, one_of
from harness import Failed, case
from host import HOST, MIB, Home, read

THROUGH, STOPPED = 'through', 'stopped'


class Unshown(str):
    """Why it cannot be shown to get through without a cage."""


NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--']


class Cage:
    """What the attempts are made in.  strict shows neither their folder nor the programs."""

    def __init__(self, name, before=(), options=(), strict=False):
        self.name, self.before, self.strict = name, list(before), strict
        self.options = list(options)

    def run(self, live, *argv, **options):
        return live.run(*self.arguments(live, *argv), **options)

    def arguments(self, live, *argv):
        """Options, --, a command: as in other cases, but in this cage."""
        at = argv.index('--')
        command = [*self.before, *argv[at + 1:]]
        if not self.strict:
            return [*self.options, *argv[:at], '--', *command]
        return ['-p', 'strict', '--bind', f'{live.suite.victims}:/tmp/escape:ro', '--bind',
                '%cwd:/tmp/cwd', '--workdir', '/tmp/cwd', *argv[:at], '--',
                *(re.sub('@@?', '/tmp/escape/', word).replace('%cwd', '/tmp/cwd')
                  for word in command)]


DEFAULT, STRICT = Cage('default'), Cage('strict', strict=True)
CAGES = [DEFAULT, Cage('nobody', before=NOBODY), STRICT]

# Why root in a cage of `default` is not stopped.
AS_ROOT = 'root keeps its rights: who is root and not trusted needs strict'
FILES = 'the files are the caller\'s, with his rights'
NETWORK = 'the network is the host\'s; --network none is for this'
NESTING = 'sandboxes inside need it; it gives nothing outside of the job\'s own namespaces'
KEYS = 'keyrings are of the user, and default does not change who that is'


# Its name is what the attempts look for.
OUTSIDER = 'echo outsider >/proc/$$/comm; echo ready; read -r line'


def mount_options():
    """Those of the host's cgroup2, which a mount of it with others would change."""
    found = re.search(r' - cgroup2 \S+ rw,?(\S*)', read('/proc/self/mountinfo'))
    return found.group(1) if found else ''


def each(program, acts):
    """Attempts one after the other, each by a process of its own, which says the act too."""
    return ['sh', '-c', f'for act in {" ".join(acts)}; do echo $act $({program} $act "$0"); done']


def bare(live, words, **options):
    """An attempt without a cage, in the case's own cgroup."""
    process = live.launch(words, stdout=subprocess.PIPE, **options)
    out = live.read_all(process.stdout).decode(errors='replace')
    live.wait(process)
    return out


@contextlib.contextmanager
def on_the_host(live, argv):
    """A process beside the cage, in a cgroup of its own; it ends with its stdin."""
    home = Home(f'{live.name}-host')
    process = live.launch(argv, home=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        live.ensure(process.stdout.readline() == b'ready\n', f'{argv} has not started')
        yield process
    finally:
        process.stdin.close()
        live.wait(process)
        home.remove()


def judge(where, out, wanted, acts=None):
    """Of acts, if there is more than one, each has its line, and all come to the same."""
    lines = out.splitlines() if acts else [out]
    if acts and [line.split()[:1] for line in lines] != [[act] for act in acts]:
        raise Failed(f'{where}: not each of {acts} was tried: {out!r}')
    for line in lines:
        seen = THROUGH if line.split()[len(acts or ()) and 1:] == ['through'] else STOPPED
        if seen != wanted:
            raise Failed(f'{where}: {seen} ({line.strip()!r}), expected {wanted}')


def try_in_cages(live, words, options, wanted, report, acts=None):
    for cage in CAGES:
        result = cage.run(live, *options, '--', *words)
        live.expect(result, report={'cause': one_of('exited', 'oom', 'seccomp', 'signaled')})
        live.expect(result, report=report)
        live.ensure(result.out or result.report['cause'] != 'exited',
                    f'{cage.name}: nothing was tried')
        judge(cage.name, result.out, wanted[cage.name], acts)


def try_everywhere(live, attempt, names):
    """names: what stands for the words of the attempt that begin with %."""
    def words(**more):
        return [{**names, **more}.get(word, word) for word in attempt['words']]

    if not isinstance(attempt['nothing'], Unshown):
        out = bare(live, attempt['before'] + words(), start=attempt['start'])
        judge('without a cage', out, attempt['nothing'], attempt['acts'])
    try_in_cages(live, words(**{'%target': '1'}), attempt['options'], attempt, attempt['report'],
                 attempt['acts'])


def attempt(name, words, default, nobody=STOPPED, strict=STOPPED, nothing=THROUGH, why=None,
            options=(), start=None, before=(), report=ANY, setup=None, acts=None, **more):
    """A row of the table.  before: what it is started by without a cage; why: of `default`; acts:
    several of a kind, that the first of the words is told one after the other.
    """
    words = words.split()
    if acts:
        words = each(words[0].replace('@', '@@'), acts) + words[1:]
    row = {'words': words, 'default': default, 'nobody': nobody, 'strict': strict,
           'nothing': nothing, 'options': options, 'start': start,
           'before': list(before), 'report': report, 'acts': acts}
    assert why or default == STOPPED, name
    needs = ' '.join(row['words'])

    def play(live):
        with contextlib.ExitStack() as stack:
            names = {'%options': mount_options(), '%held': str(live.number)}
            if '%outside' in needs or '%target' in needs:
                process = stack.enter_context(on_the_host(live, ['sh', '-c', OUTSIDER]))
                names['%outside'] = names['%target'] = str(process.pid)
            if '%held' in needs:
                argv = ['@escape-ipc', 'hold', names['%held']]
                stack.enter_context(on_the_host(live, argv))
            if setup:
                setup(live)
            try_everywhere(live, row, names)

    play.__name__ = 'escape_' + name
    case(**more)(play)


# The supervisor, and all others outside -----------------------------------------------------------
#
# Init is what a cage shows of memcage; the supervisor itself has no number in there.

attempt('find_a_process_of_the_host', '@escape-process find outsider %outside', STOPPED)
WHAT_IT_IS = ['mem', 'environ', 'fd', 'getfd', 'exe', 'root', 'cwd', 'ns-cgroup', 'ns-net']
attempt('send_to_a_process_of_the_host', '@escape-process %outside', STOPPED,
        acts=['signal', 'queue', 'pidfd', 'owner', 'prlimit', 'priority'])
attempt('reach_into_a_process_of_the_host', '@escape-process %outside', STOPPED, acts=WHAT_IT_IS)
attempt('reach_into_the_init', '@escape-process %target', THROUGH, why=AS_ROOT, acts=WHAT_IT_IS)
for act in ('trace', 'vm-write', 'vm-read'):    # each ends the job in strict
    attempt(f'{act}_of_a_process_of_the_host'.replace('-', '_'),
            f'@escape-process {act} %outside', STOPPED)
    attempt(f'{act}_of_the_init'.replace('-', '_'), f'@escape-process {act} %target', THROUGH,
            why=AS_ROOT)
attempt('a_leaked_folder', '@escape-descriptor walk', STOPPED, start=['-f', '3'])
attempt('any_leaked_descriptor', '@escape-descriptor find', STOPPED, start=['-f', '3'])


# More rights --------------------------------------------------------------------------------------

def put_helper(live, mode=0o755, capabilities=None):
    path = shutil.copy(live.victim('escape-gain'), live.path('helper'))
    os.chown(path, 0, 0)
    os.chmod(path, mode)
    if capabilities:
        os.setxattr(path, 'security.capability', capabilities)


# struct vfs_cap_data, version 2, effective: CAP_DAC_OVERRIDE
CAPABLE = bytes.fromhex('01000002' '02000000' '00000000' '00000000' '00000000')

attempt('a_set_user_id_program', '@escape-gain execute helper', STOPPED,
        setup=lambda live: put_helper(live, 0o4755), leaves=['helper'])
attempt('a_program_with_capabilities', '@escape-gain execute helper', STOPPED,
        setup=lambda live: put_helper(live, capabilities=CAPABLE), leaves=['helper'])
attempt('capabilities_in_any_set', '@escape-gain capabilities', THROUGH, THROUGH,
        why='the bounding set stays, and nothing that is executed gives what is in it')
attempt('another_user', '@escape-gain uid', THROUGH, why=AS_ROOT)
attempt('a_user_namespace', '@escape-gain userns', THROUGH, THROUGH, why=NESTING)
attempt('a_user_namespace_by_clone3', '@escape-gain userns-clone3', THROUGH, THROUGH, why=NESTING)
attempt('a_mount_in_a_user_namespace', '@escape-gain userns-mount', THROUGH, THROUGH, why=NESTING)
attempt('a_negative_nice_value', '@escape-gain nice', THROUGH, why=AS_ROOT)


def where(holds, name, words, reason):
    """What root can on some machines only."""
    attempt(name, words, THROUGH if holds else STOPPED, why=AS_ROOT,
            nothing=THROUGH if holds else Unshown(reason))


for name, act in (('a_raised_rlimit', 'rlimit'), ('being_unkillable', 'unkillable')):
    where(HOST.resource, name, f'@escape-gain {act}', 'this root has no CAP_SYS_RESOURCE')
where(HOST.lab == 'qemu', 'real_time_priority', '@escape-gain real-time',
      'this kernel gives a cgroup no real-time share by itself')

# Mounts -------------------------------------------------------------------------------------------

OWN_MOUNTS = ['unshare', '-m']

attempt('uncover_tmp', '@escape-mount uncover /tmp', THROUGH, why=AS_ROOT,
        nothing=Unshown('nothing is covered without a cage'))
attempt('uncover_proc', '@escape-mount uncover /proc', THROUGH, why=AS_ROOT,
        nothing=Unshown('nothing is covered without a cage'))
for act in ('remount', 'setattr'):
    attempt(f'{act}_a_read_only_bind', f'@escape-mount {act} /mnt', THROUGH, why=AS_ROOT,
            options=['--bind', '%cwd/shown:/mnt:ro'], files={'shown/file': ('', 0o644)},
            leaves=['shown'], before=['unshare', '-m', 'sh', '-c',
                                      'mount --bind shown /mnt && mount -o remount,ro,bind /mnt && '
                                      'exec "$@"', '-'])
attempt('remount_a_read_only_root', '@escape-mount remount /', THROUGH, why=AS_ROOT,
        options=['--root', 'ro'],
        before=['unshare', '-m', 'sh', '-c', 'mount -o remount,ro,bind / && exec "$@"', '-'])
attempt('cover_a_folder', '@escape-mount cover /etc', THROUGH, why=AS_ROOT, before=OWN_MOUNTS)
attempt('clone_a_mount', '@escape-mount open_tree /', THROUGH, why=AS_ROOT, before=OWN_MOUNTS)
attempt('open_a_file_system', '@escape-mount fsopen tmpfs', THROUGH, why=AS_ROOT)
attempt('out_of_a_chroot_to_a_file_of_the_host', '@escape-mount chroot /etc/shadow', THROUGH,
        why=FILES)


# The host's files and devices ---------------------------------------------------------------------

for name, path in (('sysrq', '/proc/sysrq-trigger'),
                   ('core_pattern', '/proc/sys/kernel/core_pattern'),
                   ('the_kernel_log', '/dev/kmsg'),
                   ('a_sysctl_of_memory', '/proc/sys/vm/overcommit_memory')):
    where(os.path.exists(path), f'open_{name}_for_writing', f'@escape-file write {path}',
          'it is not there')
if HOST.lab:
    attempt('rewrite_core_pattern', '@escape-file rewrite /proc/sys/kernel/core_pattern', THROUGH,
            why=AS_ROOT)
attempt('a_device_made_in_tmp', '@escape-file mknod /tmp/escape-device', STOPPED)
attempt('a_device_made_in_the_working_directory', '@escape-file mknod escape-device', THROUGH,
        why=AS_ROOT)
attempt('a_file_made_beside_the_hosts_programs', '@escape-file make /usr/escape-made', THROUGH,
        why=FILES)
attempt('the_hosts_secrets', '@escape-file read /etc/shadow', THROUGH, why=FILES)

# Talking to the host ------------------------------------------------------------------------------

attempt('an_abstract_socket_of_the_host', '@escape-ipc abstract %held', THROUGH, THROUGH,
        why=NETWORK)
attempt('an_abstract_socket_without_the_network', '@escape-ipc abstract %held', STOPPED,
        options=['--network', 'none'])
for kind in ('sysv', 'queue', 'shm'):
    attempt(f'{kind}_of_the_host', f'@escape-ipc {kind} %held', STOPPED)
attempt('a_key_of_the_user', '@escape-ipc user-key %held', THROUGH, why=KEYS)

# The cgroup ---------------------------------------------------------------------------------------

# Each alone: a hierarchy of v1 that one of them mounts where there is none is in the list of where
# the others are, until it is gone again.
attempt('leave_the_cgroup', '@escape-cgroup leave %options', STOPPED, exclusive=True)
attempt('leave_the_cgroup_by_the_inits_namespace',
        '@escape-cgroup leave-by-namespace %options %target', THROUGH, why=AS_ROOT, exclusive=True)
attempt('outgrow_the_memory_limit', '@escape-cgroup outgrow 96', STOPPED, options=['-m', '32M'],
        parent_memory=48 * MIB)
attempt('set_a_release_agent', '@escape-cgroup release-agent', STOPPED, exclusive=True,
        nothing=THROUGH if not HOST.v2 else Unshown('v2 has none'))

# Resources ----------------------------------------------------------------------------------------

SMALL = ['-m', '24M', '--tmp', '4M', '--pids', '32', '-t', '120s']


def nothing_left(live, kind):
    live.ensure('0x6d63656d' not in read('/proc/sysvipc/shm') and '1835230573' not in read(
        '/proc/sysvipc/shm'), 'a segment of the job is left')
    live.ensure(not os.path.exists('/dev/shm/escape-take'), f'{kind}: a file of the job is left')


def take(name, kind, amount, program='@escape-take', default=STOPPED, nobody=STOPPED,
         strict=STOPPED, nothing=THROUGH, options=SMALL, **more):
    """Bounded, so that it can be shown to get through without a cage.  In it nothing is removed."""
    def play(live):
        wanted = {'default': default, 'nobody': nobody, 'strict': strict}
        words = [program, kind, str(amount)]
        if not isinstance(nothing, Unshown):
            judge('without a cage', bare(live, words), nothing)
        try_in_cages(live, [*words, 'leave'], options, wanted, ANY)
        nothing_left(live, kind)

    play.__name__ = 'escape_by_taking_' + name
    case(within=150, **more)(play)


take('memory', 'memory', 40)
take('room_in_tmp', 'tmp', 16)
take('room_in_tmp_at_once', 'tmp-fallocate', 16)
take('room_in_tmp_by_mapping', 'tmp-mapping', 16)
take('files_in_tmp', 'inodes', 10000)
take('pipes', 'pipes', 40)
take('sockets', 'sockets', 40)
take('system_v_memory', 'sysv', 40)
take('posix_memory', 'shm', 40)
take('memfd', 'memfd', 40)
take('open_files', 'files', 50000, options=['-m', '6M', '-t', '120s'])
take('watches', 'watches', 4000, options=['-m', '1M', '-t', '120s'])
take('children', 'children', 64)
take('zombies', 'zombies', 64)
take('depth_in_tmp', 'depth', 20000)
take('a_core_dump', 'core', 8, options=['--rlimit', 'CORE=0:0'], leaves=['core.*'])
take('many_cgroups', 'many', 1000, program='@escape-cgroup', default=THROUGH)
take('deep_cgroups', 'deep', 200, program='@escape-cgroup', default=THROUGH)


# The verdict --------------------------------------------------------------------------------------

def cages(check):
    """A case that is played in both cages."""
    def play(live):
        for cage in (DEFAULT, STRICT):
            check(live, cage)
    play.__name__ = 'escape_' + check.__name__
    return play


def lie(check=None, **more):
    return case(**more)(cages(check)) if check else lambda inner: case(**more)(cages(inner))


@lie
def a_signal_to_the_init_changes_no_verdict(live, cage):
    result = cage.run(live, '--', '@escape-lie', 'init')
    live.expect(result, status=0, report={**PLAIN, 'policy': ANY}, out='EPERM\n')


def lines_in_the_kernel_log_change_no_verdict(live, cage):
    result = cage.run(live, '-m', '64M', '--', '@escape-lie', 'log')
    live.expect(result, status=0, report={**PLAIN, 'policy': ANY})


if HOST.lab:        # others read this machine's log
    lie(lines_in_the_kernel_log_change_no_verdict)


@lie
def a_name_of_two_lines_changes_no_verdict(live, cage):
    result = cage.run(live, '-m', '16M', '--', '@escape-lie', 'name')
    live.expect(result, status=120, report={'cause': 'oom', 'oom': {'scope': 'job'}},
                err=Is('without control characters', lambda text: '\033' not in text))


@lie
def a_job_that_writes_to_its_report_does_not_decide_it(live, cage):
    result = cage.run(live, '-m', '16M', '--', 'sh', '-c',
                      '@@escape-lie overwrite %cwd/r.json; exec @@hog 100')
    live.expect(result, status=120, report={'cause': 'oom'})


@lie(leaves=['other'])
def a_report_that_became_a_symlink_does_not_lead_elsewhere(live, cage):
    live.put('other', 'mine\n')
    result = cage.run(live, '--', '@escape-lie', 'redirect', '%cwd/r.json', 'other')
    live.ensure(read(live.path('other')) == 'mine\n', 'the other file was written')
    live.expect(result, status=0, report=ANY)


@lie
def a_report_that_became_a_folder_is_said(live, cage):
    result = cage.run(live, '--', '@escape-lie', 'obstruct', '%cwd/r.json', report=None)
    if cage.strict:     # it may not
        live.expect(result, status=0)
        return
    shutil.rmtree(live.path('r.json'))
    live.expect(result, status=125, err=Is('naming it', lambda text: 'r.json' in text))


@lie
def a_job_that_freezes_itself_is_ended_in_time(live, cage):
    result = cage.run(live, '-m', '32M', '-t', '500ms', '--grace', '200ms', '--',
                      '@escape-cgroup', 'freeze')
    live.expect(result, status=124, report={'cause': 'timeout'})


@lie
def a_job_that_makes_cgroups_for_ever_is_ended_in_time(live, cage):
    result = cage.run(live, '-m', '32M', '-t', '700ms', '--grace', '200ms', '--',
                      '@escape-cgroup', 'for-ever')
    live.expect(result, status=124, report={'cause': 'timeout'})


@lie
def a_job_that_loosens_its_own_oom_kill_is_ended_all_the_same(live, cage):
    result = cage.run(live, '-m', '16M', '--', '@escape-cgroup', 'survive', '64')
    live.expect(result, status=120, report={'cause': 'oom', 'oom': {'scope': 'job',
                'group_kill': True}})


# The terminal -------------------------------------------------------------------------------------

def typed(live, act, cage=None):
    """What comes of it, with a terminal as stdin."""
    words = ['@escape-terminal', act]
    terminal = Terminal(live, *(['%memcage', 'run', *cage.arguments(live, '--', *words)]
                                if cage else words))
    live.wait(terminal.process)
    said = terminal.drain()
    terminal.close()
    return THROUGH if 'through' in said else STOPPED


# Written for containers, which have a terminal of their own.
PROFILE = os.path.join(os.path.dirname(__file__), '..', 'fixtures', 'profiles', 'docker-form.json')
OWN_PROFILE = Cage('a profile of the user\'s', options=['--seccomp', os.path.abspath(PROFILE)])


def terminal_attempt(name, act, nothing=THROUGH):
    def play(live):
        if not isinstance(nothing, Unshown):
            judge('without a cage', typed(live, act), nothing)
        for cage in (DEFAULT, STRICT, OWN_PROFILE):
            judge(cage.name, typed(live, act, cage), STOPPED)
    play.__name__ = 'escape_by_' + name
    case()(play)


terminal_attempt('typing_into_the_terminal', 'sti')
terminal_attempt('typing_into_the_terminal_with_a_high_bit', 'sti-high')
terminal_attempt('typing_into_the_terminal_by_its_name', 'sti-tty')
terminal_attempt('pasting_on_the_console', 'linux',
                 nothing=Unshown('it works on a virtual console only, which no test has'))

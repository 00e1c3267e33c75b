# SPDX-License-Identifier: Apache-2.0
"""Filters: the shipped ones, profiles of users, what is killed for, and what is logged."""

import json
import os

from cases_exit import PLAIN
from expect import ANY, Is, contains, lacks, like, one_of
from harness import case, row
from host import HOST

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PODMAN = os.path.join(os.path.dirname(TESTS), 'build', 'lab', 'podman-seccomp.json')
DOCKER = os.path.join(TESTS, 'fixtures', 'profiles', 'docker-form.json')


def rule(*names, action='SCMP_ACT_KILL_PROCESS', **more):
    return {'names': names, 'action': action, **more}


def allowing(*rules, **more):
    """A profile that allows all but what its rules say."""
    return json.dumps({'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': rules,
                       'architectures': ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'], **more})


def killed(syscall, comm, args=None, arch='x86_64', **more):
    return {'cause': 'seccomp', 'status': 122, 'outcome': 'failed', **more,
            'seccomp': {'syscall': syscall, 'arch': arch, 'comm': comm,
                        'args': args or Is('six numbers', lambda value: len(value) == 6),
                        'pid': Is('a pid', lambda value: value > 0)}}


# The strict filter --------------------------------------------------------------------------------

row('under_strict_a_shell_with_its_tools_is_not_disturbed', report=PLAIN, out='3\n',
    run=['--seccomp', 'strict', '--', 'sh', '-c',
         'd=$(mktemp -d) && cd "$d" && seq 9 | sort -r >x && ln -s x y && cp -a y z && '
         'chmod 600 x && touch -d 2001-01-01 x && find . -type l | wc -l >n && rm -r z && '
         'grep -c . x >/dev/null && tar cf t x y && echo $(($(cat n) + 1)) && rm -r "$d"'])
row('under_strict_python_with_threads_and_sockets_is_not_disturbed', report=PLAIN, out='[4, 5] ok\n',
    run=['--seccomp', 'strict', '--', 'python3', '-c', '''
import asyncio, concurrent.futures as cf, multiprocessing as mp, os, select, socket, subprocess
import tempfile, threading, time
async def echo():
    async def serve(reader, writer):
        writer.write(await reader.read(2)); writer.close()
    server = await asyncio.start_server(serve, '127.0.0.1', 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b'ok')
    return (await reader.read(2)).decode()
with cf.ThreadPoolExecutor(4) as pool:
    list(pool.map(time.sleep, [0.001] * 8))
with mp.get_context('fork').Pool(2) as pool:
    numbers = pool.map(abs, [-4, -5])
with tempfile.NamedTemporaryFile() as file:
    file.write(b'x'); file.flush(); os.fsync(file.fileno())
subprocess.run(['true'], check=True)
print(numbers, asyncio.run(echo()))
'''])
row('under_strict_no_namespace_can_be_made', report=PLAIN, out='unshare: EPERM\n',
    run=['--seccomp', 'strict', '--', '@call', 'unshare', '0x10000000'])
row('under_strict_unshare_of_threads_goes_on', report=PLAIN, out='unshare: ok\n',
    run=['--seccomp', 'strict', '--', '@call', 'unshare', '0x400'])
row('under_strict_there_are_no_keys', report=PLAIN, out='keyctl: EPERM\n',
    run=['--seccomp', 'strict', '--', '@call', 'keyctl'])
row('under_strict_a_mount_is_killed_and_named', status=122,
    run=['--seccomp', 'strict', '--', '@call', 'mount', '1', '2', '3', '4', '5'],
    report=killed('mount', 'call', [1, 2, 3, 4, 5, 0], signal='SIGKILL', exit_code=None),
    err=like(r'^memcage: call \(pid \d+\) was killed by memcage\'s seccomp filter for the system '
             r'call mount \(x86_64\)$'))
row('under_strict_ptrace_is_killed_and_named', status=122,
    run=['--seccomp', 'strict', '--', '@call', 'ptrace', '0', '0', '-1'],
    report=killed('ptrace', 'call', [0, 0, -1, 0, 0, 0]))
row('a_child_that_is_killed_makes_the_job_seccomp', status=122, out='child: KILL\n',
    run=['--seccomp', 'strict', '--', '@call', 'fork', 'mount'],
    report=killed('mount', 'call', exit_code=3, signal=None),
    err=contains('; the main process went on and exited 3'))
row('the_first_of_many_killed_is_named', status=122,
    run=['--seccomp', 'strict', '--', 'sh', '-c', '@@call mount; @@call ptrace; exit 0'],
    report=killed('mount', 'call', exit_code=0))
row('a_thousand_that_are_killed', status=122, takes_at_most=30,
    run=['--seccomp', 'strict', '--', 'sh', '-c',
         'for i in $(seq 200); do @@call mount; done; exit 5'],
    report=killed('mount', 'call', exit_code=5))
row('a_kill_before_the_timeout_comes_first', status=122,
    run=['--seccomp', 'strict', '-t', '2s', '--grace', '0', '--', 'sh', '-c',
         '@@call mount; sleep 60'], report=killed('mount', 'call'))
row('under_strict_i386_is_killed', status=122, run=['--seccomp', 'strict', '--', '@call', 'i386',
    'getppid'], report=killed('getppid', 'call', arch='i386'),
    skip='UML takes no i386 calls' if HOST.lab == 'uml' else None)
row('under_strict_x32_is_killed', status=122, run=['--seccomp', 'strict', '--', '@call', 'x32',
    'getppid'], report=killed('getppid', 'call', arch='x32'))
row('a_filter_of_the_jobs_own_is_not_memcages', status=159,
    run=['--', '@call', 'own', 'getppid'],
    report={'cause': 'signaled', 'signal': 'SIGSYS', 'seccomp': None})
row('nor_is_it_under_strict', status=159, run=['--seccomp', 'strict', '--', '@call', 'own',
    'getppid'], report={'cause': 'signaled', 'signal': 'SIGSYS', 'seccomp': None})
row('a_command_that_is_not_there_leaves_nothing_under_strict', status=127,
    run=['--seccomp', 'strict', '--', 'sh', '-c', 'exec nosuchprogram'], report={'cause': 'exited'},
    err=contains('nosuchprogram: not found'))


@case(leaves=['script'])
def a_command_that_cannot_be_executed_under_strict(live):
    live.put('script', '#!/nosuch/interpreter\n', 0o755)
    result = live.run('--seccomp', 'strict', '--', './script')
    live.expect(result, status=one_of(126, 127), report={'cause': 'exec-failed', 'seccomp': None})


# Without a filter ---------------------------------------------------------------------------------


@case()
def off_is_no_filter_at_all(live):
    def filters(text):
        return [line for line in text.splitlines() if line.startswith('Seccomp_filters:')]
    with open('/proc/self/status', encoding='utf-8') as file:
        outside = filters(file.read())
    result = live.run('--seccomp', 'off', '--', 'cat', '/proc/self/status')
    live.expect(result, status=0, report=PLAIN,
                out=Is(f'{outside} as outside', lambda text: filters(text) == outside))


# Profiles of users --------------------------------------------------------------------------------


def with_profile(name, text, words, **expected):
    row(name, run=['--seccomp', 'p.json', *words], files={'p.json': (text, 0o644)}, **expected)


KILLING = allowing(rule('getppid'))

with_profile('a_profile_kills_what_it_says', KILLING, ['--', '@call', 'getppid'], status=122,
             report=killed('getppid', 'call'))
with_profile('a_profile_kills_on_i386_too', KILLING, ['--', '@call', 'i386', 'getppid'],
             **({'status': 122, 'report': killed('getppid', 'call', arch='i386')}
                if HOST.lab != 'uml' else {'status': 0, 'report': ANY}))    # semget there
with_profile('a_profile_kills_on_x32_too', KILLING, ['--', '@call', 'x32', 'getppid'],
             status=122, report=killed('getppid', 'call', arch='x32'))
with_profile('a_profile_kills_by_argument', allowing(rule('unshare', args=[
    {'index': 0, 'op': 'SCMP_CMP_MASKED_EQ', 'value': 0x10000000, 'valueTwo': 0x10000000}])),
    ['--', 'sh', '-c', '@@call unshare 0x400; @@call unshare 0x10000400'], status=122,
    out='unshare: ok\n', report=killed('unshare', 'call', [0x10000400, 0, 0, 0, 0, 0]))
with_profile('a_profile_denies_with_an_error_of_its_own',
             allowing(rule('getppid', action='SCMP_ACT_ERRNO', errnoRet=13)),
             ['--', '@call', 'getppid'], status=0, out='getppid: EACCES\n', report=PLAIN)
with_profile('a_trap_is_the_jobs_own', allowing(rule('getppid', action='SCMP_ACT_TRAP')),
             ['--', '@call', 'getppid'], status=159,
             report={'cause': 'signaled', 'signal': 'SIGSYS', 'seccomp': None})
with_profile('a_profile_that_forbids_execve_is_refused', allowing(rule('execve')),
             ['--', 'true'], status=2, err=contains('--seccomp', "'p.json'", 'does not allow execve'))
with_profile('a_profile_that_forbids_the_end_is_refused', allowing(rule('exit_group')),
             ['--', 'true'], status=2, err=contains('does not allow exit_group'))
with_profile('a_profile_that_asks_an_agent_is_refused',
             allowing(rule('getppid', action='SCMP_ACT_NOTIFY')), ['--', 'true'], status=2,
             err=contains('SCMP_ACT_NOTIFY', 'no agent'))
with_profile('a_profile_with_a_mistake_is_refused_with_its_place',
             '{\n  "defaultAction": "SCMP_ACT_ALLOW",\n  "syscalls": [7]\n}', ['--', 'true'],
             status=2, err="memcage: --seccomp: 'p.json': 3:16: syscalls[0] has to be an object\n")
row('a_profile_that_is_not_there', run=['--seccomp', 'nosuch', '--', 'true'], status=2,
    err=contains("'nosuch'", 'No such file', 'default, strict'))
row('a_directory_is_no_profile', run=['--seccomp', '/', '--', 'true'], status=2,
    err=contains("--seccomp: '/'", "cannot read '/': it is no regular file"))


@case(leaves=['p.json'])
def a_profile_that_is_a_fifo_is_refused_at_once(live):
    os.mkfifo(live.path('p.json'))
    result = live.memcage('run', '--seccomp', 'p.json', '--', '@nothing', within=10)
    live.expect(result, status=2, err=contains("cannot read 'p.json': it is no regular file"))
    live.ensure(result.seconds < 5, f'took {result.seconds:.1f} s')


@case(leaves=['p.json'])
def the_second_run_takes_the_program_of_the_first(live):
    live.put('p.json', KILLING)
    for _ in range(2):
        live.expect(live.run('--seccomp', 'p.json', '--', '@call', 'getppid'), status=122,
                    report=killed('getppid', 'call'))
    live.put('p.json', allowing(rule('getppid', action='SCMP_ACT_ERRNO', errnoRet=13)))
    live.expect(live.run('--seccomp', 'p.json', '--', '@call', 'getppid'), status=0,
                out='getppid: EACCES\n', report=PLAIN)


row('ordinary_programs_run_under_podmans_profile', report=PLAIN, out='0\n',
    run=['--seccomp', PODMAN, '--', 'python3', '-c',
         'import subprocess; print(subprocess.run(["sh", "-c", "ls / | sort | head -1 >&2"], '
         'stderr=subprocess.DEVNULL).returncode)'])
row('unshare_under_podmans_profile', report=PLAIN, out='unshare: ok\n',
    run=['--seccomp', PODMAN, '--', '@call', 'unshare', '0x20000'])
row('keyctl_under_podmans_profile', report=PLAIN, out=lacks('EPERM', 'ENOSYS'),
    run=['--seccomp', PODMAN, '--', '@call', 'keyctl'])
row('mount_under_podmans_profile', report=PLAIN, out='mount: EFAULT\n',
    run=['--seccomp', PODMAN, '--', '@call', 'mount', '1', '1', '1'])
row('unshare_under_a_profile_in_dockers_form', report=PLAIN, out='unshare: ok\n',
    run=['--seccomp', DOCKER, '--', '@call', 'unshare', '0x20000'])
row('keyctl_under_a_profile_in_dockers_form', report=PLAIN, out='keyctl: EPERM\n',
    run=['--seccomp', DOCKER, '--', '@call', 'keyctl'])
row('mount_under_a_profile_in_dockers_form', report=PLAIN, out='mount: EFAULT\n',
    run=['--seccomp', DOCKER, '--', '@call', 'mount', '1', '1', '1'])


# A memcage inside: there is one listener a chain --------------------------------------------------


@case(leaves=['p.json', 'inner.json'])
def inside_another_listener_the_kill_is_known_but_not_its_arguments(live):
    live.put('p.json', KILLING)
    result = live.run('--seccomp', 'p.json', '--', '%memcage', 'run', '--seccomp', 'p.json',
                      '-r', 'inner.json', '--', '@call', 'getppid')
    live.expect(result, status=122, report={'cause': 'exited', 'exit_code': 122, 'seccomp': None})
    inner = live.load('inner.json')
    live.ensure(inner['cause'] == 'seccomp' and inner['signal'] == 'SIGSYS', f'inner: {inner}')
    live.ensure(inner['seccomp']['args'] is None, f'inner: {inner["seccomp"]}')
    live.ensure(inner['seccomp']['syscall'] in ('getppid', None), f'inner: {inner["seccomp"]}')
    live.ensure('listener' in inner['hint'], f'inner: {inner["hint"]}')


# The log ------------------------------------------------------------------------------------------

row('what_the_default_filter_denies_can_be_logged', report=PLAIN,
    run=['--seccomp-log', '--', 'sh', '-c', '@@call reboot; @@call swapoff; @@call swapoff'],
    out='reboot: EPERM\nswapoff: EPERM\nswapoff: EPERM\n',
    err=like(r'\Amemcage: seccomp: reboot \(x86_64\): denied with EPERM 1 time, first for call '
             r'\(pid \d+\)\nmemcage: seccomp: swapoff \(x86_64\): denied with EPERM 2 times, first '
             r'for call \(pid \d+\)\n\Z'))
row('what_is_killed_is_logged_too', status=122, report=killed('mount', 'call', exit_code=3),
    run=['--seccomp', 'strict', '--seccomp-log', '--', '@call', 'fork', 'mount'],
    err=contains('memcage: seccomp: mount (x86_64): killed 1 time, first for call (pid '))
row('a_log_of_nothing_says_so', run=['--seccomp-log', '--', 'true'], report=PLAIN,
    err='memcage: seccomp: no system call was denied\n')
row('a_quiet_log_says_nothing', run=['--seccomp-log', '-q', '--', '@call', 'swapoff'], report=PLAIN,
    err='')
row('a_log_without_a_filter_is_refused', run=['--seccomp', 'off', '--seccomp-log', '--', 'true'],
    status=2, err=contains('nothing for --seccomp-log to log'))


@case(leaves=['p.json'])
def a_log_inside_another_listener_is_refused(live):
    live.put('p.json', KILLING)
    result = live.run('--seccomp', 'p.json', '--', '%memcage', 'run', '--seccomp-log',
                      '--', 'true')
    live.expect(result, status=125, report={'cause': 'exited', 'exit_code': 125},
                err=contains('--seccomp-log', 'listen'))


# With another identity ----------------------------------------------------------------------------

BARE = 'capabilities: none\nseccomp: '
row('a_job_without_capabilities_is_killed_and_named_too', status=122,
    run=['-p', 'p.yaml', '--', '@call', 'mount'], report=killed('mount', 'call'),
    files={'p.yaml': (BARE + 'strict\n', 0o644)})
row('a_job_without_capabilities_is_denied_what_they_would_allow',
    report={**PLAIN, 'policy': 'p.yaml'},
    run=['-p', 'p.yaml', '--', 'sh', '-c', '@@call mount; @@call keyctl; @@call unshare 0x20000'],
    out='mount: EPERM\nkeyctl: EPERM\nunshare: EPERM\n',
    files={'p.yaml': (f'{BARE}{DOCKER}\n', 0o644)})
row('a_filter_that_kills_without_no_new_privs', status=122, report=killed('mount', 'call'),
    run=['-p', 'p.yaml', '--seccomp', 'strict', '--', '@call', 'mount'],
    files={'p.yaml': ('no-new-privs: false\n', 0o644)})
row('without_no_new_privs_another_user_cannot_have_a_strict_filter', status=125,
    run=['-p', 'p.yaml', '--user', '65534:65534', '--seccomp', 'strict', '--', 'true'],
    report={'cause': 'setup-failed'}, err=contains('cannot load the seccomp filter'),
    files={'p.yaml': ('no-new-privs: false\n', 0o644)})

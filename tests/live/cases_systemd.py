# SPDX-License-Identifier: Apache-2.0
"""Where systemd is PID 1: which cgroup memcage takes itself, in whose slice, and what is left of it.

Each runs beside a process of its own unit, which must stay where it is.
"""

import contextlib
import glob
import os
import re
import shlex
import subprocess

from fake_bus import ERROR, RETURN, FakeBus, message
from harness import Result, case
from host import HOST, MIB, read

ROOT = '/sys/fs/cgroup'
LAB = 4711              # the lab's user, who may have a session and a manager
STRANGER = 65534        # who has neither
FILES = ['script', 'before', 'bystander', 'pid', 'started', 'go', 'status', 'inner.json']
HOG = ['%memcage', 'run', '-r', 'r.json', '--', '@hog', '300']
# Until it is told to go on, or the case has failed and its folder is gone.
WAITS = ['-m', '32M', '--', 'sh', '-c',
         'touch started; while [ -e started ] && ! [ -e go ]; do sleep 0.1; done']

# Its unit holds this shell, a bystander, and memcage.  systemd-run would expand what has a $.
SCRIPT = '''cd {folder}
cat /proc/self/cgroup >before
sleep 1000 &
echo $! >bystander
sh -c 'echo $$ >pid; exec "$@"' sh {memcage}
echo $? >status
kill $!
'''


def service(*options):
    return ['systemd-run', '--quiet', '--wait', '--collect', '--pipe', *options, '--']


def alone(live, *options):
    """A service that is memcage."""
    return service('-p', f'WorkingDirectory={live.cwd}', *options)


def login(user):
    """A session as su(1) makes it, from a service, which is in none."""
    return [*service(), 'su', user, '-s']


def start(live, unit, *memcage):
    os.chmod(live.cwd, 0o777)
    script = live.put('script', SCRIPT.format(folder=live.cwd, memcage=shlex.join(memcage)))
    with open(f'{live.folder}/said', 'wb') as said:
        return live.launch([*unit, '/bin/sh', script], stdout=said, stderr=said)


def finish(live, process, within=30):
    """The unit has ended: memcage's status."""
    live.wait(process, within)
    live.ensure(os.path.exists(live.path('status')),
                f'memcage has not run: {read(live.folder + "/said")}')
    return int(read(live.path('status')))


def cgroup_of(pid):
    return read(f'/proc/{pid}/cgroup').strip().removeprefix('0::')


def members(folder):
    return {int(pid) for path, _, _ in os.walk(folder)
            for pid in read(path + '/cgroup.procs').split()}


def look(live):
    """While the job waits: the scope in which memcage is, after all that must hold of it."""
    live.until(lambda: os.path.exists(live.path('started')), 'the job to start', 6)
    memcage, bystander = (int(read(live.path(name))) for name in ('pid', 'bystander'))
    before = read(live.path('before')).strip().removeprefix('0::')
    found = re.fullmatch(r'(.*/memcage-[0-9a-f-]+\.scope)/memcage\.members', cgroup_of(memcage))
    live.ensure(found, f'memcage is in {cgroup_of(memcage)}')
    scope = found.group(1)
    live.ensure(cgroup_of(bystander) == before, f'the bystander is in {cgroup_of(bystander)}')
    strange = [pid for pid in members(ROOT + scope)
               if not descends(pid, memcage) and os.path.exists(f'/proc/{pid}')]
    live.ensure(not strange, f'{strange} were moved too')
    return scope


def descends(pid, ancestor):
    while pid > 1 and pid != ancestor:
        found = re.search(r'^PPid:\s*(\d+)', read(f'/proc/{pid}/status'), re.MULTILINE)
        pid = int(found.group(1)) if found else 0
    return pid == ancestor


def nothing_left(live, scope):
    live.until(lambda: not os.path.exists(ROOT + scope), f'{scope} to go', 10)
    unit = os.path.basename(scope)
    listed = subprocess.run(['systemctl', 'list-units', '--all', '--no-legend', unit],
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    live.ensure(not listed.strip(), f'systemd still has {listed}')


def takes_a_scope(live, unit, parent):
    """memcage beside others takes itself a scope in that cgroup, and nothing is left of it."""
    process = start(live, unit, *live.expand(['%memcage', 'run', '-r', 'r.json', *WAITS]))
    scope = look(live)
    live.ensure(os.path.dirname(scope) == parent, f'the scope is {scope}')
    live.put('go', '')
    status = finish(live, process)
    live.ensure(status == 0, f'status {status}: {read(live.folder + "/said")}')
    nothing_left(live, scope)


def judge(live, unit, memcage=None, status=120, **report):
    """memcage beside others, to its end, and its report."""
    seen = finish(live, start(live, unit, *live.expand(memcage or HOG)))
    result = Result(['memcage'], seen, '', read(live.folder + '/said'), live.load(), 1e9)
    live.expect(result, status=status, report=report)


BY_SCOPE = {'cause': 'oom', 'status': 120}


# Root ---------------------------------------------------------------------------------------------

@case(leaves=FILES)
def root_in_a_service_with_others_takes_a_scope_in_its_slice(live):
    takes_a_scope(live, service(), '/system.slice')


@case(leaves=FILES)
def root_in_a_slice_of_a_slice_takes_a_scope_there(live):
    takes_a_scope(live, service('--slice=lab-inner.slice'), '/lab.slice/lab-inner.slice')


@case(leaves=FILES)
def root_in_a_login_takes_a_scope_in_the_users_slice(live):
    takes_a_scope(live, login('root'), '/user.slice/user-0.slice')


@case(leaves=FILES)
def the_jobs_own_limit_is_the_jobs_in_a_scope(live):
    judge(live, service(), ['%memcage', 'run', '-r', 'r.json', '-m', '16M', '--', '@hog', '300'],
          **BY_SCOPE, oom={'scope': 'job', 'limit_bytes': 16 * MIB})


@case(leaves=FILES)
def a_limit_of_the_slice_stays_above(live):
    slice_file = '/run/systemd/system/labtight.slice'
    with open(slice_file, 'w', encoding='ascii') as file:
        file.write('[Slice]\nMemoryMax=32M\nMemorySwapMax=0\n')
    subprocess.run(['systemctl', 'daemon-reload'], check=True)
    judge(live, service('--slice=labtight.slice'), **BY_SCOPE,
          oom={'scope': 'ancestor', 'limit_bytes': 32 * MIB})


@case(leaves=FILES)
def limits_of_the_service_that_is_left_come_along(live):
    process = start(live, service('-p', 'MemoryMax=48M', '-p', 'MemoryHigh=44M', '-p',
                                  'MemorySwapMax=0', '-p', 'TasksMax=77', '-p', 'CPUQuota=50%'),
                    *live.expand(['%memcage', 'run', '-r', 'r.json', *WAITS]))
    scope = ROOT + look(live)
    limits = {name: read(f'{scope}/{name}').strip() for name in (
        'memory.max', 'memory.high', 'memory.swap.max', 'pids.max', 'cpu.max')}
    live.put('go', '')
    live.ensure(finish(live, process, 60) == 0, read(live.folder + '/said'))
    live.ensure(limits == {'memory.max': str(48 * MIB), 'memory.high': str(44 * MIB),
                           'memory.swap.max': '0', 'pids.max': '77', 'cpu.max': '50000 100000'},
                f'the scope has {limits}')


@case(leaves=FILES)
def a_kill_by_the_limit_of_the_service_that_is_left_is_an_ancestors(live):
    judge(live, service('-p', 'MemoryMax=48M', '-p', 'MemorySwapMax=0'), **BY_SCOPE,
          oom={'scope': 'ancestor', 'limit_bytes': 48 * MIB})


@case(leaves=FILES)
def a_service_with_cpus_of_its_own_is_not_left(live):
    process = start(live, service('-p', 'AllowedCPUs=0'), *live.expand(HOG))
    status, said = finish(live, process), read(live.folder + '/said')
    live.ensure(status == 125, f'status {status}: {said}')
    refused(live, said, 'systemd gives no scope (cpuset.cpus of /system.slice/', 'is set',
            'holds', 'other process')


@case()
def a_controller_that_the_unit_lacks_is_got_by_a_scope(live):
    """Alone in its service memcage needs no scope, but a service has few controllers."""
    process = live.launch([*alone(live), '%memcage', 'run', '-r', 'r.json', '--cpus', '1', '--',
                           '@nothing'])
    live.ensure(live.wait(process) == 0, 'it failed')
    live.ensure(not live.load()['warnings'], f'{live.load()}')


@case(leaves=FILES)
def a_killed_memcage_leaves_no_scope(live):
    process = start(live, service(), *live.expand(['%memcage', 'run', *WAITS]))
    scope = look(live)
    os.kill(int(read(live.path('pid'))), 9)
    live.ensure(finish(live, process) == 137, read(live.folder + '/said'))
    nothing_left(live, scope)


@case(leaves=FILES)
def a_memcage_in_a_delegated_service_takes_no_scope(live):
    process = live.launch([*alone(live, '-p', 'Delegate=yes'), '%memcage', 'run', '-r', 'r.json',
                           *WAITS])
    live.until(lambda: os.path.exists(live.path('started')), 'the job to start', 6)
    scopes = glob.glob(f'{ROOT}/system.slice/*.service/memcage.members')
    live.put('go', '')
    live.ensure(live.wait(process) == 0 and scopes, f'{scopes}')


@case(leaves=FILES)
def a_memcage_in_a_cage_stays_in_it(live):
    judge(live, service(), ['%memcage', 'run', '-r', 'r.json', '-m', '64M', '--', 'sh', '-c',
                            'sleep 100 & "$@"; kill $!', 'sh', '%memcage', 'run', '-r',
                            'inner.json', '-m', '16M', '--', '@hog', '300'],
          status=0, cause='exited', oom={'scope': 'nested'})
    inner = live.load('inner.json')
    live.ensure(inner['oom']['scope'] == 'job', f'{inner}')


# A plain user -------------------------------------------------------------------------------------

MANAGER = f'/user.slice/user-{LAB}.slice/user@{LAB}.service'


@case(leaves=FILES)
def a_user_in_a_login_gets_a_scope_of_his_manager_unasked(live):
    takes_a_scope(live, login('lab'), MANAGER + '/app.slice')


@case(leaves=FILES)
def the_limit_of_a_users_job_is_in_force(live):
    judge(live, login('lab'), ['%memcage', 'run', '-r', 'r.json', '-m', '16M', '--pids', '50',
                               '--', '@hog', '300'],
          **BY_SCOPE, oom={'scope': 'job', 'limit_bytes': 16 * MIB})


@case()
def a_user_in_a_delegated_service_has_all_limits(live):
    os.chmod(live.cwd, 0o777)
    process = live.launch([*alone(live, '-p', 'Delegate=yes', '-p', 'User=lab'), '%memcage', 'run',
                           '-r', 'r.json', '-m', '16M', '--pids', '50', '--cpus', '1', '--io',
                           HOST.block_device + ':rbps=1M', '--', '@hog', '300'])
    status, report = live.wait(process), live.load()
    live.ensure(status == 120 and report['oom']['scope'] == 'job' and not report['warnings'],
                f'status {status}, {report}')


@contextlib.contextmanager
def lingering(user):
    """His manager is there though he is not."""
    subprocess.run(['loginctl', 'enable-linger', user], check=True)
    try:
        yield
    finally:
        subprocess.run(['loginctl', 'disable-linger', user], check=True)


@case(leaves=FILES, exclusive=True)
def a_user_without_a_login_gets_a_scope_if_he_lingers(live):
    with lingering('lab'):
        live.until(lambda: os.path.exists(f'/run/user/{LAB}/bus'), 'the manager')
        takes_a_scope(live, service('-p', 'User=lab'), MANAGER + '/app.slice')


@case(leaves=FILES, exclusive=True)
def a_limit_above_a_users_manager_stays_above(live):
    slice_name = f'user-{LAB}.slice'
    with lingering('lab'):
        subprocess.run(['systemctl', 'set-property', '--runtime', slice_name, 'MemoryMax=96M',
                        'MemorySwapMax=0'], check=True)
        try:
            judge(live, login('lab'), **BY_SCOPE, oom={'scope': 'ancestor',
                                                       'limit_bytes': 96 * MIB})
        finally:
            subprocess.run(['systemctl', 'set-property', '--runtime', slice_name,
                            'MemoryMax=infinity'], check=True)


# A bus that is none -------------------------------------------------------------------------------

def refused(live, said, *words):
    live.ensure(said.startswith('memcage: ') and said.count('\n') == 1, f'it says {said!r}')
    missing = [word for word in words if word not in said]
    live.ensure(not missing, f'{missing} is not in {said!r}')


@contextlib.contextmanager
def fake_bus(live, *answers, **options):
    os.chmod(live.folder, 0o755)
    bus = FakeBus(live.folder, answers, **options)
    try:
        yield bus
    finally:
        bus.close()


def run_as_stranger(live, address):
    """memcage of a user without a manager, whose session names that bus: what it says."""
    os.chmod(live.cwd, 0o777)
    with open(f'{live.folder}/said', 'wb') as said:
        process = live.launch(
            ['setpriv', f'--reuid={STRANGER}', f'--regid={STRANGER}', '--clear-groups',
             '%memcage', 'run', '-m', '32M', '--', '@nothing'],
            env={'DBUS_SESSION_BUS_ADDRESS': address}, stdout=said, stderr=said)
    status = live.wait(process)
    said = read(live.folder + '/said')
    live.ensure(status == 125, f'status {status}: {said}')
    refused(live, said, 'systemd gives no scope (', 'is not delegated to this user',
            'loginctl enable-linger', 'memcage doctor, line delegation')
    return said


def answers_are_refused(live, words, *answers, **options):
    with fake_bus(live, *answers, **options) as bus:
        said = run_as_stranger(live, f'unix:path={bus.path}')
    refused(live, said, words, bus.path)
    return bus


@case()
def a_user_without_a_manager_is_told_how_to_get_one(live):
    refused(live, run_as_stranger(live, None), f'no user manager runs for uid {STRANGER}')


@case()
def a_bus_that_is_not_there_is_none(live):
    refused(live, run_as_stranger(live, f'unix:path={live.folder}/none'), 'no user manager runs')


@case()
def a_bus_of_another_kind_is_none(live):
    refused(live, run_as_stranger(live, 'tcp:host=localhost,port=1;nonsense'),
            'no user manager runs')


@case()
def a_silent_bus_is_not_waited_for(live):
    answers_are_refused(live, 'it did not answer in time', greeting=None)


@case()
def a_bus_that_never_answers_the_call_is_not_waited_for(live):
    answers_are_refused(live, 'it did not answer in time', None)


@case()
def garbage_is_not_taken_for_an_answer(live):
    answers_are_refused(live, 'something that is not D-Bus', lambda serial: b'\xff' * 64)


@case()
def garbage_is_not_taken_for_a_greeting(live):
    answers_are_refused(live, 'something that is not D-Bus', greeting=b'HTTP/1.1 400\r\n')


@case()
def a_bus_that_refuses_is_quoted(live):
    answers_are_refused(live, 'Not in this house', lambda serial: message(
        ERROR, serial, 'org.freedesktop.DBus.Error.AccessDenied', 'Not in this house'))


@case()
def a_promise_that_is_not_kept_is_told(live):
    bus = answers_are_refused(live, 'it said that it makes memcage-',
                              lambda serial: message(RETURN, serial))
    call = bus.calls[-1]
    live.ensure(all(word in call for word in (b'Slice\0', b'app.slice\0', b'Delegate\0', b'PIDs\0',
                                              b'inactive-or-failed\0', b'StartTransientUnit\0')),
                f'it was asked {call}')


@case()
def a_name_that_is_in_use_is_not_the_last(live):
    def in_use(serial):
        return message(ERROR, serial, 'org.freedesktop.systemd1.UnitExists', 'It is there')

    bus = answers_are_refused(live, 'It is there', in_use)
    names = bus.names()
    live.ensure(len(names) == 3 and len(set(names)) == 3, f'it asked for {names}')

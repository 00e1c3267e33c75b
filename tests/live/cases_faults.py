# SPDX-License-Identifier: Apache-2.0
"""Faults around memcage: its own death, crowds, full tables; nothing may be left of any."""

import os
import random
import signal
import subprocess
import time

from cases_exit import exited
from expect import ANY, contains, like, one_of, warns_only
from harness import Failed, case, row
from host import HOST, UNIFIED, write


def no_process_left(live, what, within=1.0):
    """What a kill of memcage leaves is gone within a second."""
    deadline = time.monotonic() + within * HOST.slow
    while True:
        left = live.home_pids()
        if not left:
            return
        if time.monotonic() > deadline:
            raise Failed(f'{what}: still there: {[(pid, name_of(pid)) for pid in left]}')
        time.sleep(0.002)


def name_of(pid):
    try:
        with open(f'/proc/{pid}/comm', encoding='utf-8') as file:
            return file.read().strip()
    except OSError:
        return 'gone'


def groups_left(live):
    if live.in_root:
        return [name for name in os.listdir(HOST.trees[UNIFIED]) if name.startswith('memcage-')]
    return list(live.home.groups())


@case(shell_home=True, exclusive=True, within=60)
def memcage_killed_at_random_moments_leaves_nothing(live):
    """50 moments between first instruction and end; then one run sweeps what cgroups are left."""
    dice = random.Random(20261120)
    before = time.monotonic()
    live.run('-m', '64M', '--', 'sh', '-c', '@@hog 8; @@deaf 1000 & exit 0')
    whole = time.monotonic() - before
    for moment in range(50):
        process = live.start('run', '-r', 'r.json', '-m', '64M', '--pids', '20', '--', 'sh', '-c',
                             '@@hog 8; @@deaf 1000 & sleep 0.05; exit 0')
        delay = dice.uniform(0, whole + 0.06)
        time.sleep(delay)
        process.kill()
        process.wait()
        no_process_left(live, f'moment {moment}, after {delay * 1000:.1f} ms')
        report = live.load() if os.path.exists(live.report_path) else None
        live.ensure(report is None or report['outcome'] in ('unfinished', 'ok'),
                    f'the report says {report}')
    live.expect(live.run('-m', '64M', '--', '@nothing', '3'), status=3, report=exited(3))
    live.ensure(not groups_left(live), f'not swept: {groups_left(live)}')


@case()
def a_killed_memcage_takes_the_job_with_it_and_leaves_an_unfinished_report(live):
    process = live.start('run', '-r', 'r.json', '-m', '64M', '--', 'sh', '-c',
                         '@@deaf & @@deaf & @@daemon; exec @@deaf')
    live.until(lambda: live.output(process).count('ready') == 3, 'the job to be ready')
    process.kill()
    process.wait()
    no_process_left(live, 'memcage was killed')
    report = live.load()
    live.ensure(report and report['outcome'] == 'unfinished' and report['cause'] is None,
                f'the report says {report}')
    for path in live.home.groups():
        os.rmdir(path)


@case(shell_home=True, exclusive=True)
def a_sweep_leaves_the_living_alone(live):
    living = live.start('run', '-r', 'r.json', '-m', '64M', '--', 'sleep', '1000')
    sleeper = live.pid_of('sleep')
    dead = live.start('run', '-m', '64M', '--', '@deaf')
    live.until(lambda: 'ready' in live.output(dead), 'the second job')
    dead.kill()
    dead.wait()
    live.expect(live.run('-m', '64M', '--', '@nothing', report=None), status=0)
    live.ensure(name_of(sleeper) == 'sleep' and living.poll() is None, 'the living job was hit')
    os.kill(sleeper, 15)
    live.expect(live.finish(living), status=143, report={'cause': 'signaled'})


@case()
def an_init_killed_from_outside_ends_the_job(live):
    process = live.start('run', '-r', 'r.json', '-m', '64M', '--', 'sleep', '1000')
    sleeper = live.pid_of('sleep')
    with open(f'/proc/{sleeper}/stat', encoding='utf-8') as file:
        init = int(file.read().rsplit(')', 1)[1].split()[1])
    live.ensure(init != process.pid, 'the job is a child of memcage itself')
    os.kill(init, signal.SIGKILL)
    result = live.finish(process)
    live.ensure(result.status != 0, 'status 0')
    live.expect(result, report={'outcome': 'failed', 'oom': None})


@case(shell_home=True, exclusive=True, within=120)
def hundreds_of_runs_in_a_row_leave_nothing(live):
    for turn in range(500):
        process = live.start('run', '-m', '64M', '--pids', '9', '--', '@nothing', turn % 7)
        status = live.wait(process)
        live.ensure(status == turn % 7, f'run {turn} ended with {status}: {live.errors(process)}')
        live.running.remove(process)
    live.ensure(not groups_left(live), f'left: {groups_left(live)}')


@case(shell_home=True, exclusive=True, within=60)
def fifty_at_once_each_get_their_own_verdict(live):
    running = []
    for index in range(50):
        argv = (['@hog', '100'], ['@nothing', index], ['@hog', '4', '1'], ['@die', '15'],
                ['sleep', '1'])[index % 5]
        running.append(live.start('run', '-r', f'{index}.json', '-m', '8M', '-t', '100', '--',
                                  *argv))
    for index, process in enumerate(running):
        want = (120, index, 0, 143, 0)[index % 5]
        cause = ('oom', 'exited', 'exited', 'signaled', 'exited')[index % 5]
        result = live.finish(process, f'{index}.json')
        live.expect(result, status=want, report={'cause': cause})
        os.unlink(live.path(f'{index}.json'))
    live.ensure(not groups_left(live), f'left: {groups_left(live)}')


@case(shell_home=True, exclusive=True, within=60)
def many_kills_at_once_are_all_seen(live):
    running = [live.start('run', '-r', f'{index}.json', '-m', '8M', '--oom', 'kill-process', '--',
                          '@hide', '100', '0') for index in range(20)]
    for index, process in enumerate(running):
        result = live.finish(process, f'{index}.json')
        live.expect(result, status=120,
                    report={'cause': 'oom', 'exit_code': 0, 'oom': {'scope': 'job', 'kills': 1}})
        os.unlink(live.path(f'{index}.json'))


# Full tables --------------------------------------------------------------------------------------


@case()
def no_room_for_another_process_is_setup_failed(live):
    write(live.home.folders[UNIFIED if HOST.v2 else 'pids'] + '/pids.max', 1)
    # A leak check of a sanitizer needs a process too.
    quiet = {'ASAN_OPTIONS': live.suite.environment.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}
    result = live.run('-m', '64M', '--', '@nothing', env=quiet)
    live.expect(result, status=125, err=like('.'), report={'cause': 'setup-failed'})


@case(skip=None if HOST.v2 else 'v1 has no limit of cgroups')
def no_room_for_another_cgroup_is_setup_failed(live):
    write(live.home.folders[UNIFIED] + '/cgroup.max.descendants', 0)
    result = live.run('-m', '64M', '--', '@nothing')
    live.expect(result, status=125, err=contains('cgroup'), report={'cause': 'setup-failed'})


row('few_descriptors_are_enough_or_a_clean_failure', run=['-m', '64M', '--', '@nothing'],
    start=['-n', '16'], status=one_of(0, 125), report=ANY, err=ANY)
row('too_few_descriptors_are_a_clean_failure', run=['-m', '64M', '--', '@nothing'],
    start=['-n', '4'], status=one_of(2, 125), report=ANY, err=like('.'))

READ_ONLY = ('for point in $(grep -E " cgroup2? " /proc/self/mounts | cut -d" " -f2); '
             'do mount -o remount,bind,ro $point || exit 9; done; exec "$0" "$@"')


@case()
def a_read_only_cgroup_tree_is_refused_with_the_reason(live):
    process = live.launch(['unshare', '-m', 'sh', '-c', READ_ONLY, '%memcage', 'run', '-r',
                           'r.json', '-m', '64M', '--', 'sh', '-c', 'echo ran >ran'],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = live.read_all(process.stderr).decode()
    status = live.wait(process)
    live.ensure(status == 125 and 'ead-only' in said, f'status {status}: {said}')


# As the first process of a PID namespace ----------------------------------------------------------


def as_first(live, *argv):
    return live.launch(['unshare', '--pid', '--fork', '--mount-proc', '%memcage', 'run', '-r',
                        'r.json', *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@case(shell_home=True)
def it_works_as_pid_1(live):
    process = as_first(live, '-m', '64M', '--', 'sh', '-c', 'echo text; exit 3')
    said = live.read_all(process.stdout), live.read_all(process.stderr)
    status = live.wait(process)
    report = live.load()
    live.ensure(status == 3 and said == (b'text\n', b'') and report['exit_code'] == 3,
                f'status {status}, {said}, {report}')


@case(shell_home=True)
def it_sees_a_kill_as_pid_1(live):
    process = as_first(live, '-m', '16M', '--oom', 'kill-process', '--', '@hide', '100', '0')
    status = live.wait(process)
    report = live.load()
    live.ensure(status == 120 and report['cause'] == 'oom' and report['exit_code'] == 0,
                f'status {status}, {report}')


@case(shell_home=True)
def it_is_cancelled_as_pid_1(live):
    process = as_first(live, '-m', '64M', '--grace', '300ms', '--', 'sh', '-c',
                       '@@orphans 5 100; exec @@deaf')
    live.pid_of('deaf')
    first = next(pid for pid in live.home_pids()
                 if name_of(pid) == os.path.basename(live.suite.memcage)[:15])
    os.kill(first, signal.SIGTERM)
    status = live.wait(process)
    report = live.load()
    live.ensure(status == 143 and report['cause'] == 'cancelled', f'status {status}, {report}')


@case()
def a_report_folder_that_vanishes_is_125(live):
    folder = live.path('folder')
    os.mkdir(folder)
    process = live.start('run', '-r', 'folder/r.json', '--', 'sh', '-c', 'sleep 0.3; exit 3')
    live.until(lambda: os.path.exists(folder + '/r.json'), 'the unfinished report')
    for name in os.listdir(folder):
        os.unlink(f'{folder}/{name}')
    os.rmdir(folder)
    result = live.finish(process, None)
    live.ensure(result.status == 125 and '3' in result.err, f'{result}')




# Below a container's filter -------------------------------------------------------------------------

for call in ('clone3', 'close_range', 'pidfd_send_signal', 'mount_setattr'):
    row(f'a_filter_that_lacks_{call}_is_worked_around',
        run=['-m', '32M', '--', 'sh', '-c', 'ls /proc/self/fd | wc -l; exec @@hog 200'],
        start=['-f', '3', '-k', call], status=120, out='4\n',
        report={'cause': 'oom', 'oom': {'scope': 'job'}, 'warnings': warns_only()})

# SPDX-License-Identifier: Apache-2.0
"""Limits: in force before the first instruction, told apart when hit, refused where impossible."""

import os

from cases_exit import PLAIN, exited
from cases_scope import limited_group
from expect import ANY, Is, between, contains, like, one_of, warns, warns_only
from harness import case, row
from host import HOST, MIB, UNIFIED, read


# Wall clock ---------------------------------------------------------------------------------------

def timed_out(main, seconds=0.0):
    return {'outcome': 'failed', 'cause': 'timeout', 'status': 124, 'oom': None,
            'wall_seconds': between(seconds, 60), **main}


ENDED = {'exit_code': None, 'signal': 'SIGTERM'}
KILLED = {'exit_code': None, 'signal': 'SIGKILL'}
EITHER = {'exit_code': None, 'signal': one_of('SIGTERM', 'SIGKILL')}

row('a_job_beyond_its_timeout_is_terminated', run=['-t', '300ms', '--', 'sleep', '100'], status=124,
    report=timed_out(ENDED, 0.3), err=like('timeout|300 ?ms|0\\.3'), takes_at_most=1.5)
row('a_job_that_exits_0_at_the_timeouts_term_timed_out_all_the_same',
    run=['-t', '300ms', '--', '@catch', '1', '0'], status=124, out='ready\nTERM\n',
    report=timed_out({'exit_code': 0, 'signal': None}, 0.3), takes_at_most=1.5)
row('a_job_that_cleans_up_within_the_grace_keeps_its_status',
    run=['-t', '2', '--grace', '10', '--', 'sh', '-c',
         'trap "echo cleaned; exit 5" TERM; while :; do sleep 0.05; done'], status=124,
    out='cleaned\n', report=timed_out({'exit_code': 5, 'signal': None}, 2), takes_at_most=6)
row('a_deaf_job_is_killed_after_the_grace', run=['-t', '300ms', '--grace', '300ms', '--', '@deaf'],
    status=124, report=timed_out(KILLED, 0.6), takes_at_most=2)
row('a_grace_of_0_kills_at_once', run=['-t', '300ms', '--grace', '0', '--', '@deaf'], status=124,
    report=timed_out(KILLED, 0.3), takes_at_most=1.5)
row('a_stopped_job_is_ended', run=['-t', '300ms', '--grace', '300ms', '--', '@stopped'], status=124,
    report=timed_out(EITHER, 0.3), takes_at_most=2)
row('a_deaf_child_of_a_clean_main_process_is_ended',
    run=['-t', '2', '--grace', '300ms', '--', 'sh', '-c', '@@deaf & sleep 100'], status=124,
    report=timed_out(EITHER, 2), out='ready\n', takes_at_most=5)
row('a_job_that_stops_everybody_is_ended',
    run=['-t', '500ms', '--grace', '300ms', '--', 'sh', '-c', '@@kills -1 19; sleep 100'],
    status=124, report=timed_out(EITHER, 0.5), takes_at_most=3)
row('a_job_that_freezes_its_init_is_ended',
    run=['-t', '500ms', '--grace', '300ms', '--', '@freeze', 'wait'], status=124,
    report=timed_out({}, 0.5), takes_at_most=3)
row('a_job_that_leaves_its_init_frozen_ends',
    run=['-t', '1500ms', '--grace', '300ms', '--', '@freeze', 'exit'], status=one_of(0, 124),
    report={'cause': one_of('exited', 'timeout')}, err=ANY, takes_at_most=5)
row('a_job_within_its_timeout_is_plain', run=['-t', '60', '--', '@nothing', '3'], status=3,
    report=exited(3), err='')
row('a_throttled_crowd_dies_within_seconds_of_its_timeout',
    run=['-c', '0.01', '-t', '1', '--grace', '200ms', '--', '@spin', '20'], status=124,
    report=timed_out({'warnings': warns('cpu-throttled')}, 1), takes_at_most=4, within=60)


@case()
def a_job_that_ends_at_its_deadline_has_one_verdict(live):
    for _ in range(8):
        result = live.run('-t', '60ms', '--grace', '1', '--', 'sleep', '0.06')
        live.expect(result, report={'oom': None})
        live.ensure((result.status, result.report['cause']) in ((0, 'exited'), (124, 'timeout')),
                    'two verdicts')


# CPU time -----------------------------------------------------------------------------------------

def cpu_seconds(low, high):
    return Is(f'{low} to {high} s of CPU',
              lambda usage: low <= usage['cpu_user_seconds'] + usage['cpu_system_seconds'] <= high)


OUT_OF_CPU = {'outcome': 'failed', 'cause': 'cpu-time', 'status': 123, 'oom': None,
              'usage': cpu_seconds(0.28, 3)}

row('cpu_time_over_all_children_is_limited',
    run=['--cpu-time', '300ms', '-t', '60', '--', '@spin', '3'], status=123,
    report={**OUT_OF_CPU, 'signal': 'SIGTERM', 'limits': {'cpu_time_seconds': 0.3}},
    err=like('CPU'), takes_at_most=5)
row('cpu_time_of_children_that_are_gone_counts',
    run=['--cpu-time', '400ms', '-t', '60', '--', 'sh', '-c', 'while :; do @@spin 1 50 cpu; done'],
    status=123, report={**OUT_OF_CPU, 'usage': cpu_seconds(0.38, 3)}, takes_at_most=8)
row('cpu_time_does_not_pass_while_sleeping', run=['--cpu-time', '2', '--', 'sleep', '0.5'],
    report=PLAIN)
row('cpu_time_is_accounted_for', run=['--', '@spin', '2', '150', 'cpu'],
    report={**PLAIN, 'usage': cpu_seconds(0.1, 1.0)})


# CPUs ---------------------------------------------------------------------------------------------

row('a_throttled_job_says_so', run=['-c', '0.05', '--', '@spin', '1', '1000'],
    err=like('0\\.05|throttle'),
    report={'outcome': 'ok', 'warnings': warns_only('cpu-throttled'), 'limits': {'cpus': 0.05},
            'usage': {'cpu_throttled_seconds': between(0.2, 30)}})
row('a_job_below_its_cpus_is_not_throttled', run=['-c', '2', '--', '@nothing'],
    report={**PLAIN, 'limits': {'cpus': 2},
            'usage': {'cpu_throttled_seconds': one_of(0, between(0, 0.01))}})
for text, cpus in (('0.5', 0.5), ('1.5', 1.5), ('1', 1), ('0.01', 0.01), ('64', 64)):
    row(f'cpus_of_{text}_are_in_the_report', run=['-c', text, '--', '@nothing'],
        report={'outcome': 'ok', 'limits': {'cpus': Is(f'{cpus}', lambda value,
                                                       want=cpus: abs(value - want) < 1e-6)}},
        err=ANY)


# Processes ----------------------------------------------------------------------------------------

row('a_fork_bomb_is_held_and_ended',
    run=['--pids', '20', '-m', '64M', '-t', '1', '--grace', '200ms', '--', '@bomb'], status=124,
    takes_at_most=5, within=60,
    report={'cause': 'timeout', 'warnings': warns('pids-limit'), 'limits': {'pids': 20},
            'usage': {'pids_peak': one_of(None, between(10, 20))}})
row('zombies_count_as_processes', run=['--pids', '30', '--', '@zombies', '100'],
    out='fork: EAGAIN\n29\n', err=like('30|pids'),
    report={'outcome': 'ok', 'warnings': warns_only('pids-limit'),
            'usage': {'pids_peak': one_of(None, 30)}})
row('zombies_below_the_limit_are_nothing', run=['--pids', '200', '--', '@zombies', '100'],
    out='100\n', report=PLAIN)
row('one_process_may_run_alone', run=['--pids', '1', '--', '@nothing', '4'], status=4,
    report=exited(4), err='')
row('one_process_alone_cannot_fork', run=['--pids', '1', '--', '@zombies', '1'],
    out='fork: EAGAIN\n0\n', err=ANY, report={'outcome': 'ok', 'warnings': warns('pids-limit')})
row('pids_count_threads', run=['--pids', '3', '--', 'sh', '-c', '@@zombies 2'],
    out=like('^[12]\n|EAGAIN'), err=ANY,
    report={'outcome': 'ok', 'usage': {'pids_peak': one_of(None, between(2, 3))}})


# Everything in force ------------------------------------------------------------------------------

def in_force(live, tree, name):
    """What a file of the limits says in every cgroup of this case that has it."""
    found = []
    for path, _, files in os.walk(live.home.folders[UNIFIED if HOST.v2 else tree]):
        if name in files and path != live.home.folders[UNIFIED if HOST.v2 else tree]:
            found.append(read(f'{path}/{name}').strip())
    return found


@case()
def limits_are_in_force_as_the_unfinished_report_says(live):
    process = live.start('run', '-r', 'r.json', '-m', '48M', '-c', '0.5', '--pids', '17', '--tmp',
                         '5M', '-t', '1000', '--cpu-time', '500', '--', 'sleep', '1000')
    pid = live.pid_of('sleep')
    report = live.until(live.load, 'the unfinished report')
    live.ensure(report['outcome'] == 'unfinished' and report['cause'] is None,
                f'the report says {report["outcome"]}')
    want = {'memory_bytes': 48 * MIB, 'memory_effective_bytes': 48 * MIB, 'memory_high_bytes': None,
            'cpus': 0.5, 'pids': 17, 'tmp_bytes': 5 * MIB, 'timeout_seconds': 1000,
            'cpu_time_seconds': 500}
    wrong = {key: report['limits'][key] for key in want if report['limits'][key] != want[key]}
    live.ensure(not wrong, f'the unfinished report has the limits {wrong}')
    files = [('memory', 'memory.max', str(48 * MIB)), ('pids', 'pids.max', '17'),
             ('cpu', 'cpu.max', '50000 100000')]
    if not HOST.v2:
        files = [('memory', 'memory.limit_in_bytes', str(48 * MIB)), ('pids', 'pids.max', '17')]
        quota, period = in_force(live, 'cpu', 'cpu.cfs_quota_us'), in_force(live, 'cpu',
                'cpu.cfs_period_us')
        live.ensure(any(int(a) * 2 == int(b) for a, b in zip(quota, period)),
                    f'cfs quota {quota} of {period}')
    for tree, name, text in files:
        live.ensure(text in in_force(live, tree, name),
                    f'{name} is {in_force(live, tree, name)}, not {text}')
    inside = any(str(pid) in read(f'{path}/cgroup.procs').split()
                 for path, _, _ in os.walk(limited_group(live, 48 * MIB)))
    live.ensure(inside, 'the job is not below the limit')
    os.kill(pid, 15)
    result = live.finish(process)
    live.expect(result, status=143, report={'cause': 'signaled', 'limits': want})


row('no_limit_is_null_in_the_report',
    run=['-m', 'max', '--swap', 'max', '-c', 'max', '--pids', 'max', '--tmp', 'max', '-t', 'max',
         '--cpu-time', 'max', '--', '@nothing'],
    report={**PLAIN, 'limits': {'memory_bytes': None, 'swap_bytes': None, 'cpus': None,
                                'pids': None, 'tmp_bytes': None, 'timeout_seconds': None,
                                'cpu_time_seconds': None, 'memory_high_bytes': None}})

for text, size in (('64M', 64 * MIB), ('64m', 64 * MIB), ('64MiB', 64 * MIB),
                   ('67108864', 64 * MIB), ('1.5G', 1536 * MIB), ('0.5g', 512 * MIB),
                   ('10MB', 10 * 1000 * 1000), ('2.5mb', 2500 * 1000), ('1GiB', 1024 * MIB),
                   ('2097153', 2 * MIB), ('1048576', MIB), ('1T', MIB * MIB), ('65536K', 64 * MIB),
                   ('64mib', 64 * MIB)):
    row(f'a_memory_of_{text}_is_that_many_bytes', run=['-m', text, '-t', '20', '--', '@nothing'],
        status=one_of(0, 120), err=ANY,
        report={'limits': {'memory_bytes': size // HOST.page * HOST.page}})
for text, seconds in (('500s', 500), ('90000ms', 90), ('20', 20), ('20.5', 20.5), ('2m', 120),
                      ('1.5h', 5400), ('1d', 86400)):
    row(f'a_timeout_of_{text}_is_that_many_seconds', run=['-t', text, '--', '@nothing'],
        report={**PLAIN, 'limits': {'timeout_seconds': seconds}})


# Where the host may lack the means ----------------------------------------------------------------

def needs(what, name, run, plain, **refused):
    """A case where the controller is there; else a refusal, or a warning where that is allowed."""
    if what:
        row(name, run=run, **plain)
        return
    option = run[0]
    row(f'{name}_or_refused', run=run, status=125, report=refused.get('report', ANY),
        err=contains(option.lstrip('-')), out='')
    row(f'{name}_or_a_warning', run=['--allow-unsupported', *run], status=plain.get('status', 0),
        err=like('.'), report={'cause': 'exited', 'warnings': warns('limit-unsupported')})


needs('cpuset' in HOST.controllers, 'a_cpuset_holds_the_job',
      ['--cpuset', '0', '--', 'grep', 'Cpus_allowed_list', '/proc/self/status'],
      {'out': 'Cpus_allowed_list:\t0\n', 'report': PLAIN})
needs('cpu' in HOST.controllers, 'a_cpu_weight_is_set', ['--cpu-weight', '50', '--', '@nothing'],
    {'report': PLAIN})
needs(HOST.v2, 'a_memory_high_is_reported',
    ['--memory-high', '16M', '-m', '64M', '-t', '3', '--grace', '0', '--', '@hog', '17'],
    {'status': one_of(0, 124), 'err': like('.'),
     'report': {'cause': one_of('exited', 'timeout'), 'warnings': warns('memory-high'),
                'limits': {'memory_high_bytes': 16 * MIB}}})


@case(skip=None if 'cpu' in HOST.controllers else 'no cpu controller')
def a_cpu_weight_is_in_force(live):
    process = live.start('run', '-r', 'r.json', '--cpu-weight', '50', '--', 'sleep', '1000')
    pid = live.pid_of('sleep')
    found = in_force(live, 'cpu', 'cpu.weight' if HOST.v2 else 'cpu.shares')
    os.kill(pid, 15)
    live.expect(live.finish(process), status=143)
    live.ensure(('50' if HOST.v2 else '512') in found, f'the weights are {found}')


def whole_disk():
    """A block device that io limits can be tried on, as MAJOR:MINOR; None where there is none."""
    try:
        device = os.stat(HOST.block_device).st_rdev if HOST.block_device else os.stat(
            '/var/tmp').st_dev
    except OSError:
        return None
    number = f'{os.major(device)}:{os.minor(device)}'
    while os.path.exists(f'/sys/dev/block/{number}/partition'):
        number = read(os.path.realpath(f'/sys/dev/block/{number}') + '/../dev').strip()
    return number if os.path.exists(f'/sys/dev/block/{number}') else None


DISK = whole_disk() if 'io' in HOST.controllers else None


@case(skip=None if DISK else 'no block device to limit', leaves=['big'])
def io_is_held_to_its_rate(live):
    # In a lab the device itself, which is there for this; elsewhere a file on it.
    target = HOST.block_device or '/var/tmp/' + live.name
    limit = HOST.block_device or DISK
    size = 2
    command = f'dd if=/dev/zero of={target} bs=256k count={size * 4} oflag=direct conv=notrunc 2>&1'
    bind = [] if HOST.block_device else ['--bind', '/var/tmp']
    try:
        result = live.run('--io', f'{limit}:wbps=1M', *bind, '--', 'sh', '-c', command)
    finally:
        if not HOST.block_device and os.path.exists(target):
            os.unlink(target)
    live.expect(result, status=0,
                report={**PLAIN, 'wall_seconds': between(size - 1.2, 60),
                        'usage': {'io_write_bytes': one_of(None,
                                                           between(size * MIB, 3 * size * MIB))}},
                out=contains('copied'))


@case(skip=None if DISK else 'no block device to limit')
def an_io_limit_is_in_force(live):
    process = live.start('run', '-r', 'r.json', '--io',
                         f'{DISK}:rbps=2M,wbps=1M,riops=100,wiops=max', '--', 'sleep', '1000')
    pid = live.pid_of('sleep')
    if HOST.v2:
        found, want = in_force(live, 'io',
                               'io.max'), f'{DISK} rbps=2097152 wbps=1048576 riops=100 wiops=max'
    else:
        found, want = in_force(live, 'blkio', 'blkio.throttle.write_bps_device'), f'{DISK} 1048576'
    os.kill(pid, 15)
    live.expect(live.finish(process), status=143)
    live.ensure(any(want in text for text in found), f'in force is {found}, not {want}')


# setrlimit ----------------------------------------------------------------------------------------

row('an_rlimit_sets_both_values',
    run=['--rlimit', 'NOFILE=64', '--', 'sh', '-c', 'ulimit -Sn; ulimit -Hn'], out='64\n64\n',
    report=PLAIN)
row('an_rlimit_sets_soft_and_hard_apart',
    run=['--rlimit', 'NOFILE=64:128', '--', 'sh', '-c', 'ulimit -Sn; ulimit -Hn'], out='64\n128\n',
    report=PLAIN)
row('rlimits_repeat', run=['--rlimit', 'NOFILE=64', '--rlimit', 'FSIZE=1M', '--', 'sh', '-c',
                           'ulimit -n; ulimit -f'], out='64\n2048\n', report=PLAIN)
row('a_file_larger_than_RLIMIT_FSIZE_is_SIGXFSZ',
    run=['--rlimit', 'CORE=0', '--rlimit', 'FSIZE=1M', '--', '@fill', '/tmp/f', '4'], status=153,
    report={'cause': 'signaled', 'signal': 'SIGXFSZ'})
row('an_rlimit_of_cpu_seconds_is_SIGXCPU',
    run=['--rlimit', 'CORE=0', '--rlimit', 'CPU=1:2', '--', 'sh', '-c', 'while :; do :; done'],
    status=152, report={'cause': 'signaled', 'signal': 'SIGXCPU'})


# The private tmpfs --------------------------------------------------------------------------------

SIZE = 'df -B1 --output=size /tmp /var/tmp /dev/shm | sort -u'

row('tmp_is_an_eighth_of_memory', run=['-m', '64M', '--', 'sh', '-c', SIZE],
    out=like(f'\\b{8 * MIB}\n'), report={**PLAIN, 'limits': {'tmp_bytes': 8 * MIB}})
row('tmp_can_be_set', run=['--tmp', '3M', '--', 'sh', '-c', SIZE], out=like(f'\\b{3 * MIB}\n'),
    report={**PLAIN, 'limits': {'tmp_bytes': 3 * MIB}})
row('tmp_without_any_limit_is_an_eighth_of_the_machine', run=['--', '@nothing'],
    report={**PLAIN, 'limits': {'memory_bytes': None,
                                'tmp_bytes': between(HOST.memory_bytes // 8 - 64 * MIB,
                                                     HOST.memory_bytes // 8 + 64 * MIB)
                                if not HOST.lab else ANY}})
row('files_left_in_tmp_are_told_in_the_report_only',
    run=['-m', '64M', '--', 'sh', '-c', 'echo x >/tmp/left'], err='',
    report={'outcome': 'ok', 'warnings': warns_only('tmp-discarded')})
row('an_empty_tmp_is_no_warning', run=['-m', '64M', '--', 'sh', '-c', 'echo x >/tmp/f; rm /tmp/f'],
    err='', report=PLAIN)
row('tmp_peak_is_of_the_files', run=['-m', '64M', '--', '@fill', '/tmp/f', '4'],
    report={'outcome': 'ok', 'usage': {'tmp_peak_bytes': one_of(None, between(4 * MIB, 8 * MIB))}})

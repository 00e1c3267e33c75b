# SPDX-License-Identifier: Apache-2.0
"""Whose limit it was: the job's, one above, one inside, the machine's; and the two backends."""

import os
import re
import subprocess

from cases_exit import PLAIN, exited
from expect import ANY, between, contains, like, no_other_victim_than, one_of, warns, warns_only
from harness import Skipped, case, row
from host import HOST, MIB, UNIFIED, read, write

ABOVE = 32 * MIB


def by_ancestor(main=None, **oom):
    return {'outcome': 'failed', 'cause': 'oom', 'status': 120, **(main or {}),
            'limits': {'memory_effective_bytes': ABOVE},
            'oom': {'scope': 'ancestor', 'by': 'kernel', 'kills': between(1, 1000),
                    'limit_bytes': ABOVE, **oom}}


row('a_kill_by_an_ancestors_limit_is_that_ancestors', run=['--', '@hog', '200'],
    parent_memory=ABOVE, status=120,
    report={**by_ancestor({'signal': 'SIGKILL', 'exit_code': None}, main_survived=False,
                          victims=no_other_victim_than('hog')), 'warnings': warns_only()},
    err=contains('32 MiB'))
row('a_limit_above_the_ancestors_is_set_with_a_warning', run=['-m', '200M', '--', '@hog', '300'],
    parent_memory=ABOVE, status=120,
    report={**by_ancestor(), 'warnings': warns('limit-not-below-ancestor'),
            'limits': {'memory_bytes': 200 * MIB, 'memory_effective_bytes': ABOVE}})
row('a_limit_below_the_ancestors_is_the_jobs_own', run=['-m', '16M', '--', '@hog', '100'],
    parent_memory=ABOVE, status=120,
    report={'cause': 'oom', 'oom': {'scope': 'job', 'limit_bytes': 16 * MIB},
            'warnings': warns_only(),
            'limits': {'memory_bytes': 16 * MIB, 'memory_effective_bytes': 16 * MIB}})
row('equal_limits_on_job_and_ancestor_are_oom_with_a_warning',
    run=['-m', '32M', '--', '@hog', '200'], parent_memory=ABOVE, status=120,
    report={'cause': 'oom', 'oom': {'scope': one_of('job', 'ancestor'), 'limit_bytes': ABOVE},
            'warnings': warns('limit-not-below-ancestor'),
            'limits': {'memory_effective_bytes': ABOVE}})
row('the_warning_of_a_limit_above_the_ancestors_is_said', run=['-m', '200M', '--', '@nothing'],
    parent_memory=ABOVE, report={'outcome': 'ok', 'cause': 'exited',
                                 'warnings': warns_only('limit-not-below-ancestor')}, err=like('.'))
row('a_hidden_kill_by_an_ancestors_limit_is_oom',
    run=['--oom', 'kill-process', '--', '@hide', '200', '0'], parent_memory=ABOVE, status=120,
    report=by_ancestor({'exit_code': 0, 'signal': None}, main_survived=True, group_kill=False))
row('a_hidden_kill_by_an_ancestors_limit_ends_the_whole_job',
    run=['--', 'sh', '-c', '@@hide 200 0; sleep 100'], parent_memory=ABOVE, status=120,
    report=by_ancestor(main_survived=False, group_kill=True), takes_at_most=5)
row('the_default_tmp_is_an_eighth_of_an_ancestors_limit', run=['--', '@nothing'],
    parent_memory=ABOVE, report={**PLAIN,
                                 'limits': {'memory_bytes': None, 'memory_effective_bytes': ABOVE,
                                            'tmp_bytes': 4 * MIB}})


def beside(live, *argv):
    """A process in a cgroup of its own beside the job, below the same limit."""
    folder = os.path.join(live.home.memory, 'beside')
    os.mkdir(folder)
    process = subprocess.Popen([live.victim('start'), '-g', folder + '/cgroup.procs', '--',
                                *live.expand(argv)], stdout=subprocess.DEVNULL, cwd=live.folder)
    status = process.wait(30 * HOST.slow)
    os.rmdir(folder)
    return status


@case(parent_memory=48 * MIB)
def a_job_killed_for_its_neighbours_greed_says_so(live):
    process = live.start('run', '-r', 'r.json', '-m', '40M', '--', '@hog', '28', '60')
    live.until(lambda: 'took it all' in live.output(process), 'the job to hold its memory', 20)
    # It grows slowly, so that the job's memory is back before the kernel wants a second victim.
    live.ensure(beside(live, '@leak', '36') == 0, 'the neighbour did not survive')
    result = live.finish(process)
    live.expect(result, status=120, report={
        'cause': 'oom', 'oom': {'scope': 'ancestor', 'limit_bytes': 48 * MIB},
        'limits': {'memory_bytes': 40 * MIB, 'memory_effective_bytes': 40 * MIB}})


@case(parent_memory=48 * MIB)
def a_neighbour_killed_by_the_common_limit_is_not_the_jobs_business(live):
    process = live.start('run', '-r', 'r.json', '-m', '40M', '--', '@hog', '10', '1')
    live.until(lambda: 'took it all' in live.output(process), 'the job to hold its memory', 20)
    live.ensure(beside(live, '@hog', '200') == -9, 'the neighbour was not killed')
    live.expect(live.finish(process), status=0, report=PLAIN, err='')


# The machine --------------------------------------------------------------------------------------

LAB_ONLY = None if HOST.lab else 'only a lab may run out of memory'
HOST_SHORT = {'outcome': 'failed', 'cause': 'oom', 'status': 120, 'signal': 'SIGKILL',
              'oom': {'scope': 'host', 'by': 'kernel', 'limit_bytes': ANY,
                      'kills': between(1, 1000), 'victims': no_other_victim_than('hog')}}

def nearly_all():
    """A job that fills most of the memory by a cheap write to a tmpfs, then takes the rest."""
    left = int(re.search(r'MemAvailable: *(\d+)', read('/proc/meminfo')).group(1)) // 1024
    return ['--tmp', 'max', '-m', '100G', '--', 'sh', '-c',
            f'@@fill /tmp/f {max(0, left - 160)}; exec @@hog 1000000']


row('a_kill_because_the_machine_ran_out_is_the_hosts', run=['--', '@hog', '1000000'], status=120,
    report=HOST_SHORT, exclusive=True,
    skip=LAB_ONLY if HOST.lab != 'uml' else 'too slow in UML, and the next case shows it',
    within=60)
row('a_kill_because_the_machine_ran_out_below_a_limit_is_the_hosts', run=nearly_all(), status=120,
    report=HOST_SHORT, exclusive=True, skip=LAB_ONLY, within=60)


# Limits inside the job ----------------------------------------------------------------------------

NESTED = {'outcome': 'ok', 'cause': 'exited', 'exit_code': 0, 'status': 0,
          'warnings': warns_only('nested-oom'), 'oom': {'scope': 'nested', 'kills': between(1, 9)}}

row('a_kill_by_a_limit_inside_the_job_is_nested_and_the_job_goes_on',
    run=['-m', '128M', '--', '@nest', '16', '64'], report=NESTED, out='inner: KILL\n',
    err=like('.'))
row('a_kill_by_a_limit_inside_an_unlimited_job_is_nested', run=['--', '@nest', '16', '64'],
    report=NESTED, out='inner: KILL\n')
row('a_limit_inside_the_job_that_is_kept_is_nothing', run=['-m', '128M', '--', '@nest', '64', '16'],
    report=PLAIN, out='inner: exited\n')
row('a_kill_by_the_jobs_own_limit_below_a_larger_one_inside_is_the_jobs',
    run=['-m', '16M', '--', '@nest', '200', '100'], status=120,
    report={'cause': 'oom', 'oom': {'scope': 'job', 'limit_bytes': 16 * MIB}})


@case(leaves=['inner.json'])
def a_memcage_inside_answers_for_its_own_limit(live):
    result = live.run('-m', '128M', '--', '%memcage', 'run', '-r', 'inner.json', '-m', '16M', '--',
                      '@hog', '100')
    live.expect(result, status=120,
                report={'outcome': 'failed', 'cause': 'exited', 'exit_code': 120, 'signal': None,
                        'warnings': warns('nested-oom'), 'oom': {'scope': 'nested'}})
    inner = live.load('inner.json')
    live.ensure(inner and inner['cause'] == 'oom' and inner['oom']['scope'] == 'job'
                and inner['status'] == 120, f'the inner report is {inner}')


@case(leaves=['inner.json'])
def a_memcage_inside_that_succeeds_is_plain(live):
    result = live.run('-m', '128M', '--', '%memcage', 'run', '-r', 'inner.json', '-m', '32M', '--',
                      '@nothing', '5')
    live.expect(result, status=5, report=exited(5), err='')
    inner = live.load('inner.json')
    live.ensure(inner and inner['exit_code'] == 5 and inner['limits']['memory_bytes'] == 32 * MIB,
                f'the inner report is {inner}')


def inner_pids(live, *outer):
    command = live.memcage('run', *outer, '--', '%memcage', 'run', '--pids', '5', '--', '@nothing')
    return command.status, command.err


@case()
def a_memcage_inside_limits_processes_where_the_outer_one_does(live):
    status, err = inner_pids(live, '--pids', '100')
    live.ensure(status == 0, f'with --pids outside: {status}, {err}')
    status, err = inner_pids(live)
    # v1 shows only the hierarchies that the outer one has a use for
    want = (0, '') if HOST.v2 else (125, 'the pids controller is not available here')
    live.ensure(status == want[0] and want[1] in err, f'without: {status}, {err}')


@case()
def three_memcages_in_each_other_work(live):
    result = live.run('-m', '128M', '--', '%memcage', 'run', '-m', '64M', '--', '%memcage', 'run',
                      '-m', '16M', '--', '@hog', '100')
    live.expect(result, status=120,
                report={'cause': 'exited', 'exit_code': 120, 'oom': {'scope': 'nested'}})


@case(leaves=['inner.json'])
def the_outer_limit_hit_inside_an_inner_memcage_is_the_outer_jobs(live):
    result = live.run('-m', '32M', '--oom', 'kill-process', '--', '%memcage', 'run', '-r',
                      'inner.json', '--', '@hog', '100')
    live.expect(result, status=120,
                report={'cause': 'oom', 'oom': {'scope': 'job', 'limit_bytes': 32 * MIB}})
    inner = live.load('inner.json')
    # Before the hog's memory is back the kernel may find a second victim: the inner memcage itself.
    if result.report['exit_code'] is None:
        live.ensure(inner['outcome'] == 'unfinished', f'the inner report is {inner}')
    else:
        live.ensure(inner['cause'] == 'oom' and inner['oom']['scope'] in ('ancestor', 'unknown'),
                    f'the inner report is {inner}')


# With less than all rights ------------------------------------------------------------------------


def without_kernel_log(live, *argv):
    """The report of a run that may not read the kernel log."""
    process = live.launch(['setpriv', '--bounding-set=-syslog', '%memcage', 'run', '-q', '-r',
                           'r.json', *argv], stdout=subprocess.DEVNULL)
    status = live.wait(process)
    report = live.load()
    live.ensure(status == 120 and report['cause'] == 'oom', f'status {status}, {report}')
    sources = {one['source'] for one in report['oom']['victims']}
    live.ensure(sources <= {'process-table'}
                or read('/proc/sys/kernel/dmesg_restrict').strip() == '0',
                f'the victims are known from {sources}')
    return report['oom']


@case()
def a_kill_is_seen_without_the_kernel_log(live):
    oom = without_kernel_log(live, '-m', '16M', '--', '@hide', '100', '0')
    live.ensure(oom['scope'] == 'job' and oom['limit_bytes'] == 16 * MIB, f'{oom}')


@case(parent_memory=ABOVE)
def a_kill_by_an_ancestors_limit_is_seen_without_the_kernel_log(live):
    oom = without_kernel_log(live, '--', '@hog', '100')
    live.ensure(oom['scope'] == 'ancestor' and oom['limit_bytes'] == ABOVE, f'{oom}')


@case(skip=None if os.path.exists(f'{HOST.trees.get(UNIFIED, "")}/cgroup.procs')
      else 'no cgroup v2 at all')
def a_cgroup_that_was_killed_before_does_no_harm(live):
    """Some kernels kill at birth what is cloned into or out of a cgroup after a cgroup.kill."""
    kill = live.home.folders[UNIFIED] + '/cgroup.kill'
    if not os.path.exists(kill):
        raise Skipped('this kernel has no cgroup.kill')
    write(kill, 1)
    live.expect(live.run('-m', '32M', '--', '@nothing', '4'), status=4, report=exited(4), err='')
    live.expect(live.run('-m', '16M', '--', '@hog', '100'), status=120,
                report={'cause': 'oom', 'oom': {'scope': 'job'}})


# Backends -----------------------------------------------------------------------------------------

OTHER = 'v1' if HOST.v2 else 'v2'

row('the_backend_of_this_host_can_be_asked_for',
    run=['--backend', HOST.backend, '-m', '64M', '--', '@nothing'], report=PLAIN)
row('auto_takes_the_backend_of_this_host',
    run=['--backend', 'auto', '-m', '16M', '--', '@hog', '100'], status=120,
    report={'cause': 'oom', 'backend': HOST.backend})
row('the_other_backend_is_refused_with_a_reason',
    run=['--backend', OTHER, '-m', '64M', '--', '@nothing'], status=125, report=ANY,
    err=contains(OTHER))


@case()
def a_second_run_can_start_in_the_same_cgroup(live):
    for _ in range(2):
        live.expect(live.run('-m', '32M', '--', '@nothing', '4'), status=4, report=exited(4))


@case(skip=None if HOST.v2 else 'v1 lets a cgroup with limits have processes')
def a_cgroup_shared_with_others_is_refused_with_the_command_that_mends_it(live):
    other = live.launch(['sleep', '1000'])
    live.until(lambda: 'sleep' in map(comm_of, live.home.pids()), 'the other process')
    result = live.run('-m', '32M', '--', '@nothing')
    other.kill()
    other.wait()
    live.expect(result, status=125, report=ANY, err=like('systemd-run|memcage'))


def comm_of(pid):
    with open(f'/proc/{pid}/comm', encoding='utf-8') as file:
        return file.read().strip()


@case(shell_home=True)
def it_runs_beside_other_processes_where_the_kernel_lets_it(live):
    result = live.run('-m', '16M', '--', '@hog', '100')
    live.expect(result, status=120, report={'cause': 'oom', 'oom': {'scope': 'job'}})


@case()
def the_supervisor_is_not_in_the_jobs_cgroup(live):
    process = live.start('run', '-r', 'r.json', '-m', '32M', '--', 'sleep', '1000')
    job = live.pid_of('sleep')
    live.until(lambda: os.path.exists(live.report_path), 'the unfinished report')
    limited = limited_group(live, 32 * MIB)
    inside = set()
    for path, _, _ in os.walk(limited):
        with open(path + '/cgroup.procs', encoding='ascii') as file:
            inside |= set(map(int, file.read().split()))
    os.kill(job, 9)
    live.finish(process)
    live.ensure(inside == {job},
                f'processes {inside} are below the limit, the job is {job}, memcage {process.pid}')


def limited_group(live, size):
    """The cgroup that carries a limit of that size."""
    name = 'memory.max' if HOST.v2 else 'memory.limit_in_bytes'
    for path, _, files in os.walk(live.home.memory):
        if name in files:
            with open(f'{path}/{name}', encoding='ascii') as file:
                if file.read().strip() == str(size):
                    return path
    return live.ensure(False, f'no cgroup has the limit {size}')



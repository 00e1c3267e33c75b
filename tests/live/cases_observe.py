# SPDX-License-Identifier: Apache-2.0
"""Where no cgroup can be made: memcage's own one is looked at, and kills in it are told."""

from cases_exit import PLAIN
from expect import between, contains, every, like, one_of, warns, warns_only
from harness import case, row
from host import HOST, MIB

ABOVE = 48 * MIB
READ_ONLY = ['-r']      # of start: /sys/fs/cgroup is a read-only mount
NO_EVENTS = dict.fromkeys(('low', 'high', 'max', 'oom', 'oom_kill', 'oom_group_kill'))

# Of a read-only v1 the kernel tells nobody whose limit it was.
TOLD = 'ancestor' if HOST.v2 else 'unknown'
BARE = {'backend': 'observe', 'limits': {'memory_bytes': None},
        'usage': {'memory_peak_bytes': None, 'cpu_user_seconds': None,
                  'memory_events': NO_EVENTS}}


def killed(scope='ancestor', main=None, **oom):
    return {**BARE, 'outcome': 'failed', 'cause': 'oom', 'status': 120, **(main or {}),
            'limits': {'memory_bytes': None, 'memory_effective_bytes': ABOVE},
            'warnings': warns_only('observe-only'),
            'oom': {'scope': scope, 'by': 'kernel', 'kills': between(1, 100), 'peak_bytes': None,
                    'limit_bytes': ABOVE if scope == 'ancestor' else None, 'memory': None, **oom}}


row('a_read_only_cgroup_mount_is_observed', run=['--', '@nothing', '4'], start=READ_ONLY,
    parent_memory=ABOVE, status=4,
    report={**BARE, 'cause': 'exited', 'exit_code': 4, 'oom': None,
            'limits': {'memory_bytes': None, 'memory_effective_bytes': ABOVE,
                       'tmp_bytes': ABOVE // 8},
            'warnings': warns_only('observe-only')}, err=contains('others may share'))
row('a_main_killed_in_an_observed_cgroup_is_oom', run=['--', '@hog', '200'], start=READ_ONLY,
    parent_memory=ABOVE, status=120,
    report=killed(TOLD, {'exit_code': None, 'signal': 'SIGKILL'}, main_survived=False))
row('a_child_killed_in_an_observed_cgroup_is_oom_though_main_exits_0',
    run=['--oom', 'kill-process', '--', '@hide', '200', '0'], start=READ_ONLY, parent_memory=ABOVE,
    status=120, report=killed(TOLD, {'exit_code': 0, 'signal': None}, main_survived=True,
                              group_kill=False))
row('a_kill_in_an_observed_cgroup_ends_the_whole_job',
    run=['--', 'sh', '-c', '@@hide 200 0; sleep 100'], start=READ_ONLY, parent_memory=ABOVE,
    status=120, report=killed(TOLD, group_kill=True, main_survived=False), takes_at_most=5)
row('an_observed_cgroup_that_is_writable_tells_whose_limit_it_was_on_v1_too',
    run=['--backend', 'observe', '--', '@hog', '200'], parent_memory=ABOVE, status=120,
    report=killed())
row('a_victim_in_an_observed_cgroup_is_named_by_the_process_table',
    run=['--backend', 'observe', '--', 'sh', '-c', '@@leak 200; exit 0'], parent_memory=ABOVE,
    status=120, report=killed(victims=one_of(
        [], every({'comm': 'leak', 'source': 'process-table'}))))
row('an_observed_job_sees_the_cgroups_read_only',
    run=['--backend', 'observe', '--', 'sh', '-c',
         'for f in $(find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs); do '
         'echo 0 2>/dev/null >$f && echo wrote $f; done; exit 0'],
    report={**BARE, 'oom': None}, out='', parent_memory=ABOVE)
row('a_limit_in_an_observed_cgroup_is_refused', run=['-m', '32M', '--', '@nothing'],
    start=READ_ONLY, status=125,
    report={'cause': 'setup-failed', 'backend': 'observe',
            'summary': contains('--memory', 'read-only', 'memcage doctor')})
row('a_limit_in_an_observed_cgroup_may_be_done_without',
    run=['-m', '32M', '--pids', '20', '--allow-unsupported=limit-unsupported', '--', '@nothing'],
    start=READ_ONLY, report={**BARE, 'outcome': 'ok',
                             'warnings': warns_only('limit-unsupported', 'observe-only')},
    parent_memory=ABOVE)
row('cpu_time_in_an_observed_cgroup_is_refused', run=['--cpu-time', '1s', '--', '@nothing'],
    start=READ_ONLY, status=125, report={'summary': contains('--cpu-time')})
row('a_timeout_ends_an_observed_job', run=['-t', '200ms', '--grace', '0', '--', 'sleep', '100'],
    start=READ_ONLY, status=124, report={'cause': 'timeout', 'backend': 'observe'},
    parent_memory=ABOVE, takes_at_most=5)
row('leftovers_of_an_observed_job_are_named_and_killed',
    run=['--', 'sh', '-c', 'sleep 1000 & exit 3'], start=READ_ONLY, parent_memory=ABOVE,
    status=3, report={'warnings': warns('leftover-processes', 'observe-only')},
    err=like('sleep|sh'), takes_at_most=5)
row('a_version_that_is_asked_for_is_not_observed',
    run=['--backend', HOST.backend, '--', '@nothing'], start=READ_ONLY, status=125,
    report={'cause': 'setup-failed', 'summary': contains('--backend', 'Read-only')}, err=like('.'))
row('a_tmp_in_an_observed_cage_has_a_size', run=['--tmp', '1M', '--', 'df', '-k', '/tmp'],
    start=READ_ONLY, report=BARE, out=contains(' 1024 '), parent_memory=ABOVE)
row('the_timeline_of_an_observed_job_has_no_numbers_of_others',
    run=['--sample', '20ms', '--', 'sleep', '0.1'], start=READ_ONLY, parent_memory=ABOVE,
    report={**BARE, 'samples': every({'memory_bytes': None, 'cpu_seconds': None})})


@case(parent_memory=ABOVE)
def a_kill_by_the_container_before_the_job_is_not_the_jobs(live):
    first = live.run('--backend', 'observe', '--', '@hog', '200')
    live.ensure(first.status == 120, 'the first job was not killed')
    second = live.run('--backend', 'observe', '--', '@nothing')
    live.expect(second, status=0, report={**BARE, 'outcome': 'ok', 'oom': None})

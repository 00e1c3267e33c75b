# SPDX-License-Identifier: Apache-2.0
"""Memory kills by the job's own limit, by every kind of memory, and what only looks like one."""

import os
import re
import shutil
import tempfile

from cases_exit import PLAIN, exited
from expect import (ANY, Is, between, contains, like, no_other_victim_than, one_of, victim, warns,
                    warns_at_most, warns_only)
from harness import case, row
from host import HOST, MIB, read

# On v1 it is memcage that kills the rest of the job: the main process may end by itself first.
KILLED_MAIN = {'exit_code': None, 'signal': 'SIGKILL'} if HOST.v2 else {}
KILLED = True if HOST.v2 else ANY


def killed(limit, main=None, **oom):
    return {'outcome': 'failed', 'cause': 'oom', 'status': 120, 'summary': like('.'),
            **(main or {}), 'limits': {'memory_bytes': limit * MIB,
                                       'memory_effective_bytes': limit * MIB, 'swap_bytes': SWAP},
            'oom': {'scope': 'job', 'by': 'kernel', 'kills': between(1, 1000),
                    'limit_bytes': limit * MIB,
                    'peak_bytes': between(limit * MIB * 0.8, limit * MIB * 1.1), **oom}}


SWAP = 0 if HOST.swap_limit else None
ITSELF = {'exit_code': None, 'signal': 'SIGKILL'}
ALONE = {'main_survived': False, 'group_kill': KILLED, 'victims': no_other_victim_than('hog')}

row('anonymous_memory_over_the_limit_is_oom', run=['-m', '16M', '--', '@hog', '100'], status=120,
    report={**killed(16, ITSELF, **ALONE), 'hint': contains('--memory 32M')},
    err=contains('16 MiB', '--memory 32M'))
row('threads_over_the_limit_are_oom', run=['-m', '16M', '--', '@hog-threads', '100', '4'],
    status=120, report=killed(16, ITSELF, main_survived=False))
row('forked_children_over_the_limit_are_oom', run=['-m', '16M', '--', '@hog-forks', '6', '4'],
    status=120, report=killed(16, KILLED_MAIN))
row('copy_on_write_over_the_limit_is_oom', run=['-m', '16M', '--', '@hog-cow', '12'], status=120,
    report=killed(16, KILLED_MAIN))
row('a_memfd_over_the_limit_is_oom', run=['-m', '16M', '--', '@hog-memfd', '100'], status=120,
    report=killed(16, ITSELF,
                  memory=one_of(None, {'shmem_bytes': one_of(None, between(8 * MIB, 16 * MIB))})))
row('system_v_memory_over_the_limit_is_oom_and_leaves_no_segment',
    run=['-m', '16M', '--', '@hog-sysv', '100'], status=120, report=killed(16, ITSELF))
row('system_v_segments_of_a_job_that_succeeds_are_gone_with_it',
    run=['-m', '64M', '--', '@hog-sysv', '20'], report=PLAIN)
row('a_tmpfs_over_the_memory_limit_is_oom',
    run=['-m', '16M', '--tmp', 'max', '--', '@fill', '/tmp/f', '100'], status=120,
    report=killed(16, ITSELF))
row('dev_shm_over_the_memory_limit_is_oom',
    run=['-m', '16M', '--tmp', '1G', '--', '@fill', '/dev/shm/f', '100'], status=120,
    report=killed(16, ITSELF))
row('a_mapped_tmpfs_file_over_the_memory_limit_is_oom',
    run=['-m', '16M', '--tmp', '1G', '--', '@sparse', '/var/tmp/f', '100'], status=120,
    report=killed(16, ITSELF))
row('a_slow_leak_is_oom', run=['-m', '16M', '--', '@leak', '100'], status=120,
    report={**killed(16, ITSELF), 'wall_seconds': between(0.1, 60)})
row('memory_of_the_kernel_over_the_limit_is_oom', run=['-m', '20M', '--', '@hog-pipes', '900'],
    status=120, report=killed(20, ITSELF))
row('many_small_processes_over_the_limit_are_oom', run=['-m', '16M', '--', '@hog-forks', '1', '60'],
    status=120, report=killed(16, KILLED_MAIN))
row('a_job_below_its_limit_is_not_oom', run=['-m', '64M', '--', '@hog', '20'], out='took it all\n',
    report={**PLAIN, 'usage': {'memory_peak_bytes': between(20 * MIB, 40 * MIB),
                               'memory_events': {'oom_kill': one_of(0, None)}}})


# Who was killed, and what the main process made of it ---------------------------------------------

HIDDEN = {'main_survived': True, 'group_kill': False, 'victims': no_other_victim_than('hide')}

row('a_child_killed_behind_exit_0_is_oom_under_kill_process',
    run=['-m', '16M', '--oom', 'kill-process', '--', '@hide', '100', '0'], status=120,
    report=killed(16, {'exit_code': 0, 'signal': None}, **HIDDEN),
    err=contains('16 MiB', '--memory 32M'))
row('a_child_killed_behind_exit_0_is_oom_under_kill_job',
    run=['-m', '16M', '--oom', 'kill-job', '--', '@hide', '100', '0'], status=120,
    report=killed(16, KILLED_MAIN, main_survived=False if HOST.v2 else ANY, group_kill=KILLED))
row('kill_job_is_the_default', run=['-m', '16M', '--', 'sh', '-c', '@@hide 100 0; sleep 100'],
    status=120, report=killed(16, ITSELF, main_survived=False, group_kill=True), takes_at_most=5)
row('the_main_processs_own_status_is_kept_beside_oom',
    run=['-m', '16M', '--oom', 'kill-process', '--', '@hide', '100', '3'], status=120,
    report=killed(16, {'exit_code': 3, 'signal': None}, **HIDDEN))
row('a_main_process_that_aborts_after_the_kill_of_its_child_is_oom',
    run=['-m', '16M', '--rlimit', 'CORE=0', '--oom', 'kill-process', '--', '@hide', '100', '-1'],
    status=120, report=killed(16, {'exit_code': None, 'signal': 'SIGABRT'}, main_survived=True))
row('a_main_process_that_is_the_victim_did_not_survive',
    run=['-m', '16M', '--oom', 'kill-process', '--', '@hog', '100'], status=120,
    report=killed(16, ITSELF, main_survived=False))
row('an_idle_main_process_dies_for_its_growing_child',
    run=['-m', '24M', '--oom', 'kill-process', '--', '@bystander', '14', '13'], status=120,
    report=killed(24, ITSELF, main_survived=False, victims=no_other_victim_than('bystander')))
row('each_kill_under_kill_process_is_counted',
    run=['-m', '16M', '--oom', 'kill-process', '--', 'sh', '-c',
         '@@hog 100; @@hog 100; @@hog 100; exit 0'], status=120,
    report=killed(16, {'exit_code': 0}, main_survived=True, group_kill=False, kills=between(3, 3)))
# Nobody may allocate beside the hog here: before its memory is back the kernel could take a second
# victim.
row('an_orphan_over_the_limit_is_oom',
    run=['-m', '16M', '--oom', 'kill-process', '--', 'sh', '-c',
         '((sleep 0.3; exec @@hog 100) &); sleep 4; exit 0'], status=120,
    report=killed(16, {'exit_code': 0}, main_survived=True, victims=no_other_victim_than('hog')))
row('a_pipeline_that_hides_its_killed_part_is_oom',
    run=['-m', '16M', '--oom', 'kill-process', '--', 'sh', '-c',
         '(sleep 0.3; exec @@hog 100) | cat; exit 0'], status=120,
    report=killed(16, {'exit_code': 0}, main_survived=True))


@case(exclusive=True)
def python_killed_behind_exit_0_is_oom_and_named(live):
    """The case of the issue's "Done when", as it stands there."""
    result = live.memcage('run', '-m', '64M', '--oom', 'kill-process', '-r', 'r.json', '--', 'sh',
                          '-c', 'python3 -c "x=bytearray(10**9)"; exit 0', within=30)
    live.expect(result, status=120,
                report=killed(64, {'exit_code': 0}, main_survived=True, victims=victim('python3')),
                err=contains('python3', '64 MiB', '--memory 128M'))


@case()
def victims_are_named_with_the_pid_that_memcage_sees(live):
    result = live.run('-m', '16M', '--oom', 'kill-process', '--', '@hide', '100', '0')
    live.expect(result, status=120, report=killed(16, {'exit_code': 0}))
    for one in result.report['oom']['victims']:
        live.ensure(one['comm'] == 'hide' and (one['pid'] is None or one['pid'] > 2),
                    f'victim {one}')
        live.ensure(one['rss_bytes'] is None or 4 * MIB < one['rss_bytes'] <= 20 * MIB,
                    f'victim {one}')


@case()
def a_victim_with_a_hostile_name_does_not_spoil_the_report(live):
    path = live.path('ev il),pid=1\n,x')
    shutil.copy(live.victim('hog'), path)
    result = live.run('-m', '16M', '--', path, '100')
    os.unlink(path)
    live.expect(result, status=120, report=killed(16, ITSELF))


row('what_is_still_in_a_tmpfs_kills_what_comes_after_and_the_supervisor_goes_on',
    run=['-m', '16M', '--tmp', 'max', '--oom', 'kill-process', '-t', '30', '--', 'sh', '-c',
         '@@fill /tmp/f 100; @@hog 4; @@hog 4; exit 0'],
    status=120, report=killed(16, {'exit_code': ANY}, kills=between(1, 100)), err=ANY)
row('memory_taken_after_the_timeouts_term_does_not_change_the_cause',
    run=['-m', '16M', '-t', '300ms', '--grace', '20', '--', '@late', '100'], status=124,
    report={'cause': 'timeout', 'status': 124, 'outcome': 'failed',
            'oom': {'scope': 'job', 'kills': between(1, 9)}})
row('oom_exit_code_stands_in_for_120',
    run=['-m', '16M', '--oom-exit-code', '77', '--', '@hog', '100'], status=77,
    report={**killed(16, ITSELF), 'status': 77})
row('oom_exit_code_leaves_other_ends_alone', run=['--oom-exit-code', '77', '--', '@nothing', '3'],
    status=3, report=exited(3))
row('a_job_cannot_forge_its_verdict', run=['-m', '16M', '--', '@forge', '100'], status=120,
    report=killed(16, ITSELF),
    out=Is('no descriptor beyond 2 written to',
           lambda text: 'wrote to 0' not in text and not re.search(r'^wrote to \d', text, re.M)))
row('a_job_that_raises_every_limit_in_reach_is_still_killed',
    run=['-m', '16M', '--', 'sh', '-c',
         'for file in $(find /sys/fs/cgroup -name "memory*max" -o -name "memory*limit_in_bytes"); '
         'do echo -1 >$file; echo max >$file; done 2>/dev/null; exec @@hog 100'],
    status=120, report=killed(16, ITSELF))


# Jobs that the kernel cannot kill -----------------------------------------------------------------

# Only CAP_SYS_RESOURCE may lower oom_score_adj; without it the kernel kills as always.
BY = 'memcage' if HOST.resource else 'kernel'
UNSHIELDED = contains('oom_score_adj: ok' if HOST.resource else 'oom_score_adj: EACCES')

row('a_job_that_makes_itself_unkillable_is_ended_as_oom',
    run=['-m', '16M', '--', '@unkillable', '100'], status=120,
    report=killed(16, ITSELF, by=BY, kills=between(0, 1000) if HOST.resource else between(1, 9)),
    out=UNSHIELDED, takes_at_most=12, within=40)
row('an_unkillable_child_is_ended_as_oom',
    run=['-m', '16M', '--oom', 'kill-process', '--', 'sh', '-c', '@@unkillable 100; exit 0'],
    status=120, report=killed(16, by=one_of(BY, 'kernel'), kills=between(0, 1000)), out=UNSHIELDED,
    takes_at_most=12, within=40)
row('an_unkillable_job_ends_at_its_timeout_too',
    run=['-m', '16M', '-t', '500ms', '--grace', '100ms', '--', '@unkillable', '100'],
    status=one_of(120, 124), report={'cause': one_of('oom', 'timeout')}, takes_at_most=4)


# At the smallest limits ---------------------------------------------------------------------------

row('a_tiny_program_in_the_smallest_cage_ends_one_way_or_the_other',
    run=['-m', '1M', '-t', '20', '--', '@nothing'], status=one_of(0, 120),
    report={'cause': one_of('exited', 'oom')}, takes_at_most=5)
row('a_hog_in_the_smallest_cage_is_oom', run=['-m', '1M', '-t', '20', '--', '@hog', '8'],
    status=120, report={'cause': 'oom', 'oom': {'scope': 'job'}}, takes_at_most=5)
row('python_in_the_smallest_cage_ends',
    run=['-m', '1M', '-t', '3', '--grace', '0', '--', 'python3', '-c', 'pass'],
    status=one_of(120, 124), report={'cause': one_of('oom', 'timeout')}, takes_at_most=6)


@case()
def a_job_whose_arguments_do_not_fit_into_its_memory_is_oom(live):
    result = live.run('-m', '1M', '-t', '20', '--', '@nothing', *['x' * 100000] * 15)
    live.expect(result, status=120, report={'cause': 'oom', 'oom': {'scope': 'job'}})


# Not OOM ------------------------------------------------------------------------------------------

row('memory_error_in_python_is_not_oom',
    run=['-m', '64M', '--', 'python3', '-c', 'bytearray(10**13)'], status=1, report=exited(1),
    err=contains('MemoryError'))
row('a_failure_by_RLIMIT_AS_is_not_oom',
    run=['-m', '64M', '--rlimit', 'AS=100M', '--', '@ask', '200'], status=1, report=exited(1),
    out='malloc: ENOMEM\n')
row('a_failure_by_RLIMIT_DATA_is_not_oom',
    run=['-m', '64M', '--rlimit', 'DATA=20M', '--', '@hog', '40'], status=12, report=exited(12),
    out=contains('ENOMEM'))
row('a_full_tmpfs_is_ENOSPC_and_not_oom', run=['-m', '64M', '--', '@fill', '/tmp/f', '100'],
    status=28, out='write: ENOSPC\n', err=like('tmp'),
    report={**exited(28), 'warnings': warns('tmp-full'), 'limits': {'tmp_bytes': 8 * MIB},
            'usage': {'tmp_peak_bytes': one_of(None, between(7 * MIB, 8 * MIB))}})
row('a_full_tmpfs_hidden_by_the_job_is_a_warning',
    run=['-m', '64M', '--', 'sh', '-c', '@@fill /dev/shm/f 100; exit 0'], err=like('tmp'),
    out='write: ENOSPC\n', report={'outcome': 'ok', 'cause': 'exited', 'exit_code': 0,
                                   'warnings': warns('tmp-full')})
row('a_mapping_beyond_a_full_tmpfs_is_SIGBUS_and_not_oom',
    run=['-m', '64M', '--rlimit', 'CORE=0', '--', '@sparse', '/tmp/f', '100'], status=135,
    report={'cause': 'signaled', 'signal': 'SIGBUS', 'oom': None, 'warnings': warns('tmp-full')})
row('the_three_private_folders_share_one_size',
    run=['-m', '64M', '--', 'sh', '-c', '@@fill /tmp/f 5 && @@fill /var/tmp/g 5'], status=28,
    report={**exited(28), 'warnings': warns('tmp-full')}, err=ANY)
row('a_million_empty_files_end_in_ENOSPC_or_oom',
    run=['-m', '8M', '-t', '60', '--', 'sh', '-c', 'i=0; while : >/tmp/$i; do i=$((i+1)); done'],
    status=one_of(2, 120), report={'cause': one_of('exited', 'oom')}, err=like('.'), within=60)


def disk_folder():
    """A fresh folder that is not on a tmpfs."""
    tmpfs = [line.split()[1] for line in read('/proc/mounts').splitlines()
             if line.split()[2] == 'tmpfs']
    base = next(path for path in ('/var/tmp', os.path.dirname(os.path.abspath(__file__)))
                if not any((path + '/').startswith(point + '/') for point in tmpfs))
    return tempfile.mkdtemp(prefix='live-', dir=base)


@case(within=60)
def a_page_cache_larger_than_the_limit_is_not_oom(live):
    folder = disk_folder()
    try:
        result = live.memcage('run', '-r', live.report_path, '-m', '16M', '--', 'sh', '-c',
                              '@@fill ./big 64 && @@reread ./big 2', cwd=folder)
    finally:
        shutil.rmtree(folder)
    # On a slow disk it waits for its own pages to be written, which is worth a word.
    live.expect(result, status=0, out='wrote it all\n',
                report={**PLAIN, 'limits': {'memory_bytes': 16 * MIB},
                        'warnings': warns_at_most('memory-pressure')})


# Swap ---------------------------------------------------------------------------------------------

row('swap_is_0_where_memory_is_limited', run=['-m', '32M', '--', '@nothing'],
    report={**PLAIN, 'limits': {'memory_bytes': 32 * MIB, 'swap_bytes': SWAP}})
row('swap_is_unlimited_where_memory_is_not', run=['--', '@nothing'],
    report={**PLAIN, 'limits': {'memory_bytes': None, 'swap_bytes': None}})
if HOST.swap_limit:
    row('swap_can_be_limited', run=['-m', '32M', '--swap', '16M', '--', '@nothing'],
        report={**PLAIN, 'limits': {'memory_bytes': 32 * MIB, 'swap_bytes': 16 * MIB}})
    row('swap_can_be_max', run=['-m', '32M', '--swap', 'max', '--', '@nothing'],
        report={**PLAIN, 'limits': {'memory_bytes': 32 * MIB, 'swap_bytes': None}})
    row('swap_can_be_0', run=['-m', '32M', '--swap', '0', '--', '@nothing'],
        report={**PLAIN, 'limits': {'swap_bytes': 0}})
else:
    row('swap_is_refused_where_the_kernel_cannot_limit_it',
        run=['-m', '32M', '--swap', '16M', '--', '@nothing'], status=125, report=ANY,
        err=contains('swap'))
    row('swap_is_a_warning_where_that_is_allowed',
        run=['-m', '32M', '--swap', '16M', '--allow-unsupported', '--', '@nothing'],
        report={'cause': 'exited', 'warnings': warns_only('limit-unsupported')})

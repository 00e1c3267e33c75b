# SPDX-License-Identifier: Apache-2.0
"""Where no namespaces can be made: refused, or a cage that shares memcage's and still ends whole."""

import os
import signal

from cases_exit import PLAIN, exited
from expect import contains, like, warns, warns_only
from harness import case, row
from host import MIB

DOCKER = ['-d']         # of start: Docker's default capabilities
CODES = 'namespace-unavailable', 'tmp-not-private'
SHARES = f'--allow-unsupported={",".join(CODES)}'
SHARED = {'warnings': warns_only(*CODES)}

row('a_cage_without_namespaces_is_refused', run=['--', '@nothing'], start=DOCKER, status=125,
    report={'cause': 'setup-failed', 'summary': contains('namespaces', 'memcage doctor',
                                                         '--allow-unsupported=')})
row('a_cage_without_a_private_tmp_is_refused',
    run=['--allow-unsupported=namespace-unavailable', '--', '@nothing'], start=DOCKER, status=125,
    report={'cause': 'setup-failed', 'summary': contains('/tmp', 'tmp-not-private')})
row('a_cage_may_do_without_namespaces', run=[SHARES, '--', '@nothing', '5'], start=DOCKER,
    status=5, report={**exited(5), **SHARED}, err=contains('no namespaces', '/tmp'))
row('what_is_allowed_and_not_needed_is_no_matter', run=[SHARES, '--', '@nothing'], report=PLAIN,
    err='')
for option in (['--network', 'none'], ['--hostname', 'x'], ['--bind', '/usr:/srv:ro']):
    row(f'a_cage_that_shares_namespaces_with_{option[0][2:]}_is_refused',
        run=[SHARES, *option, '--', '@nothing'], start=DOCKER, status=125,
        report={'cause': 'setup-failed', 'summary': contains(option[0], 'cannot be made')})
row('a_tmp_that_cannot_be_mounted_is_refused', run=[SHARES, '--tmp', '1M', '--', '@nothing'],
    start=DOCKER, status=125, report={'cause': 'setup-failed', 'summary': contains('--tmp')})
row('a_tmp_that_cannot_be_mounted_may_be_done_without',
    run=['--allow-unsupported', '--tmp', '1M', '--', '@nothing'], start=DOCKER,
    report={'outcome': 'ok', 'limits': {'tmp_bytes': None},
            'warnings': warns_only('limit-unsupported', *CODES)})
row('a_limit_holds_in_a_cage_that_shares_namespaces', run=[SHARES, '-m', '32M', '--', '@hog', '100'],
    start=DOCKER, status=120, report={
        'cause': 'oom', 'oom': {'scope': 'job', 'limit_bytes': 32 * MIB, 'group_kill': True},
        **SHARED})
row('a_hidden_kill_in_a_cage_that_shares_namespaces_is_oom',
    run=[SHARES, '-m', '32M', '--oom', 'kill-process', '--', '@hide', '100', '0'], start=DOCKER,
    status=120, report={'cause': 'oom', 'exit_code': 0, 'oom': {'main_survived': True}})
row('a_limit_on_tasks_holds_in_a_cage_that_shares_namespaces',
    run=[SHARES, '--pids', '8', '-t', '2s', '--', '@bomb'], start=DOCKER, status=124,
    report={'warnings': warns('pids-limit')})
row('leftovers_in_a_cage_that_shares_namespaces_are_named_and_killed',
    run=[SHARES, '--', 'sh', '-c', 'setsid sleep 1000 & sleep 1000 & exit 3'], start=DOCKER,
    status=3, report={'warnings': warns('leftover-processes')}, takes_at_most=5)
row('a_deaf_job_that_shares_namespaces_is_killed_after_its_grace',
    run=[SHARES, '-t', '200ms', '--grace', '100ms', '--', '@deaf'], start=DOCKER, status=124,
    report={'cause': 'timeout'}, takes_at_most=5)
row('a_crowd_in_an_observed_cage_that_shares_namespaces_dies_of_its_timeout',
    run=[SHARES, '--backend', 'observe', '-t', '300ms', '--grace', '0', '--', 'sh', '-c',
         'for i in 1 2 3 4 5 6 7 8; do (while :; do sleep 0.01 & sleep 0.01; done) & done; wait'],
    start=DOCKER, status=124, report={'cause': 'timeout'}, takes_at_most=10)
row('orphans_in_a_cage_that_shares_namespaces_are_reaped',
    run=[SHARES, '--', 'sh', '-c', 'for i in $(seq 40); do (sleep 0.01 &); done; sleep 0.5; '
         'grep -l "State:.Z" /proc/[0-9]*/status 2>/dev/null | while read f; do '
         'grep -q "PPid:.$PPID$" $f && echo zombie; done; exit 0'], start=DOCKER,
    report={'outcome': 'ok', **SHARED}, out='')

MASKED = ['-m', '-u']   # of start: a container without root's rights, whose /proc is masked

row('root_mounts_a_proc_where_parts_are_masked', run=['--', '@nothing'], start=['-m'],
    report=PLAIN)
row('a_masked_proc_is_refused', run=['--', '@nothing'], start=MASKED, status=125,
    report={'cause': 'setup-failed', 'summary': contains('/proc', 'memcage doctor',
                                                         'namespace-unavailable')})
row('a_masked_proc_may_be_shared',
    run=['--allow-unsupported=namespace-unavailable', '-m', '32M', '--', 'sh', '-c',
         'ls -d /proc/$$; touch /tmp/x; ls /tmp/x; setsid sleep 1000 & exec @@hog 100'],
    start=MASKED, status=120, out=like(r'\A/proc/\d+\n/tmp/x\n\Z'), takes_at_most=5,
    report={'cause': 'oom', 'oom': {'scope': 'job'},
            'warnings': warns_only('namespace-unavailable', 'tmp-discarded')},
    err=contains('masked'))



def kill_and_see(live, *options):
    process = live.start('run', SHARES, *options, '--', 'sh', '-c',
                         'setsid sleep 1000 & (sleep 1000 &); sleep 1000', start=DOCKER)
    live.until(lambda: len(live.home_pids()) >= 6, 'the job to run', 10)
    os.kill(process.pid, signal.SIGKILL)
    live.wait(process)
    live.until(lambda: not live.home_pids(), 'all of the job to be gone', 5)


@case(shell_home=True)
def a_killed_memcage_takes_a_cage_along_that_shares_namespaces(live):
    kill_and_see(live)
    live.memcage('run', '-q', '--', '@nothing', report=None)     # removes the cgroup


@case()
def a_killed_memcage_takes_an_observed_job_along_that_shares_namespaces(live):
    kill_and_see(live, '--backend', 'observe')


@case()
def a_cage_that_shares_namespaces_and_whose_init_is_stopped_dies_with_memcage(live):
    process = live.start('run', SHARES, '--backend', 'observe', '--', 'sh', '-c',
                         'kill -STOP $PPID; setsid sleep 1000 & sleep 1000', start=DOCKER)
    live.until(lambda: len(live.home_pids()) >= 5, 'the job to run', 10)
    os.kill(process.pid, signal.SIGKILL)
    live.finish(process, report=None)
    live.until(lambda: not live.home_pids(), 'all of the job to be gone', 5)


@case()
def a_job_that_shares_namespaces_and_stops_its_init_is_ended(live):
    process = live.start('run', '-r', 'r.json', SHARES, '--backend', 'observe', '-t', '300ms',
                         '--grace', '0', '--', 'sh', '-c',
                         'kill -STOP $PPID; setsid sleep 1000 & sleep 1000', start=DOCKER)
    live.expect(live.finish(process), status=124, report={'cause': 'timeout'})


@case()
def a_job_in_memcages_own_group_does_not_hit_memcage(live):
    process = live.start('run', '-r', 'r.json', SHARES, '--grace', '200ms', '--', 'python3', '-c',
                         'import os, signal, time\n'
                         'os.setpgid(0, os.getpgid(os.getppid()))\n'
                         'signal.signal(signal.SIGUSR1, lambda *_: None)\n'
                         'print("joined", flush=True)\n'
                         'signal.pause()\nos._exit(7)', start=DOCKER)
    live.until(lambda: 'joined' in live.output(process), 'the job to be ready', 10)
    os.kill(process.pid, signal.SIGUSR1)
    live.expect(live.finish(process), status=7, report=exited(7))

# SPDX-License-Identifier: Apache-2.0
"""What memcage does in a container."""

import json

from container import MIB, case, row
from expect import ANY, Is, between, contains, like, matches, warns, warns_only
from harness import Failed

READY = True
LIMIT = 48 * MIB

ENTRY = ['-p', 'entrypoint']
SHARED = 'namespace-unavailable', 'tmp-not-private'
OBSERVED = {'backend': 'observe', 'policy': 'entrypoint', 'warnings': warns_only('observe-only', *SHARED),
            'limits': {'memory_effective_bytes': LIMIT, 'tmp_bytes': None}}


def killed(**main):
    return {**OBSERVED, 'outcome': 'failed', 'cause': 'oom', 'status': 137, **main}


def oom(scope='ancestor', limit=LIMIT, **more):
    return {'scope': scope, 'by': 'kernel', 'kills': between(1, 9), 'limit_bytes': limit, **more}


# As PID 1, the cgroup file system read-only ----------------------------------------------------------

for runtime in ('crun', 'runc'):
    row(f'an_entrypoint_in_{runtime}_exits_as_its_command', runtime=runtime,
        run=[*ENTRY, '--', 'sh', '-c', 'echo hello; exit 7'], status=7, out='hello\n',
        report={**OBSERVED, 'cause': 'exited', 'exit_code': 7, 'oom': None},
        err=contains('others may share', 'no namespaces'))
    row(f'a_main_process_killed_in_{runtime}_is_oom', runtime=runtime,
        run=[*ENTRY, '--', 'hog', '200'], status=137,
        report=killed(signal='SIGKILL', exit_code=None, oom=oom(main_survived=False)),
        err=contains('48 MiB', 'the container'))
    row(f'a_child_killed_in_{runtime}_while_main_lives_is_oom', runtime=runtime,
        run=[*ENTRY, '--', 'sh', '-c', 'leak 200; echo the child: $?; exit 0'], status=137,
        out='the child: 137\n',
        report=killed(exit_code=0, signal=None, oom=oom(main_survived=True, group_kill=False)),
        err=contains('hid it and exited 0'))
row('a_child_killed_under_kill_job_takes_the_job_along',
    run=[*ENTRY, '--oom', 'kill-job', '--', 'sh', '-c', 'hog 200; sleep 1000'], status=137,
    report=killed(oom=oom(main_survived=False, group_kill=True)))
row('an_entrypoint_reaps_the_orphans_that_come_to_it',
    run=[*ENTRY, '--', 'sh', '-c',
         'for i in $(seq 50); do (sleep 0 &); done; sleep 2; grep -c "State:.Z" '
         '/proc/[0-9]*/status | grep -c ":1"; exit 0'], out='0\n',
    report={**OBSERVED, 'outcome': 'ok'})
row('what_outlives_the_main_process_is_named_and_killed',
    run=[*ENTRY, '--', 'sh', '-c', 'setsid sleep 1000 & sleep 1000 & exit 3'], status=3,
    report={'warnings': warns('leftover-processes')}, err=contains('sleep'))
row('a_limit_in_a_read_only_container_is_refused', run=[*ENTRY, '-m', '16M', '--', 'nothing'],
    status=125, report={'cause': 'setup-failed', 'backend': 'observe',
                        'summary': contains('--memory', 'read-only', 'memcage doctor')})
row('a_limit_in_a_read_only_container_may_be_done_without',
    run=[*ENTRY, '--allow-unsupported', '-m', '16M', '--', 'nothing'],
    report={'outcome': 'ok',
            'warnings': warns_only('observe-only', 'limit-unsupported', *SHARED)})
row('a_timeout_ends_an_entrypoint', run=[*ENTRY, '-t', '1s', '--grace', '0', '--', 'sleep', '1000'],
    status=124, report={**OBSERVED, 'cause': 'timeout'})
row('without_the_entrypoints_leave_a_container_is_refused', run=['--', 'nothing'], status=125,
    report={'cause': 'setup-failed', 'summary': contains('namespaces', 'CAP_SYS_ADMIN',
                                                         '--allow-unsupported=')})
row('a_read_only_rootfs_is_no_matter', run=[*ENTRY, '--', 'nothing', '4'], read_only=True, status=4,
    report=OBSERVED)
row('an_empty_container_is_enough', run=[*ENTRY, '--', '/bin/hog', '200'], shell=False,
    read_only=True, status=137, report=killed(oom=oom()))
row('a_command_that_is_not_in_the_container_is_not_found', run=[*ENTRY, '--', 'sh'], shell=False,
    status=127, report={'cause': 'exec-failed'})
row('without_a_proc_it_is_refused', argv=['memcage', 'run', *ENTRY, '--', 'nothing'],
    without=('/proc',), masked=False, status=125, err=contains('/proc/self/cgroup'))
row('without_cgroups_it_is_refused', run=[*ENTRY, '--', 'nothing'], without=('/sys/fs/cgroup',),
    status=125, report={'cause': 'setup-failed', 'summary': contains('cgroup')})
row('a_pods_limit_above_the_container_is_not_seen_and_said_so', run=[*ENTRY, '--', 'hog', '200'],
    memory=None, pod_memory=LIMIT, status=137,
    report={'cause': 'oom', 'oom': oom('unknown', None), 'hint': like('hidden')})
row('a_group_kill_of_the_container_takes_memcage_along', run=[*ENTRY, '--', 'hog', '200'],
    unified={'memory.oom.group': '1'}, status=137,
    report={'outcome': 'unfinished', 'cause': None})


@case(run=[*ENTRY, '--', 'sh', '-c', 'trap "echo asked; exit 9" TERM; echo ready; '
           'while :; do sleep 0.1; done'])
def term_is_passed_on_and_ends_an_entrypoint(scene, running):
    running.until(lambda: 'ready' in running.read('out'), 'the job to be ready')
    running.command('kill', 'TERM')
    scene.expect(running.finish(), status=143, out='ready\nasked\n',
                 report={**OBSERVED, 'cause': 'cancelled', 'exit_code': 9})


@case(run=[*ENTRY, '--grace', '300ms', '--', 'sh', '-c',
           'trap "" TERM; setsid sleep 1000 & echo ready; while :; do sleep 0.1; done'],
      runtime='runc')
def a_deaf_entrypoint_is_killed_after_its_grace(scene, running):
    running.until(lambda: 'ready' in running.read('out'), 'the job to be ready')
    running.command('kill', 'TERM')
    scene.expect(running.finish(), status=143, report={'cause': 'cancelled', 'signal': 'SIGKILL'})


@case(run=[*ENTRY, '--', 'sh', '-c', 'echo ready; while [ ! -e /out/go ]; do sleep 0.1; done; '
           'kill $(pidof -s leak) 2>/dev/null; exit 5'])
def a_kill_beside_the_job_is_told_with_a_warning(scene, running):
    """Of somebody's own shell in the container, say: its counter is the job's."""
    running.until(lambda: 'ready' in running.read('out'), 'the job to be ready')
    beside = running.command('exec', 'hog', '200')
    if beside.returncode != 137:
        raise Failed(f'the process beside was not killed: {beside.returncode} {beside.stderr}')
    with open(f'{running.out_folder}/go', 'w', encoding='ascii'):
        pass
    scene.expect(running.finish(), status=137,
                 report=killed(exit_code=5, oom=oom(main_survived=True)))


@case(argv=['sh', '-c', 'memcage run -q --allow-unsupported -- sh -c '
            '"setsid sleep 1000 & (sleep 1000 &); echo ready; sleep 1000" & '
            'while [ ! -e /out/go ]; do sleep 0.1; done; kill -9 $!; wait $!; sleep 3; '
            'pidof sleep | wc -w'])
def a_memcage_that_is_killed_in_a_container_leaves_nothing(scene, running):
    running.until(lambda: 'ready' in running.read('out'), 'the job to be ready')
    with open(f'{running.out_folder}/go', 'w', encoding='ascii'):
        pass
    scene.expect(running.finish(), status=0, out='ready\n0\n', report=None)


# As somebody else than root ---------------------------------------------------------------------------

row('a_plain_user_below_a_filter_shares_the_containers_namespaces', user=1000, seccomp=True,
    run=[*ENTRY, '--', 'sh', '-c', 'id -u; leak 200; exit 0'], out='1000\n', status=137,
    report=killed(exit_code=0, oom=oom(main_survived=True)))
row('a_plain_user_without_a_filter_has_a_tmp_of_his_own', user=1000,
    run=[*ENTRY, '--', 'sh', '-c', 'id -u; (setsid sleep 1000 &); touch /tmp/x; leak 200; exit 0'],
    out='1000\n', status=137, report={
        'backend': 'observe', 'exit_code': 0, 'oom': oom(main_survived=True),
        'limits': {'tmp_bytes': LIMIT // 8},
        'warnings': warns_only('observe-only', 'namespace-unavailable', 'tmp-discarded',
                               'leftover-processes')}, err=contains('masked'))
row('a_plain_user_without_the_entrypoints_leave_is_refused', user=1000, run=['--', 'nothing'],
    status=125, report={'cause': 'setup-failed', 'summary': contains('/proc', 'memcage doctor')})
row('a_plain_user_in_a_writable_container_observes_if_he_may_do_without', user=1000, cgroup='rw',
    run=[*ENTRY, '--allow-unsupported', '-m', '16M', '--', 'sh', '-c', 'leak 200; exit 0'],
    status=137, report={'backend': 'observe', 'oom': oom(),
                        'warnings': warns('limit-unsupported', 'observe-only')})


# Rights and filters ----------------------------------------------------------------------------------

row('an_outer_filter_as_dockers_is_no_matter', run=[*ENTRY, '--', 'sh', '-c', 'hide 200 0'],
    seccomp=True, status=137, report=killed(exit_code=0, oom=oom(main_survived=True)))
row('no_new_privileges_are_no_matter', run=[*ENTRY, '--', 'hog', '200'], no_new_privs=True,
    seccomp=True, status=137, report=killed(oom=oom()))
row('with_the_right_to_mount_an_observed_cage_is_whole', run=['--tmp', '2M', '--', 'sh', '-c',
    'ls -d /proc/[0-9]* | wc -l; hostname; touch /tmp/x; exit 2'], capabilities=('SYS_ADMIN',),
    status=2, out=like(r'\A[234]\nbox\n\Z'),
    report={'backend': 'observe', 'limits': {'tmp_bytes': 2 * MIB, 'memory_effective_bytes': LIMIT},
            'warnings': warns_only('observe-only', 'tmp-discarded')})
row('with_the_right_to_mount_the_container_is_not_to_be_changed',
    run=['--', 'sh', '-c', 'echo max 2>/dev/null >/sys/fs/cgroup/memory.max || echo no; '
         'cat /sys/fs/cgroup/memory.max'], capabilities=('SYS_ADMIN',), out=f'no\n{LIMIT}\n',
    report={'backend': 'observe', 'outcome': 'ok'})


# The cgroup file system writable ---------------------------------------------------------------------

for runtime in ('crun', 'runc'):
    row(f'in_a_writable_{runtime}_container_limits_are_in_force', runtime=runtime, cgroup='rw',
        run=[*ENTRY, '-m', '24M', '--pids', '20', '--', 'sh', '-c', 'leak 200; exit 0'], status=137,
        report={'backend': 'v2', 'cause': 'oom', 'exit_code': 0,
                'oom': oom('job', 24 * MIB, main_survived=True),
                'limits': {'memory_bytes': 24 * MIB, 'memory_effective_bytes': 24 * MIB,
                           'pids': 20}, 'warnings': warns_only(*SHARED)})
row('in_a_writable_container_below_a_filter_limits_are_in_force', cgroup='rw', seccomp=True,
    run=[*ENTRY, '-m', '24M', '--', 'hog', '200'], status=137,
    report={'backend': 'v2', 'oom': oom('job', 24 * MIB), 'warnings': warns_only(*SHARED)})
row('in_a_writable_container_its_own_limit_is_an_ancestors', cgroup='rw',
    run=[*ENTRY, '--', 'hog', '200'], status=137,
    report={'backend': 'v2', 'oom': oom(), 'limits': {'memory_effective_bytes': LIMIT}})
row('in_a_writable_container_with_the_right_to_mount_a_cage_is_whole', cgroup='rw',
    capabilities=('SYS_ADMIN',), run=['-m', '24M', '--cpu-time', '1m', '--', 'sh', '-c',
                                      'ls -d /proc/[0-9]* | wc -l; exec hog 200'], status=120,
    out=like(r'\A[234]\n\Z'),
    report={'backend': 'v2', 'oom': oom('job', 24 * MIB), 'warnings': warns_only()})
row('a_memcage_in_a_memcage_in_a_container_answers_for_its_limit', cgroup='rw',
    capabilities=('SYS_ADMIN',),
    run=['-m', '32M', '--', 'memcage', 'run', '-q', '-m', '16M', '--', 'hog', '200'], status=120,
    report={'cause': 'exited', 'exit_code': 120, 'oom': {'scope': 'nested'},
            'limits': {'memory_effective_bytes': 32 * MIB}, 'warnings': warns_only('nested-oom')})
row('a_memcage_in_a_memcage_in_a_container_does_not_see_the_outer_limit', cgroup='rw',
    capabilities=('SYS_ADMIN',),
    run=['-m', '24M', '--oom', 'kill-process', '--', 'sh', '-c',
         'memcage run -r /out/inner.json -q -- hog 200; echo $?; '
         'grep -o "scope.*" /out/inner.json'], out='120\nscope": "unknown",\n',
    status=120, report={'cause': 'oom', 'oom': oom('job', 24 * MIB)})
row('an_observing_memcage_in_a_memcage_answers_for_its_limit',
    capabilities=('SYS_ADMIN',), run=['--', 'memcage', 'run', '-r', '/out/inner.json', '--', 'sh',
                                      '-c', 'exit 6'], status=6,
    report={'backend': 'observe', 'exit_code': 6})


@case(cgroup='rw', argv=['sh', '-c', 'sleep 1000 & for i in 1 2; do memcage run -r /out/r.json '
                         '-q --allow-unsupported -m 24M -- hog 200; echo $?; done; '
                         'ls -d /sys/fs/cgroup/*/; exit 120'])
def others_in_a_writable_container_are_moved_aside(scene, running):
    scene.expect(running.finish(), status=120,
                 out='120\n120\n/sys/fs/cgroup/memcage.members/\n',
                 report={'backend': 'v2', 'oom': oom('job', 24 * MIB)})


@case(argv=['sh', '-c', 'memcage run -q --allow-unsupported -- true; echo $?; '
            'memcage run --help | head -n 1; memcage --version'])
def a_shell_in_a_container_may_use_it_too(scene, running):
    scene.expect(running.finish(), status=0, report=None,
                 out=like(r'\A0\nUsage: memcage run .*\nmemcage \d'))


# What doctor says ------------------------------------------------------------------------------------

def doctor(**wanted):
    """Lines by name (_ for -) and keys of the document, as in what the rows above then show."""
    def holds(text):
        said = json.loads(text)
        lines = {line['name'].replace('-', '_'): line for line in said['findings']}
        return matches({**said, **lines}, wanted)
    return Is(f'a document with {wanted}', holds)


DOCTOR = ['memcage', 'doctor', '--json']
for runtime in ('crun', 'runc'):
    row(f'doctor_in_a_{runtime}_container_says_what_is_missing', argv=DOCTOR, runtime=runtime,
        status=1, err='', out=doctor(
            works=False, memory_effective_bytes=LIMIT,
            delegation={'state': 'no', 'value': contains('read-only'),
                        'mend': contains('/sys/fs/cgroup with the option rw')},
            limits_above={'state': 'limited', 'value': contains('48 MiB', 'hidden')},
            kmsg={'state': 'no', 'cost': contains('process table')}))
row('doctor_in_a_container_below_a_filter_says_what_it_forbids', argv=DOCTOR, seccomp=True,
    no_new_privs=True, status=1, err='', out=doctor(
        works=False, seccomp={'state': 'ok', 'value': contains('one is on', 'no_new_privs')},
        namespaces={'state': 'no', 'value': contains('none of mount', 'not permitted')},
        user_namespace={'state': 'no'}, tmp={'state': 'no'},
        kernel={'state': 'limited', 'value': contains('not clone3')}))
row('doctor_in_a_container_with_the_right_to_mount_says_that_it_observes', argv=DOCTOR,
    capabilities=('SYS_ADMIN',), status=1, err='', out=doctor(
        works=False, namespaces={'state': 'ok'}, tmp={'state': 'ok'},
        backend={'state': 'limited', 'value': contains('observe', 'read-only'),
                 'mend': 'see line delegation'}))
row('doctor_in_a_writable_container_points_to_the_namespaces', argv=DOCTOR, cgroup='rw', status=1,
    err='', out=doctor(works=False, delegation={'state': 'ok'},
                       backend={'state': 'no', 'mend': 'see line namespaces'},
                       namespaces={'mend': contains('CAP_SYS_ADMIN')}))
row('doctor_in_a_writable_container_with_the_right_to_mount_has_nothing_to_mend', argv=DOCTOR,
    cgroup='rw', capabilities=('SYS_ADMIN',), err='', out=doctor(
        works=True, backend={'state': 'ok', 'mend': None}, controllers={'state': ANY},
        delegation={'state': 'ok'}, namespaces={'state': 'ok'}))
row('doctor_needs_no_proc_in_a_container', argv=DOCTOR, without=('/proc',), masked=False, status=1,
    err='', out=doctor(works=False, delegation={'state': 'no', 'mend': contains('/proc')}))
row('doctor_needs_no_cgroups_in_a_container', argv=DOCTOR, without=('/sys/fs/cgroup',), status=1,
    err='', out=doctor(works=False, delegation={'state': 'no'}, limits_above={'state': 'unknown'}))
row('doctor_needs_nothing_else_in_a_container', argv=['/bin/memcage', *DOCTOR[1:]], shell=False,
    read_only=True, status=1, err='', out=doctor(works=False))


@case(cgroup='rw', capabilities=('SYS_ADMIN',),
      argv=['sh', '-c', 'sleep 1000 & memcage doctor >/dev/null; echo $?; '
            'ls -d /sys/fs/cgroup/*/; cat /sys/fs/cgroup/cgroup.subtree_control; '
            'wc -l </sys/fs/cgroup/cgroup.procs; exit 0'])
def doctor_puts_a_writable_container_back_as_it_was(scene, running):
    scene.expect(running.finish(), status=0, report=None, out=like(r'\A0\n\n?3\n\Z'))

# SPDX-License-Identifier: Apache-2.0
"""A plain user: his own cgroup, somebody else's, and what he is told where it will not do."""

import os

from cases_exit import PLAIN, exited
from expect import contains, like, one_of, warns
from harness import case
from host import HOST, MIB, read, write

USER = 4711
AS_USER = ['setpriv', f'--reuid={USER}', f'--regid={USER}', '--clear-groups', '--']
GIVEN = ('.', 'cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads', 'tasks')


def give_cgroup(live, files=GIVEN):
    """What a delegation hands over: not the limits, which are the giver's."""
    for folder in set(live.home.folders.values()):
        for name in files:
            if os.path.exists(f'{folder}/{name}'):
                os.chown(f'{folder}/{name}', USER, USER)


def run_as_user(live, *argv, report='r.json'):
    """memcage run of that user, in the case's cgroup."""
    os.chmod(live.cwd, 0o777)
    number = len(live.running)
    with open(f'{live.folder}/out{number}', 'wb') as out, \
            open(f'{live.folder}/err{number}', 'wb') as err:
        process = live.launch([*AS_USER, '%memcage', 'run', '-r', 'r.json', *argv], stdout=out,
                              stderr=err)
    process.number = number
    return live.finish(process, report)


def refused(live, result, *words):
    live.expect(result, status=125, err=contains('memcage: ', *words),
                report={'cause': 'setup-failed', 'summary': contains(words[0])})
    live.ensure(result.err.count('\n') == 1, f'it says {result.err!r}')


@case()
def a_user_without_a_cgroup_of_his_own_is_refused_with_what_mends_it(live):
    refused(live, run_as_user(live, '-m', '32M', '--', '@nothing'),
            'is not delegated to this user', 'let root run it', live.name,
            'memcage doctor, line delegation')


@case()
def a_user_who_owns_half_of_a_cgroup_is_refused(live):
    give_cgroup(live, ['.'])
    refused(live, run_as_user(live, '-m', '32M', '--', '@nothing'),
            'is not delegated to this user')


@case()
def a_user_without_a_cgroup_may_do_without_limits(live):
    result = run_as_user(live, '--allow-unsupported', '-m', '32M', '--pids', '9', '--', '@nothing',
                         '3')
    live.expect(result, status=3, err=like('--memory is not in force'), report={
        **exited(3), 'backend': 'observe', 'warnings': warns('limit-unsupported', 'observe-only'),
        'limits': {'memory_bytes': None, 'pids': None}})


@case()
def a_user_in_a_cgroup_of_his_own_has_all_of_a_cage(live):
    give_cgroup(live)
    result = run_as_user(live, '-m', '32M', '--pids', '20', '--cpus', '0.5', '--', '@nothing', '4')
    live.expect(result, status=4, err='', report={
        **exited(4), 'limits': {'memory_bytes': 32 * MIB, 'pids': 20, 'cpus': 0.5}})


@case()
def the_memory_limit_of_a_users_job_is_its_own(live):
    give_cgroup(live)
    result = run_as_user(live, '-m', '16M', '--', '@hog', '300')
    live.expect(result, status=120, report={
        'cause': 'oom', 'oom': {'scope': 'job', 'limit_bytes': 16 * MIB}})


@case(parent_memory=32 * MIB)
def the_limit_above_a_users_job_is_an_ancestors(live):
    give_cgroup(live)
    # On v1 he cannot be told of OOMs above, and maybe not read the kernel log.
    scope = 'ancestor' if HOST.v2 else one_of('ancestor', 'unknown')
    result = run_as_user(live, '--', '@hog', '300')
    live.expect(result, status=120, report={'cause': 'oom', 'oom': {'scope': scope}})
    live.ensure(result.report['oom']['scope'] == 'unknown'
                or result.report['oom']['limit_bytes'] == 32 * MIB, f'{result.report}')


@case()
def a_user_runs_job_after_job_in_his_cgroup(live):
    give_cgroup(live)
    for _ in range(3):
        live.expect(run_as_user(live, '-m', '32M', '--', '@nothing'), status=0, report=PLAIN)


KNOB = '/proc/sys/user/max_user_namespaces'


@case(exclusive=True, skip=None if HOST.lab else 'only a lab may be without user namespaces')
def without_user_namespaces_a_user_is_told_which_knob_forbids_them(live):
    give_cgroup(live)
    before = read(KNOB)
    write(KNOB, 0)
    try:
        result = run_as_user(live, '-m', '32M', '--', '@nothing')
    finally:
        write(KNOB, before)
    refused(live, result, 'no user namespace can be made', 'sysctl user.max_user_namespaces is 0',
            'memcage doctor, line user-namespace')

# SPDX-License-Identifier: Apache-2.0
"""What the job may: capabilities, user namespaces, and memcage without root."""

import os
import re

from cases_exit import PLAIN
from expect import ANY, Is, contains, lacks, like, one_of, warns_only
from harness import case, row
from host import HOST

USER = 1234
FINE = {**PLAIN, 'policy': ANY}     # but that a file was its policy
EXITED = {'cause': 'exited', 'warnings': ANY}
SETS = ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')
SHOW_SETS = ['grep', '^Cap', '/proc/self/status']


def policy(text):
    return {'p.yaml': (text, 0o644)}


def sets(*values):
    return ''.join(f'{name}:\t{value:016x}\n' for name, value in zip(SETS, values))


# Lists --------------------------------------------------------------------------------------------

row('a_list_of_capabilities_reduces_all_five_sets', run=['-p', 'p.yaml', '--', *SHOW_SETS],
    files=policy('capabilities: [CAP_CHOWN, kill]\n'), out=sets(0x21, 0x21, 0x21, 0x21, 0),
    report=FINE)
row('a_list_of_capabilities_is_kept_by_another_user',
    run=['-p', 'p.yaml', '--user', USER, '--workdir', '/', '--', *SHOW_SETS],
    files=policy('capabilities: [CAP_CHOWN, kill]\n'), out=sets(0x21, 0x21, 0x21, 0x21, 0x21),
    report=FINE)
row('a_capability_that_is_not_listed_is_gone',
    run=['-p', 'p.yaml', '--', 'sh', '-c', 'touch f; chown 5 f; echo $?; mount -t tmpfs x /mnt'],
    files=policy('capabilities: [CHOWN]\n'), leaves=['f'], out='0\n', status=one_of(1, 32), err=ANY,
    report=EXITED)
row('a_capability_that_is_none_is_refused', run=['-p', 'p.yaml', '--', '@nothing'],
    files=policy('capabilities: [CAP_FLY]\n'), status=2,
    err=contains('p.yaml:1:', "'CAP_FLY'", 'CAP_CHOWN'))

# no-new-privs -------------------------------------------------------------------------------------

row('execve_gives_no_rights',
    run=['--', 'grep', 'NoNewPrivs', '/proc/self/status'], out='NoNewPrivs:\t1\n', report=FINE)
row('root_may_let_execve_give_rights',
    run=['-p', 'p.yaml', '--', 'grep', '-E', '^(NoNewPrivs|Seccomp):', '/proc/self/status'],
    files=policy('no-new-privs: false\n'), out='NoNewPrivs:\t0\nSeccomp:\t2\n', report=FINE)
row('who_is_not_root_cannot_let_execve_give_rights', user=USER,
    run=['-p', 'p.yaml', '--', '@nothing'], files=policy('no-new-privs: false\n'), status=2,
    err=contains('no-new-privs: false is for root only'))
row('no_capabilities_and_new_rights_do_not_go_together', run=['-p', 'p.yaml', '--', '@nothing'],
    files=policy('no-new-privs: false\ncapabilities: none\n'), status=2,
    err=contains('no-new-privs: false does not go with capabilities: none'))

# capabilities: none -------------------------------------------------------------------------------

NONE = policy('capabilities: none\n')


def confined(name, command, **expected):
    """As root, and as another; in /, which both see."""
    run = ['-p', '%cwd/p.yaml', '--workdir', '/', '--', *command]
    row(name, run=run, files=NONE, **expected)
    if HOST.v2:
        row(name + '_without_root', run=run, files=NONE, user=USER, **expected)


confined('a_confined_job_has_no_capability', SHOW_SETS, out=sets(0, 0, 0, 0, 0), report=FINE)
confined('a_confined_job_is_alone_in_a_user_namespace',
         ['sh', '-c', 'cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups'],
         out=like(r'^( +(65534|1234)){2} +1\n( +(65534|1234)){2} +1\ndeny\n$'), report=FINE)
confined('a_confined_job_makes_no_user_namespace', ['unshare', '-U', 'true'], status=1,
         err=contains('No space left on device'), report=EXITED)
confined('a_confined_job_sees_cgroups_and_cannot_change_them',
         ['sh', '-c', 'd=/sys/fs/cgroup; [ -e $d/cgroup.procs ] || d=$d/memory; '
          'cat $d/cgroup.procs | wc -l; mkdir $d/x; echo 0 >$d/cgroup.procs'],
         out=like('^[1-9]'), status=2, err=contains('Read-only file system'), report=EXITED)
confined('a_confined_job_has_seven_devices_and_its_own_terminals',
         ['sh', '-c', 'ls -A /dev; ls -A /dev/pts; echo x >/dev/null; head -c 1 /dev/zero | wc -c; '
          'head -c 2 /dev/urandom | wc -c; touch /dev/made'],
         out='fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n'
             'ptmx\n1\n2\n', status=1, err=contains('Read-only file system'), report=EXITED)
confined('a_confined_job_may_have_a_terminal_of_its_own',
         ['python3', '-c', 'import os, pty; print(pty.spawn(["tty"]))'], out=like('/dev/pts/0\r?\n'),
         report=FINE)
confined('a_confined_job_has_its_shared_memory',
         ['sh', '-c', 'echo x >/dev/shm/f; cat /dev/shm/f; rm /dev/shm/f'], out='x\n', report=FINE)
confined('a_confined_job_sees_nothing_of_the_machine_in_proc',
         ['sh', '-c', 'cat /proc/keys /proc/kallsyms /proc/interrupts 2>/dev/null | wc -c; '
          'ls -A /sys/firmware /sys/kernel/debug 2>/dev/null | grep -v :; exit 0'],
         out=like('^0\n\n*$'), report=FINE)
confined('a_confined_job_changes_nothing_in_proc_and_sys',
         ['sh', '-c', 'for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/irq/x '
          '/proc/sys/kernel/hostname /sys/kernel/mm/x; do (echo h >$f) 2>&1; done; exit 0'],
         out=Is('no success', lambda text: len(re.findall('Read-only|denied|nonexistent|no such',
                                                          text, re.I)) >= 3), report=FINE)
confined('a_confined_job_cannot_undo_its_mounts',
         ['sh', '-c', 'umount /proc/kcore; umount /dev; umount -l /tmp; mount -t tmpfs x /mnt; '
          'mount -o remount,rw /sys; exit 0'],
         out='', err=Is('no success', lambda text: len(text.splitlines()) >= 4), report=FINE)
row('a_confined_job_of_root_is_nobody', run=['-p', 'p.yaml', '--workdir', '/', '--', 'id'],
    files=NONE, out=like(r'^uid=65534\S* gid=65534\S* groups=65534\S*\n$'), report=FINE)
row('a_confined_job_may_be_another_user',
    run=['-p', 'p.yaml', '--user', f'{USER}:5', '--workdir', '/', '--', 'sh', '-c',
         'id -u; id -g; cat /proc/self/uid_map'], files=NONE,
    out=like('^1234\n5\n +1234 +1234 +1\n$'), report=FINE)
row('a_confined_job_may_not_be_root', run=['-p', 'p.yaml', '--user', '0', '--', '@nothing'],
    files=NONE, status=2, err=contains("--user: '0' does not go with capabilities: none"))
row('a_confined_job_that_is_too_large_is_killed',
    run=['-p', 'p.yaml', '--workdir', '/', '-m', '16M', '--', '@hog', '100'], files=NONE,
    status=120, report={'cause': 'oom', 'oom': {'scope': 'job', 'by': 'kernel'}})
row('a_device_can_be_bound_for_a_confined_job',
    run=['-p', 'p.yaml', '--bind', '/dev/kmsg', '--workdir', '/', '--', 'ls', '/dev/kmsg'],
    files=NONE, out='/dev/kmsg\n', report=FINE)


KNOB = contains('user.max_user_namespaces is 0', 'raise it', 'memcage doctor, line user-namespace')

row('without_user_namespaces_a_confined_job_is_refused', run=['-p', 'p.yaml', '--', '@nothing'],
    start=['-N'], files=NONE, status=125, report={'cause': 'setup-failed'}, err=KNOB)
row('a_confined_job_may_do_without_a_user_namespace',
    run=['-p', 'p.yaml', '--workdir', '/', '--allow-unsupported=namespace-unavailable', '--', 'sh',
         '-c', 'id -u; grep ^Cap /proc/self/status'], start=['-N'], files=NONE,
    out='65534\n' + sets(0, 0, 0, 0, 0), err=KNOB,
    report={'cause': 'exited', 'exit_code': 0, 'warnings': warns_only('namespace-unavailable')})
row('without_user_namespaces_who_is_not_root_is_refused', run=['--', '@nothing'], start=['-N'],
    user=USER, status=125, report={'cause': 'setup-failed'}, err=KNOB)

# Without root -------------------------------------------------------------------------------------

def rootless(name, run, **expected):
    row(name, run=run, user=USER, **expected)


rootless('who_is_not_root_has_a_cage', ['-m', '64M', '--', 'sh', '-c',
                                        'id -u; id -g; pwd; echo x >made; cat made; rm made'],
         out=like('^1234\n1234\n/.*/cwd\nx\n$'), report=FINE)
rootless('who_is_not_root_keeps_no_capability_of_his_namespace', ['--', *SHOW_SETS],
         out=sets(0, 0, 0, 0, 0), report=FINE)
rootless('who_is_not_root_has_limits', ['-m', '16M', '--', '@hog', '100'], status=120,
         report={'cause': 'oom', 'oom': {'scope': 'job', 'by': 'kernel'}})
rootless('who_is_not_root_has_his_own_processes_and_folders',
         ['--', 'sh', '-c', 'ls /proc | grep -c "^[0-9]*$"; ls -A /tmp | wc -l; echo x >/tmp/f; '
          'cat /tmp/f; rm /tmp/f'], out=like('^[2-6]\n[01]\nx\n'), report=FINE)
rootless('who_is_not_root_has_a_view', ['--root', 'ro', '--hide', '/usr/share', '--bind',
                                        '/usr/share/doc:/usr/share/a/b', '--bind', '.', '--', 'sh',
                                        '-c', 'ls /usr/share; echo x >made; cat made; rm made; '
                                        'touch /opt/x'], out='a\nx\n', status=1,
         err=contains('Read-only'), report=EXITED)
rootless('who_is_not_root_cannot_undo_his_view',
         ['--hide', '/usr/share', '--', 'sh', '-c', 'umount /usr/share; umount /proc; umount /tmp; '
          'ls -A /usr/share; unshare -Urm sh -c "umount /usr/share; umount -l /usr/share; '
          'ls -A /usr/share; umount /proc"; exit 0'],
         out='', err=Is('no success', lambda text: len(text.splitlines()) >= 5), report=FINE)
rootless('who_is_not_root_has_a_loopback', ['--network', 'none', '--', '@loopback'], out='lo\n',
         report=FINE)
rootless('who_is_not_root_can_be_another_in_his_cage',
         ['--user', '0:0', '--workdir', '/', '--', 'sh', '-c',
          'id -u; id -g; cat /proc/self/uid_map; grep CapEff /proc/self/status; touch /opt/x'],
         out=like('^0\n0\n +0 +1234 +1\nCapEff:\t0{16}\n$'), status=1,
         err=contains('Permission denied'), report=EXITED)
rootless('what_who_is_not_root_leaves_is_his', ['--user', '5', '--', 'sh', '-c', 'echo >made'],
         leaves=['made'], report=FINE)
rootless('a_hostname_without_root', ['--hostname', 'cage-7', '--', '@look'],
         out=contains('hostname=cage-7\n'), report=FINE)
rootless('a_cage_in_a_cage_without_root',
         ['--hostname', 'outer', '-m', '64M', '--', '%memcage', 'run', '-m', '32M', '--', 'sh',
          '-c', 'id -u; uname -n'], out='1234\nouter\n', err=ANY,
         status=0 if HOST.v2 else ANY, report=EXITED)
rootless('a_timeout_without_root', ['-t', '300ms', '--grace', '200ms', '--', '@deaf'], status=124,
         report={'cause': 'timeout'})
rootless('processes_that_outlive_the_job_end_without_root',
         ['--', 'sh', '-c', 'sleep 100 & sleep 100 & exit 3'], status=3, err=ANY, report=EXITED)
rootless('a_set_user_id_program_gives_no_rights', ['--', 'sh', '-c', 'su -c id </dev/null; exit 0'],
         out=lacks('uid=0'), err=ANY, report=FINE)


@case(user=USER)
def a_killed_memcage_takes_its_cage_along_without_root(live):
    process = live.start('run', '--', 'sleep', '100')
    live.pid_of('sleep')
    process.kill()
    process.wait()
    live.until(lambda: not live.home_pids(), 'the end of the cage')
    for path in live.home.groups():
        os.rmdir(path)

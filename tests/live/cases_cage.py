# SPDX-License-Identifier: Apache-2.0
"""The cage: what the job sees, what it cannot reach, and the options that change it."""

import os
import subprocess

from cases_exit import PLAIN
from expect import ANY, Is, contains, lacks, like, one_of, warns_only
from harness import case, row
from host import HOST, MIB

# Descriptors --------------------------------------------------------------------------------------


def numbers(*wanted):
    return Is(f'the descriptors {wanted}',
              lambda text: [int(line.split()[0]) for line in text.splitlines()] == list(wanted))


row('a_job_has_three_descriptors', run=['--', '@fds'], out=numbers(0, 1, 2), report=PLAIN)
row('leaked_descriptors_do_not_reach_the_job', run=['--', '@fds'], start=['-f', '500'],
    out=numbers(0, 1, 2), report=PLAIN)
row('leaked_descriptors_above_a_lowered_limit_do_not_reach_the_job', run=['--', '@fds'],
    start=['-f', '100', '-n', '64'], out=numbers(0, 1, 2), report=PLAIN)
row('a_huge_limit_of_descriptors_is_not_slow', run=['--rlimit', 'NOFILE=20000:20000', '--', '@fds'],
    out=numbers(0, 1, 2), report=PLAIN, takes_at_most=2)


@case()
def a_passed_descriptor_stays_open_and_others_do_not(live):
    ends = os.pipe(), os.pipe()
    numbers_given = [ends[0][1], ends[1][1]]
    process = live.start('run', '-r', 'r.json', '--pass-fd', numbers_given[0], '--', 'sh', '-c',
                         f'@@fds; echo hello >&{numbers_given[0]}', pass_fds=numbers_given)
    for _, end in ends:
        os.close(end)
    result = live.finish(process)
    said = os.read(ends[0][0], 100)
    for end, _ in ends:
        os.close(end)
    live.expect(result, status=0, report=PLAIN, out=numbers(0, 1, 2, numbers_given[0]))
    live.ensure(said == b'hello\n', f'the pipe says {said!r}')


@case()
def two_descriptors_can_be_passed(live):
    ends = os.pipe()
    result = live.run('--pass-fd', ends[0], '--pass-fd', ends[1], '--', '@fds', pass_fds=ends)
    for end in ends:
        os.close(end)
    live.expect(result, status=0, report=PLAIN, out=numbers(0, 1, 2, *ends))


def closed(*missing):
    """A caller has closed some of 0, 1, 2: none of memcage's own files may take their place."""
    def check(live):
        options = [word for fd in missing for word in ('-c', str(fd))]
        process = live.start('run', '-r', 'r.json', '-m', '32M', '--', 'sh', '-c',
                             '@@fds fds.txt 2>/dev/null; exit 7', start=options)
        result = live.finish(process)
        live.expect(result, status=7, report={'cause': 'exited', 'exit_code': 7})
        with open(live.path('fds.txt'), encoding='utf-8') as file:
            seen = dict(line.split(' ', 1) for line in file.read().splitlines())
        for fd in missing:
            target = seen.get(str(fd), '')
            live.ensure(target in ('', '/dev/null') or (fd == 2 and target == '/dev/null'),
                        f'descriptor {fd} is {target}')
        live.ensure(set(seen) <= {'0', '1', '2'}, f'the job has {seen}')
    names = ('stdin', 'stdout', 'stderr')
    check.__name__ = '_and_'.join(names[fd] for fd in missing) + '_closed_does_no_harm'
    return check


for missing in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)):
    case(leaves=['fds.txt'])(closed(*missing))
row('a_kill_is_reported_with_all_descriptors_closed', run=['-m', '16M', '--', '@hog', '100'],
    start=['-c', '0', '-c', '1', '-c', '2'], status=120, report={'cause': 'oom'}, out='', err='')


# What the job sees of itself ----------------------------------------------------------------------

row('a_job_is_not_pid_1_and_has_an_init', run=['--', '@look'], out=like('^pid=([2-9]|1[0-9])$'),
    report=PLAIN)
row('the_proc_of_a_job_shows_only_the_job', run=['--', 'sh', '-c', 'ls /proc | grep -c "^[0-9]*$"'],
    out=like('^[2-6]\n'), report=PLAIN)
row('the_init_cannot_be_taken_for_the_job', run=['--', 'sh', '-c', 'cat /proc/1/comm'],
    out=lacks('sh', 'cat'), report=PLAIN)
row('a_negative_oom_score_adj_is_reset_for_the_job', run=['--', '@look'], start=['-a', '-500'],
    out=contains('oom_score_adj=0\n'), report=PLAIN)
row('an_unkillable_caller_makes_no_unkillable_job', run=['-m', '16M', '--', '@hog', '100'],
    start=['-a', '-1000'], status=120,
    report={'cause': 'oom', 'oom': {'scope': 'job', 'by': 'kernel'}}, takes_at_most=5)
row('the_three_private_folders_are_empty', cwd='/',
    argv=['run', '--', 'sh', '-c', 'ls -A /tmp /var/tmp /dev/shm'],
    out='/dev/shm:\n\n/tmp:\n\n/var/tmp:\n', err='')
row('the_private_folders_are_writable_and_sticky',
    run=['--', 'stat', '-c', '%a', '/tmp', '/var/tmp', '/dev/shm'], out='1777\n1777\n1777\n',
    report=PLAIN)
row('a_file_of_the_host_in_tmp_is_not_seen',
    run=['--', 'sh', '-c', 'ls -A /tmp | wc -l; ls -A /dev/shm | wc -l'], out='1\n0\n',
    report=PLAIN)
row('the_working_directory_stays_the_callers',
    run=['--', 'sh', '-c', 'pwd; echo x >made; cat made; rm made'], out=like('^/.*/cwd\nx\n'),
    report=PLAIN)
row('a_file_made_in_the_working_directory_stays', run=['--', 'sh', '-c', 'echo x >made'],
    leaves=['made'], report={**PLAIN, 'warnings': warns_only()})
row('the_cgroup_of_a_job_is_its_own_root',
    run=['--', 'sh', '-c', 'cut -d: -f3 /proc/self/cgroup | sort -u'],
    out='/\n' if HOST.v2 else like('^/$'), report=PLAIN)
row('the_hosts_cgroups_are_not_seen',
    run=['-m', '64M', '--', 'sh', '-c', 'find /sys/fs/cgroup -name "live-*" -o -name "memcage-*"; '
         'grep -c cgroup /proc/self/mountinfo'], out=like('^[0-9]+\n$'), report=PLAIN)
row('no_limit_is_in_reach', run=['-m', '64M', '--', 'sh', '-c',
                                 f'grep -rlx {64 * MIB} /sys/fs/cgroup --include=memory.max '
                                 '--include=memory.limit_in_bytes; exit 0'],
    out='', report=PLAIN, err=ANY)
row('mounts_of_a_job_do_not_reach_the_host',
    run=['--', 'sh', '-c', 'mount -t tmpfs none /mnt && echo mounted'], out=ANY, err=ANY,
    status=ANY, report=ANY)
row('no_mount_of_the_cage_names_the_host_cgroup',
    run=['--', 'sh', '-c', 'grep cgroup /proc/self/mountinfo | cut -d" " -f4 | sort -u'], out='/\n',
    report=PLAIN)
row('a_memory_segment_of_the_host_is_not_seen',
    run=['--', 'sh', '-c', 'ipcs -m | grep -c 0x; exit 0'], out='0\n', report=PLAIN)


@case()
def a_variable_of_the_caller_reaches_the_job_and_TMPDIR_is_set(live):
    result = live.run('--', 'env', env={'OF_THE_CALLER': 'yes', 'TMPDIR': None})
    live.expect(result, status=0, report=PLAIN,
                out=contains('OF_THE_CALLER=yes\n', 'TMPDIR=/tmp\n'))


def temporary(caller, job, name):
    row(name, run=['--', '@look'], env={'TMPDIR': caller}, out=contains(f'tmpdir={job}\n'),
        report=PLAIN)


temporary('/tmp/mine', '/tmp', 'a_TMPDIR_inside_tmp_becomes_tmp')
temporary('/var/tmp', '/tmp', 'a_TMPDIR_inside_var_tmp_becomes_tmp')
temporary('/dev/shm/x', '/tmp', 'a_TMPDIR_inside_dev_shm_becomes_tmp')
temporary('/opt', '/opt', 'a_TMPDIR_outside_the_private_folders_is_kept')
temporary('/tmpfoo', '/tmpfoo', 'a_TMPDIR_that_only_looks_like_tmp_is_kept')
temporary('', '/tmp', 'an_empty_TMPDIR_becomes_tmp')
row('a_TMPDIR_of_an_option_wins', run=['-e', 'TMPDIR=/opt', '--', '@look'],
    out=contains('tmpdir=/opt\n'), report=PLAIN)

# Options ------------------------------------------------------------------------------------------

row('env_sets_a_variable', run=['-e', 'A=b c', '--env', 'D=e=f', '--env=G=', '--', 'env'],
    out=contains('A=b c\n', 'D=e=f\n', 'G=\n'), report=PLAIN)
row('env_overrides_the_callers', run=['-e', 'HOME=/x', '--', 'env'],
    out=Is('HOME once', lambda text: text.count('HOME=/x\n') == 1 and text.count('HOME=') == 1),
    report=PLAIN)
row('the_last_env_of_a_name_wins', run=['-e', 'A=1', '-e', 'A=2', '--', 'env'],
    out=Is('A=2 once', lambda text: text.count('A=') == 1 and 'A=2\n' in text), report=PLAIN)
row('clear_env_leaves_what_was_named',
    run=['--clear-env', '-e', 'A=b', '-e', 'KEPT', '--', '/usr/bin/env'],
    env={'KEPT': 'kept', 'GONE': 'gone'},
    out=Is('A, KEPT, TMPDIR and perhaps PATH',
           lambda text: {line.split('=')[0] for line in text.splitlines()} - {'PATH'} == {'A',
        'KEPT', 'TMPDIR'}), report=PLAIN)
row('env_of_a_name_that_is_not_set_is_nothing',
    run=['--clear-env', '-e', 'NOT_SET_ANYWHERE', '--', '/usr/bin/env'],
    out=lacks('NOT_SET_ANYWHERE'), report=PLAIN)
row('hostname_is_the_jobs_own', run=['--hostname', 'cage-7', '--', '@look'],
    out=contains('hostname=cage-7\n'), report=PLAIN)
row('the_hostname_is_the_hosts_without', run=['--', '@look'],
    out=contains(f'hostname={os.uname().nodename}\n'), report=PLAIN)
row('a_job_that_changes_its_hostname_changes_not_the_hosts',
    run=['--', 'sh', '-c', 'echo other >/proc/sys/kernel/hostname; exit 0'], err=ANY,
    report={'cause': 'exited'})
row('network_none_has_a_loopback_that_works', run=['--network', 'none', '--', '@loopback'],
    out='lo\n', report=PLAIN)


def interfaces():
    with open('/proc/net/dev', encoding='ascii') as file:
        return sorted(line.split(':')[0].strip() for line in file.readlines()[2:])


row('network_host_is_the_hosts',
    run=['--network', 'host', '--', 'sh', '-c',
         'cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d " " | sort'],
    out=''.join(name + '\n' for name in interfaces()), report=PLAIN)
row('workdir_is_the_jobs', run=['--workdir', '/usr', '--', 'pwd'], out='/usr\n', report=PLAIN)
row('workdir_may_be_the_private_tmp',
    run=['--workdir', '/tmp', '--', 'sh', '-c', 'pwd; echo x >f; cat f; rm f'], out='/tmp\nx\n',
    report=PLAIN)
row('workdir_below_tmp_is_bound_in', run=['--workdir', '%cwd/sub', '--', 'sh', '-c', 'pwd; cat f'],
    files={'sub/f': ('text\n', 0o644)}, leaves=['sub'], out=like('/sub\ntext\n'), report=PLAIN)
row('workdir_cannot_be_a_leaked_descriptor', run=['--workdir', '/proc/self/fd/100', '--', 'pwd'],
    start=['-f', '1'], status=one_of(2, 125), report=ANY, err=contains('/proc/self/fd/100'))
row('bind_shows_a_folder_below_tmp',
    run=['--bind', '%cwd', '--workdir', '/', '--', 'cat', '%cwd/f'], files={'f': ('text\n', 0o644)},
    out='text\n', report=PLAIN)
row('bind_shows_a_folder_elsewhere', run=['--bind', '%cwd:/mnt', '--', 'cat', '/mnt/f'],
    files={'f': ('text\n', 0o644)}, out='text\n', report=PLAIN)
row('bind_makes_its_place_in_the_private_tmp',
    run=['--bind', '/etc:/tmp/a/b', '--', 'cat', '/tmp/a/b/hostname'], out=like('.'),
    report={'outcome': 'ok', 'warnings': ANY})
row('bind_shows_a_file', run=['--bind', '%cwd/f:/etc/hostname', '--', 'cat', '/etc/hostname'],
    files={'f': ('text\n', 0o644)}, out='text\n', report=PLAIN)
row('a_bound_folder_is_writable',
    run=['--bind', '%cwd:/mnt', '--', 'sh', '-c', 'echo x >/mnt/made'], leaves=['made'],
    report=PLAIN)
row('a_bound_folder_can_be_read_only',
    run=['--bind', '%cwd:/mnt:ro', '--', 'sh', '-c', 'echo x >/mnt/made'], status=2,
    report={'cause': 'exited'}, err=contains('Read-only'))
row('a_bound_folder_at_its_own_place_can_be_read_only',
    run=['--bind', '/opt:ro', '--', 'sh', '-c', 'echo x >/opt/made'], status=2,
    report={'cause': 'exited'}, err=contains('Read-only'))
row('bind_of_tmp_shares_the_hosts', run=['--bind', '/tmp', '--workdir', '/', '--', 'cat', '%cwd/f'],
    files={'f': ('text\n', 0o644)}, out='text\n', report=PLAIN)
row('binds_repeat', run=['--bind', '%cwd/a:/mnt', '--bind', '%cwd/b:/srv', '--', 'cat', '/mnt/f',
                         '/srv/f'], files={'a/f': ('1\n', 0o644), 'b/f': ('2\n', 0o644)},
    leaves=['a', 'b'], out='1\n2\n', report=PLAIN)


@case()
def a_bind_to_a_place_that_is_not_there_makes_nothing_on_the_host(live):
    result = live.run('--bind', '/etc:/no-such-place/x', '--', '@nothing')
    live.expect(result, status=one_of(2, 125), err=contains('/no-such-place'))
    live.ensure(not os.path.exists('/no-such-place'), 'the place was made on the host')


# The filter ---------------------------------------------------------------------------------------

DENIED = ['init_module', 'finit_module', 'delete_module', 'kexec_load', 'kexec_file_load', 'reboot',
          'swapon', 'swapoff', 'settimeofday', 'clock_settime', 'adjtimex', 'clock_adjtime',
          'TIOCSTI', 'TIOCSTI+']

row('what_the_default_filter_denies_gives_EPERM', run=['--', '@denied'], report=PLAIN,
    out=Is(f'EPERM for {DENIED}',
           lambda text: [name for name in DENIED if f'{name}: EPERM\n' not in text] == []))
row('foreign_system_calls_give_no_way_around_the_filter', run=['--', '@foreign'],
    report={'cause': 'exited'}, status=one_of(0, 77),
    out=Is('EPERM or ENOSYS for each',
           lambda text: all(line.endswith((': EPERM', ': ENOSYS')) for line in text.splitlines())),
    skip='UML takes no i386 calls' if HOST.lab == 'uml' else None)
row('ordinary_programs_are_not_disturbed_by_the_filter', run=['--', 'python3', '-c',
    'import threading, subprocess, time; t = threading.Thread(target=time.sleep, args=(0.01,)); '
    't.start(); t.join(); print(subprocess.run(["true"]).returncode)'], out='0\n', report=PLAIN)


# A full cgroup, output and pipes ------------------------------------------------------------------

FLOOD = 100


@case(within=60)
def much_output_arrives_whole(live):
    process = live.start('run', '-r', 'r.json', '-m', '32M', '--', '@flood', FLOOD,
                         stdout=subprocess.PIPE)
    total = len(live.read_all(process.stdout))
    live.expect(live.finish(process), status=0, report=PLAIN, err='')
    live.ensure(total == FLOOD * MIB, f'{total} bytes came')


@case()
def a_reader_that_goes_away_is_the_jobs_SIGPIPE(live):
    process = live.start('run', '-r', 'r.json', '--', '@flood', '100', stdout=subprocess.PIPE)
    os.read(process.stdout.fileno(), 10)
    process.stdout.close()
    live.expect(live.finish(process), status=141,
                report={'cause': 'signaled', 'signal': 'SIGPIPE', 'status': 141})


@case()
def a_reader_that_does_not_read_holds_only_the_job(live):
    process = live.start('run', '-r', 'r.json', '-t', '500ms', '--grace', '300ms', '--', '@flood',
                         '100', stdout=subprocess.PIPE)
    result = live.finish(process)
    live.expect(result, status=124, report={'cause': 'timeout'})


@case()
def a_closed_stderr_pipe_changes_no_status(live):
    reading, writing = os.pipe()
    os.close(reading)
    process = live.start('run', '-r', 'r.json', '-m', '16M', '--', '@hog', '100', stderr=writing)
    os.close(writing)
    live.expect(live.finish(process), status=120, report={'cause': 'oom'})


row('a_full_stderr_changes_no_status',
    run=['-m', '16M', '--', 'sh', '-c', 'exec @@hog 100 2>/dev/null'], status=120,
    report={'cause': 'oom'})


@case()
def a_supervisor_with_stderr_to_dev_full_ends(live):
    with open('/dev/full', 'wb') as full:
        process = live.start('run', '-r', 'r.json', '-m', '16M', '--', '@hog', '100', stderr=full)
        live.expect(live.finish(process), status=120, report={'cause': 'oom'})

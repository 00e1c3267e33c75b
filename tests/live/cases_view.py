# SPDX-License-Identifier: Apache-2.0
"""What the job sees of the host: --root, --hide, --bind and --user, alone and together."""

import os
import subprocess

from cases_exit import PLAIN
from expect import ANY, Is, contains, lacks, like
from harness import case, row
from host import HOST

READ_ONLY = contains('Read-only file system')
EXITED = {'cause': 'exited', 'warnings': ANY}


# --root -------------------------------------------------------------------------------------------

def tries_to_write(name, run, *paths, **expected):
    row(name, run=[*run, '--', 'touch', *paths], **{'err': READ_ONLY, 'status': 1, 'report': EXITED,
                                                   **expected})


tries_to_write('a_read_only_root_takes_no_file', ['--root', 'ro', '--workdir', '/'], '/opt/made')
tries_to_write('a_read_only_root_takes_no_file_on_another_mount',
               ['--root', 'ro', '--workdir', '/'], '/sys/fs/made', '/dev/made')
tries_to_write('the_working_directory_is_read_only_with_the_root', ['--root', 'ro'], 'made')
row('a_read_only_root_has_private_folders_that_are_writable',
    run=['--root', 'ro', '--', 'sh', '-c',
         'for d in /tmp /var/tmp /dev/shm; do echo x >$d/f; cat $d/f; rm $d/f; done'],
    out='x\nx\nx\n', report=PLAIN)
row('a_read_only_root_has_devices_and_a_proc_that_are_writable',
    run=['--root', 'ro', '--', 'sh', '-c', 'echo x >/dev/null; echo 5 >/proc/self/oom_score_adj; '
         'cat /proc/self/oom_score_adj'], out='5\n', report=PLAIN)
row('a_read_only_root_has_cgroups_that_are_writable',
    run=['--root', 'ro', '--', 'sh', '-c',
         'd=/sys/fs/cgroup; [ -e $d/cgroup.procs ] || d=$d/memory; mkdir $d/x && rmdir $d/x'],
    report=PLAIN)
row('a_policy_may_make_the_working_directory_writable',
    run=['--root', 'ro', '--bind', '.', '--', 'sh', '-c', 'echo x >made && cat made && rm made'],
    out='x\n', report=PLAIN)
row('a_bind_is_writable_in_a_read_only_root',
    run=['--root', 'ro', '--bind', '%cwd:/mnt', '--workdir', '/', '--', 'sh', '-c',
         'echo x >/mnt/made; touch /opt/made'], leaves=['made'], status=1, err=READ_ONLY,
    report=EXITED)
tries_to_write('a_bind_of_read_only_root_can_be_read_only_too',
               ['--root', 'ro', '--bind', '/opt:/mnt:ro', '--workdir', '/'], '/mnt/made')
row('root_rw_is_as_it_was', run=['--root', 'ro', '--root', 'rw', '--', 'sh', '-c',
                                 'echo x >made; cat made; rm made'], out='x\n', report=PLAIN)


@case()
def a_read_only_root_is_the_jobs_alone(live):
    live.expect(live.run('--root', 'ro', '--', '@nothing'), status=0, report=PLAIN, err='')
    os.unlink(live.put('still-writable', ''))


# --hide -------------------------------------------------------------------------------------------

row('a_hidden_directory_is_empty_and_read_only',
    run=['--hide', '%cwd/secret', '--workdir', '/', '--bind', '%cwd', '--', 'sh', '-c',
         'ls -A %cwd; ls -A %cwd/secret; touch %cwd/secret/made'],
    files={'secret/f': ('x', 0o644)}, leaves=['secret'], out=like('^r.json\nsecret\n$'), status=1,
    err=READ_ONLY, report=EXITED)
row('a_hidden_file_is_empty',
    run=['--hide', '/etc/hostname', '--', 'sh', '-c', 'wc -c </etc/hostname; echo x >/etc/hostname;'
         'wc -c </etc/hostname'], out='0\n0\n', report=PLAIN)
row('a_hidden_path_that_is_not_there_is_no_matter',
    run=['--hide', '/no/such/place', '--hide', '/etc/passwd/x', '--', '@nothing'], report=PLAIN)
row('hides_repeat', run=['--hide', '/opt', '--hide', '/mnt', '--hide', '/srv', '--', 'sh', '-c',
                         'ls -A /opt /mnt /srv; touch /opt/x /mnt/x /srv/x'],
    out='/mnt:\n\n/opt:\n\n/srv:\n', err=READ_ONLY, status=1, report=EXITED)
row('a_bind_below_a_hidden_place_shows_it',
    run=['--hide', '/usr/share', '--bind', '/usr/share/doc', '--bind', '%cwd/f:/usr/share/a/b',
         '--', 'sh', '-c', 'ls /usr/share; cat /usr/share/a/b; ls /usr/share/doc | wc -l'],
    files={'f': ('text\n', 0o644)}, out=like('^a\ndoc\ntext\n[1-9]'), report=PLAIN)
row('a_bind_at_a_hidden_place_shows_it',
    run=['--hide', '/opt', '--bind', '%cwd:/opt', '--workdir', '/', '--', 'cat', '/opt/f'],
    files={'f': ('text\n', 0o644)}, out='text\n', report=PLAIN)
row('what_is_hidden_in_a_bind_is_hidden',
    run=['--hide', '/opt/secret', '--bind', '%cwd:/opt', '--workdir', '/', '--', 'sh', '-c',
         'ls -A /opt/secret; cat /opt/f'], files={'f': ('text\n', 0o644),
                                                  'secret/g': ('x\n', 0o644)},
    leaves=['secret'], out='text\n', report=PLAIN)
row('a_hidden_place_of_the_cgroups_stays_hidden',
    run=['--hide', '/sys/fs/cgroup', '--', 'ls', '-A', '/sys/fs/cgroup'], out='', report=PLAIN)
row('a_part_of_proc_can_be_hidden',
    run=['--hide', '/proc/sys', '--hide', '/proc/version', '--', 'sh', '-c',
         'ls -A /proc/sys; wc -c </proc/version; cat /proc/self/comm'], out='0\ncat\n', report=PLAIN)
row('a_hidden_command_is_refused', run=['--hide', '/usr/bin', '--', '/usr/bin/env'], status=127,
    report={'cause': 'exec-failed'},
    err=contains("hidden by --hide '/usr/bin'", "--bind '/usr/bin/env'"))
row('a_hidden_command_of_PATH_is_refused', run=['--hide', '/usr/bin', '--', 'env'], status=127,
    report={'cause': 'exec-failed'}, err=contains("--bind '/usr/bin/env'"))
row('a_hidden_script_is_refused', run=['--hide', '/etc', '--', 'sh', '/etc/passwd'], status=127,
    report={'cause': 'exec-failed'}, err=contains("'/etc/passwd' is hidden by --hide '/etc'"))
row('a_hidden_working_directory_is_refused', run=['--hide', '/usr/share', '--workdir',
                                                  '/usr/share/doc', '--', '@nothing'],
    status=2, err=contains("'/usr/share/doc' is hidden by --hide '/usr/share'",
                           "--bind '/usr/share/doc'"))
row('a_working_directory_in_a_hidden_tmp_is_refused', run=['--hide', '/tmp', '--', '@nothing'],
    status=2, err=contains("is hidden by --hide '/tmp'", '--workdir /'))
row('hiding_everything_is_refused', run=['--hide', '/etc/..', '--', '@nothing'], status=2,
    err=contains('--hide', '/etc/..'))


@case(leaves=['real', 'link'])
def what_a_link_leads_to_is_hidden(live):
    live.put('real/f', 'x')
    os.symlink('real', live.path('link'))
    result = live.run('--hide', 'link', '--', 'sh', '-c', 'ls -A real link; echo end')
    live.expect(result, status=0, report=PLAIN, out=lacks('f\n'), err='')
    live.ensure(result.out.endswith('end\n'), result.out)


row('a_private_folder_that_is_hidden_is_no_matter',
    run=['--bind', '/tmp', '--hide', '/var', '--hide', '/tmp/x', '--tmp', '1M', '--', 'df',
         '--output=size', '/dev/shm'], out=contains(' 1024\n'), report=PLAIN)
row('all_private_folders_may_be_hidden',
    run=['--bind', '/tmp', '--hide', '/var', '--hide', '/dev/shm', '--hide', '/dev', '--tmp', '1M',
         '--workdir', '/', '--', '/usr/bin/true'], report=PLAIN)


# --bind -------------------------------------------------------------------------------------------

NAMES = ['a b', 'a\nb', "a'b", 'a\\040b', '-a', 'a..b', 'ü', 'a\tb', 'a*']


@case(leaves=['(?s:from .*)', '(?s:to .*)'])
def binds_take_names_of_all_kinds(live):
    options, places = [], []
    for index, name in enumerate(NAMES):
        source, place = f'from {index}{name}', f'to {index}{name}'
        live.put(f'{source}/f', f'text {index}')
        live.put(f'{place}/hidden', '')
        options += ['--bind', f'{source}:{live.path(place)}:ro', '--hide', source]
        places += [place, source]
    result = live.run(*options, '--', 'sh', '-c',
                      'while [ $# -gt 0 ]; do cat "$1/f"; echo; ls -A "$1"; ls -A "$2"; shift 2; '
                      'done', 'sh', *places)
    live.expect(result, status=0, report=PLAIN, err='',
                out=''.join(f'text {index}\nf\n' for index, _ in enumerate(NAMES)))


row('a_relative_bind_is_from_the_callers_folder',
    run=['--bind', 'sub/../sub', '--workdir', '/', '--', 'cat', '%cwd/sub/f'],
    files={'sub/f': ('text\n', 0o644)}, leaves=['sub'], out='text\n', report=PLAIN)
row('a_read_only_bind_is_so_with_all_that_is_mounted_below',
    run=['--bind', '/:/mnt:ro', '--', 'sh', '-c', 'touch /mnt/sys/fs/x /mnt/opt/x'], status=1,
    err=contains("touch: cannot touch '/mnt/opt/x': Read-only",
                 "touch: cannot touch '/mnt/sys/fs/x': Read-only"), report=EXITED)


@case(leaves=['link', 'real', 'dir', 'to-dir', 'up'])
def a_bind_onto_a_link_is_shown_where_it_leads(live):
    live.put('real', 'covered\n')
    live.put('dir/x', 'covered\n')
    live.put('from/f', 'text\n')
    os.symlink('real', live.path('link'))
    os.symlink(live.path('dir'), live.path('to-dir'))
    result = live.run('--bind', f'from/f:{live.path("link")}', '--bind',
                      f'from:{live.path("to-dir")}', '--', 'sh', '-c',
                      'cat real link dir/f to-dir/f; ls dir; rm -r from 2>/dev/null; ls from')
    live.expect(result, status=ANY, out=like('^text\ntext\ntext\ntext\nf\n'), err=ANY)
    live.ensure(os.readlink(live.path('link')) == 'real', 'the link is another')


@case(leaves=['link', 'real'])
def a_bind_of_a_link_shows_what_it_leads_to(live):
    live.put('real/f', 'text\n')
    os.symlink('real', live.path('link'))
    result = live.run('--bind', 'link', '--workdir', '/', '--', 'sh', '-c',
                      f'cat {live.path("link/f")} {live.path("real/f")}')
    live.expect(result, status=ANY, out=like('^text\n'), err=ANY)


# Where the kernel, or a container's filter, has less ----------------------------------------------

def without(call, name, run, **expected):
    for option, word in (('-k', 'unknown'), ('-p', 'denied')):
        row(f'{name}_with_{call}_{word}', run=run, start=[option, call], **expected)


without('openat2', 'binds_work', ['--bind', '%cwd:/mnt', '--hide', '/opt', '--', 'cat', '/mnt/f'],
        files={'f': ('text\n', 0o644)}, out='text\n', report=PLAIN)
without('mount_setattr', 'a_root_is_read_only', ['--root', 'ro', '--bind', '/opt:/mnt', '--bind',
                                                 '/:/srv:ro', '--hide', '/usr/share', '--', 'touch',
                                                 '/opt/x', '/sys/fs/x', '/srv/opt/x', '/srv/sys/x',
                                                 '/usr/share/x', '/tmp/x'], status=1,
        report=EXITED,
        err=Is('all but the last are read-only',
               lambda text: text.count('Read-only') == 5 and '/tmp/x' not in text))


# Races --------------------------------------------------------------------------------------------

OTHER = 4321    # a user who may write where binds are looked for


def swapped(live, swap):
    """A folder of another user's, in which he exchanges a directory and a link all the time."""
    os.makedirs(live.path('theirs/dir'))
    live.put('theirs/dir/f', 'theirs\n')
    live.put('ours/f', 'ours\n')
    live.put('ours/secret', 'secret\n')
    os.symlink(live.path('ours'), live.path('theirs/link'))
    for path in ('theirs', 'theirs/dir', 'theirs/link'):
        os.chown(live.path(path), OTHER, OTHER, follow_symlinks=False)
    process = subprocess.Popen([live.victim('start'), '-U', str(OTHER), '--', live.victim('swap'),
                                live.path('theirs/dir'), live.path('theirs/link')])
    live.running.append(process)    # outside of the case's cgroup, which memcage wants for itself
    return process


def outcomes(live, process, arguments, rounds, judge):
    """How often it was made, and how often refused; nothing else may happen.

    Where both run by turns on a busy CPU, several looks in a row seldom find the directory.
    """
    counts = {'made': 0, 'refused': 0}
    for number in range(10 * rounds):
        if number >= rounds and counts['made']:
            break
        if os.path.exists(live.report_path):
            os.unlink(live.report_path)
        result = live.run(*arguments)
        if result.status in (2, 125):
            live.expect(result, err=contains('--bind' if result.status == 2 else 'cannot show'))
            counts['refused'] += 1
        else:
            judge(result)
            counts['made'] += 1
    live.ensure(process.poll() is None, f'nobody exchanged anything any more: {process.poll()}')
    process.kill()
    process.wait()
    live.ensure(counts['made'] > 0, f'it was always refused: {counts}')
    live.ensure(counts['refused'] > 0 or HOST.cpus == 1, f'the race was none: {counts}')


ROUNDS = 60 if not HOST.lab else 20 if HOST.cpus > 1 else 8     # on one CPU it is hardly a race


@case(leaves=['theirs', 'ours'], within=60)
def who_exchanges_a_source_for_a_link_turns_no_bind(live):
    process = swapped(live, 'theirs')

    def judge(result):
        live.expect(result, status=0, out='theirs\n', err='')
    outcomes(live, process, ['--bind', 'theirs/dir:/mnt', '--', 'cat', '/mnt/f'], ROUNDS, judge)


@case(leaves=['theirs', 'ours'], within=60)
def who_exchanges_a_place_for_a_link_turns_no_bind(live):
    process = swapped(live, 'theirs')

    def judge(result):
        live.expect(result, status=0, out='ours\nsecret\n', err='')
    outcomes(live, process, ['--bind', f'/etc/hostname:{live.path("theirs/dir/f")}', '--', 'cat',
                             live.path('ours/f'), live.path('ours/secret')], ROUNDS, judge)


# --user -------------------------------------------------------------------------------------------

row('user_is_who_the_job_is',
    run=['--user', '1234:5678', '--workdir', '/', '--', 'sh', '-c',
         'id -u; id -g; id -G; grep -E "^(Cap(Prm|Eff|Amb)|Uid)" /proc/self/status'],
    out='1234\n5678\n5678\n'
        'Uid:\t1234\t1234\t1234\t1234\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n'
        'CapAmb:\t0000000000000000\n', report=PLAIN)
row('user_without_a_group_has_one_of_its_number',
    run=['--user', '1234', '--workdir', '/', '--', 'id', '-g'], out='1234\n', report=PLAIN)
row('another_user_may_write_to_the_private_folders',
    run=['--user', '1234', '--workdir', '/tmp', '--', 'sh', '-c',
         'for d in /tmp /var/tmp /dev/shm; do echo x >$d/f; cat $d/f; rm $d/f; done'],
    out='x\nx\nx\n', report=PLAIN)
row('another_user_may_not_write_what_is_roots',
    run=['--user', '1234', '--workdir', '/', '--', 'touch', '/etc/made'], status=1,
    err=contains('Permission denied'), report=EXITED)
row('another_user_is_killed_for_memory_like_root',
    run=['--user', '1234', '--workdir', '/', '-m', '16M', '--', '@hog', '100'], status=120,
    report={'cause': 'oom', 'oom': {'scope': 'job'}})


@case(leaves=['closed'])
def a_working_directory_that_is_not_the_users_is_refused(live):
    os.mkdir(live.path('closed'), 0o700)
    result = live.run('--user', '1234', '--workdir', 'closed', '--', '@nothing')
    live.expect(result, status=125, report={'cause': 'setup-failed'},
                err=contains('cannot enter the working directory', 'Permission denied'))


row('another_user_has_his_cgroup_and_a_memcage_in_it',
    run=['--user', '1234', '--workdir', '/', '-m', '64M', '--', '%memcage', 'run', '-m', '16M',
         '--', '@hog', '100'], status=120, err=contains('16 MiB', 'the job itself set inside'),
    report={'cause': 'exited', 'exit_code': 120, 'oom': {'scope': 'nested'}})
row('another_user_cannot_leave_his_cgroup',
    run=['--user', '1234', '--workdir', '/', '--', 'sh', '-c',
         'cd /sys/fs/cgroup; for f in */cgroup.procs */tasks cgroup.procs; do [ -e $f ] && '
         'echo 1 >$f; done; cat /proc/self/cgroup | cut -d: -f3 | sort -u; '
         'ls -d memory.max memory.limit_in_bytes 2>/dev/null | while read f; do echo max >$f; done;'
         'exit 0'], out='/\n', err=ANY, report=PLAIN)
row('a_user_by_name_is_refused', run=['--user', 'nobody', '--', '@nothing'], status=2,
    err=contains("--user: 'nobody'", '1000:1000'))
row('all_of_the_view_together',
    run=['--root', 'ro', '--user', '65534:65534', '--hide', '/home', '--bind', '%cwd:/mnt',
         '--workdir', '/mnt', '--network', 'none', '--', 'sh', '-c',
         'id -u; cat f; ls -A /home; touch /opt/x; exit 3'], status=3,
    files={'f': ('text\n', 0o644)}, out='65534\ntext\n', err=ANY, report=EXITED)

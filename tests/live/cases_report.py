# SPDX-License-Identifier: Apache-2.0
"""Where the report goes, what it says while the job runs, and what is said on stderr."""

import datetime
import os
import stat

from cases_exit import PLAIN, exited
from expect import SOME, Is, between, contains, every, lacks, like, one_of
from harness import case, row
from host import HOST, MIB, read


def split_report(live, text):
    """What the job printed, and the report after it."""
    start = text.rindex('{"schema"') if '{"schema"' in text else text.index('{\n')
    return text[:start], live.checked(text[start:])


@case()
def a_dash_is_stdout(live):
    result = live.memcage('run', '-r', '-', '--', 'sh', '-c', 'echo before; exit 3')
    before, report = split_report(live, result.out)
    live.ensure(before == 'before\n' and result.status == 3 and report['exit_code'] == 3,
                f'stdout: {result.out}')


@case(leaves=['by-number'])
def a_descriptor_gets_the_report_and_the_job_does_not_get_the_descriptor(live):
    with open(live.path('by-number'), 'wb') as file:
        result = live.memcage('run', '-r', f'fd:{file.fileno()}', '--', '@fds',
                              pass_fds=[file.fileno()], report='by-number')
    live.expect(result, status=0, report=PLAIN, out=like(r'\A0 .*\n1 .*\n2 .*\n\Z'))


@case()
def a_pipe_descriptor_gets_one_report_at_the_end(live):
    reading, writing = os.pipe()
    process = live.start('run', '-r', f'fd:{writing}', '-m', '16M', '--', '@hog', '100',
                         pass_fds=[writing])
    os.close(writing)
    result = live.finish(process)
    with os.fdopen(reading, 'rb') as file:
        text = live.read_all(file).decode()
    report = live.checked(text)
    live.ensure(result.status == 120 and report['cause'] == 'oom',
                f'status {result.status}, {text}')


@case()
def descriptor_2_mixes_with_the_verdict(live):
    result = live.memcage('run', '-q', '-r', 'fd:2', '--', '@nothing', '3')
    _, report = split_report(live, result.err)
    live.ensure(report['exit_code'] == 3, f'stderr: {result.err}')


@case()
def the_file_is_replaced_and_not_rewritten(live):
    live.put('r.json', 'old')
    before = os.stat(live.report_path).st_ino
    with open(live.report_path, encoding='utf-8') as old:
        result = live.run('--', '@nothing')
        live.ensure(old.read() == 'old', 'the old file was written to')
    live.expect(result, status=0, report=PLAIN)
    live.ensure(os.stat(live.report_path).st_ino != before, 'it is the same file')
    live.ensure(stat.S_IMODE(os.stat(live.report_path).st_mode) & 0o444 == 0o444,
                'not readable for all')


@case()
def whoever_reads_the_file_finds_a_whole_document(live):
    process = live.start('run', '-r', 'r.json', '-m', '16M', '--', 'sh', '-c',
                         'sleep 0.2; exec @@hog 100')
    seen = set()
    while process.poll() is None:
        report = live.load()
        seen.add(report and report['outcome'])
    live.expect(live.finish(process), status=120)
    live.ensure('unfinished' in seen and seen <= {None, 'unfinished', 'failed'},
                f'the outcomes seen are {seen}')


@case()
def an_old_report_is_unfinished_before_the_job_starts(live):
    live.run('--', '@nothing')
    result = live.run('--', 'grep', '-o', '"unfinished"', 'r.json')
    live.expect(result, status=0, out='"unfinished"\n', report=PLAIN)


@case(leaves=['link', 'target.json'])
def a_symlinks_target_is_replaced(live):
    live.put('target.json', 'old')
    os.symlink('target.json', live.path('link'))
    result = live.memcage('run', '-r', 'link', '--', '@nothing', '3', report='target.json')
    live.expect(result, status=3, report=exited(3))
    live.ensure(os.path.islink(live.path('link')), 'the symlink is gone')


@case(leaves=['link', 'new.json'])
def a_symlink_to_a_new_file_makes_the_file(live):
    os.symlink('new.json', live.path('link'))
    result = live.memcage('run', '-r', 'link', '--', '@nothing', '3', report='new.json')
    live.expect(result, status=3, report=exited(3))
    live.ensure(os.path.islink(live.path('link')), 'the symlink is gone')


@case(leaves=['precious'])
def a_symlink_planted_by_the_job_is_not_followed(live):
    live.put('precious', 'precious')
    result = live.run('--', 'sh', '-c', 'ln -sf precious r.json')
    live.expect(result, status=one_of(0, 125))
    live.ensure(read(live.path('precious')) == 'precious',
                'the report went through the job\'s symlink')


@case()
def a_report_removed_by_the_job_is_written_all_the_same(live):
    live.expect(live.run('--', 'rm', 'r.json'), status=0, report=PLAIN)


@case(leaves=['r.json'])
def a_report_that_cannot_be_written_at_the_end_is_125_with_the_jobs_own_status(live):
    result = live.memcage('run', '-r', 'r.json', '--', 'sh', '-c',
                          'rm r.json; mkdir r.json; exit 3', report=None)
    live.ensure(result.status == 125 and '3' in result.err and 'r.json' in result.err, f'{result}')
    os.rmdir(live.report_path)


row('a_full_device_is_125_with_the_jobs_own_status',
    argv=['run', '-r', '/dev/full', '--', 'sh', '-c', 'echo ran; exit 42'], status=125, out='ran\n',
    err=like('(?s)(?=.*42)(?=.*/dev/full)(?=.*No space)'))
row('dev_null_is_a_place_like_any', argv=['run', '-r', '/dev/null', '--', '@nothing', '3'],
    status=3, err='')


@case(leaves=['fifo'])
def a_fifo_is_written_once(live):
    os.mkfifo(live.path('fifo'))
    with open(os.open(live.path('fifo'), os.O_RDONLY | os.O_NONBLOCK), 'rb') as fifo:
        result = live.memcage('run', '-r', 'fifo', '--', '@nothing', '3', report=None)
        report = live.checked(live.read_all(fifo).decode())
    live.ensure(result.status == 3 and report['exit_code'] == 3, f'{result} {report}')


@case(leaves=['fifo'])
def a_fifo_without_a_reader_does_not_hang(live):
    os.mkfifo(live.path('fifo'))
    result = live.memcage('run', '-r', 'fifo', '--', '@nothing', '3', report=None, within=10)
    live.ensure(result.status in (2, 3, 125), f'status {result.status}')


def refused(name, place, *words, **more):
    row(name, argv=['run', '-r', place, '--', 'sh', '-c', 'echo ran'], status=one_of(2, 125),
        out='', err=contains(place, *words), **more)


refused('a_report_in_a_missing_folder_is_refused', '/no/such/folder/r.json')
refused('a_report_that_is_a_folder_is_refused', '/etc')
refused('a_report_below_a_file_is_refused', '/etc/passwd/r.json')
refused('a_report_on_a_closed_descriptor_is_refused', 'fd:99')
row('two_reports_of_two_runs_have_two_ids',
    argv=['run', '-r', '-', '--', '%memcage', 'run', '-r', '-', '--', '@nothing'], err='',
    out=Is('two ids', lambda text: len({part.split('"')[1] for part in text.replace(' ',
        '').split('"id":')[1:]}) == 2))
row('a_relative_report_is_the_callers_and_not_the_workdirs',
    run=['--workdir', '/usr', '--', '@nothing'], report=PLAIN)


# What is said -------------------------------------------------------------------------------------

OOM = ['-m', '16M', '--', '@hog', '100']

row('quiet_says_nothing', run=['-q', *OOM], status=120, report={'cause': 'oom'}, err='')
row('format_quiet_says_nothing', run=['--format', 'quiet', *OOM], status=120,
    report={'cause': 'oom'}, err='')
row('format_quiet_still_says_usage_errors', argv=['run', '-q', '-m', 'nonsense', '--', '@nothing'],
    status=2, err=contains('nonsense'))
row('format_text_is_a_few_lines', run=['--format', 'text', *OOM], status=120,
    report={'cause': 'oom'}, err=Is('one to four lines with limit and hint',
                                    lambda text: 1 <= text.count('\n') <= 4
                                    and all(word in text for word in ('16 MiB', '32M'))))
row('format_github_is_an_annotation', run=['--format', 'github', *OOM], status=120,
    report={'cause': 'oom'}, err=like('^::error.*::.*16 MiB'))
row('format_github_of_a_timeout', run=['--format', 'github', '-t', '200ms', '--', 'sleep', '100'],
    status=124, report={'cause': 'timeout'}, err=like('^::error'))
row('format_github_of_a_warning',
    run=['--format', 'github', '--', 'sh', '-c', 'sleep 1000 & exit 0'], report={'outcome': 'ok'},
    err=like('^::warning'))
row('format_github_escapes_what_would_end_the_line',
    run=['--format', 'github', '--', 'no%such\ncommand::x'], status=127,
    report={'cause': 'exec-failed'},
    err=Is('one annotation', lambda text: text.strip().count('\n') == 0 and '%25' in text))
row('format_github_is_silent_about_a_plain_end', run=['--format', 'github', '--', '@nothing', '3'],
    status=3, report=exited(3), err='')
row('the_summary_is_one_line', run=OOM, status=120,
    report={'summary': Is('one line', lambda text: text and '\n' not in text),
            'hint': Is('one line', lambda text: '\n' not in text)})
row('a_hostile_command_does_not_reach_the_terminal', run=['--', 'evil\x1b[2Jname'], status=127,
    report={'cause': 'exec-failed'}, err=lacks('\x1b'))


# A timeline ---------------------------------------------------------------------------------------

PRESSURE = between(0, 100) if HOST.psi and HOST.v2 else None


def growing(samples):
    times = [one['at_seconds'] for one in samples]
    return times == sorted(times) and len(set(times)) == len(times)


@case()
def a_timeline_is_kept(live):
    result = live.run('--sample', '50ms', '-m', '64M', '--', '@hog', '10', '1')
    live.expect(result, status=0, report={**PLAIN, 'samples': SOME})
    samples = result.report['samples']
    live.ensure(5 <= len(samples) <= result.report['wall_seconds'] / 0.05 + 3 and growing(samples),
                f'{len(samples)} samples')
    most = max(one['memory_bytes'] for one in samples)
    live.ensure(most >= 10 * MIB, f'the most is {most}')


row('a_timeline_has_pressure_where_there_is_any', run=['--sample', '50ms', '--', 'sleep', '0.5'],
    report={**PLAIN, 'samples': every({'memory_some_percent': PRESSURE,
                                       'at_seconds': between(0, 60)})})
row('a_timeline_is_bounded', run=['--sample', '10ms', '-t', '60', '--', 'sleep', '1.5'],
    report={**PLAIN, 'samples': Is('at most 2100, over the whole run',
                                   lambda all_: 20 <= len(all_) <= 2100 and growing(all_)
                                   and all_[-1]['at_seconds'] > 1)})
row('no_timeline_is_null', run=['--', '@nothing'], report={**PLAIN, 'samples': None})


# Use ----------------------------------------------------------------------------------------------

row('usage_counts_processes',
    run=['--pids', '100', '--', 'sh', '-c', 'sleep 0.3 & sleep 0.3 & sleep 0.3 & wait'],
    report={**PLAIN, 'usage': {'pids_peak': one_of(None, between(4, 5))}})
row('wall_time_is_the_jobs', run=['--', 'sleep', '0.5'],
    report={**PLAIN, 'wall_seconds': between(0.5, 0.5 + HOST.slow)})


@case()
def started_at_is_now(live):
    before = datetime.datetime.now(datetime.timezone.utc)
    result = live.run('--', '@nothing')
    after = datetime.datetime.now(datetime.timezone.utc)
    when = datetime.datetime.strptime(result.report['started_at'],
                                      '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=datetime.timezone.utc)
    live.ensure(before <= when <= after, f'{before} {when} {after}')


@case()
def stdout_can_be_a_pipe_whose_reader_is_gone_when_the_report_is_written(live):
    reading, writing = os.pipe()
    os.close(reading)
    process = live.start('run', '-r', '-', '--', '@nothing', '3', stdout=writing)
    os.close(writing)
    result = live.finish(process)
    live.ensure(result.status == 125 and '3' in result.err, f'{result}')



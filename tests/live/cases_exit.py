# SPDX-License-Identifier: Apache-2.0
"""How a job ends by itself: exit statuses, signals, and commands that cannot be started."""

import contextlib
import os
import resource
import signal

from expect import ANY, contains, like, one_of, warns_only
from harness import Skipped, case, row
from host import HOST, MIB, read

PLAIN = {'outcome': 'ok', 'cause': 'exited', 'exit_code': 0, 'signal': None, 'core_dumped': False,
         'status': 0, 'oom': None, 'seccomp': None, 'item': None, 'seq': None, 'attempt': None,
         'samples': None, 'policy': 'default', 'backend': HOST.backend, 'warnings': warns_only()}


def exited(code):
    return {'outcome': 'failed', 'cause': 'exited', 'exit_code': code, 'signal': None,
            'status': code, 'oom': None}


def signaled(name, status):
    return {'outcome': 'failed', 'cause': 'signaled', 'exit_code': None, 'signal': name,
            'status': status, 'oom': None, 'seccomp': None}


row('a_command_that_succeeds_is_reported_as_ok', run=['--', '@nothing'], report=PLAIN, out='',
    err='')
row('a_command_needs_no_dashes_before_it', run=['-m', '64M', '@nothing', '3'], status=3,
    report=exited(3))
row('options_after_the_command_are_its_own', run=['echo', '-m', '1', '--help'], report=PLAIN,
    out='-m 1 --help\n')
row('a_second_double_dash_is_the_commands_own', run=['--', 'echo', '--', 'x'], report=PLAIN,
    out='-- x\n')
row('stdout_and_stderr_are_the_jobs_own', run=['--', 'sh', '-c', 'echo to out; echo to err >&2'],
    report=PLAIN, out='to out\n', err='to err\n')
row('a_pipeline_runs', run=['--', 'sh', '-c', 'echo one two | wc -w'], report=PLAIN,
    out=like('^ *2$'))

for code in (1, 2, 3, 42, 120, 121, 122, 123, 124, 125, 126, 127, 128, 137, 143, 255):
    row(f'an_exit_status_of_{code}_is_passed_on', run=['--', '@nothing', code], status=code,
        report=exited(code), err='')

row('a_job_that_exits_137_under_a_limit_is_not_oom', run=['-m', '32M', '--', '@nothing', '137'],
    status=137, report=exited(137), err='')


# Signals ------------------------------------------------------------------------------------------

FATAL = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31]
OTHER_NAMES = {29: one_of('SIGIO', 'SIGPOLL')}


def name_of(number):
    return OTHER_NAMES.get(number, signal.Signals(number).name)


for number in FATAL:
    row(f'a_job_that_sends_itself_{signal.Signals(number).name}_is_signaled',
        run=['--rlimit', 'CORE=0', '--', '@die', number], status=128 + number,
        report={**signaled(name_of(number), 128 + number), 'core_dumped': False},
        err=like(str(name_of(number)) if number != 29 else 'SIG'))

for number in (34, 40, 64):
    row(f'a_realtime_signal_{number}_is_signaled', run=['--', '@die', number],
        status=(128 + number), report=signaled(like('^SIGRT'), 128 + number))

for number in (1, 6, 9, 11, 15):
    row(f'{signal.Signals(number).name}_from_a_sibling_is_signaled',
        run=['--rlimit', 'CORE=0', '-m', '32M', '--', '@sibling', number], status=128 + number,
        report=signaled(name_of(number), 128 + number))

for how, number in (('segv', 11), ('bus', 7), ('fpe', 8), ('ill', None), ('abort', 6)):
    numbers = [number] if number else [4, 5]
    row(f'a_job_that_crashes_by_{how}_is_signaled', run=['--rlimit', 'CORE=0', '--', '@crash', how],
        status=one_of(*[128 + one for one in numbers]),
        report={'cause': 'signaled', 'signal': one_of(*map(name_of, numbers)), 'oom': None})

row('a_shell_that_shows_137_for_its_child_merely_exits',
    run=['-m', '32M', '--', 'sh', '-c', '@@die 9; exit $?'], status=137, report=exited(137),
    err=ANY)


@case(leaves=['core.*'])
def a_core_dump_is_reported(live):
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if read('/proc/sys/kernel/core_pattern').strip() not in ('core', 'core.%p') or \
            (hard != resource.RLIM_INFINITY and hard < MIB and not HOST.resource):
        raise Skipped('this kernel is not set to dump cores into the working directory')
    result = live.run('--rlimit', 'CORE=64M', '--', '@crash', 'segv')
    live.expect(result, status=139,
                report={'cause': 'signaled', 'signal': 'SIGSEGV', 'core_dumped': True})


def from_outside(number):
    def check(live):
        process = live.start('run', '-r', 'r.json', '-m', '64M', '--rlimit', 'CORE=0', '--',
                             'sleep', '1000')
        os.kill(live.pid_of('sleep'), number)
        result = live.finish(process)
        live.expect(result, status=128 + number, report=signaled(name_of(number), 128 + number))
    check.__name__ = f'{signal.Signals(number).name}_from_outside_is_signaled'
    return check


for number in (1, 2, 6, 9, 11, 15, 31):
    case()(from_outside(number))


@case()
def a_main_process_that_survives_a_childs_sigkill_from_outside_is_not_oom(live):
    process = live.start('run', '-r', 'r.json', '-m', '64M', '--', 'sh', '-c',
                         'sleep 1000; echo $?; exit 0')
    os.kill(live.pid_of('sleep'), signal.SIGKILL)
    result = live.finish(process)
    live.expect(result, status=0, report=PLAIN, out='137\n')


@case()
def all_processes_of_a_job_killed_from_outside_end_it_and_are_not_oom(live):
    process = live.start('run', '-r', 'r.json', '-m', '64M', '--', 'sh', '-c',
                         'sleep 1000 & exec sleep 1000')
    live.pid_of('sleep')
    for pid in live.home_pids() - {process.pid}:
        with contextlib.suppress(ProcessLookupError):    # the init of the cage takes all along
            os.kill(pid, signal.SIGKILL)
    result = live.finish(process)
    live.ensure(result.status != 0, 'status 0 for a job that was killed')
    live.expect(result, report={'outcome': 'failed', 'oom': None,
                                'cause': one_of('signaled', 'setup-failed')})


# Commands that cannot be started ------------------------------------------------------------------

def not_started(status):
    return {'outcome': 'failed', 'cause': 'exec-failed', 'exit_code': None, 'signal': None,
            'status': status, 'oom': None}


row('a_command_that_is_not_on_the_path_is_127', run=['--', 'no-such-command'], status=127,
    report=not_started(127), err=contains('no-such-command'))
row('a_path_that_is_not_there_is_127', run=['--', './no-such-file'], status=127,
    report=not_started(127), err=like('no-such-file.*(No such file|not found)'))
row('a_path_below_a_file_is_not_started', run=['--', '/etc/passwd/x'], status=one_of(126, 127),
    report=not_started(one_of(126, 127)), err=contains('/etc/passwd/x'))
row('an_empty_command_is_refused', run=['--', ''], status=one_of(2, 127), report=ANY, err=like('.'))
row('a_file_that_is_not_executable_is_126', run=['--', './plain'], files={'plain': ('text', 0o644)},
    status=126, report=not_started(126), err=like('plain.*(Permission denied|not executable)'))
row('a_directory_is_126', run=['--', '/etc'], status=126, report=not_started(126),
    err=like('/etc.*directory'))
row('a_script_without_its_interpreter_is_not_started', run=['--', './script'],
    files={'script': ('#!/no/such/interpreter\n', 0o755)}, status=one_of(126, 127),
    report=not_started(one_of(126, 127)), err=like('script.*|/no/such/interpreter'))
row('a_script_runs_by_its_interpreter', run=['--', './script', 'x'],
    files={'script': ('#!/bin/sh\necho "$0 $1"; exit 9\n', 0o755)}, status=9, report=exited(9),
    out='./script x\n')
row('a_text_without_interpreter_line_is_126', run=['--', './text'],
    files={'text': ('exit 9\n', 0o755)}, status=126, report=not_started(126),
    err=like('text.*(format|interpreter|#!)'))
row('an_empty_file_is_126', run=['--', './empty'], files={'empty': ('', 0o755)}, status=126,
    report=not_started(126), err=contains('empty'))
row('a_broken_binary_is_126', run=['--', './binary'],
    files={'binary': ('\x7fELF' + 'x' * 200, 0o755)}, status=126, report=not_started(126),
    err=contains('binary'))
row('a_command_is_found_on_the_jobs_path', run=['-e', 'PATH=%cwd/bin:/usr/bin', '--', 'tool'],
    files={'bin/tool': ('#!/bin/sh\nexit 4\n', 0o755)}, leaves=['bin'], status=4, report=exited(4))


@case(leaves=['link'])
def a_dangling_symlink_is_127(live):
    os.symlink('nowhere', live.path('link'))
    live.expect(live.run('--', './link'), status=127, report=not_started(127), err=contains('link'))


@case(leaves=['busy'])
def a_program_that_is_being_written_is_126(live):
    path = live.put('busy', open(live.victim('nothing'), 'rb').read().decode('latin-1'), 0o755)
    with open(path, 'r+b') as file:
        file.write(open(live.victim('nothing'), 'rb').read())
        file.truncate()
        file.flush()
        result = live.run('--', './busy')
    live.expect(result, status=126, report=not_started(126), err=like('busy.*(busy|Text file)'))


@case()
def too_many_arguments_are_126(live):
    result = live.run('--rlimit', 'STACK=256K', '--', '@nothing', *['x' * 4000] * 100)
    live.expect(result, status=126, report=not_started(126), err=like('[Aa]rgument list too long'))


@case(leaves=['ran'])
def a_command_that_is_hidden_by_the_private_tmp_is_refused_with_the_option_that_shows_it(live):
    folder = os.path.join(live.folder, 'elsewhere')
    os.mkdir(folder)
    tool = os.path.join(folder, 'tool')
    with open(tool, 'w', encoding='ascii') as file:
        file.write('#!/bin/sh\nexit 6\n')
    os.chmod(tool, 0o755)
    result = live.run('--', tool)
    live.ensure(result.status in (2, 125, 126, 127), f'status {result.status}')
    live.expect(result, err=contains('--bind', tool))
    os.path.exists(live.report_path) and os.unlink(live.report_path)
    live.expect(live.run('--bind', folder, '--', tool), status=6, report=exited(6))


@case()
def arguments_and_report_keep_odd_characters(live):
    words = ['a b', '', '-m', '--', 'new\nline', 'tab\t', '"quote"', "it's", 'ü€😀', '\\u0000',
             '\x01\x7f', '$HOME', '*']
    result = live.run('--', 'sh', '-c', 'printf "%s|" "$@"', 'x', *words)
    live.expect(result, status=0,
                report={**PLAIN, 'command': ['sh', '-c', 'printf "%s|" "$@"', 'x', *words]},
                out='|'.join(words) + '|')


@case()
def arguments_that_are_not_utf8_reach_the_job_and_the_report_is_valid(live):
    word = os.fsdecode(b'\xff\xfe\xc3(\xed\xa0\x80')
    result = live.run('--', 'sh', '-c', 'printf "%s" "$1" | od -An -tx1 | tr -d " \\n"', 'x', word)
    live.expect(result, status=0, report=PLAIN, out='fffec328eda080')


@case()
def a_very_long_argument_is_kept_in_the_report(live):
    word = 'y' * 100000
    result = live.run('--', '@nothing', '0', word)
    live.expect(result, status=0, report=PLAIN)
    live.ensure(result.report['command'][-1] == word, 'the argument is cut in the report')


@case()
def stdin_reaches_the_job(live):
    with open(live.put('input', 'some text'), 'rb') as file:
        result = live.run('--', 'cat', stdin=file)
    os.unlink(live.path('input'))
    live.expect(result, status=0, report=PLAIN, out='some text')

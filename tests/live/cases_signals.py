# SPDX-License-Identifier: Apache-2.0
"""Signals to memcage, and jobs that send signals to whomever they can reach."""

import os
import signal
import subprocess
import time

from cases_exit import PLAIN
from expect import ANY, between, contains, like, one_of, warns
from harness import case, row
from host import HOST


def lines(live, process):
    return live.output(process).split('\n')


def catching(live, count, *options, status=7):
    """A running job that says the name of each signal it gets."""
    process = live.start('run', '-r', 'r.json', *options, '--', '@catch', count, status)
    live.until(lambda: 'ready' in lines(live, process), 'the job to be ready')
    return process


def sleeping(live):
    """A running job that the next signal kills."""
    process = live.start('run', '-r', 'r.json', '--', 'sh', '-c', 'echo ready; exec sleep 1000')
    live.until(lambda: 'ready' in lines(live, process), 'the job to be ready')
    return process


@case()
def signals_are_passed_on_and_the_end_is_the_jobs_own(live):
    names = ['INT', 'USR1', 'QUIT', 'USR2', 'WINCH', 'CONT']
    process = catching(live, len(names))
    for name in names:
        process.send_signal(getattr(signal, 'SIG' + name))
        live.until(lambda want=name: want in lines(live, process), f'the job to get {name}')
    result = live.finish(process)
    live.expect(result, status=7, out='\n'.join(['ready', *names, '']), err='',
                report={'cause': 'exited', 'exit_code': 7, 'outcome': 'failed'})


@case()
def an_interrupt_that_kills_the_job_is_the_jobs_own_end(live):
    process = sleeping(live)
    process.send_signal(signal.SIGINT)
    live.expect(live.finish(process), status=130, report={'cause': 'signaled', 'signal': 'SIGINT'})


def cancelled(status, **main):
    return {'outcome': 'failed', 'cause': 'cancelled', 'status': status, 'oom': None, **main}


def cancels(number):
    def check(live):
        process = catching(live, 1, status=0)
        process.send_signal(number)
        name = signal.Signals(number).name[3:]
        live.expect(live.finish(process), status=128 + number, out=f'ready\n{name}\n',
                    err=like('.'), report=cancelled(128 + number, exit_code=0, signal=None))
    check.__name__ = f'{signal.Signals(number).name}_cancels_and_is_passed_on'
    return check


case()(cancels(signal.SIGTERM))
case()(cancels(signal.SIGHUP))


@case()
def a_cancelled_job_that_dies_of_the_signal_is_cancelled(live):
    process = sleeping(live)
    process.send_signal(signal.SIGTERM)
    live.expect(live.finish(process), status=143,
                report=cancelled(143, signal='SIGTERM', exit_code=None))


def deaf(live, *options):
    process = live.start('run', '-r', 'r.json', *options, '--', '@deaf')
    live.until(lambda: 'ready' in lines(live, process), 'the job to be ready')
    process.ready = time.monotonic()
    return process


@case()
def a_signal_right_after_the_first_output_still_grants_the_grace(live):
    for _ in range(10):
        process = live.launch(['%memcage', 'run', '-q', '-r', 'r.json', '--grace', '100', '--',
                               '@catch', 1, 0], stdout=subprocess.PIPE)
        os.read(process.stdout.fileno(), 6)
        process.send_signal(signal.SIGTERM)
        said = live.read_all(process.stdout)
        live.ensure(live.wait(process) == 143 and said == b'TERM\n',
                    f'the job got {said!r}, and {live.load()}')


@case()
def a_cancelled_deaf_job_is_killed_after_the_grace(live):
    process = deaf(live, '--grace', '500ms')
    process.send_signal(signal.SIGTERM)
    result = live.finish(process)
    took = time.monotonic() - process.ready
    live.expect(result, status=143, report=cancelled(143, signal='SIGKILL', exit_code=None))
    live.ensure(0.5 <= took < 2 * HOST.slow,
                f'ended {took:.2f} s after the signal, the grace is 0.5 s')


@case()
def the_grace_is_2_seconds_by_default(live):
    process = deaf(live)
    process.send_signal(signal.SIGTERM)
    live.expect(live.finish(process), status=143, report=cancelled(143, signal='SIGKILL'))
    took = time.monotonic() - process.ready
    live.ensure(2 <= took < 2 + 2 * HOST.slow, f'ended {took:.2f} s after the signal')


@case()
def a_second_term_kills_at_once(live):
    process = deaf(live, '--grace', '1000')
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2 * HOST.slow)    # or the two become one
    process.send_signal(signal.SIGTERM)
    live.expect(live.finish(process), status=143, report=cancelled(143, signal='SIGKILL'))


@case()
def a_second_interrupt_within_a_second_without_a_terminal_kills_at_once(live):
    process = deaf(live, '--grace', '1000')
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    live.expect(live.finish(process), status=130, report=cancelled(130, signal='SIGKILL'))


@case()
def two_slow_interrupts_do_not_kill(live):
    process = catching(live, 2)
    process.send_signal(signal.SIGINT)
    time.sleep(1.3)
    process.send_signal(signal.SIGINT)
    live.expect(live.finish(process), status=7, out='ready\nINT\nINT\n', report={'cause': 'exited'})


@case()
def a_stopped_memcage_goes_on_and_keeps_its_deadline(live):
    process = live.start('run', '-r', 'r.json', '-t', '700ms', '--grace', '0', '--', '@deaf')
    live.until(lambda: 'ready' in lines(live, process), 'the job to be ready')
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.3)
    process.send_signal(signal.SIGCONT)
    live.expect(live.finish(process), status=124,
                report={'cause': 'timeout', 'wall_seconds': between(0.7, 30)})


@case()
def a_signal_right_at_the_start_is_not_lost(live):
    for delay in (0, 0.001, 0.002, 0.004, 0.008):
        process = live.start('run', '-r', 'r.json', '--grace', '1', '--', 'sleep', '1000')
        live.until(lambda: read_name(process.pid) != 'start', 'memcage to be executed')
        time.sleep(delay * HOST.slow)
        process.send_signal(signal.SIGTERM)
        status = live.wait(process, 5)
        live.ensure(status in (143, -15), f'status {status} for a SIGTERM after {delay} s')
        if status == 143 and os.path.exists(live.report_path):
            live.ensure(live.load()['cause'] == 'cancelled', f'the cause is {live.load()["cause"]}')
    os.path.exists(live.report_path) and os.unlink(live.report_path)


def read_name(pid):
    with open(f'/proc/{pid}/comm', encoding='utf-8') as file:
        return file.read().strip()


row('a_caller_that_ignores_SIGCHLD_loses_no_status', run=['--', '@nothing', '7'],
    start=['-i', '17'], status=7, report={'cause': 'exited', 'exit_code': 7})
row('a_caller_that_ignores_SIGPIPE_and_SIGTERM_does_no_harm',
    run=['-t', '300ms', '--grace', '300ms', '--', 'sleep', '100'], start=['-i', '13', '-i', '15'],
    status=124, report={'cause': 'timeout'}, takes_at_most=3)
row('a_caller_that_blocks_all_signals_does_no_harm',
    run=['-t', '300ms', '--grace', '300ms', '--', 'sleep', '100'], start=['-b'], status=124,
    report={'cause': 'timeout'}, takes_at_most=3)
row('blocked_and_ignored_signals_are_none_in_a_plain_job', run=['--', '@look'],
    out=contains('blocked=0\nignored=0\n'), report=PLAIN)

for target, name in ((0, 'its_process_group'), (-1, 'everybody')):
    for number in (9, 15, 2, 1):
        row(f'a_job_that_sends_{signal.Signals(number).name}_to_{name}_hits_only_itself',
            run=['--', 'sh', '-c', f'exec @@kills {target} {number}'],
            status=one_of(0, 128 + number),
            report={'cause': one_of('exited', 'signaled'), 'oom': None}, err=ANY)
row('a_job_that_stops_its_process_group_is_ended_by_its_timeout',
    run=['-t', '500ms', '--grace', '300ms', '--', '@kills', '0', '19'], status=124,
    report={'cause': 'timeout'}, takes_at_most=3)
row('a_job_cannot_kill_its_init', run=['--', '@kills', '1', '9'], status=0,
    report={'cause': 'exited', 'outcome': 'ok'}, err=ANY)


# What main leaves running -------------------------------------------------------------------------

LEFT = {'outcome': 'ok', 'cause': 'exited', 'exit_code': 0, 'warnings': warns('leftover-processes')}


@case()
def a_daemon_that_detaches_and_holds_stdout_ends_with_the_main_process(live):
    process = live.start('run', '-r', 'r.json', '--', '@daemon', stdout=subprocess.PIPE)
    text = live.read_all(process.stdout, 5)     # to the end of file: nobody may hold the pipe
    result = live.finish(process)
    live.ensure(text == b'main is done\n', f'read {text!r}')
    live.expect(result, status=0, report=LEFT, err=like('.'))


row('orphans_end_with_the_main_process', run=['--', '@orphans', '10'], report=LEFT, err=like('.'),
    takes_at_most=3)
row('orphans_that_end_by_themselves_are_reaped', run=['--pids', '40', '--', '@orphans', '100', '1'],
    report=PLAIN, err='')
row('background_children_end_with_the_main_process',
    run=['--', 'sh', '-c', 'sleep 1000 & sleep 1000 & exit 3'], status=3,
    report={'cause': 'exited', 'exit_code': 3, 'warnings': warns('leftover-processes')},
    takes_at_most=3)
row('a_child_that_ignores_all_signals_ends_with_the_main_process',
    run=['--', 'sh', '-c', '@@deaf & sleep 2; exit 0'], report=LEFT, out='ready\n',
    takes_at_most=6)

# SPDX-License-Identifier: Apache-2.0
"""What jobs of a map print: whole, in order, apart, into files, and to a reader who leaves."""

import os
import re
import signal
import subprocess

import mapping
from cases_map_input import FEW, bytes_of
from expect import contains, like
from harness import case
from host import read
from mapping import LEDGER

# Says PART of it, waits until the other one has said its own, and says the rest.
HALVES = '''
one() { for i in 1 2 3 4 5 6 7 8 9; do echo "$1 $i"; done; }
one $1; one $1 >&2; printf "half of $1 "; touch said-$1
until [ -e said-a ] && [ -e said-b ]; do sleep 0.02; done
echo "and the rest"; one $1; printf "end of $1"
'''
SAID = [*LEDGER, 'said-.*']


def pending(pid):
    """Signals that a process has not taken yet."""
    shared = re.search(r'^ShdPnd:\s*(\w+)$', read(f'/proc/{pid}/status'), re.M)
    return int(shared[1], 16)


def lines_of(item):
    nine = [f'{item} {number}' for number in range(1, 10)]
    return [*nine, f'half of {item} and the rest', *nine, f'end of {item}']


@case(leaves=SAID)
def grouped_output_of_a_maps_jobs_is_never_mixed(live):
    mapped = mapping.run(live, *FEW, '--', 'sh', '-c', HALVES, 'x', ':::', 'a', 'b')
    mapping.expect(live, mapped, 0, ok=2)
    blocks = ['\n'.join(lines_of(item)) for item in 'ab']
    live.ensure(mapped.out in (''.join(blocks), ''.join(reversed(blocks))), f'{mapped.out!r}')
    nine = {item: ''.join(f'{item} {number}\n' for number in range(1, 10)) for item in 'ab'}
    live.ensure(nine['a'] + nine['b'] in mapped.err or nine['b'] + nine['a'] in mapped.err,
                f'{mapped.err!r}')


@case(leaves=SAID)
def lines_of_a_maps_jobs_come_at_once_and_none_is_cut(live):
    process = mapping.start(live, *FEW, '--output', 'line', '--', 'sh', '-c',
                            HALVES.replace('touch said-$1', ''), 'x', ':::', 'a', 'b')
    live.until(lambda: {'a 9', 'b 9'} <= set(live.output(process).splitlines()),
               'lines of jobs that run')
    live.ensure('half' not in live.output(process), 'a line was cut')
    live.put('said-a', '')
    live.put('said-b', '')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 0, ok=2)
    said = mapped.out.splitlines()
    live.ensure(sorted(said) == sorted(lines_of('a') + lines_of('b')), f'{mapped.out!r}')
    for item in 'ab':
        mine = [line for line in said if f' {item} ' in f' {line} ' or line[0] == item]
        live.ensure(mine == lines_of(item), f'{item} is not in order: {mine}')


@case(leaves=[*SAID, 'logs'])
def outputs_of_a_map_into_a_folder_are_a_file_of_each_job(live):
    mapped = mapping.run(live, *FEW, '--output', 'logs', '--', 'sh', '-c', HALVES, 'x', ':::',
                         'a', 'b')
    mapping.expect(live, mapped, 0, ok=2, out='')
    live.ensure(sorted(os.listdir(live.path('logs'))) == ['1.err', '1.out', '2.err', '2.out'],
                f'{os.listdir(live.path("logs"))}')
    for number, item in ((1, 'a'), (2, 'b')):
        live.ensure(read(live.path(f'logs/{number}.out')) == '\n'.join(lines_of(item)), item)
        live.ensure(read(live.path(f'logs/{number}.err')).splitlines() == lines_of(item)[:9], item)


@case(leaves=[*LEDGER, 'done-.*'])
def kept_order_is_that_of_the_items_whoever_ends_first(live):
    script = 'until [ {} = 4 ] || [ -e done-$(({} + 1)) ]; do sleep 0.02; done; touch done-{}; ' \
             'echo {}; [ {} != 3 ]'
    mapped = mapping.run(live, '-j', '4', '--budget', '64M', '-m', '8M', '--keep-order', '--',
                         'sh', '-c', script, ':::', 1, 2, 3, 4)
    mapping.expect(live, mapped, 1, ok=3, failed=1, out='1\n2\n3\n4\n')
    live.ensure([report['seq'] for report in mapped.reports] != [1, 2, 3, 4],
                'they have ended in order by themselves')


# With SEQ 1 the last to end, and to be run again, all that came before waits for it.
LATE = '[ $MEMCAGE_SEQ != 1 ] || { until [ -e go ]; do sleep 0.02; done; ' \
       '[ $MEMCAGE_ATTEMPT = 2 ]; }'


@case(leaves=LEDGER)
def kept_order_waits_for_an_item_that_is_run_again(live):
    process = mapping.start(live, '-j', '2', '--budget', '64M', '-m', '8M', '--keep-order',
                            '--retries', '1', '--', 'sh', '-c', LATE + ' && echo {}', ':::',
                            *range(1, 101))
    live.until(lambda: len(read(live.report_path).splitlines()) >= 72, 'those behind it', 20)
    live.put('go', '')
    mapped = mapping.finish(live, process, within=30)
    os.unlink(live.path('go'))
    mapping.expect(live, mapped, 0, ok=100,
                   out=''.join(f'{number}\n' for number in range(1, 101)))


# Gives its stdout to the next job, which outlives it.
GIVE = '''
import os, socket, sys, time
name = '\\0' + os.environ['NAME']
if os.environ['MEMCAGE_SEQ'] == '2':
    end = socket.socket(socket.AF_UNIX)
    end.bind(name)
    end.listen()
    other = end.accept()[0]
    kept = socket.recv_fds(other, 1, 1)
    other.send(b'x')
    time.sleep(1000)
end = socket.socket(socket.AF_UNIX)
while end.connect_ex(name):
    time.sleep(0.02)
print('said', flush=True)
socket.send_fds(end, [b'x'], [1])
end.recv(1)
'''


@case(leaves=LEDGER)
def a_job_whose_stdout_somebody_has_kept_holds_its_map_back_from_nothing(live):
    mapped = mapping.run(live, '-j', '2', '--budget', '128M', '-m', '32M', '-t', '3s', '-e',
                         f'NAME={live.name}', '--', 'python3', '-c', GIVE, ':::', 1, 2, within=30)
    mapping.expect(live, mapped, 1, ok=1, failed=1, out='said\n')
    live.ensure(mapped.causes()[2] == 'timeout', f'{mapped.causes()}')


@case(leaves=LEDGER)
def output_of_a_maps_jobs_that_is_more_than_memory_keeps_is_whole(live):
    process = mapping.start(live, *FEW, '--keep-order', '--', 'sh', '-c',
                            'head -c 1500000 /dev/zero | tr "\\0" {}; echo', ':::', 'a', 'b', 'c')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 0, ok=3)
    live.ensure(bytes_of(live, process)
                == b''.join(item * 1500000 + b'\n' for item in (b'a', b'b', b'c')), 'it differs')


@case(leaves=[*LEDGER, 'ran'])
def a_reader_of_a_maps_output_that_leaves_ends_it_in_order(live):
    command = ['--', 'sh', '-c', 'echo {} >>ran; echo {}; [ {} -lt 3 ] || [ -e go ] || sleep 99']
    process = mapping.start(live, '-j', '1', *FEW[2:], '--grace', '0.2', *command, ':::', 1, 2, 3,
                            4, 5, stdout=subprocess.PIPE)
    live.ensure(os.read(process.stdout.fileno(), 2) == b'1\n', 'there is no first line')
    live.until(lambda: read(live.path('ran')).endswith('3\n'), 'the third')
    process.stdout.close()
    process.stdout = None
    live.ensure(process.poll() is None, 'it has ended before anything was to be written')
    sleeper = live.pid_of('sleep')
    live.put('go', '')
    os.kill(sleeper, signal.SIGKILL)
    mapped = mapping.finish(live, process)
    os.unlink(live.path('go'))
    mapping.expect(live, mapped, 141)
    live.ensure(mapped.summary['items'] == 5 and mapped.summary['skipped'] > 0, f'{mapped.summary}')
    live.put('go', '')
    again = mapping.run(live, '-j', '1', *FEW[2:], '--grace', '0.2', '--rerun-failed', *command,
                        ':::', 1, 2, 3, 4, 5)
    os.unlink(live.path('go'))
    mapping.expect(live, again, 0)
    live.ensure('5' in again.out.split() and '1' not in again.out.split(), f'{again.out!r}')


@case(leaves=LEDGER)
def output_of_a_map_that_cannot_be_written_ends_it_with_125(live):
    with open('/dev/full', 'wb') as full:
        mapped = mapping.run(live, '-j', '1', *FEW[2:], '--', 'echo', ':::', 1, 2, 3, stdout=full)
    mapping.expect(live, mapped, 125, ok=0, failed=len(mapped.reports), skipped=3 -
                   len(mapped.reports), err=contains('stdout', 'No space left', 'lost'))
    live.ensure(mapping.states(live) == {'new': 3}, f'{mapping.states(live)}')
    again = mapping.run(live, '-j', '1', *FEW[2:], '--resume', '--', 'echo', ':::', 1, 2, 3)
    mapping.expect(live, again, 0, ok=3, out='1\n2\n3\n')


@case(leaves=LEDGER)
def a_map_that_is_told_twice_waits_for_no_reader(live):
    ours, its = os.pipe()
    process = mapping.start(live, '-j', '1', *FEW[2:], '--', 'sh', '-c',
                            '[ {} = 1 ] || head -c 1000000 /dev/zero', ':::', 1, 2, stdout=its)
    os.close(its)
    live.until(lambda: len(read(live.report_path).splitlines()) == 2, 'both ended')
    os.kill(process.pid, signal.SIGTERM)
    live.until(lambda: pending(process.pid) == 0, 'the first signal to be taken')
    live.ensure(process.poll() is None, 'it has not waited')
    os.kill(process.pid, signal.SIGTERM)
    mapped = mapping.finish(live, process)
    os.close(ours)
    mapping.expect(live, mapped, 143, ok=1, failed=1, err=contains('lost'))
    live.ensure(mapping.states(live) == {'ok': 1, 'new': 1}, f'{mapping.states(live)}')


@case(leaves=LEDGER)
def reports_of_a_map_that_cannot_be_written_end_it_with_125(live):
    result = live.memcage('map', '-r', '/dev/full', '--progress', 'none', '--ledger', 'l.db',
                          '-j', '1', *FEW[2:], '--', 'echo', ':::', 1, 2, 3, report=None)
    live.expect(result, status=125, err=contains('--report', '/dev/full', 'No space left'))


@case(leaves=LEDGER)
def reports_of_a_map_go_to_stdout_too(live):
    result = live.memcage('map', '-r', '-', '--progress', 'none', '--ledger', 'l.db', *FEW, '--',
                          'true', ':::', 1, report=None)
    live.expect(result, status=0, out=like(r'\A\{"schema":"memcage.report/1".*\n'
                                           r'\{"schema":"memcage.summary/1".*\n\Z'))
    live.checked(result.out.splitlines()[0])


@case(leaves=['l.db.*', 'logs'], files={'logs': ('a file', 0o644)})
def a_folder_for_outputs_that_cannot_be_is_refused(live):
    result = live.memcage('map', '--ledger', 'l.db', *FEW, '--output', 'logs', '--', 'echo', ':::',
                          'ran', report=None)
    live.expect(result, status=2, out='', err=contains('--output', 'logs'))


@case(leaves=LEDGER)
def reports_of_an_earlier_map_are_replaced_by_a_map_and_not_by_a_mistake(live):
    live.put('r.json', 'an earlier one\n' * 99)
    wrong = mapping.start(live, *FEW, '--', 'true', ':::', 1, ledger='/')
    live.expect(live.finish(wrong, None), status=125)
    live.ensure(read(live.report_path) == 'an earlier one\n' * 99, 'it is gone')
    mapping.expect(live, mapping.run(live, *FEW, '--', 'true', ':::', 1), 0, ok=1)

# SPDX-License-Identifier: Apache-2.0
"""Items of a map, wherever they come from and whatever they look like; ranges; shared files."""

import gzip
import os
import random
import re
import select
import signal
import sqlite3
import subprocess

import mapping
from cases_input import fresh, named
from expect import Is, contains
from harness import Skipped, case, row
from host import HOST, MIB, read
from mapping import LEDGER

FEW = ['-j', '2', '--budget', '64M', '-m', '8M']
# What a job has got, as bytes: item, number, attempt, and what is appended.
TELL = 'printf "%s|%s|%s|%s\\n" "$MEMCAGE_ITEM" "$MEMCAGE_SEQ" "$MEMCAGE_ATTEMPT" "$*"'
ODD = ['', ' ', 'a b', "it's", '"quoted"', '-x', '--', '$HOME `id` \\n', '*', '{#}', 'ü€😀', '\t']


def bytes_of(live, process):
    with open(f'{live.folder}/out{process.number}', 'rb') as file:
        return file.read()


def told(items):
    """What TELL says of them, in any order."""
    return sorted(b'%s|%d|1|%s' % (item, number, item) for number, item in enumerate(items, 1))


def tell_all(live, items, *options, words=(), **more):
    """Runs TELL on items, which are given by options, words or stdin."""
    process = mapping.start(live, *FEW, *options, '--', 'sh', '-c', TELL, 'x', *words, **more)
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 0, ok=len(items))
    said = sorted(bytes_of(live, process).split(b'\n')[:-1])
    live.ensure(said == told(items), f'{said}, expected {told(items)}')
    return mapped


def given(live, data):
    """Bytes to be read on stdin; the file's name is no more."""
    path = os.path.join(live.folder, 'input')
    with open(path, 'wb') as file:
        file.write(data)
    return open(path, 'rb')


# Where items come from ----------------------------------------------------------------------------

@case(leaves=LEDGER)
def words_of_a_map_reach_its_jobs_as_they_are(live):
    mapped = tell_all(live, [os.fsencode(word) for word in ODD], words=[':::', *ODD])
    items = {report['seq']: report['item'] for report in mapped.reports}
    live.ensure([items[number] for number in sorted(items)] == ODD, f'reports name {items}')


@case(leaves=LEDGER)
def lines_of_stdin_are_items_and_a_last_one_needs_no_end(live):
    with given(live, b'one\n\n two \r\nthree') as file:
        tell_all(live, [b'one', b'', b' two \r', b'three'], stdin=file)


@case(leaves=LEDGER, files={'list': ('a\nb c\n', 0o644)})
def lines_of_a_file_are_items(live):
    tell_all(live, [b'a', b'b c'], '-a', 'list')


@case(leaves=LEDGER)
def items_that_end_with_nul_may_have_newlines(live):
    with given(live, b'new\nline\0\0last') as file:
        process = mapping.start(live, *FEW, '-0', '--keep-order', '--', 'sh', '-c',
                                'printf "<%s>" "$1"', 'x', stdin=file)
        mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 0, ok=3, out='<new\nline><><last>')


@case(leaves=LEDGER)
def items_that_are_not_utf8_reach_jobs_and_the_ledger(live):
    with given(live, b'\xff\xfe\n\xc3(\n') as file:
        tell_all(live, [b'\xff\xfe', b'\xc3('], stdin=file)
    rows = mapping.ask(live, 'SELECT hex(item) FROM tasks ORDER BY 1')
    live.ensure(rows == [('C328',), ('FFFE',)], f'the ledger has {rows}')
    with given(live, b'\xc3(\n\xff\xfe\n') as file:
        again = mapping.run(live, *FEW, '--resume', '--', 'sh', '-c', TELL, 'x', stdin=file)
    mapping.expect(live, again, 0, ok=0, skipped=2)


@case(leaves=LEDGER)
def an_item_of_100_kib_reaches_its_job_and_a_longer_one_than_execve_takes_fails(live):
    long = b'y' * 102400
    with given(live, long + b'\n' + b'z' * 200000 + b'\nshort\n') as file:
        process = mapping.start(live, *FEW, '--', 'sh', '-c', 'echo ${#1} ${#MEMCAGE_ITEM}', 'x',
                                stdin=file)
        mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 1, ok=2, failed=1, err=contains('item 2'))
    live.ensure(sorted(mapped.out.splitlines()) == ['102400 102400', '5 5'], f'{mapped.out!r}')
    live.ensure(len(mapped.of(1)[0]['item']) == 102400, 'the report cuts it')


@case(leaves=LEDGER)
def item_and_number_stand_wherever_the_command_of_a_map_has_them(live):
    mapped = mapping.run(live, *FEW, '--keep-order', '--', 'echo', '{}-{#}', '{}{}', '{', '}',
                         ':::', 'a', '{#}')
    mapping.expect(live, mapped, 0, ok=2, out='a-1 aa { }\n{#}-2 {#}{#} { }\n')
    live.ensure(mapped.of(1)[0]['command'] == ['echo', 'a-1', 'aa', '{', '}'],
                f'{mapped.of(1)[0]["command"]}')


@case(leaves=LEDGER)
def stdin_of_a_maps_job_is_empty(live):
    with given(live, b'a\nb\nc\n') as file:
        mapped = mapping.run(live, '-j', '1', *FEW[2:], '--', 'sh', '-c',
                             'readlink /proc/self/fd/0; wc -c', stdin=file)
    mapping.expect(live, mapped, 0, ok=3, out='/dev/null\n0\n' * 3)


@case(leaves=LEDGER)
def limits_and_cage_options_hold_for_each_job_of_a_map(live):
    mapped = mapping.run(live, *FEW, '--pids', '5', '-e', 'GREETING=hi', '--network', 'none',
                         '--', 'sh', '-c', 'echo $GREETING; [ -e /sys/class/net/eth0 ] || true; '
                         'wc -l </proc/net/dev', ':::', 1, 2)
    mapping.expect(live, mapped, 0, ok=2, out='hi\n3\n' * 2)
    live.ensure({report['limits']['pids'] for report in mapped.reports} == {5}, 'pids')


@case(leaves=LEDGER)
def a_slow_writer_of_items_is_not_waited_for(live):
    """What has come is run while the input is still open."""
    process = mapping.start(live, *FEW, '--', 'echo', stdin=subprocess.PIPE)
    process.stdin.write(b'first\nsec')
    process.stdin.flush()
    live.until(lambda: live.output(process) == 'first\n', 'the first item to be done')
    process.stdin.write(b'ond\n')
    process.stdin.close()
    mapping.expect(live, mapping.finish(live, process), 0, ok=2, out='first\nsecond\n')


@case(leaves=LEDGER)
def jobs_of_a_file_have_commands_limits_and_environments_of_their_own(live):
    lines = ['{"command": ["sh", "-c", "echo $WHO {} $MEMCAGE_ITEM"], "env": {"WHO": "me"}, '
             '"item": "x y"}',
             '{"command": ["@hog", "20"], "limits": {"memory": "8M"}}',
             '',
             '{"command": ["@hog", "20"], "limits": {"memory": "32M", "timeout": "9s"}}']
    live.put('jobs', '\n'.join(lines).replace('@hog', live.victim('hog')))
    mapped = mapping.run(live, '-j', '2', '--budget', '64M', '--jobs-file', 'jobs', '--retry-oom',
                         '0')
    os.unlink(live.path('jobs'))
    mapping.expect(live, mapped, 1, ok=2, failed=1, out=contains('me x y x y\n', 'took it all\n'))
    live.ensure([mapped.of(seq)[0]['limits']['memory_bytes'] for seq in (2, 3)]
                == [8 * MIB, 32 * MIB], 'the limits')
    live.ensure(mapped.of(3)[0]['limits']['timeout_seconds'] == 9, 'the timeout')
    live.ensure(mapped.of(2)[0]['item'].endswith('hog 20'), f'{mapped.of(2)[0]["item"]}')


@case(leaves=LEDGER)
def a_cpuset_is_in_force_for_each_job_of_a_map(live):
    cpu = max(os.sched_getaffinity(0))
    if 'cpuset' not in HOST.controllers:
        raise Skipped('there is no cpuset controller')
    mapped = mapping.run(live, *FEW, '--cpuset', cpu, '--', 'sed', '-n',
                         's/Cpus_allowed_list:[^0-9]*//p', '/proc/self/status', ':::', '-s', '-s')
    mapping.expect(live, mapped, 0, ok=2, out=f'{cpu}\n' * 2)


@case(leaves=['jobs'])
def a_jobs_file_that_is_wrong_is_refused_before_anything_runs(live):
    for line, says in (('{"command": "sh"}', 'jobs:2:'), ('{"commnd": ["sh"]}', 'commnd'),
                       ('{"command": ["sh"], "limits": {"memory": "8 M"}}', '8 M'),
                       ('{"command": ["sh"]', 'jobs:2:'), ('[]', 'jobs:2:')):
        live.put('jobs', '{"command": ["sh", "-c", "echo ran >ran"]}\n' + line + '\n')
        result = live.memcage('map', '--ledger', 'l.db', '--jobs-file', 'jobs', report=None)
        live.expect(result, status=2, out='', err=contains(says))


def without_sanitizer(live):
    """For what a sanitizer changes: memcage's own memory, which it keeps, and being traced."""
    with open(live.suite.memcage, 'rb') as file:
        if b'__asan_init' in file.read():
            raise Skipped('a sanitizer has memory of its own, and is not to be traced')


# A million ----------------------------------------------------------------------------------------

DONE = """INSERT INTO tasks (command, source, item, occurrence, state, map, before_state, attempts)
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    SELECT command, source, CAST(CAST(n AS TEXT) AS BLOB), occurrence, state, map, before_state,
        attempts FROM tasks, numbers WHERE tasks.id = 1"""


@case(leaves=[*LEDGER, 'began', 'gone'], exclusive=True, within=60)
def a_million_items_cost_no_more_memory_than_a_thousand(live):
    """All but the last are in the ledger as done; while that one runs, its supervisor is seen."""
    without_sanitizer(live)
    many = 20000 if HOST.lab else 1000000
    command = ['--', 'sh', '-c', '[ $1 = 0 ] || { touch began; until [ -e gone ]; do sleep 0.1; '
               'done; }', 'x']
    mapping.expect(live, mapping.run(live, *FEW, *command, ':::', 0), 0, ok=1)
    with sqlite3.connect(live.path('l.db')) as database:
        database.execute(DONE, [many])
    database.close()
    most = {count: memory_of(live, count, command) for count in (1000, many)}
    live.ensure(most[many] < most[1000] + 1024, f'KiB by items: {most}')


def memory_of(live, count, command):
    for name in ('began', 'gone'):
        os.path.exists(live.path(name)) and os.unlink(live.path(name))
    items = ''.join(f'{number}\n' for number in range(1, count + 1)) + f'last of {count}\n'
    with given(live, items.encode()) as file:
        process = mapping.start(live, *FEW, '--resume', *command, stdin=file)
    live.until(lambda: os.path.exists(live.path('began')), 'the last one', within=40)
    most = int(re.search(r'VmHWM:\s*(\d+)', read(f'/proc/{process.pid}/status')).group(1))
    live.put('gone', '')
    mapping.expect(live, mapping.finish(live, process), 0, ok=1, skipped=count)
    return most


@case(leaves=[*LEDGER, 'gone'])
def a_map_reads_no_more_items_than_it_can_use(live):
    """A writer is held back while nothing ends."""
    process = mapping.start(live, *FEW, '--', 'sh', '-c', 'until [ -e gone ]; do sleep 0.1; done',
                            stdin=subprocess.PIPE)
    os.set_blocking(process.stdin.fileno(), False)
    taken, line = 0, b'x' * 4095 + b'\n'
    while select.select([], [process.stdin], [], 0.3 * HOST.slow)[1] and taken < 64 * MIB:
        try:
            taken += os.write(process.stdin.fileno(), line)
        except BlockingIOError:     # there is room for a byte, but not for a line
            break
    live.ensure(taken < 8 * MIB, f'it took {taken} bytes')
    process.send_signal(signal.SIGTERM)
    live.ensure(live.wait(process) == 143, 'it did not end')


# Ranges -------------------------------------------------------------------------------------------

def shapes(dice):
    """Texts of every shape, and into how much they are split."""
    ends = [b'\n', b'\r\n']
    for _ in range(3 if HOST.lab else 12):
        end, longest = dice.choice(ends), dice.choice([0, 3, 80, 5000])
        text = b''.join(dice.randbytes(dice.randint(0, longest)).replace(b'\n', b'.') + end
                        for _ in range(dice.randint(0, 60)))
        if dice.random() < 0.5:
            text += b'no end'
        yield text, dice.choice([['--chunks', '1'], ['--chunks', '7'], ['--lines', '1'],
                                 ['--lines', '13'], ['--bytes', '1'], ['--bytes', '999']])


@case(leaves=[*LEDGER, 'text', 'out', r'\d+'], within=90)
def the_ranges_of_a_split_are_together_the_file(live):
    for number, (text, into) in enumerate(shapes(random.Random(20261120))):
        with open(live.path('text'), 'wb') as file:
            file.write(text)
        process = mapping.start(live, '-j', '3', '--budget', '64M', '-m', '8M', '--split', 'text',
                                *into, '--keep-order', '--', 'cat', ledger=f'{number}')
        mapped = mapping.finish(live, process)
        mapping.expect(live, mapped, 0)
        live.ensure(bytes_of(live, process) == text, f'{into} of {len(text)} bytes differs')
        ranges = sorted(tuple(map(int, report['item'].split('+'))) for report in mapped.reports)
        live.ensure([start for start, _ in ranges]
                    == [0, *(start + length for start, length in ranges)][:len(ranges)],
                    f'{ranges}')
        for start, length in ranges:
            live.ensure(start + length == len(text) or text[start + length - 1] == 10,
                        f'{start}+{length} does not end at a line end')
        for suffix in ('', '-maps', '-wal', '-shm'):
            path = live.path(f'{number}{suffix}')
            os.path.exists(path) and os.unlink(path)


@case(leaves=LEDGER, files={'text': ('', 0o644)})
def an_empty_file_splits_into_nothing(live):
    mapped = mapping.run(live, *FEW, '--split', 'text', '--chunks', '4', '--', 'false')
    mapping.expect(live, mapped, 0, ok=0)


@case(leaves=LEDGER, files={'text': ('ab\nc\r\nd', 0o644)})
def a_range_is_on_stdin_and_its_place_in_the_environment(live):
    mapped = mapping.run(live, *FEW, '--split', 'text', '--lines', '1', '--keep-order', '--', 'sh',
                         '-c', 'echo $MEMCAGE_OFFSET $MEMCAGE_LENGTH $MEMCAGE_ITEM $#; od -An -c',
                         'x', '{#}')
    mapping.expect(live, mapped, 0, ok=3)
    live.ensure(mapped.out.split('\n') == ['0 3 0+3 1', '   a   b  \\n', '3 3 3+3 1',
                '   c  \\r  \\n', '6 1 6+1 1', '   d', ''], f'{mapped.out!r}')


@case(leaves=LEDGER)
def a_range_that_no_job_reads_is_no_failure(live):
    path = os.path.join(live.folder, 'big')
    with open(path, 'wb') as file:
        file.write(b'0123456789abcde\n' * 65536)
    mapped = mapping.run(live, *FEW, '--bind', path, '--split', path, '--chunks', '3', '--',
                         'head', '-n', '1')
    mapping.expect(live, mapped, 0, ok=3, out='0123456789abcde\n' * 3)


@case(leaves=[*LEDGER, 'text', 'began', 'gone'])
def a_file_that_shrinks_while_it_is_split_is_an_error(live):
    live.put('text', 'x' * 99 + '\n')
    with open(live.path('text'), 'ab') as file:
        file.truncate(4 * MIB)
    process = mapping.start(live, '-j', '1', *FEW[2:], '--split', 'text', '--bytes', '1M', '--',
                            'sh', '-c', 'touch began; until [ -e gone ]; do sleep 0.02; done; '
                            'wc -c')
    live.until(lambda: os.path.exists(live.path('began')), 'the first')
    os.truncate(live.path('text'), MIB // 4)
    live.put('gone', '')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 125, err=contains('--split: text', 'was cut'))
    live.ensure(mapped.summary['ok'] == 0 and not mapping.states(live).get('ok'),
                f'{mapped.summary}, {mapping.states(live)}')


@case(leaves=[*LEDGER, 'text', 'began', 'gone'])
def a_file_that_grows_while_it_is_split_is_an_error(live):
    live.put('text', 'line\n' * 1000)
    process = mapping.start(live, '-j', '1', *FEW[2:], '--split', 'text', '--chunks', '4', '--',
                            'sh', '-c', 'touch began; until [ -e gone ]; do sleep 0.02; done; '
                            'wc -l')
    live.until(lambda: os.path.exists(live.path('began')), 'the first')
    with open(live.path('text'), 'a', encoding='ascii') as file:
        file.write('more\n')
    live.put('gone', '')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 125, ok=1, skipped=3, out='250\n',
                   err=contains('--split: text changed'))


@case(leaves=['text.*'])
def what_cannot_be_split_is_refused_with_what_to_do(live):
    with open(live.path('text.gz'), 'wb') as file:
        file.write(gzip.compress(b'line\n' * 1000))
    os.mkfifo(live.path('text.fifo'))
    for path, says in (('text.gz', 'compress'), ('text.fifo', 'split'), ('.', 'split'),
                       ('/dev/zero', 'split'), ('text.none', 'No such file')):
        result = live.memcage('map', '--ledger', 'l.db', '--split', path, '--chunks', '2', '--',
                              'sh', '-c', 'echo ran', report=None)
        live.expect(result, status=2, out='', err=contains(path, says))


@case(leaves=[*LEDGER, 'big'], within=60)
def the_memory_of_jobs_on_a_big_file_is_flat(live):
    """Of a hole: ranges of 256 MiB go through memcage and through cages of 4."""
    without_sanitizer(live)
    size = 16 * MIB if HOST.lab else 1024 * MIB     # a lab has it in memory
    with open(live.path('big'), 'wb') as file:
        for start in range(0, size, size // 4):     # lines, so that there are ranges
            file.seek(start + size // 4 - 1)
            file.write(b'\n')
    process = mapping.start(live, '-j', '2', '--budget', '64M', '-m', '4M', '--split', 'big',
                            '--chunks', '4', '--', 'wc', '-c')
    handle = os.pidfd_open(process.pid)
    most = 0
    while not select.select([handle], [], [], 0.02)[0]:
        found = re.search(r'VmHWM:\s*(\d+)', read(f'/proc/{process.pid}/status'))
        most = max(most, int(found.group(1))) if found else most
    os.close(handle)
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 0)
    live.ensure(sum(map(int, mapped.out.split())) == size, f'{mapped.out!r}')
    live.ensure(most < 16384, f'memcage had {most} KiB')
    peaks = [report['usage']['memory_peak_bytes'] for report in mapped.reports]
    live.ensure(max(peaks) <= 4 * MIB, f'{peaks}')


# Sharing ------------------------------------------------------------------------------------------

def pool_usage(live):
    """The most that the pool of a map has held; bytes."""
    file = 'memory.peak' if HOST.v2 else 'memory.max_usage_in_bytes'
    pools = [path for path in live.home.groups()
             if os.path.basename(os.path.dirname(path)) == live.name]
    texts = [read(f'{path}/{file}').strip() for path in pools]
    return max([int(text) for text in texts if text.isdigit()], default=0)


@case(leaves=[*LEDGER, 'seen', 'data'], within=60)
def eight_jobs_that_read_shared_files_cost_the_pool_them_once(live):
    size = 200 * MIB
    os.makedirs(live.path('data/inner'))
    os.mkdir(live.path('seen'))
    with open(live.path('data/inner/big'), 'wb') as file:
        file.write(os.urandom(MIB) * (size // MIB))
    script = ('@@reread data/inner/big 2; touch seen/{}; '
              'while set -- seen/*; [ $# -lt 8 ] || [ ! -e seen/go ]; do sleep 0.05; done')
    process = mapping.start(live, '-j', '8', '--budget', size + 80 * MIB, '-m', '8M', '--share',
                            'data', '--', 'sh', '-c', script, ':::', *range(8))
    live.until(lambda: len(os.listdir(live.path('seen'))) == 8, 'all eight', within=30)
    most = pool_usage(live)
    live.put('seen/go', '')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 0, ok=8)
    live.ensure(size <= most < size * 1.15, f'the pool held {most / MIB:.1f} MiB')
    live.ensure(max(report['usage']['memory_peak_bytes'] for report in mapped.reports) < 8 * MIB,
                'a job paid')


@case(leaves=[*LEDGER, 'data'], files={'data/file': ('text\n', 0o644)})
def shared_files_are_at_the_same_path_and_cannot_be_written(live):
    mapped = mapping.run(live, *FEW, '--share', 'data/file', '--share', '/etc/passwd', '--', 'sh',
                         '-c', 'cat data/file; echo x 2>/dev/null >data/file || echo kept; '
                         'cmp /etc/passwd - </etc/passwd && echo same', ':::', 1, 2)
    mapping.expect(live, mapped, 0, ok=2, out='text\nkept\nsame\n' * 2)
    live.ensure(read(live.path('data/file')) == 'text\n', 'it was written')


@case(leaves=['l.db.*'])
def a_share_that_cannot_be_is_refused(live):
    for path, status, says in (('/no/such/file', 2, 'No such file'), ('/dev/null', 2, 'share')):
        result = live.memcage('map', '--ledger', 'l.db', *FEW, '--share', path, '--', 'echo',
                              ':::', 'ran', report=None)
        live.expect(result, status=status, out='', err=contains(path, says))


# Bad input ----------------------------------------------------------------------------------------

def refuse(option, *values, says=None):
    """Nothing runs or is made; one line names the option and the value, and what is right."""
    for value in values:
        row(fresh(f'map_{named(option)}_of_{named(value)[:40]}_is_refused'), status=2, out='',
            argv=['map', '--ledger', 'l.db', option, value, '--', 'sh', '-c', 'echo ran >ran',
                  ':::', 1], err=one_line(option.lstrip('-') if len(option) > 2 else '', value,
                                          says or ''))


def one_line(*parts):
    return Is(f'one line with {parts}',
              lambda text: text.count('\n') == 1 and all(part in text for part in parts))


refuse('--jobs', '', '0', '-1', 'x', '1.5', '1e3', '99999999999999999999', ' 4', '100001')
refuse('-j', '0', 'x')
refuse('--budget', '', '0', '-1', 'x', 'max', '1e9', '10 M', '99999999999G', '512K')
refuse('--memory', '', '0', '512K', 'x', '10 M', 'automatic')
refuse('--retry-oom', '', '-1', 'x', '1.5', '1001', '99999999999999999999')
refuse('--grow', '', '0', '1', '0.5', '-2', 'x', '1e3', '101', 'inf')
refuse('--retries', '', '-1', 'x', '1.5', '1001')
refuse('--halt', '', 'x', 'soon', 'now', 'soon,fail', 'soon,fail=', 'soon,fail=0', 'now,fail=-1',
       'now,fail=x', 'later,fail=1', 'soon,fail=10%')
refuse('--progress', '', 'x', 'BAR')
refuse('--output', '')
refuse('--report', '', 'fd:', 'fd:x')
refuse('--ledger', '')


def usage(name, *argv, says=()):
    row(f'a_map_{name}_is_refused', argv=['map', *argv], status=2, out='', err=one_line(*says))


RAN = ('--', 'sh', '-c', 'echo ran >ran')

usage('of_nothing', says=['command'])
usage('without_its_file_of_items', '-a', '/no/such/file', *RAN, says=['-a', '/no/such/file'])
usage('whose_file_of_items_is_a_folder', '-a', '/etc', *RAN, says=['-a', '/etc'])
usage('with_max_memory', '-m', 'max', *RAN, ':::', 1, says=['--memory', 'auto'])
usage('whose_memory_exceeds_its_budget', '-m', '65M', '--budget', '64M', *RAN, ':::', 1,
      says=['--memory', '65 MiB', '64 MiB'])
usage('whose_items_come_from_two_places', '-a', '/etc/passwd', *RAN, ':::', 1,
      says=['/etc/passwd', ':::'])
usage('with_two_files_of_items', '-a', '/etc/passwd', '--split', '/etc/group', '--chunks', '2',
      *RAN, says=['/etc/passwd', '--split'])
usage('with_a_jobs_file_and_a_command', '--jobs-file', '/etc/passwd', *RAN, says=['--jobs-file'])
usage('whose_words_end_with_nul', '-0', *RAN, ':::', 1, says=['--null'])
usage('that_splits_into_nothing', '--split', '/etc/passwd', *RAN, says=['--split', '--chunks 8'])
usage('that_splits_twice', '--split', '/etc/passwd', '--chunks', '2', '--lines', '3', *RAN,
      says=['--chunks', '--lines', '--bytes'])
usage('that_cuts_without_a_file', '--chunks', '2', *RAN, ':::', 1, says=['--split'])
usage('with_0_chunks', '--split', '/etc/passwd', '--chunks', '0', *RAN, says=['--chunks', '0'])
usage('with_0_lines', '--split', '/etc/passwd', '--lines', '0', *RAN, says=['--lines', '0'])
usage('with_0_bytes', '--split', '/etc/passwd', '--bytes', '0', *RAN, says=['--bytes', '0'])
usage('with_an_unknown_option', '--no-such-option', *RAN, ':::', 1, says=['--no-such-option'])
usage('with_a_shortened_option', '--resum', *RAN, ':::', 1, says=['--resume'])
usage('that_bisects', '--bisect', *RAN, ':::', 1, says=['--bisect'])
usage('with_an_engine', '--engine', 'slurm', *RAN, ':::', 1, says=['--engine'])


@case(leaves=LEDGER)
def a_job_of_a_map_sees_by_a_bind_what_a_run_does(live):
    """Although the host's cgroups are taken away for all jobs of a map at once."""
    what = ['--bind', '/sys:/mnt:ro', '--', 'sh', '-c', 'ls /mnt/fs/cgroup | head -n 99']
    alone = live.run('-m', '8M', *what, report=None)
    live.ensure(alone.out, 'nothing is there')
    mapping.expect(live, mapping.run(live, *FEW, *what, 'x', ':::', 1), 0, ok=1, out=alone.out)

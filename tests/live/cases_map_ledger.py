# SPDX-License-Identifier: Apache-2.0
"""The ledger of a map: what is run again and what not, who else uses it, what befalls it."""

import os
import re
import sqlite3

import mapping
from cases_map_input import FEW
from expect import contains, like
from harness import case
from host import HOST, read
from mapping import LEDGER

NOTE = ['--', 'sh', '-c', 'echo $1 >>ran; exit $((${1%%[a-z]*} + 0))', 'x']
RAN = [*LEDGER, 'ran']


def ran(live):
    """What has run since this was asked before."""
    path = live.path('ran')
    items = sorted(read(path).split())
    if os.path.exists(path):
        os.unlink(path)
    return items


# Again --------------------------------------------------------------------------------------------

@case(leaves=RAN)
def resume_runs_what_is_not_done_whatever_the_order_of_the_list(live):
    mapping.expect(live, mapping.run(live, *FEW, *NOTE, ':::', 'a', 'b'), 0, ok=2)
    live.ensure(ran(live) == ['a', 'b'], 'the first')
    again = mapping.run(live, *FEW, '--resume', *NOTE, ':::', 'c', 'b', 'd', 'a')
    mapping.expect(live, again, 0, ok=2, skipped=2)
    live.ensure(ran(live) == ['c', 'd'], 'what was not done')
    mapping.expect(live, mapping.run(live, *FEW, '--resume', *NOTE, ':::', 'a', 'd'), 0, ok=0,
                   skipped=2)
    live.ensure(ran(live) == [], 'all was done')


@case(leaves=RAN)
def equal_items_are_each_run_and_each_resumed(live):
    mapping.expect(live, mapping.run(live, *FEW, *NOTE, ':::', 'a', 'a'), 0, ok=2)
    live.ensure(ran(live) == ['a', 'a'], 'both')
    again = mapping.run(live, *FEW, '--resume', *NOTE, ':::', 'a', 'b', 'a', 'a')
    mapping.expect(live, again, 0, ok=2, skipped=2)
    live.ensure(ran(live) == ['a', 'b'], 'the third of it')


@case(leaves=RAN)
def without_resume_all_is_run(live):
    for _ in range(2):
        mapping.expect(live, mapping.run(live, *FEW, *NOTE, ':::', 'a'), 0, ok=1)
    live.ensure(ran(live) == ['a', 'a'], 'both times')


@case(leaves=RAN)
def what_failed_is_skipped_and_counted_until_it_is_asked_for(live):
    mapping.expect(live, mapping.run(live, *FEW, *NOTE, ':::', 'a', '3'), 1, ok=1, failed=1)
    ran(live)
    again = mapping.run(live, *FEW, '--resume', *NOTE, ':::', 'a', '3')
    mapping.expect(live, again, 1, ok=0, skipped=2, err=contains('1 of them had failed before'))
    live.ensure(ran(live) == [], 'it was run')
    again = mapping.run(live, *FEW, '--rerun-failed', *NOTE, ':::', 'a', '3')
    mapping.expect(live, again, 1, ok=0, failed=1, skipped=1)
    live.ensure(ran(live) == ['3'], 'what failed')


@case(leaves=RAN)
def another_command_or_limit_is_other_work_and_another_speed_is_not(live):
    mapping.run(live, *FEW, *NOTE, ':::', 'a')
    for options, skipped in ((['-j', '1', '--budget', '64M', '-m', '8M'], 1), (['--budget', '99M',
            '-m', '8M', '-c', '1'], 1), (['--budget', '64M', '-m', '9M'], 0), ([*FEW, '-t', '9'],
            0), ([*FEW, '-e', 'X=1'], 0)):
        again = mapping.run(live, *options, '--resume', *NOTE, ':::', 'a')
        live.ensure(again.summary['skipped'] == skipped, f'{options}: {again.summary}')
    other = mapping.run(live, *FEW, '--resume', '--', 'true', ':::', 'a')
    mapping.expect(live, other, 0, ok=1)


@case(leaves=[*LEDGER, 'text'], files={'text': ('a\nb\nc\nd\n', 0o644)})
def ranges_are_resumed_unless_the_file_has_changed(live):
    split = ['--split', 'text', '--lines', '1', '--resume', '--', 'cat']
    mapping.expect(live, mapping.run(live, *FEW, *split), 0, ok=4)
    mapping.expect(live, mapping.run(live, *FEW, *split), 0, ok=0, skipped=4)
    live.put('text', 'a\nB\nc\nd\n')
    mapping.expect(live, mapping.run(live, *FEW, *split), 0, ok=4)


@case(leaves=RAN, shell_home=True)
def a_map_that_was_killed_is_resumed(live):
    command = ['--', 'sh', '-c', 'echo $1 >>ran; [ $1 != b ] || [ -e go ] || exec @@deaf', 'x']
    process = mapping.start(live, '-j', '1', *FEW[2:], *command, ':::', 'a', 'b', 'c')
    live.pid_of('deaf')
    process.kill()
    process.wait()
    live.until(lambda: not live.home_pids(), 'the job to be gone')
    live.ensure(mapping.states(live) == {'ok': 1, 'started': 2}, f'{mapping.states(live)}')
    live.put('go', '')
    again = mapping.run(live, '-j', '1', *FEW[2:], '--resume', *command, ':::', 'a', 'b', 'c')
    os.unlink(live.path('go'))
    mapping.expect(live, again, 0, ok=2, skipped=1)
    live.ensure(ran(live) == ['a', 'b', 'b', 'c'], 'what was not recorded as done')


@case(leaves=RAN, shell_home=True)
def two_maps_that_resume_share_the_work_and_nothing_runs_twice(live):
    count = 12 if HOST.lab else 40
    items = [f'i{number}' for number in range(count)]
    one = mapping.start(live, *FEW, '--resume', '--', 'sh', '-c', 'echo $1 >>ran', 'x', ':::',
                        *items)
    other = live.start('map', '--progress', 'none', '--ledger', 'l.db', *FEW, '--resume', '--',
                       'sh', '-c', 'echo $1 >>ran', 'x', ':::', *reversed(items))
    status = live.wait(other)
    mapped = mapping.finish(live, one)
    live.ensure((mapped.status, status) == (0, 0), f'{mapped.status}, {status}')
    live.ensure(ran(live) == sorted(items), 'not each once')
    sums = mapping.ask(live, 'SELECT sum(ok), sum(failed), sum(items) FROM maps')
    live.ensure(sums == [(count, 0, 2 * count)], f'{sums}')
    live.ensure(mapping.states(live) == {'ok': count}, f'{mapping.states(live)}')


@case(leaves=RAN, shell_home=True)
def what_a_living_map_has_claimed_is_skipped_by_another(live):
    command = ['--', 'sh', '-c', 'echo $1 >>ran; until [ -e go ]; do sleep 0.02; done', 'x']
    process = mapping.start(live, *FEW, '--resume', *command, ':::', 'a', 'b')
    live.until(lambda: read(live.path('ran')).count('\n') == 2, 'both jobs')
    second = live.memcage('map', '--progress', 'none', '--ledger', 'l.db', *FEW, '--resume',
                          *command, ':::', 'b', 'a', report=None)
    live.expect(second, status=0, err=contains('2 items: 0 ok, 0 failed, 2 skipped'))
    live.put('go', '')
    mapping.expect(live, mapping.finish(live, process), 0, ok=2)
    os.unlink(live.path('go'))


@case(leaves=['state'])
def the_ledger_is_in_the_users_state_folder_by_default(live):
    process = live.start('map', '--progress', 'none', *FEW, '--', 'true', ':::', 1,
                         env={'XDG_STATE_HOME': live.path('state')})
    live.expect(live.finish(process, report=None), status=0)
    path = 'state/memcage/ledger.db'
    live.ensure(mapping.states(live, path) == {'ok': 1}, 'it is not there')
    live.ensure(os.stat(live.path('state/memcage')).st_mode & 0o777 == 0o700, 'others may look')


@case(leaves=LEDGER)
def what_the_ledger_has_of_an_attempt_is_what_was_reported(live):
    mapped = mapping.run(live, *FEW, '--ledger-sync', '--', '@nothing', ':::', 0, 3)
    columns = 'seq, attempt, cause, status, exit_code, peak_bytes, outcome, summary, report'
    for row in mapping.ask(live, f'SELECT {columns} FROM attempts'):
        report = mapped.of(row[0])[0]
        wanted = (report['seq'], report['attempt'], report['cause'], report['status'],
                  report['exit_code'], report['usage']['memory_peak_bytes'], report['outcome'],
                  report['summary'])
        live.ensure(row[:-1] == wanted, f'{row[:-1]}, expected {wanted}')
        live.ensure(live.checked(row[-1]) == report, 'its report is another')


# Faults -------------------------------------------------------------------------------------------

def refused(live, path, *parts):
    """Status 125 and one line; nothing runs."""
    result = live.memcage('map', '--progress', 'none', '--ledger', path, *FEW, '--', 'sh', '-c',
                          'echo ran >ran', ':::', 1, report=None)
    live.expect(result, status=125, out='', err=contains(*parts))
    live.ensure(result.err.count('\n') == 1, f'not one line: {result.err!r}')
    live.ensure(not os.path.exists(live.path('ran')), 'it was run')


@case(leaves=['other', 'text', 'empty.*', 'l.db.*'])
def what_is_no_ledger_is_refused_and_not_touched(live):
    with sqlite3.connect(live.path('other')) as database:
        database.execute('CREATE TABLE mine (a)')
    database.close()
    live.put('text', 'This is a text, and no database at all.\n' * 50)
    before = {name: open(live.path(name), 'rb').read() for name in ('other', 'text')}
    for name in before:
        refused(live, name, name, 'ledger')
        live.ensure(open(live.path(name), 'rb').read() == before[name], f'{name} was changed')
    refused(live, live.cwd, live.cwd)
    refused(live, '/no/such/folder/l.db', '/no/such/folder/l.db')
    refused(live, '/proc/l.db', '/proc/l.db')


@case(leaves=LEDGER)
def a_ledger_of_a_newer_memcage_is_refused_and_not_touched(live):
    mapping.run(live, *FEW, '--', 'true', ':::', 1)
    with sqlite3.connect(live.path('l.db')) as database:
        database.execute('PRAGMA user_version = 99')
    database.close()
    refused(live, 'l.db', 'l.db', 'version 99')
    live.ensure(mapping.ask(live, 'SELECT count(*) FROM maps') == [(1,)], 'it was written')


def start_on(live, mount, *argv):
    """A map in a mount namespace with something of its own on `disk`."""
    number = len(live.running)
    os.makedirs(live.path('disk'), exist_ok=True)
    with open(f'{live.folder}/out{number}', 'wb') as out, open(f'{live.folder}/err{number}',
            'wb') as err:
        process = live.launch(['unshare', '-m', 'sh', '-c', f'{mount} && exec "$@"', 'x',
                               '%memcage', 'map', '-r', 'r.json', '--progress', 'none',
                               '--ledger', 'disk/l.db', *argv], stdout=out, stderr=err)
    process.number = number
    return process


@case(leaves=['disk'])
def a_ledger_that_is_read_only_is_refused(live):
    mapping.run(live, *FEW, '--', 'true', ':::', 1, ledger=live.put('disk/l.db', ''))
    process = start_on(live, 'mount --bind disk disk && mount -o remount,ro,bind disk', *FEW, '--',
                       'echo', ':::', 'ran')
    live.expect(live.finish(process, report=None), status=125, out='',
                err=like(r'\Amemcage: .*disk/l.db.*\n\Z'))


@case(leaves=['disk', 'gone'])
def a_full_disk_below_the_ledger_stops_a_map_and_what_runs_is_ended_and_told(live):
    script = 'case $1 in first) until [ -e gone ]; do sleep 0.02; done; echo ended;; esac'
    process = start_on(live, 'mount -t tmpfs -o size=1m tmpfs disk', '-j', '2', *FEW[2:],
                       '--keep-order', '--', 'sh', '-c', script, 'x', '{}', 'long' * 10000, ':::',
                       'first', *range(2, 60))
    live.until(lambda: 'disk/l.db' in live.errors(process), 'a word about it', within=10)
    live.put('gone', '')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 125, out='ended\n', err=contains("item 1 'first'"))
    live.ensure(len([line for line in mapped.err.splitlines() if 'disk/l.db' in line]) == 1,
                f'{mapped.err!r}')
    live.ensure(mapped.of(1)[0]['outcome'] == 'ok', f'{mapped.of(1)}')
    live.ensure(mapped.summary['skipped'] > 0 and mapped.summary['items'] < 60, 'it went on')


@case(leaves=[*LEDGER, 'gone', 'ran'])
def a_ledger_that_is_deleted_meanwhile_stops_a_map_and_what_runs_is_ended_and_told(live):
    process = mapping.start(live, '-j', '1', *FEW[2:], '--', 'sh', '-c', 'echo $1 >>ran; '
                            'until [ -e gone ]; do sleep 0.02; done; echo ended', 'x', ':::', 1,
                            2, 3)
    live.until(lambda: read(live.path('ran')) == '1\n', 'the first')
    for name in os.listdir(live.cwd):
        if name.startswith('l.db'):
            os.unlink(live.path(name))
    live.put('gone', '')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 125, err=like(r"\A.*'l.db'.*deleted"))
    items = ran(live)       # the turn of the loop in which it is seen may start one more
    live.ensure(items in (['1'], ['1', '2']) and mapped.summary['ok'] == len(items), f'{items}')
    said = all(re.search(rf"item {item} .*not in the ledger|not in the ledger.* item {item}\b",
                         mapped.err) for item in items)
    live.ensure(said, f'not all of {items} are told: {mapped.err!r}')

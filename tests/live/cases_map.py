# SPDX-License-Identifier: Apache-2.0
"""Many jobs under one memory budget: who runs, who is killed, who is tried again, and the end."""

import json
import os
import re
import resource
import signal
import subprocess
import time

import mapping
from cases_map_input import without_sanitizer
from cases_terminal import Terminal
from expect import contains
from harness import Skipped, case
from host import HOST, MIB, read
from mapping import LEDGER

# One job of many that say where they are: it counts those beside it, and waits for them.
MEET = '''
touch run/$MEMCAGE_SEQ; set -- run/*; echo $# >>most
touch seen/$MEMCAGE_SEQ
while set -- seen/*; [ $# -lt $(((MEMCAGE_SEQ + WIDE - 1) / WIDE * WIDE)) ]; do sleep 0.1; done
set -- run/*; echo $# >>most
rm run/$MEMCAGE_SEQ
'''


def meet(live, wide, *options, count=9, first=''):
    """Runs `count` jobs of which `wide` wait for each other: there never are more at once."""
    for folder in ('run', 'seen'):
        os.makedirs(live.path(folder))
    mapped = mapping.run(live, *options, '-t', '60', '-e', f'WIDE={wide}', '--', 'sh', '-c',
                         first + MEET, ':::', *range(1, count + 1))
    mapping.expect(live, mapped, 0, ok=count)
    most = max(map(int, read(live.path('most')).split()))
    live.ensure(most == wide, f'{most} ran at once, expected {wide}')
    return mapped


MET = [*LEDGER, 'run', 'seen', 'most']


# Memory -------------------------------------------------------------------------------------------

@case(leaves=LEDGER)
def of_eight_jobs_of_a_map_the_one_that_is_killed_for_memory_is_named(live):
    mapped = mapping.run(live, '-j', '4', '--budget', '64M', '-m', '16M', '--', '@hog', ':::',
                         2, 2, 2, 40, 2, 2, 2, 2)
    mapping.expect(live, mapped, 1, ok=7, failed=1, out='took it all\n' * 7,
                   err=contains("item 4 '40': hog", 'limit of 16 MiB'))
    live.ensure(mapped.causes() == {seq: 'oom' if seq == 4 else 'exited' for seq in range(1, 9)},
                f'{mapped.causes()}')
    report = mapped.of(4)[0]
    live.ensure(report['item'] == '40' and report['oom']['scope'] == 'job'
                and report['status'] == 120, f'{report}')
    live.ensure(mapping.ask(live, 'SELECT item, cause FROM failed') == [('40', 'oom')],
                'the ledger does not name it')


@case(leaves=LEDGER)
def jobs_of_a_map_that_together_exceed_its_budget_wait_and_none_is_killed(live):
    mapped = mapping.run(live, '-j', '8', '--budget', '24M', '-m', '10M', '--', '@hog', 7, 0, ':::',
                         *range(8))
    mapping.expect(live, mapped, 0, ok=8)
    live.ensure(all(report['oom'] is None for report in mapped.reports), 'one was killed')


@case(leaves=LEDGER)
def jobs_of_a_map_that_fill_its_budget_exactly_are_not_killed(live):
    mapped = mapping.run(live, '-j', '4', '--budget', '32M', '-m', '8M', '--', '@hog', 7, 0, ':::',
                         *range(8))
    mapping.expect(live, mapped, 0, ok=8)


@case(leaves=MET)
def a_map_with_room_for_three_runs_three(live):
    meet(live, 3, '-j', '8', '--budget', '51M', '-m', '16M')


@case(leaves=LEDGER)
def jobs_of_a_map_that_share_its_namespaces_are_killed_whole(live):
    mapped = mapping.run(live, '--budget', '64M', '-m', '16M', '-j', '2', '-t', '300ms', '--grace',
                         '100ms', '--allow-unsupported=namespace-unavailable,tmp-not-private', '--',
                         'sh', '-c', 'setsid sleep 1000 & exec @@deaf', ':::', 1, 2, 3, 4,
                         start=['-d'], within=20)
    mapping.expect(live, mapped, 1, ok=0, failed=4)
    live.ensure(set(mapped.causes().values()) == {'timeout'}, f'{mapped.causes()}')


@case(leaves=LEDGER)
def a_map_waits_for_its_own_children_by_their_pids(live):
    """Init, which shares memory with the map, writes nothing over what the map knows of it."""
    if HOST.backend != 'v1':
        raise Skipped('on v2 strace would hold the cgroup that is to have controllers')
    without_sanitizer(live)
    process = live.launch(['strace', '-e', 'trace=wait4', '-o', live.path('log'), '%memcage', 'map',
                           '--ledger', 'l.db', '--progress', 'none', '-j', '4', '-m', '8M', '--',
                           'true', ':::', *map(str, range(40))], stderr=subprocess.PIPE)
    err = process.communicate(timeout=60)[1]
    live.ensure(process.returncode == 0, f'{process.returncode}: {err[-900:]}')
    waited = re.findall(r'^wait4\((-?\d+),', read(live.path('log')), re.M)
    os.unlink(live.path('log'))
    live.ensure(len(waited) >= 40 and all(int(pid) > 0 for pid in waited), f'{waited}')


@case(leaves=LEDGER)
def what_is_told_of_a_job_of_a_map_after_its_retry_was_cut_off_is_no_matter(live):
    """Its end, a signal and a word of its child, who has its stdout, are taken in one go."""
    script = '(until [ -e go ]; do sleep 0.02; done; echo late) & exit 1'
    process = mapping.start(live, '-j', '1', '--budget', '64M', '-m', '8M', '--retries', '1', '--',
                            'sh', '-c', script, ':::', 1)
    live.until(lambda: live.pid_of('sh') or True, 'the job')
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGTERM)
    live.put('go', '')
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGCONT)
    mapped = mapping.finish(live, process)
    os.unlink(live.path('go'))
    mapping.expect(live, mapped, 143, ok=0, failed=1)
    live.ensure(mapping.states(live) == {'new': 1}, f'{mapping.states(live)}')


@case(leaves=LEDGER)
def a_map_without_descriptors_for_all_its_jobs_runs_fewer_at_once(live):
    """Whichever of those that a job needs is the first that is not to be had."""
    limits, pause = ((80,), '1') if HOST.lab else (range(62, 78), '0.2')
    enough = []
    for most in limits:
        mapped = mapping.run(
            live, '-j', '9', '--budget', '256M', '-m', '8M', '--', 'sh', '-c', f'sleep {pause}',
            'x', ':::', *range(9), ledger=None,
            preexec_fn=lambda most=most: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
        mapping.expect(live, mapped, 0, ok=9)
        causes = [report['cause'] for report in mapped.reports]
        if 'setup-failed' not in causes:    # on a busy machine some end before others begin
            enough.append(most)
    live.ensure(len(enough) < len(limits) / 2, f'{enough} were enough')


@case(leaves=LEDGER)
def the_budget_of_a_map_within_a_cage_is_below_the_limit_of_that(live):
    """It stands above the root of the cage's cgroup namespace, of which v2 shows nothing."""
    process = live.start('run', '-m', '200M', '--', '%memcage', 'map', '-r', 'r.json', '--progress',
                         'none', '--ledger', 'l.db', '-j', '1', '--', 'true', ':::', '1')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 0, ok=1)
    limit = mapped.reports[0]['limits']['memory_bytes']     # all of the budget
    live.ensure((limit < 200 * MIB) == (HOST.backend == 'v1'), f'{limit}')


@case(leaves=MET)
def a_map_with_two_slots_runs_two(live):
    meet(live, 2, '-j', '2', '--budget', '64M', '-m', '8M', count=6)


@case(leaves=MET)
def a_map_without_a_memory_shares_its_budget_out(live):
    mapped = meet(live, 4, '-j', '4', '--budget', '64M', count=8)
    live.ensure({report['limits']['memory_bytes'] for report in mapped.reports} == {16 * MIB},
                'the limits are not a quarter')


@case(leaves=MET)
def what_the_kernel_keeps_for_the_cgroups_of_a_map_takes_no_slot(live):
    """The pool is looked at before each wave but the first, which waits long enough for that."""
    meet(live, 4, '-j', '4', '--budget', '64M', '-m', '16M', count=8, first='sleep 0.2')


@case(leaves=LEDGER)
def the_pool_of_a_map_has_the_budget_as_its_limit_and_jobs_have_less(live):
    process = mapping.start(live, '-j', '2', '--budget', '64M', '-m', '16M', '--', '@hog', 4, 99,
                            ':::', 1, 2)
    file = 'memory.max' if HOST.v2 else 'memory.limit_in_bytes'
    live.until(lambda: live.output(process) == '' and len(list_pids(live)) >= 2, 'both to run')

    def limits():
        found = {}
        for path in live.home.groups():
            text = read(f'{path}/{file}').strip()
            if text.isdigit() and int(text) < 1 << 40:
                found[path] = int(text)
        return found if len(found) >= 3 else None
    found = live.until(limits, 'three limits')
    pool = min(found, key=len)
    live.ensure(64 * MIB <= found[pool] < 72 * MIB, f'the pool has {found[pool]}')
    live.ensure(all(path.startswith(pool) for path in found), f'not below it: {found}')
    live.ensure([size for path, size in found.items() if path != pool] == [16 * MIB] * 2,
                f'{found}')
    process.send_signal(signal.SIGTERM)
    live.ensure(live.wait(process) == 143, 'SIGTERM did not end it')


def list_pids(live):
    return [pid for pid in live.home_pids() if read(f'/proc/{pid}/comm').strip() == 'hog']


@case(leaves=LEDGER)
def a_child_of_a_maps_job_that_is_killed_for_memory_is_not_silent(live):
    mapped = mapping.run(live, '-j', '2', '--budget', '64M', '-m', '16M', '--oom', 'kill-process',
                         '--', '@hide', ':::', 40, 2)
    mapping.expect(live, mapped, 1, ok=1, failed=1, err=contains("item 1 '40'"))
    report = mapped.of(1)[0]
    live.ensure((report['cause'], report['exit_code'], report['oom']['main_survived'])
                == ('oom', 0, True), f'{report}')


# Trying again -------------------------------------------------------------------------------------

def limits_of(mapped, seq):
    return [report['limits']['memory_bytes'] // MIB for report in mapped.of(seq)]


@case(leaves=LEDGER)
def a_job_of_a_map_that_is_killed_gets_more_memory_and_succeeds(live):
    mapped = mapping.run(live, '-j', '2', '--budget', '96M', '-m', '8M', '--retry-oom', '3', '--',
                         '@hog', ':::', 2, 20, 2)
    mapping.expect(live, mapped, 0, ok=3, out='took it all\n' * 3,
                   err=contains("item 2 '20', attempt 1", 'more memory: 16 MiB', ': 32 MiB'))
    live.ensure(limits_of(mapped, 2) == [8, 16, 32], f'{limits_of(mapped, 2)}')
    rows = mapping.ask(live, 'SELECT memory_bytes, basis, cause FROM attempts WHERE seq = 2 '
                       'ORDER BY attempt')
    live.ensure(rows == [(8 * MIB, 'given', 'oom'), (16 * MIB, 'retry', 'oom'),
                         (32 * MIB, 'retry', 'exited')], f'the ledger has {rows}')


@case(leaves=LEDGER)
def the_last_try_of_a_maps_job_is_alone_with_the_whole_budget(live):
    mapped = mapping.run(live, '-j', '4', '--budget', '64M', '-m', '8M', '--retry-oom', '2', '--',
                         '@hog', ':::', 50, 2, 2)
    mapping.expect(live, mapped, 0, ok=3, err=contains('alone with the whole budget: 64 MiB'))
    live.ensure(limits_of(mapped, 1) == [8, 16, 64], f'{limits_of(mapped, 1)}')


@case(leaves=LEDGER)
def a_job_of_a_map_that_no_memory_helps_is_given_up_and_the_others_are_done(live):
    mapped = mapping.run(live, '-j', '2', '--budget', '32M', '-m', '8M', '--retry-oom', '9',
                         '--grow', '3', '--', '@hog', ':::', 100, 2, 2)
    mapping.expect(live, mapped, 1, ok=2, failed=1, err=contains('the last of 3 attempts'))
    live.ensure(limits_of(mapped, 1) == [8, 24, 32], f'{limits_of(mapped, 1)}')
    live.ensure(mapped.causes()[1] == 'oom', f'{mapped.causes()}')


@case(leaves=LEDGER)
def a_job_of_a_map_gets_no_more_memory_for_another_failure(live):
    mapped = mapping.run(live, '-j', '2', '--budget', '64M', '-m', '8M', '--retry-oom', '3', '--',
                         '@nothing', ':::', 3, 0)
    mapping.expect(live, mapped, 1, ok=1, failed=1, err=contains('exited with status 3'))
    live.ensure(len(mapped.reports) == 2, 'it was tried again')


@case(leaves=[*LEDGER, 'tried-.*'])
def a_job_of_a_map_that_fails_otherwise_is_tried_as_often_as_said(live):
    script = ('echo $MEMCAGE_ATTEMPT >>tried-{}; echo try $MEMCAGE_ATTEMPT; '
              'exit $((MEMCAGE_ATTEMPT < {}))')
    mapped = mapping.run(live, '-j', '2', '--budget', '64M', '-m', '8M', '--retries', '2', '--',
                         'sh', '-c', script, ':::', 1, 2, 3, 4)
    mapping.expect(live, mapped, 1, ok=3, failed=1)
    live.ensure(sorted(mapped.out.splitlines()) == ['try 1', 'try 2', 'try 3', 'try 3'],
                f'output of a try that was not the last: {mapped.out!r}')
    tries = [read(live.path(f'tried-{item}')).split() for item in range(1, 5)]
    live.ensure(tries == [['1'], ['1', '2'], ['1', '2', '3'], ['1', '2', '3']], f'{tries}')
    live.ensure({report['limits']['memory_bytes'] for report in mapped.reports} == {8 * MIB},
                'the memory has changed')


@case(leaves=LEDGER)
def a_map_that_learns_has_kills_once_and_then_none(live):
    options = ['-j', '4', '--budget', '64M', '--', '@hog', ':::', 2, 28, 2, 34]
    first = mapping.run(live, *options)
    mapping.expect(live, first, 0, ok=4, err=contains('knew no peaks of this command yet'))
    live.ensure(any(report['oom'] for report in first.reports), 'nothing was killed')
    second = mapping.run(live, *options)
    mapping.expect(live, second, 0, ok=4, err=contains('foretold', 'enough for each'))
    live.ensure(len(second.reports) == 4 and not any(report['oom'] for report in second.reports),
                'the second run was killed too')
    bases = {basis for basis, in mapping.ask(live, 'SELECT basis FROM attempts WHERE map = 2')}
    live.ensure(bases == {'same-item'}, f'{bases}')
    third = mapping.run(live, *options[:-4], 20)
    mapping.expect(live, third, 0, ok=1)
    live.ensure(len(third.reports) == 1 and third.reports[0]['limits']['memory_bytes'] > 34 * MIB,
                'another item of the command has not learned')


# Ends ---------------------------------------------------------------------------------------------

@case(leaves=LEDGER)
def a_job_of_a_map_that_hangs_is_ended_by_its_timeout_and_the_others_are_done(live):
    mapped = mapping.run(live, '-j', '2', '--budget', '64M', '-m', '8M', '-t', 5 if HOST.lab else 1,
                         '--grace', '0', '--', 'sh', '-c', '[ {} != 2 ] || exec @@deaf', ':::', 1, 2, 3, 4)
    mapping.expect(live, mapped, 1, ok=3, failed=1, err=contains("item 2 '2'"))
    live.ensure(mapped.causes()[2] == 'timeout' and mapped.of(2)[0]['status'] == 124,
                f'{mapped.causes()}')


@case(leaves=LEDGER)
def a_map_of_no_items_is_done(live):
    mapped = mapping.run(live, '--budget', '64M', '--', 'false')
    mapping.expect(live, mapped, 0, ok=0, err=contains('0 items'))
    live.ensure(mapped.summary['input_complete'], f'{mapped.summary}')


@case(leaves=LEDGER)
def a_command_of_a_map_that_cannot_be_executed_fails_each_item(live):
    mapped = mapping.run(live, '-j', '2', '--budget', '64M', '-m', '8M', '--', '/no/such/program',
                         ':::', 1, 2)
    mapping.expect(live, mapped, 1, ok=0, failed=2, err=contains('/no/such/program'))
    live.ensure(set(mapped.causes().values()) == {'exec-failed'}, f'{mapped.causes()}')


@case(leaves=LEDGER)
def halt_soon_starts_no_more_and_lets_those_that_run_end(live):
    script = '[ {} = 1 ] && exit 1; until [ -e gone ]; do sleep 0.02; done; echo ended {}'
    process = mapping.start(live, '-j', '2', '--budget', '64M', '-m', '8M', '--halt',
                            'soon,fail=1', '--', 'sh', '-c', script, ':::', *range(1, 9))
    live.until(lambda: "item 1 '1'" in live.errors(process), 'the first to fail')
    live.put('gone', '')
    mapped = mapping.finish(live, process)
    os.unlink(live.path('gone'))
    mapping.expect(live, mapped, 1, ok=1, failed=1, skipped=6, out='ended 2\n')
    live.ensure(mapping.states(live).get('ok') == 1, f'{mapping.states(live)}')


@case(leaves=LEDGER)
def halt_now_ends_those_that_run(live):
    mapped = mapping.run(live, '-j', '3', '--budget', '64M', '-m', '8M', '--halt', 'now,fail=1',
                         '--grace', '0', '--', 'sh', '-c', '[ {} = 1 ] && exit 1; sleep 1000',
                         ':::', *range(1, 9))
    mapping.expect(live, mapped, 1)
    causes = mapped.causes()
    live.ensure(causes[1] == 'exited' and set(causes.values()) <= {'exited', 'cancelled'}
                and mapped.summary['ok'] == 0, f'{causes}')
    live.ensure(mapping.states(live).get('failed') == 1, f'{mapping.states(live)}')


@case(leaves=LEDGER)
def halt_counts_items_and_not_attempts(live):
    mapped = mapping.run(live, '-j', '1', '--budget', '64M', '-m', '8M', '--retries', '3',
                         '--halt', 'soon,fail=2', '--', '@nothing', ':::', 1, 0, 2, 0, 0)
    mapping.expect(live, mapped, 1, ok=1, failed=2, skipped=2)
    live.ensure(mapped.summary['attempts'] == 9, f'{mapped.summary}')


# Signals ------------------------------------------------------------------------------------------

SLOW = 'touch began-{}; until [ -e gone ]; do sleep 0.02; done; echo ended {}'
SIGNALED = [*LEDGER, 'began-.*', 'gone']


def start_slow(live, *options):
    process = mapping.start(live, '-j', '2', '--budget', '64M', '-m', '8M', '--grace', '0.2',
                            *options, '--', 'sh', '-c', SLOW, ':::', 1, 2, 3, 4)
    live.until(lambda: all(os.path.exists(live.path(f'began-{item}')) for item in (1, 2)),
               'two jobs')
    return process


@case(leaves=SIGNALED)
def one_interrupt_lets_the_jobs_of_a_map_end(live):
    process = start_slow(live)
    process.send_signal(signal.SIGINT)
    live.until(lambda: 'interrupted' in live.errors(process), 'a word about it')
    live.put('gone', '')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 130, ok=2, skipped=2)
    live.ensure(sorted(mapped.out.split()) == ['1', '2', 'ended', 'ended'], f'{mapped.out!r}')
    live.ensure(not os.path.exists(live.path('began-3')), 'a third has begun')
    again = mapping.run(live, '-j', '2', '--budget', '64M', '-m', '8M', '--grace', '0.2',
                        '--resume', '--', 'sh', '-c', SLOW, ':::', 1, 2, 3, 4)
    mapping.expect(live, again, 0, ok=2, skipped=2)
    live.ensure(sorted(again.out.split()) == ['3', '4', 'ended', 'ended'], f'{again.out!r}')


@case(leaves=SIGNALED)
def two_interrupts_end_the_jobs_of_a_map_at_once(live):
    process = start_slow(live)
    process.send_signal(signal.SIGINT)
    live.until(lambda: 'interrupted' in live.errors(process), 'a word about it')
    process.send_signal(signal.SIGINT)
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 130, ok=0, failed=2, skipped=2)
    live.ensure(set(mapped.causes().values()) == {'cancelled'}, f'{mapped.causes()}')
    again = mapping.run(live, '-j', '2', '--budget', '64M', '-m', '8M', '--resume', '--grace',
                        '0.2', '--', 'sh', '-c', 'touch gone;' + SLOW, ':::', 1, 2, 3, 4)
    mapping.expect(live, again, 0, ok=4)


@case(leaves=SIGNALED)
def an_item_whose_retry_an_interrupt_cuts_off_is_run_by_resume(live):
    options = ['-j', '2', '--budget', '64M', '-m', '8M', '--retry-oom', '2', '--resume', '--', 'sh',
               '-c', SLOW + '; exec "$0" 12', '@hog', ':::', 1, 2, 3]
    process = mapping.start(live, *options)
    live.until(lambda: all(os.path.exists(live.path(f'began-{item}')) for item in (1, 2)),
               'two jobs')
    process.send_signal(signal.SIGINT)
    live.until(lambda: 'interrupted' in live.errors(process), 'a word about it')
    live.put('gone', '')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 130, failed=2, ok=0, skipped=1)
    live.ensure(mapped.causes() == {1: 'oom', 2: 'oom'}, f'{mapped.causes()}')
    mapping.expect(live, mapping.run(live, *options), 0, ok=3)


@case(leaves=SIGNALED)
def an_interrupt_of_a_map_that_halts_now_ends_its_jobs(live):
    process = start_slow(live, '--halt', 'now,fail=9')
    process.send_signal(signal.SIGINT)
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 130, ok=0, failed=2, skipped=2)


@case(leaves=SIGNALED)
def sigterm_ends_a_map_in_order(live):
    process = start_slow(live)
    process.send_signal(signal.SIGTERM)
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 143, ok=0, failed=2, skipped=2, err=contains('SIGTERM'))
    live.ensure(set(mapped.causes().values()) == {'cancelled'}, f'{mapped.causes()}')
    again = mapping.run(live, '-j', '2', '--budget', '64M', '-m', '8M', '--grace', '0.2',
                        '--resume', '--', 'sh', '-c', 'touch gone;' + SLOW, ':::', 1, 2, 3, 4)
    mapping.expect(live, again, 0, ok=4)


@case(leaves=[*LEDGER, 'up-.*'])
def sigterm_kills_a_maps_jobs_that_do_not_end(live):
    process = mapping.start(live, '-j', '2', '--budget', '64M', '-m', '8M', '--grace', '0.2', '--',
                            '@deaf', ':::', 1, 2)
    live.until(lambda: sum(read(f'/proc/{pid}/comm').strip() == 'deaf'
                           for pid in live.home_pids()) == 2, 'two jobs')
    process.send_signal(signal.SIGTERM)
    mapping.expect(live, mapping.finish(live, process), 143, ok=0, failed=2)


@case(leaves=SIGNALED, shell_home=True)
def a_map_whose_terminal_goes_ends_in_order(live):
    terminal = Terminal(live, '%memcage', 'map', '-r', 'r.json', '--ledger', 'l.db', '-j', '2',
                        '--budget', '64M', '-m', '8M', '--grace', '0.2', '--', 'sh', '-c', SLOW,
                        ':::', 1, 2, 3, 4)
    live.until(lambda: all(os.path.exists(live.path(f'began-{item}')) for item in (1, 2)),
               'two jobs')
    terminal.close()
    status = live.wait(terminal.process)
    live.ensure(status == 129, f'status {status}')
    live.ensure(mapping.states(live).get('ok') is None, f'{mapping.states(live)}')
    ended = mapping.ask(live, 'SELECT status, items, failed, skipped FROM maps')
    live.ensure(ended == [(129, 4, 2, 2)], f'the ledger has {ended}')


@case(leaves=LEDGER, shell_home=True)
def a_map_shows_a_bar_on_a_terminal_and_clears_it(live):
    terminal = Terminal(live, '%memcage', 'map', '--ledger', 'l.db', '-j', '2', '--budget', '64M',
                        '-m', '8M', '--', 'sh', '-c', 'sleep 0.7', ':::', 1, 2, 3)
    said = terminal.wait_for(r'(?s)memcage: 3 items: 3 ok.*was never needed')
    live.ensure(live.wait(terminal.process) == 0, 'it failed')
    terminal.close()
    live.ensure(re.search(r'\r\x1b\[K[^\r]*0/3', said) or re.search(r'\r\x1b\[K[^\r]*3', said),
                f'there is no bar: {said!r}')
    live.ensure('\r\x1b[Kmemcage: 3 items' in said, f'the bar was not cleared: {said!r}')
    live.ensure('memcage.progress' not in said, 'JSON on a terminal')


@case(leaves=LEDGER)
def a_map_off_a_terminal_tells_its_progress_as_json_and_what_it_waits_for(live):
    process = live.start('map', '--ledger', 'l.db', '-j', '8', '--budget', '32M', '-m', '20M',
                         '--', 'sleep', ':::', 0.9, 0.9, 0.9)
    result = live.finish(process, report=None)
    lines = [json.loads(line) for line in result.err.splitlines() if line[0] == '{']
    live.ensure(result.status == 0 and len(lines) >= 2, f'{result}')
    live.ensure(all(line['schema'] == 'memcage.progress/1' for line in lines), f'{lines}')
    live.ensure(any('budget' in (line['waits_for'] or '') for line in lines),
                f'nobody says what it waits for: {lines}')
    live.ensure(len(lines) <= result.seconds + 2, f'{len(lines)} lines in {result.seconds} s')
    live.ensure((lines[-1]['ok'], lines[-1]['running']) == (3, 0), f'{lines[-1]}')


@case(leaves=LEDGER)
def a_quiet_map_says_nothing(live):
    result = live.memcage('map', '-q', '--ledger', 'l.db', '-j', '2', '--budget', '64M', '-m',
                          '8M', '--', '@nothing', ':::', 0, 3, report=None)
    live.expect(result, status=1, out='', err='')


# Others -------------------------------------------------------------------------------------------

@case(leaves=LEDGER, user=65534)
def a_map_of_a_user_whose_cgroup_is_delegated_works(live):
    mapped = mapping.run(live, '-j', '2', '--budget', '64M', '-m', '16M', '--', '@hog', ':::', 2,
                         40, 2)
    mapping.expect(live, mapped, 1, ok=2, failed=1)
    live.ensure(mapped.causes() == {1: 'exited', 2: 'oom', 3: 'exited'}, f'{mapped.causes()}')


@case(leaves=LEDGER, parent_memory=96 << 20)
def a_map_without_a_budget_takes_what_the_cgroup_above_leaves(live):
    mapped = mapping.run(live, '-j', '2', '--', '@hog', ':::', 2, 2)
    mapping.expect(live, mapped, 0, ok=2)
    budget = mapping.ask(live, 'SELECT budget_bytes FROM maps')[0][0]
    live.ensure(0 < budget <= 64 * MIB, f'a budget of {budget}')
    result = live.memcage('map', '--ledger', 'l.db', '-m', '90M', '--', 'echo', ':::', 'ran',
                          report=None)
    live.expect(result, status=2, out='', err=contains('--memory', 'can never fit', live.name))


@case(leaves=LEDGER, parent_memory=40 << 20)
def a_kill_by_a_limit_above_a_map_is_the_ancestors_and_is_tried_again(live):
    """The budget is more than the cgroup above has: not the jobs' fault, nor that of their limit."""
    mapped = mapping.run(live, '-j', '1', '--budget', '96M', '-m', '80M', '--retry-oom', '1',
                         '--', '@hog', ':::', 60)
    mapping.expect(live, mapped, 1, ok=0, failed=1, err=contains('it was not its own limit'))
    scopes = [(report['oom']['scope'], report['limits']['memory_bytes'] // MIB)
              for report in mapped.reports]
    live.ensure(scopes == [('ancestor', 80)] * 2, f'{scopes}')

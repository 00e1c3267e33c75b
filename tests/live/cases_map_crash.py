# SPDX-License-Identifier: Apache-2.0
"""A map that is killed again and again, and gone on with: nothing is lost, nothing is done twice.

The moments are of a fixed seed, as many as --moments says: a few in each suite, a hundred by
`./dev test crash`.
"""

import os
import random
import signal
import subprocess
import time

import mapping
from cases_faults import groups_left, no_process_left
from harness import Failed, case
from host import HOST, read
from mapping import LEDGER

SEED = 20261120
ITEMS = 100 if HOST.lab else 300
# One of ten fails, which is an end as good as any.  The line in `ran` is the work.
WORK = 'echo $1 >>ran; echo out $1; [ $(($1 % 10)) != 7 ]'


class Crash:
    """One input, run until all of it is done, through as many deaths as it takes."""

    def __init__(self, live, number, dice):
        self.live, self.ledger, self.dice = live, f'{number}.db', dice
        self.items = [str(item) for item in range(1, ITEMS + 1)]
        self.out = set()        # items whose output has come
        self.done = set()       # that the ledger had as ended when memcage was killed

    def start(self):
        dice = self.dice.sample(self.items, len(self.items))    # the order is no part of the key
        return self.live.start('map', '-q', '--ledger', self.ledger, '--resume', '-j', '4',
                               '--budget', '64M', '-m', '4M', '--', 'sh', '-c', WORK, 'x', ':::',
                               *dice)

    def ran(self):
        """Items that have been worked on since this was asked before."""
        path = self.live.path('ran')
        items = read(path).split()
        if os.path.exists(path):
            os.unlink(path)
        return items

    def look(self, process, when):
        """What is true after each life: what is done is out, and did not run again."""
        live, ran = self.live, self.ran()
        twice = self.done & set(ran) or {item for item in ran if ran.count(item) > 1}
        live.ensure(not twice, f'{when}: done before, and run again: {sorted(twice)[:9]}')
        self.out |= {line[4:] for line in live.output(process).split('\n')[:-1]}
        rows = self.ask('SELECT CAST(item AS TEXT), state FROM tasks') if self.is_there() else []
        live.ensure(len(rows) == len(set(rows)), f'{when}: recorded twice')
        ended = {item: state for item, state in rows if state in ('ok', 'failed')}
        wrong = [item for item, state in ended.items() if (state == 'ok') != (item[-1] != '7')]
        live.ensure(not wrong, f'{when}: recorded wrongly: {wrong[:9]}')
        live.ensure(self.done <= set(ended), f'{when}: forgotten: {self.done - set(ended)}')
        live.ensure(set(ended) <= self.out, f'{when}: done, but their output has not come: '
                    f'{sorted(set(ended) - self.out)[:9]}')
        self.done = set(ended)

    def is_there(self):
        path = self.live.path(self.ledger)
        if not os.path.exists(path) or os.path.getsize(path) == 0:
            return False
        return bool(self.ask("SELECT 1 FROM sqlite_schema WHERE name = 'tasks'"))

    def ask(self, query):
        return mapping.ask(self.live, query, ledger=self.ledger)

    def kill_at(self, seconds, when):
        """False where it has ended before."""
        process = self.start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            no_process_left(self.live, when)
            self.look(process, when)
            return True
        self.look(process, when)
        self.finished(process, when)
        return False

    def finish(self, when):
        process = self.start()
        self.live.wait(process)
        self.look(process, when)
        self.finished(process, when)

    def finished(self, process, when):
        live = self.live
        live.ensure(process.returncode == 1, f'{when}: status {process.returncode}: '
                    f'{live.errors(process)}')
        live.ensure(self.done == set(self.items), f'{when}: lost: '
                    f'{sorted(set(self.items) - self.done)[:9]}')
        live.ensure(self.out == set(self.items), f'{when}: outputs are {sorted(self.out)[:9]}...')
        live.ensure(not live.home_pids() and not groups_left(live),
                    f'{when}: left: {live.home_pids()}, {groups_left(live)}')


@case(leaves=[*LEDGER, 'on-.', 'go-.'])
def a_map_whose_fork_server_is_killed_goes_on_without_it(live):
    """Which is asked for a job just then, as one sees: stopped, it makes none."""
    script = 'touch on-$1; until [ -e go-$1 ]; do sleep 0.02; done; echo $1'
    process = mapping.start(live, '-j', '2', '--budget', '64M', '-m', '8M', '--', 'sh', '-c',
                            script, 'x', ':::', 1, 2, 3, 4)

    def begun():
        return {name[3:] for name in os.listdir(live.path()) if name.startswith('on-')}

    live.until(lambda: begun() == {'1', '2'}, 'two jobs')
    server = live.pid_of('memcage-forks')
    os.kill(server, signal.SIGSTOP)
    live.put('go-1', '')
    time.sleep(0.3 * HOST.slow)
    live.ensure(begun() == {'1', '2'}, f'the third was made by somebody else: {begun()}')
    os.kill(server, signal.SIGKILL)
    for item in '234':
        live.put(f'go-{item}', '')
    mapped = mapping.finish(live, process)
    mapping.expect(live, mapped, 0, ok=4)
    live.ensure(sorted(mapped.out.split()) == list('1234'), f'{mapped}')
    live.ensure(mapped.summary['attempts'] == 5, f'{mapped.summary}')


@case(leaves=[*LEDGER, r'\d+\.db.*'], shell_home=True, exclusive=True, within=60)
def a_map_that_is_killed_at_random_moments_is_gone_on_with_to_its_end(live):
    dice = random.Random(SEED)
    whole = Crash(live, 0, dice)
    since = time.monotonic()
    whole.finish('without a kill')
    took = time.monotonic() - since
    crash, number = Crash(live, 1, dice), 1
    for moment in range(HOST.moments):
        seconds = dice.uniform(0, took)
        when = f'moment {moment}, after {seconds * 1000:.1f} ms (a whole map: {took:.2f} s)'
        if not crash.kill_at(seconds, when) or moment % 4 == 3:
            if len(crash.done) < ITEMS:
                crash.finish(when)
            number += 1
            crash = Crash(live, number, dice)
    crash.finish('at the end')
    if number == HOST.moments + 1:
        raise Failed('it was never killed before its end')

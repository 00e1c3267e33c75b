# SPDX-License-Identifier: Apache-2.0
"""What the cases of `map` share: a map to its end, with its reports, its summary and its ledger."""

import dataclasses
import json
import os
import sqlite3

from harness import Failed, Result, broken_promises
from host import read
from schema import Schema

LEDGER = [r'l\.db', r'l\.db-(maps|wal|shm)']
SUMMARY = Schema('memcage-summary-1')


@dataclasses.dataclass
class Mapped:
    """A map that has ended."""
    result: Result
    reports: list       # of attempts, in the order in which they ended
    summary: dict

    @property
    def status(self):
        return self.result.status

    @property
    def out(self):
        return self.result.out

    @property
    def err(self):
        return self.result.err

    def of(self, seq):
        """The reports of an item, in the order of its attempts."""
        return [report for report in self.reports if report['seq'] == seq]

    def last(self):
        """The last report of each item, by its number."""
        return {report['seq']: report for report in self.reports}

    def causes(self):
        return {seq: report['cause'] for seq, report in self.last().items()}

    def __str__(self):
        return str(self.result)


def start(live, *argv, ledger='l.db', **options):
    """Starts a map whose reports go to r.json and whose progress nobody sees."""
    record = ['--ledger', ledger] if ledger else []
    return live.start('map', '-r', 'r.json', '--progress', 'none', *record, *argv, **options)


def finish(live, process, within=None):
    result = live.finish(process, report=None, within=within)
    lines = read(live.report_path).splitlines()
    reports = [live.checked(line, f'line {number} of the reports')
               for number, line in enumerate(lines[:-1], 1)]
    summary = json.loads(lines[-1]) if lines else None
    mapped = Mapped(result, reports, summary)
    if summary:
        wrong = list(broken_sums(mapped))
        if wrong:
            raise Failed('; '.join(wrong))
    return mapped


def run(live, *argv, within=None, **options):
    return finish(live, start(live, *argv, **options), within)


def broken_sums(mapped):
    """What holds of every map, however it ended."""
    summary, reports = mapped.summary, mapped.reports
    wrong = SUMMARY.wrong(summary)
    if wrong:
        yield f'the last line is no summary: {wrong} in {summary}'
        return
    if summary['items'] != summary['ok'] + summary['failed'] + summary['skipped']:
        yield f'the counts do not add up: {summary}'
    if summary['status'] != mapped.status:
        yield f'the summary says status {summary["status"]}, memcage ended with {mapped.status}'
    if summary['attempts'] != len(reports):
        yield f'{summary["attempts"]} attempts, but {len(reports)} reports'
    tried = mapped.last()
    if len(tried) != summary['ok'] + summary['failed']:
        yield f'reports of {len(tried)} items: {summary}'
    for seq in tried:
        attempts = [report['attempt'] for report in mapped.of(seq)]
        if attempts != list(range(1, len(attempts) + 1)):
            yield f'the attempts of item {seq} are {attempts}'
    for report in reports:
        yield from broken_promises(dataclasses.replace(
            mapped.result, status=report['status'], report=report))


def expect(live, mapped, status, ok=None, failed=0, skipped=0, **parts):
    """How it ended, and its counts; parts as of live.expect()."""
    if mapped.result.status != status:     # which of them, and why
        live.ensure(False, f'status is {mapped.result.status}, expected {status}: '
                    f'{[report["summary"] for report in mapped.reports if report["status"] != 0]}')
    live.expect(mapped.result, status=status, **parts)
    counts = tuple(mapped.summary[key] for key in ('ok', 'failed', 'skipped'))
    live.ensure(ok is None or counts == (ok, failed, skipped),
                f'{counts} ok, failed, skipped; expected {(ok, failed, skipped)}')
    return mapped


def ask(live, query, *values, ledger='l.db'):
    """Rows of a ledger, which is whole."""
    path = ledger if os.path.isabs(ledger) else live.path(ledger)
    with sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=20) as database:
        database.text_factory = os.fsdecode
        whole = database.execute('PRAGMA integrity_check').fetchone()[0]
        live.ensure(whole == 'ok', f'the ledger is broken: {whole}')
        rows = database.execute(query, values).fetchall()
    database.close()
    return rows


def states(live, ledger='l.db'):
    """How many tasks of a ledger are in each state."""
    return dict(ask(live, 'SELECT state, count(*) FROM tasks GROUP BY state', ledger=ledger))

# SPDX-License-Identifier: Apache-2.0
"""What the live suite stands on: one case and its surroundings, and what must hold after each.

A case is a row (`row`) or a function (`case`); its name is a sentence.  Each runs in a folder and
in a cgroup of its own, so that whatever it leaves behind is seen: a process, a cgroup, a mount, a
file.
"""

import dataclasses
import json
import os
import re
import select
import shutil
import signal
import subprocess
import threading
import time

from expect import ANY, differences, like
from host import HOST, MIB, UNIFIED, Home, comm, give, read, try_to, write
from schema import Schema

CASES = []


class Failed(AssertionError):
    """A case that failed; why."""


class Skipped(Exception):
    """A case that cannot be tried here; the reason."""


@dataclasses.dataclass
class Result:
    argv: list
    status: int
    out: str
    err: str
    report: dict
    seconds: float

    def __str__(self):
        return (f'  command: {shorten(" ".join(map(str, self.argv)))}\n'
                f'  status: {self.status} after {self.seconds:.2f} s\n'
                f'  stdout: {shorten(self.out)}\n  stderr: {shorten(self.err)}\n'
                f'  report: {shorten(json.dumps(self.report), 4000) if self.report else "none"}')


def shorten(text, most=1500):
    return text if len(text) <= most else f'{text[:most]}… ({len(text)} characters)'


@dataclasses.dataclass
class Case:
    """A command line of memcage and what is expected of it; or a function that does it all."""
    name: str
    run: list = None            # arguments of `memcage run -r r.json`
    argv: list = None           # or all arguments of memcage
    status: object = 0
    report: object = None       # a dict of what is expected in r.json; None: there must not be one
    out: object = ANY
    err: object = None          # None: silent or not, as the contract says
    function: object = None
    env: dict = None
    start: list = None          # options for tests/victims/start.c
    cwd: str = None
    shell_home: bool = False    # more processes beside memcage: on v2 only the root takes that
    parent_memory: int = None   # a limit on the case's own cgroup, which is memcage's
    within: float = 30          # seconds on a fast machine until it is called hanging
    takes_at_most: float = None
    files: dict = None          # made in its folder before: name -> (text, mode)
    leaves: list = ()           # patterns of names that may be in its folder afterwards
    user: int = None            # memcage is this user's, and so are its cgroup and its folder
    exclusive: bool = False     # needs the machine alone
    skip: str = None            # why it cannot be tried here
    alike: bool = False         # what memcage does for it is the same on every kernel
    races: bool = False         # another thing on two CPUs than on one


def row(name, run=None, **expected):
    CASES.append(Case(name, run=run, **expected))


def case(**options):
    def register(function):
        CASES.append(Case(function.__name__, function=function, **options))
        return function
    return register


class Live:
    """The surroundings of one case, and what its function may use."""

    lock = threading.Lock()
    count = 0

    def __init__(self, suite, one):
        self.suite, self.case = suite, one
        with Live.lock:
            Live.count += 1
            self.number = Live.count
        self.name = f'live-{os.getpid()}-{self.number}'
        self.folder = os.path.join(suite.scratch, str(self.number))
        self.cwd = os.path.join(self.folder, 'cwd')
        self.report_path = os.path.join(self.cwd, 'r.json')
        self.running, self.results = [], []
        os.makedirs(self.cwd)
        self.home = Home(self.name)
        if one.parent_memory:
            self.home.limit_memory(one.parent_memory)
        for name, (text, mode) in (one.files or {}).items():
            self.put(name, text, mode)
        if one.user:
            self.home.give(one.user)
            give(self.cwd, one.user)

    # Starting things

    def victim(self, name):
        return os.path.join(self.suite.victims, name)

    def expand(self, words):
        """@hog is a victim, %cwd our folder, %memcage the program."""
        for word in words:
            word = str(word)
            if re.fullmatch(r'@[a-z-]+', word):
                yield self.victim(word[1:])
            else:
                yield (re.sub(r'@@([a-z-]+)', lambda found: self.victim(found.group(1)), word)
                       .replace('%cwd', self.cwd).replace('%memcage', self.suite.memcage))

    @property
    def in_root(self):
        return self.case.shell_home and HOST.v2

    def launch(self, argv, env=None, start=None, cwd=None, home=None, **options):
        """Starts a command in the case's cgroup; its pid becomes the command's own."""
        joins = [] if self.in_root and home is None else (home or self.home).joins()
        user = ['-U', str(self.case.user)] if self.case.user else []
        full = [self.victim('start'), *joins, *user, *(start or []), '--', *self.expand(argv)]
        environment = {**self.suite.environment, 'MEMCAGE_LIVE': self.name, **(env or {})}
        environment = {key: value for key, value in environment.items() if value is not None}
        options.setdefault('stdin', subprocess.DEVNULL)
        options.setdefault('start_new_session', True)
        since = time.monotonic()
        process = subprocess.Popen(full, cwd=cwd or self.cwd, env=environment, **options)
        process.since = since
        process.words = full[full.index('--') + 1:]
        self.running.append(process)
        return process

    def start(self, *argv, **options):
        """Starts `memcage ARGV` with its output in files; finish() gives the result."""
        number = len(self.running)
        process = None
        with open(f'{self.folder}/out{number}', 'wb') as out, open(f'{self.folder}/err{number}',
                'wb') as err:
            options.setdefault('stdout', out)
            options.setdefault('stderr', err)
            process = self.launch(['%memcage', *argv], **options)
        process.number = number
        return process

    def finish(self, process, report='r.json', within=None):
        status = self.wait(process, within)
        seconds = time.monotonic() - process.since
        result = Result(process.words, status, self.output(process), self.errors(process),
                        self.load(report) if report else None, seconds)
        self.results.append(result)
        return result

    def output(self, process):
        return read(f'{self.folder}/out{process.number}')

    def errors(self, process):
        return read(f'{self.folder}/err{getattr(process, "number", "")}')

    def memcage(self, *argv, report='r.json', within=None, **options):
        return self.finish(self.start(*argv, **options), report, within)

    def run(self, *argv, **options):
        """memcage run -r r.json ARGV, to its end."""
        return self.memcage('run', '-r', 'r.json', *argv, **options)

    def wait(self, process, within=None):
        """The status, as soon as it is there."""
        limit = (within or self.case.within) * HOST.slow
        if process.returncode is None:
            handle = os.pidfd_open(process.pid)
            ended = select.select([handle], [], [], limit)[0]
            os.close(handle)
            if not ended:
                raise Failed(f'still running after {limit:.0f} s: {" ".join(process.words)}\n'
                             f'  stderr: {shorten(self.errors(process))}\n'
                             f'  processes: {[(pid, comm(pid)) for pid in self.home_pids()]}')
        return process.wait()

    def read_all(self, stream, within=None):
        """All bytes of a pipe up to its end, which has to come in time."""
        deadline = time.monotonic() + (within or self.case.within) * HOST.slow
        parts = []
        while time.monotonic() < deadline:
            if select.select([stream], [], [], 0.2)[0]:
                parts.append(os.read(stream.fileno(), 1 << 20))
                if not parts[-1]:
                    return b''.join(parts)
        raise Failed(f'the pipe is still open; it gave {len(b"".join(parts))} bytes')

    def until(self, condition, what, within=5):
        """Waits for a condition and gives what it gave."""
        deadline = time.monotonic() + within * HOST.slow
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                raise Failed(f'waited {within * HOST.slow:.0f} s for {what}')
            time.sleep(0.01)

    def pid_of(self, name, within=5):
        """The host's pid of a process of this case."""
        return self.until(lambda: next((pid for pid in self.home_pids() if comm(pid) == name),
                                       None), f'a process named {name}', within)

    def home_pids(self):
        return self.marked() if self.in_root else self.home.pids()

    def marked(self):
        found = set()
        mark = f'MEMCAGE_LIVE={self.name}\0'.encode()
        for entry in os.listdir('/proc'):
            try:
                if entry.isdigit() and mark in open(f'/proc/{entry}/environ', 'rb').read() + b'\0':
                    found.add(int(entry))
            except OSError:
                pass
        return found

    # Looking at things

    def load(self, name='r.json'):
        """The report of that name, checked against the schema; None where there is none."""
        path = os.path.join(self.cwd, name)
        if not os.path.exists(path):
            return None
        return self.checked(read(path), name)

    def checked(self, text, name='the report'):
        try:
            report = json.loads(text)
        except ValueError as error:
            raise Failed(f'{name} is not JSON: {error}: {shorten(text, 300)}') from None
        wrong = self.suite.schema.wrong(report)
        if wrong:
            raise Failed(f'the schema is not met by {name}: {wrong}\n'
                         f'  report: {json.dumps(report)}')
        if self.suite.report_dir and report['outcome'] != 'unfinished':
            shutil.copy(os.path.join(self.cwd, name),
                        f'{self.suite.report_dir}/{self.case.name}.json') if os.path.exists(
                os.path.join(self.cwd, name)) else None
        return report

    def path(self, *parts):
        return os.path.join(self.cwd, *parts)

    def put(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, text)
        os.chmod(path, mode)
        return path

    # Judging things

    def expect(self, result, status=ANY, report=ANY, out=ANY, err=ANY):
        """What holds of one result; the first difference fails the case."""
        seen = {'status': result.status, 'report': result.report, 'out': result.out,
                'err': result.err}
        wrong = list(differences(seen,
                                 {'status': status, 'report': report, 'out': out, 'err': err}))
        wrong += broken_promises(result)
        if wrong:
            raise Failed('; '.join(wrong))

    def ensure(self, holds, text):
        if not holds:
            raise Failed(text)

    # The end

    def judge(self):
        one = self.case
        if one.function:
            one.function(self)
            return
        argv = one.argv if one.argv is not None else ['run', '-r', 'r.json', *one.run]
        result = self.memcage(*argv, env=one.env, start=one.start, cwd=one.cwd)
        err = one.err if one.err is not None else silence(result)
        self.expect(result, status=one.status, report=one.report, out=one.out, err=err)
        if one.takes_at_most and result.seconds > one.takes_at_most * HOST.slow:
            raise Failed(
                f'took {result.seconds:.2f} s, at most {one.takes_at_most * HOST.slow} expected')

    def leftovers(self):
        """What is still there that must not be: [] is right."""
        left = []
        pids = self.home_pids()
        groups = list(self.home.groups())
        if self.in_root:
            groups += [f'{HOST.trees[UNIFIED]}/{name}' for name in os.listdir(HOST.trees[UNIFIED])
                       if name.startswith('memcage-')]
        left += [f'process {pid} ({comm(pid)})' for pid in pids]
        left += [f'cgroup {path}' for path in groups]
        left += [f'mount {line}' for line in self.suite.new_mounts()]
        allowed = [r'r\.json', *self.case.leaves, *map(re.escape, self.case.files or ())]
        for name in os.listdir(self.cwd):
            if not any(re.fullmatch(pattern, name) for pattern in allowed):
                left.append(f'file {name}')
        return left

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        for pid in self.marked() if self.in_root else ():
            try_to(os.kill, pid, signal.SIGKILL)
        self.home.kill()
        self.home.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def silence(result):
    """Memcage is silent about a job that merely exits without a warning; it says all other ends."""
    report = result.report
    if report is None:
        return like('.')
    said = report['cause'] != 'exited' or any(item['code'] != 'tmp-discarded'
                                              for item in report['warnings'])
    return like('.') if said else ''


def broken_promises(result):
    """What holds of every report, whatever the case."""
    report = result.report
    if not report:
        return
    if report['outcome'] == 'unfinished':
        yield 'the report is unfinished'
        return
    if report['status'] != result.status:
        yield f'the report says status {report["status"]}, memcage ended with {result.status}'
    oom, limits, usage = report['oom'], report['limits'], report['usage']
    killed = oom is not None and oom['scope'] != 'nested'
    ok = report['cause'] == 'exited' and report['exit_code'] == 0 and not killed
    if ok != (report['outcome'] == 'ok'):
        yield f'outcome {report["outcome"]} does not follow from cause, exit_code and oom'
    if report['wall_seconds'] > result.seconds + 0.01:
        yield f'wall_seconds {report["wall_seconds"]} is beyond memcage\'s {result.seconds:.3f} s'
    limit, effective = limits['memory_bytes'], limits['memory_effective_bytes']
    if limit is not None and (effective is None or effective > limit):
        yield f'memory_effective_bytes {effective} is not the smallest limit ({limit})'
    if limit and usage and (usage['memory_peak_bytes'] or 0) > limit * 1.1 + MIB:
        yield f'the peak {usage["memory_peak_bytes"]} is above the limit {limit}'
    started = report['exit_code'] is not None or report['signal'] is not None
    if oom and oom['by'] == 'kernel' and oom['kills'] == 0 and started:
        yield 'a kill by the kernel without a kill in its counter'
    if oom and oom['scope'] == 'job' and oom['limit_bytes'] != limit:
        yield f'oom.limit_bytes {oom["limit_bytes"]} is not the job\'s {limit}'
    if oom and oom['scope'] == 'nested' and 'nested-oom' not in {item['code']
            for item in report['warnings']}:
        yield 'a nested kill without the warning nested-oom'


# The suite ----------------------------------------------------------------------------------------

class Suite:
    def __init__(self, memcage, victims, scratch, report_dir=None):
        self.memcage, self.victims = os.path.abspath(memcage), os.path.abspath(victims)
        self.scratch, self.report_dir = scratch, report_dir
        self.schema = Schema('memcage-report-1')
        self.environment = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/',
                            'LC_ALL': 'C'}
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self.mounts = set(read('/proc/self/mountinfo').splitlines())
        self.segments = read('/proc/sysvipc/shm')
        HOST.slow = self.speed()

    def speed(self):
        """How much slower than a fast machine it is here, by starting a program some times."""
        times = []
        for _ in range(7):
            before = time.monotonic()
            subprocess.run(['sh', '-c', 'true & true & wait'], check=False)
            times.append(time.monotonic() - before)
        return min(15.0, max(4.0 if HOST.lab else 1.5, sorted(times)[3] / 0.004))

    def new_mounts(self):
        now = set(read('/proc/self/mountinfo').splitlines())
        # A user who logs in gets a folder of his own, whose time is systemd's business.
        return {line for line in now - self.mounts if ' /run/user/' not in line}

    def play(self, one):
        """Runs a case: ('ok' or 'not ok' or 'skip', why)."""
        if one.skip:
            return 'skip', one.skip
        if one.shell_home and HOST.v2 and not HOST.root:
            return 'skip', 'on v2 only the root cgroup takes processes beside memcage'
        live = Live(self, one)
        try:
            try:
                live.judge()
                left = live.leftovers()
                if left:
                    raise Failed(f'left behind: {", ".join(left[:6])}')
            finally:
                live.close()
        except Skipped as why:
            return 'skip', str(why)
        except Failed as why:
            return 'not ok', '\n'.join([str(why), *map(str, live.results[-2:])])
        except Exception as error:              # a broken case must not take the rest
            return 'not ok', f'{type(error).__name__}: {error} (line {last_line(error)})'
        return 'ok', ''


def last_line(error):
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    return f'{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}'

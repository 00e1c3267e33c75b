# SPDX-License-Identifier: Apache-2.0
"""One container and what is expected of the memcage in it."""

import dataclasses
import itertools
import json
import os
import subprocess
import time

import bundle
from expect import ANY, differences
from harness import Failed, broken_promises, shorten
from schema import Schema

MIB = 1 << 20
CASES = []
REPORT = ['-r', '/out/r.json']
WITHIN = 120    # seconds; the lab is emulated


@dataclasses.dataclass
class Container:
    """Arguments of `memcage run` as the container's PID 1, and what came of it."""
    name: str
    run: list = None            # arguments of `memcage run -r /out/r.json`
    argv: list = None           # or all of PID 1
    runtime: str = 'crun'
    status: object = 0
    report: object = None       # None: there must not be one
    out: object = ANY
    err: object = ANY
    function: object = None     # of a Scene and this: plays it in place of all that
    memory: int = 48 * MIB      # the container's limit; None: none
    pod_memory: int = None      # of the cgroup above
    cgroup: str = 'ro'          # of the mount; or rw
    user: int = 0
    capabilities: tuple = ()    # beside Docker's
    seccomp: bool = False
    masked: bool = True
    no_new_privs: bool = False
    read_only: bool = False
    shell: bool = True          # is there one in the rootfs?
    without: tuple = ()         # mounts that are left out
    unified: dict = None        # files of the container's cgroup


def row(name, run=None, **expected):
    CASES.append(Container(name, run=run, **expected))


def case(**options):
    def register(function):
        CASES.append(Container(function.__name__, function=function, **options))
        return function
    return register


class Result:
    """Looks like the live suite's, for its rules of what holds of every report."""

    def __init__(self, status, out, err, report, seconds):
        self.status, self.out, self.err = status, out, err
        self.report, self.seconds = report, seconds

    def __str__(self):
        return (f'  status: {self.status} after {self.seconds:.2f} s\n'
                f'  stdout: {shorten(self.out)}\n  stderr: {shorten(self.err)}\n'
                f'  report: {shorten(json.dumps(self.report), 4000) if self.report else "none"}')


class Running:
    """A container that was started."""

    def __init__(self, scene, one, argv):
        self.scene, self.one = scene, one
        self.id = f'{scene.prefix}-{next(scene.numbers)}'
        self.pod = f'/{self.id}-pod'
        self.folder = f'{scene.folder}/{self.id}'
        self.out_folder = f'{scene.folder}/{self.id}-out'
        os.mkdir(self.out_folder)
        os.chmod(self.out_folder, 0o777)
        self.make_pod()
        bundle.write_bundle(self.folder, bundle.config(
            one, argv, f'{self.pod}/{self.id}', scene.rootfs[one.shell], self.out_folder))
        self.since = time.monotonic()
        with open(f'{self.folder}/out', 'wb') as out, open(f'{self.folder}/err', 'wb') as err:
            self.process = subprocess.Popen(
                [one.runtime, 'run', '--bundle', self.folder, self.id], stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, start_new_session=True)

    def make_pod(self):
        os.mkdir(f'/sys/fs/cgroup{self.pod}')
        with open(f'/sys/fs/cgroup{self.pod}/cgroup.subtree_control', 'w', encoding='ascii') as file:
            file.write('+memory +pids +cpu')
        if self.one.pod_memory:
            for name, value in (('memory.max', self.one.pod_memory), ('memory.swap.max', 0)):
                path = f'/sys/fs/cgroup{self.pod}/{name}'
                if os.path.exists(path):
                    with open(path, 'w', encoding='ascii') as file:
                        file.write(str(value))

    def read(self, name):
        with open(f'{self.folder}/{name}', encoding='utf-8', errors='replace') as file:
            return file.read()

    def until(self, condition, what):
        deadline = time.monotonic() + WITHIN
        while not condition():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise Failed(f'waited for {what}: {self.read("out")} {self.read("err")}')
            time.sleep(0.05)

    def command(self, verb, *words):
        return subprocess.run([self.one.runtime, verb, self.id, *words], capture_output=True,
                              text=True, timeout=WITHIN, check=False)

    def pids(self):
        found = []
        for path, _, _ in os.walk(f'/sys/fs/cgroup{self.pod}'):
            with open(path + '/cgroup.procs', encoding='ascii') as file:
                found += file.read().split()
        return found

    def report(self):
        path = f'{self.out_folder}/r.json'
        if not os.path.exists(path):
            return None
        with open(path, encoding='utf-8') as file:
            report = json.load(file)
        wrong = self.scene.schema.wrong(report)
        if wrong:
            raise Failed(f'the schema is not met: {wrong}')
        return report

    def finish(self):
        try:
            status = self.process.wait(WITHIN)
        except subprocess.TimeoutExpired:
            raise Failed(f'still running after {WITHIN} s: {self.read("err")}') from None
        return Result(status, self.read('out'), self.read('err'), self.report(),
                      time.monotonic() - self.since)

    def close(self):
        subprocess.run([self.one.runtime, 'delete', '--force', self.id], capture_output=True,
                       check=False)
        self.process.wait(WITHIN)
        for path, _, _ in os.walk(f'/sys/fs/cgroup{self.pod}', topdown=False):
            os.rmdir(path)


class Scene:
    """What all containers share."""

    def __init__(self, folder, memcage, victims):
        self.folder, self.prefix = folder, f'box{os.getpid()}'
        self.numbers = itertools.count(1)
        self.rootfs = {shell: f'{folder}/rootfs-{"with" if shell else "without"}-shell'
                       for shell in (True, False)}
        for shell, place in self.rootfs.items():
            bundle.make_rootfs(place, memcage, victims, shell)
        self.schema = Schema('memcage-report-1')

    def start(self, one, argv=None):
        return Running(self, one, argv or one.argv or ['memcage', 'run', *REPORT, *one.run])

    def expect(self, result, **wanted):
        seen = {'status': result.status, 'report': result.report, 'out': result.out,
                'err': result.err}
        wrong = list(differences(seen, wanted))
        if not (result.report and result.report['outcome'] == 'unfinished'):
            wrong += broken_promises(result)
        if wrong:
            raise Failed('\n'.join(['; '.join(wrong), str(result)]))

    def play(self, one):
        running = self.start(one)
        try:
            if one.function:
                one.function(self, running)
                return
            self.expect(running.finish(), status=one.status, report=one.report, out=one.out,
                        err=one.err)
        finally:
            running.close()

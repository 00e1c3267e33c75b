# SPDX-License-Identifier: Apache-2.0
"""parts - what all rows of the bench are made of: its programs, its contestants, its stopwatch."""

import os
import re
import shutil
import subprocess
from collections import namedtuple
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILT = ROOT / "build" / "bench"
FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-static", "-s"]
PROGRAMS = {  # sources, and flags that go with them
    "nothing": ["nothing.c", "-nostartfiles", "-Wl,--entry=begin"],
    "victim": ["victim.c"],
    "filter-file": ["filter-file.c"],
    "minimum": ["minimum.c"],
    "many": ["many.c"],
    "stopwatch": ["stopwatch.c", "contest.c"],
}
NOTHING, VICTIM, FILTER = BUILT / "nothing", BUILT / "victim", BUILT / "filter.bpf"
LIMIT = 20 << 20  # the victim's
NAMESPACES = ("pid", "ipc", "uts", "cgroup")  # a cage's, beside the mount namespace
HIDDEN = ("/tmp", "/var/tmp", "/dev/shm")  # private in a cage

Stats = namedtuple("Stats", "rounds least p10 median p90 most")  # milliseconds
Bar = namedtuple("Bar", "what measured value limit unit least", defaults=[False])


class Contestant:
    """One line for the stopwatch (contest.h says what its fields mean)."""

    def __init__(self, name, argv, status=0, file=None, view=None):
        self.name, self.status, self.file, self.view = name, status, file, view
        self.argv = [str(arg) for arg in argv]

    def line(self):
        fields = [self.name, self.status, self.file or "-", self.view or "-", *self.argv]
        return "\t".join(str(field) for field in fields) + "\n"


class Unmeasured(Exception):
    """A row that cannot be measured here, and why."""


def build():
    BUILT.mkdir(parents=True, exist_ok=True)
    headers = [path.stat().st_mtime for path in HERE.glob("*.h")]
    for name, parts in PROGRAMS.items():
        program = BUILT / name
        sources = [(HERE / part).stat().st_mtime for part in parts if part.endswith(".c")]
        if not program.exists() or program.stat().st_mtime < max(headers + sources):
            command = [os.environ.get("CC", "cc"), *FLAGS, "-o", program, *parts]
            subprocess.run(command, cwd=HERE, check=True)
    with open(FILTER, "wb") as out:
        subprocess.run([BUILT / "filter-file"], stdout=out, check=True)


def install(path, name):
    """A copy, as users have it and as the peers are here: what a linker has written lies in the
    page cache in small pieces, which makes each start a twentieth slower."""
    copy = BUILT / name
    if path.exists():
        shutil.copy(path, copy)
    else:
        copy.unlink(missing_ok=True)
    return copy


def find_place():
    """Emulated processors say so."""
    emulated = re.search("QEMU TCG|User Mode Linux", Path("/proc/cpuinfo").read_text())
    return "lab" if emulated else "host"


def find_tmpfs():
    """For reports and the runtimes' state: a disk's journal is not what is measured."""
    mounts = Path("/proc/self/mounts").read_text()
    for path in ("/run", "/dev/shm"):
        if re.search(rf"^\S+ {path} tmpfs ", mounts, re.MULTILINE):
            return path
    return "/run"


def cgroup_kind():
    if re.search(r"^\d+:memory:", Path("/proc/self/cgroup").read_text(), re.MULTILINE):
        return "hybrid" if Path("/sys/fs/cgroup/unified").is_dir() else "v1"
    return "v2"


class Stopwatch:
    """Runs tests/bench/stopwatch.c and reads what it prints."""

    def __init__(self, work):
        self.work = work

    def measure(self, contestants, *options):
        lines = "".join(contestant.line() for contestant in contestants)
        with open(self.work / "stderr", "w+") as errors:  # a pipe's reader would run in between
            done = subprocess.run([BUILT / "stopwatch", *map(str, options)], cwd=BUILT, check=False,
                                  input=lines, text=True, stdout=subprocess.PIPE, stderr=errors,
                                  env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                       "HOME": str(self.work)})
            errors.seek(0)
            said = errors.read().strip()
        if done.returncode:
            raise Unmeasured("; ".join(said.splitlines()[-2:]) or f"status {done.returncode}")
        return dict(self.parse(line) for line in done.stdout.splitlines())

    @staticmethod
    def parse(line):
        name, rounds, *usecs = line.split("\t")
        return name, Stats(int(rounds), *(float(usec) / 1000 for usec in usecs))

    def able(self, contestants, *options):
        """Those that work here, each tried alone first."""
        for contestant in contestants:
            try:
                self.measure([contestant], "-n", 1, "-w", 0, *options)
                yield contestant
            except Unmeasured as reason:
                print(f"  not measured: {reason}")


def bubblewrap(command, unshare=NAMESPACES, fd=9):
    """The namespaces and mounts of a cage, and a filter that is read from descriptor fd."""
    argv = [shutil.which("bwrap") or "/usr/bin/bwrap", *("--unshare-" + kind for kind in unshare),
            "--bind", "/", "/", "--proc", "/proc"]
    for path in HIDDEN:
        argv += ["--tmpfs", path]
    if str(BUILT).startswith(tuple(path + "/" for path in HIDDEN)):
        argv += ["--bind", BUILT, BUILT]  # as memcage does with the working directory
    return [*argv, "--seccomp", str(fd), "--", command]

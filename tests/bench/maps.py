# SPDX-License-Identifier: Apache-2.0
"""maps - rows of the bench about `memcage map`: its rate, its memory, a crowd, kills.

The ledger lies beside the programs, on a disk, as users' do; it grows from round to round.
"""

import contextlib
import os
import select
import shutil
import socket
import sqlite3
import struct
import subprocess
import tempfile
import time
from statistics import median

from parts import BUILT, FILTER, LIMIT, NOTHING, VICTIM, Contestant, Unmeasured, bubblewrap

LEDGER = BUILT / "ledger.db"
BESIDE = "./" + NOTHING.name  # runs start in its folder, which may be hidden where it has a name
AT_ONCE = 8
PATIENCE = 120  # seconds until a job that says nothing has failed


def drop_ledger():
    for path in BUILT.glob(LEDGER.name + "*"):
        path.unlink()


class Sleepers:
    """A map of victims (victim.c) that have one socket together and wait for a word on it."""

    def __init__(self, path, items, *options, ledger=LEDGER):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.settimeout(PATIENCE)
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.begin = time.monotonic()
        with theirs:
            fd = theirs.fileno()
            self.map = subprocess.Popen(
                [path, "map", "-q", "--progress", "none", "--ledger", ledger, "--pass-fd", str(fd),
                 "-a", items, *options, "--", VICTIM, str(fd)],
                cwd=BUILT, pass_fds=[fd], stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ours.close()  # end of file lets the jobs go
        if self.map.poll() is None:
            self.map.terminate()
        self.map.wait()

    def hear(self):
        """Gives the pid, as we see it, of a job that runs."""
        try:
            _, extra, _, _ = self.ours.recvmsg(8, socket.CMSG_SPACE(struct.calcsize("3i")))
            return struct.unpack("3i", extra[0][2])[0]
        except socket.timeout:
            raise Unmeasured("a job of a map did not start") from None

    def hear_dates(self):
        """Gives the last date that a victim has told, before the next job is heard."""
        date = None
        while select.select([self.ours], [], [], 0)[0]:
            said = self.ours.recv(8, socket.MSG_PEEK)
            if len(said) != 8:
                break
            date = struct.unpack("=Q", self.ours.recv(8))[0]
        if date is None:
            raise Unmeasured("a victim has told no date")
        return date

    def await_end(self, status):
        if self.map.wait(timeout=PATIENCE) != status:
            raise Unmeasured(f"the map ended with status {self.map.returncode}, not {status}")


class MapRows:
    """For Bench."""

    def items_file(self, count):
        path = self.work / f"items-{count}"
        path.write_text("".join(f"{number}\n" for number in range(count)))
        return path

    def map_command(self, path, count, *options):
        return [path, "map", "-q", "--progress", "none", "--ledger", LEDGER, "-j", AT_ONCE,
                "-m", "64M", *options, "-a", self.items_file(count), "--", NOTHING]

    # -- how many a second ------------------------------------------------------------------------

    def crowds(self, jobs):
        items = self.items_file(jobs)
        for name, path in self.memcages():
            yield Contestant(name, self.map_command(path, jobs))
        yield Contestant("minimum", [BUILT / "minimum", "-n", jobs, "-j", AT_ONCE, "--", BESIDE])
        parallel = shutil.which("parallel") or "/usr/bin/parallel"
        parallel = [parallel, "--will-cite", f"-j{AT_ONCE}", "-a", items, NOTHING]
        yield Contestant("parallel", parallel)
        yield Contestant("xargs", ["/usr/bin/xargs", "-P2", "-n1", "-a", items, NOTHING])
        many = [BUILT / "many", jobs, 2, FILTER, "--"]
        yield Contestant("bubblewrap", [*many, *bubblewrap(NOTHING, ["all"])])

    def row_rate(self):
        """xargs would give all bubblewraps one descriptor to read their filter from, at one
        position; many.c, which takes its place, is the faster of the two."""
        jobs = self.rounds["jobs"]
        drop_ledger()
        contestants = list(self.watch.able(self.crowds(jobs), "-t", 600))
        stats = self.watch.measure(contestants, "-n", self.rounds["maps"], "-w", 1, "-t", 600)
        drop_ledger()
        rates = {name: jobs * 1000 / one.median for name, one in stats.items()}
        words = {"memcage": "map, -j 8, ledger", "minimum": "one process, 8 at once, no ledger",
                 "parallel": "-j8, no isolation", "xargs": "-P2, no isolation",
                 "bubblewrap": "2 at once, all namespaces, filter"}
        print(f"\n{f'{jobs} tiny jobs, jobs a second':<50}{'median':>8}{'p10':>8}{'p90':>8}"
              f"{'memcage':>9}")
        for name, one in stats.items():
            said = f"{name}: {words[name]}" if name in words else name
            part = f"{rates['memcage'] / rates[name]:.2f}" if "memcage" in rates else ""
            print(f"  {said:<48}{rates[name]:>8.0f}{jobs * 1000 / one.p90:>8.0f}"
                  f"{jobs * 1000 / one.p10:>8.0f}{part:>9}")
        for peer in ("minimum", "parallel", "bubblewrap"):
            self.rate_bar(rates, peer)

    def rate_bar(self, rates, peer):
        what = f"map's jobs a second / {peer}'s"
        if "memcage" in rates and peer in rates:
            measured = f"({rates['memcage']:.0f} : {rates[peer]:.0f} /s)"
            self.bar("map " + peer, what, measured, rates["memcage"] / rates[peer], least=True)
        else:
            self.bar("map " + peer, what, "", None, least=True)

    # -- how much memory --------------------------------------------------------------------------

    def row_items(self):
        """What the kernel says when the supervisor is gone: the peak of the largest of it and all
        that it has waited for, never less than its own."""
        many = self.rounds["items"]
        few = min(1000, many // 3)
        peaks = {}
        print(f"\n{'Peak memory of a map, MiB':<50}{'peak':>8}")
        drop_ledger()
        for count in (few, many):
            one = Contestant("memcage", self.map_command(self.args.release, count))
            stats = self.watch.measure([one], "-m", "-n", 1, "-w", 0, "-t", 3600)
            peaks[count] = stats["memcage"].most * 1000 / 1024  # from KiB
            print(f"  {f'{count} items':<48}{peaks[count]:>8.1f}")
        drop_ledger()
        self.bar("items", f"peak with {many} items", "", peaks[many], "MiB")
        self.bar("more items", f"... above that with {few}", "", peaks[many] - peaks[few], "MiB")

    # -- many asleep ------------------------------------------------------------------------------

    def time_sleepers(self, count):
        """Milliseconds from the start until all run, and from a word to all until the map has
        ended, with nothing left of any.  How long a disk takes is not the question here."""
        options = ["-j", str(count), "-m", "4M", "--budget", f"{64 + 8 * count}M"]
        with tempfile.TemporaryDirectory() as folder, \
                Sleepers(self.args.release, self.items_file(count), *options,
                         ledger=os.path.join(folder, "ledger.db")) as sleepers:
            for _ in range(count):
                sleepers.hear()
            made = time.monotonic() - sleepers.begin
            time.sleep(0.1 + count / 5000)  # what the supervisor still reads is not their removal
            begin = time.monotonic()
            sleepers.ours.shutdown(socket.SHUT_RDWR)
            sleepers.await_end(0)
            return made * 1000, (time.monotonic() - begin) * 1000

    def row_asleep(self):
        """A job's share is of what comes on top of a map with one, which has the start and the end
        of the supervisor in it: else few would look dear, and many cheap.  The fastest of each
        count: a map with one job waits for the kernel's RCU in every other run."""
        most = self.rounds["asleep"]
        times = {1: [], 10: [], most: []}
        for _ in range(3):
            times[most].append(self.time_sleepers(most))
            for _ in range(self.rounds["maps"]):
                for count in (1, 10):
                    times[count].append(self.time_sleepers(count))
        print(f"\n{'Jobs asleep at once, ms each':<50}{'to make':>8}{'to end':>8}")
        shares = {}
        for count in (10, most):
            shares[count] = [(min(one[part] for one in times[count]) -
                              min(one[part] for one in times[1])) / (count - 1)
                             for part in (0, 1)]
            print(f"  {count:<48}{shares[count][0]:>8.2f}{shares[count][1]:>8.2f}")
        for part, word in enumerate(("make", "end")):
            few, many = shares[10][part], shares[most][part]
            self.bar("asleep", f"to {word} each of {most} asleep / of 10",
                     f"({many:.2f} : {few:.2f} ms)", many / few if few > 0 else None)

    # -- from the kill to the ledger --------------------------------------------------------------

    @staticmethod
    def await_row(ledger, number):
        """When another process sees the row: after its transaction, whatever date is in it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            rows = ledger.execute("SELECT count(*) FROM attempts WHERE cause = 'oom' "
                                  "AND ended_at IS NOT NULL").fetchone()[0]
            if rows == number:
                return time.monotonic_ns()
            time.sleep(0.0002)
        raise Unmeasured("a kill did not get into the ledger as oom")

    def kill(self, sleepers, ledger, number, rest):
        """Milliseconds to the victim's death, and to its row."""
        victim = os.pidfd_open(sleepers.hear())
        time.sleep(rest)
        sleepers.ours.send(b"!")
        select.select([victim], [], [], PATIENCE)
        dead = time.monotonic_ns()
        os.close(victim)
        seen = self.await_row(ledger, number)
        date = sleepers.hear_dates()
        return (dead - date) / 1e6, (seen - date) / 1e6

    def time_verdicts(self, kills, rest):
        drop_ledger()
        options = ["-j", "1", "-m", str(LIMIT)]
        with Sleepers(self.args.release, self.items_file(kills), *options) as sleepers:
            while not select.select([sleepers.ours], [], [], 0.01)[0]:
                if sleepers.map.poll() is not None:
                    raise Unmeasured(f"the map ended with status {sleepers.map.returncode}")
            uri = f"file:{LEDGER}?mode=ro"
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as ledger:
                times = [self.kill(sleepers, ledger, number, rest)
                         for number in range(1, kills + 1)]
            sleepers.await_end(1)
        drop_ledger()
        return times

    def row_verdict(self):
        """From the victim's death, which its pidfd tells, until another process sees the verdict.
        Beside it the same from a date that the victim has told before it took its last MiB: up to
        the death that is mostly the kernel's, which looks for memory in all caches first."""
        print(f"\n{'From the kill to its verdict in the ledger, ms':<50}{'median':>8}{'p10':>8}"
              f"{'p90':>8}{'limit':>9}")
        for what, rest in (("lone kills", 0.6), ("one after the other", 0)):
            deaths, rows = zip(*self.time_verdicts(self.rounds["kills"], rest))
            times = sorted(row - death for row, death in zip(rows, deaths))
            low, middle, high = (times[(len(times) - 1) * percent // 100]
                                 for percent in (10, 50, 90))
            whole = median(rows)
            print(f"  {what:<48}{middle:>8.2f}{low:>8.2f}{high:>8.2f}{whole:>9.2f}")
            self.bar("verdict", f"kill to verdict, {what}", f"({whole:.2f} from the limit)", middle,
                     "ms")

# SPDX-License-Identifier: Apache-2.0
"""The machine that the suite runs on, and a cgroup for each case on it."""

import os
import re
import signal
import time

import settle

MIB = 1 << 20
UNIFIED = 'unified'


def read(path, otherwise=''):
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            return file.read()
    except OSError:
        return otherwise


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(str(text))


class Host:
    """The machine that the suite runs on."""

    WANTED = ('memory', 'cpu', 'cpuacct', 'pids', 'cpuset', 'freezer', 'blkio')

    def __init__(self):
        self.lab = os.environ.get('LAB_KERNEL', '')
        self.block_device = os.environ.get('LAB_BLOCK_DEVICE', '')
        self.psi = os.path.exists('/proc/pressure/memory')
        self.kmsg = self.opens('/dev/kmsg')
        self.cpus = len(os.sched_getaffinity(0))
        self.memory_bytes = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
        self.page = os.sysconf('SC_PAGE_SIZE')
        self.trees = self.find_trees()      # hierarchy -> this process's own folder there
        self.backend = 'v1' if 'memory' in self.trees else 'v2'
        self.v2 = self.backend == 'v2'
        own = self.trees[UNIFIED] if self.v2 else self.trees['memory']
        self.root = self.v2 and not os.path.exists(own + '/cgroup.type')
        self.controllers = self.find_controllers()
        self.swap_limit = 'memory' in self.controllers and self.has_swap_limit(own)
        self.resource = self.capable(24)    # CAP_SYS_RESOURCE: may lower oom_score_adj
        self.slow = 1.0

    @staticmethod
    def opens(path):
        try:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    @staticmethod
    def capable(bit):
        found = re.search(r'CapEff:\s*([0-9a-f]+)', read('/proc/self/status'))
        return bool(found and int(found.group(1), 16) >> bit & 1)

    def find_trees(self):
        mounts = {}
        for line in read('/proc/self/mountinfo').splitlines():
            left, right = line.split(' - ', 1)
            root, point = left.split()[3:5]
            kind, _, options = right.split(' ', 2)
            if kind == 'cgroup2':
                mounts.setdefault(UNIFIED, (root, point))
            elif kind == 'cgroup':
                for name in set(options.split(',')) & set(self.WANTED):
                    mounts.setdefault(name, (root, point))
        trees = {}
        for line in read('/proc/self/cgroup').splitlines():
            _, names, path = line.split(':', 2)
            for name in names.split(',') if names else [UNIFIED]:
                if name in mounts:
                    root, point = mounts[name]
                    inner = path[len(root):] if root != '/' and path.startswith(root) else path
                    trees[name] = (point + inner).removesuffix('/' + settle.LEAF).rstrip('/')
        return trees

    def find_controllers(self):
        if not self.v2:
            return set(self.trees) - {UNIFIED} | ({'io'} if 'blkio' in self.trees else set())
        names = set(read(self.trees[UNIFIED] + '/cgroup.controllers').split())
        return names | ({'cpuacct'} if 'cpu' in names else set())

    def has_swap_limit(self, own):
        if not self.v2:
            return os.path.exists(own + '/memory.memsw.limit_in_bytes')
        probe = own + f'/live-probe-{os.getpid()}'
        os.mkdir(probe)
        found = os.path.exists(probe + '/memory.swap.max')
        os.rmdir(probe)
        return found

    def describe(self):
        return (
            f'kernel {os.uname().release}, {self.backend}, {" ".join(sorted(self.controllers))}, '
            f'{self.cpus} CPUs, {"PSI" if self.psi else "no PSI"}, {self.lab or "no lab"}')


HOST = Host()


class Home:
    """A cgroup below our own in every hierarchy, for one case; memcage makes its cages below it."""

    def __init__(self, name):
        self.folders = {tree: f'{own}/{name}' for tree, own in HOST.trees.items()}
        for folder in set(self.folders.values()):   # fewer where controllers share a hierarchy
            os.mkdir(folder)
        for file in ('cpuset.cpus', 'cpuset.mems') if 'cpuset' in self.folders else ():
            write(f'{self.folders["cpuset"]}/{file}',
                  read(f'{HOST.trees["cpuset"]}/{file}').strip())

    def give(self, user):
        """As a manager delegates it: the folder and what moves processes, not the limits."""
        delegated = read('/sys/kernel/cgroup/delegate').split() if HOST.v2 else ['cgroup.procs',
                                                                                 'tasks']
        for folder in set(self.folders.values()):
            for path in [folder, *(f'{folder}/{name}' for name in delegated)]:
                try_to(os.chown, path, user, user)

    @property
    def memory(self):
        return self.folders[UNIFIED if HOST.v2 else 'memory']

    def limit_memory(self, size):
        if HOST.v2:
            write(self.memory + '/memory.max', size)
            if os.path.exists(self.memory + '/memory.swap.max'):
                write(self.memory + '/memory.swap.max', 0)
        else:
            write(self.memory + '/memory.limit_in_bytes', size)

    def joins(self):
        return [word for folder in set(self.folders.values()) for word in ('-g',
                folder + '/cgroup.procs')]

    def groups(self):
        """All cgroups below, deepest first."""
        for folder in set(self.folders.values()):
            if os.stat(folder).st_nlink > 2:    # it has folders
                for path, _, _ in os.walk(folder, topdown=False):
                    if path != folder:
                        yield path

    def pids(self):
        """All processes in here, in any hierarchy."""
        return {int(pid) for folder in {*self.folders.values(), *self.groups()}
                for pid in read(folder + '/cgroup.procs').split()}

    def kill(self):
        deadline = time.monotonic() + 10
        while (pids := self.pids()) and time.monotonic() < deadline:
            for pid in pids:
                try_to(os.kill, pid, signal.SIGKILL)
            time.sleep(0.02)

    def remove(self):
        for path in [*self.groups(), *set(self.folders.values())]:
            try_to(os.rmdir, path)


def give(folder, user):
    """A folder with all that is in it."""
    for path, folders, files in os.walk(folder):
        for name in ['.', *folders, *files]:
            os.chown(os.path.join(path, name), user, user, follow_symlinks=False)


def try_to(action, *arguments):
    try:
        action(*arguments)
    except OSError:
        pass


def comm(pid):
    return read(f'/proc/{pid}/comm').strip()

# SPDX-License-Identifier: Apache-2.0
"""What memcage doctor said to a caller, and trying whether it is so."""

import json
import os
import subprocess

from host import HOST
from schema import Schema

LINES = ('backend', 'controllers', 'delegation', 'namespaces', 'user-namespace', 'seccomp',
         'notify', 'kmsg', 'psi', 'swap', 'limits-above', 'tmp', 'systemd', 'leftovers', 'kernel')


class Doctor:
    """What it said, and the same caller once more, to try it."""

    def __init__(self, live, prefix=(), home=None):
        self.live, self.prefix, self.home = live, list(prefix), home
        self.status, text, err = self.call('%memcage', 'doctor', '--json')
        silent = all(line.startswith('==') for line in err.splitlines())    # a sanitizer's
        live.ensure(self.status in (0, 1) and silent, f'status {self.status}: {err}')
        self.said = json.loads(text)
        self.check_schema()
        self.lines = {line['name']: line for line in self.said['findings']}
        live.ensure(tuple(self.lines) == LINES, f'the lines are {tuple(self.lines)}')
        live.ensure(self.said['works'] == (self.status == 0), f'status {self.status}, {self.said}')

    def check_schema(self):
        wrong = Schema('memcage-doctor-1').wrong(self.said)
        self.live.ensure(not wrong, f'the schema is not met: {wrong} in {self.said}')

    def call(self, *argv):
        process = self.live.launch([*self.prefix, *argv], stdout=subprocess.PIPE, home=self.home,
                                   stderr=subprocess.PIPE)
        out = self.live.read_all(process.stdout).decode()
        err = self.live.read_all(process.stderr).decode()
        return self.live.wait(process), out, err

    def works(self, commands):
        """Which of these lines a shell carries out."""
        lines = [f'{{ {line}; }} >/dev/null 2>&1; echo $?' for line in commands]
        status, out, err = self.call('sh', '-c', '\n'.join(lines))
        self.live.ensure(status == 0 and out.count('\n') == len(lines), f'it said {out!r}, {err}')
        return [line == '0' for line in out.splitlines()]

    def runs(self, *options):
        """Does memcage run with these options?  Else it must refuse them."""
        status, _, err = self.call('%memcage', 'run', '--workdir', '/', *options, '--', '@nothing',
                                   '3')
        # Where there is no /proc a sanitizer sees no options of its own, and fails at the end.
        refused = status == 125 or 'LeakSanitizer has encountered a fatal error' in err
        self.live.ensure(status == 3 or refused, f'run {options} ended with {status}: {err}')
        return status == 3

    def state(self, line, item=None):
        if item is None:
            return self.lines[line]['state']
        return {item['name']: item['state'] for item in self.lines[line]['items']}[item]

    def agree(self, yes, does, what):
        said = {line['name']: (line['state'], line['value']) for line in self.said['findings']}
        self.live.ensure(yes == does, f'doctor says {what}: {yes}, it is {does}; '
                         f'{said.get(what.split()[0], said["backend"])}')

    def expect(self, line, state, **parts):
        found = self.lines[line]
        self.live.ensure(found['state'] == state, f'{line} is not {state}: {found}')
        for key, part in parts.items():
            self.live.ensure(part in (found[key] or ''), f'{line}.{key} lacks {part!r}: {found}')

    def compare(self):
        """Each statement that can be tried without changing the machine."""
        self.agree(self.said['works'], self.runs('-m', '64M'), 'works')
        options = {'memory': ('-m', '64M'), 'cpu': ('-c', '0.5'), 'pids': ('--pids', '50'),
                   'cpuset': ('--cpuset', min(os.sched_getaffinity(0))),
                   'cpuacct': ('--cpu-time', '9s')}
        if HOST.block_device:
            options['io'] = ('--io', f'{HOST.block_device}:wbps=1M')
        for item in self.lines['controllers']['items']:
            if item['name'] in options:
                ok = item['state'] == 'ok' and self.said['works']
                self.agree(ok, self.runs(*options[item['name']]), f'controllers {item["name"]}')
        net = self.state('namespaces', 'net') != 'no' and self.runs()
        self.agree(net, self.runs('--network', 'none'), 'namespaces net')
        tries = {('namespaces', name): f'unshare --{name} true'
                 for name in ('mount', 'ipc', 'uts', 'cgroup', 'net')}
        tries |= {('namespaces', 'pid'): 'unshare --pid --fork true',
                  ('namespaces', '/proc'): 'unshare -mpf --mount-proc true',
                  ('user-namespace',): 'unshare -Urm true',
                  ('kmsg',): '[ -c /dev/kmsg ] && [ "$(stat -Lc %t:%T /dev/kmsg)" = 1:b ] && '
                             '(: </dev/kmsg)',
                  ('psi',): 'cat /proc/pressure/memory'}
        for line, does in zip(tries, self.works(tries.values())):
            yes = self.state(*line) != 'no' if line == ('kmsg',) else self.state(*line) == 'ok'
            self.agree(yes, does, ' '.join(line))
        return self

# SPDX-License-Identifier: Apache-2.0
"""A place for the suite on cgroup v2: a cgroup below which controllers can be enabled.

The root takes that beside processes, as in a lab.  Elsewhere the suite needs a cgroup of its own,
and steps into a leaf of it; below systemd it asks for a scope and starts again in that.
"""

import os
import sys

ROOT = '/sys/fs/cgroup'
LEAF = 'live-runner'


def own_cgroup():
    """Our folder in a pure v2 tree; None where there is none, or where it is the root."""
    if not os.path.exists(ROOT + '/cgroup.controllers'):
        return None
    with open('/proc/self/cgroup', encoding='utf-8') as file:
        path = file.read().strip().split('::', 1)[1]
    folder = (ROOT + path).rstrip('/')
    return folder if os.path.exists(folder + '/cgroup.type') else None


def members(folder):
    with open(folder + '/cgroup.procs', encoding='ascii') as file:
        return set(map(int, file.read().split()))


def settle():
    folder = own_cgroup()
    if folder is None or os.path.basename(folder) == LEAF:
        return
    if members(folder) != {os.getpid()}:
        if 'LIVE_SETTLED' in os.environ or not os.path.exists('/run/systemd/system'):
            sys.exit(f'the suite must be alone in its cgroup, which is {folder}')
        os.environ['LIVE_SETTLED'] = 'yes'
        os.execvp('systemd-run', ['systemd-run', '--quiet', '--scope', '-p', 'Delegate=yes', '--',
                                  sys.executable, *sys.argv])
    os.makedirs(f'{folder}/{LEAF}', exist_ok=True)
    with open(f'{folder}/{LEAF}/cgroup.procs', 'w', encoding='ascii') as file:
        file.write('0')
    with open(folder + '/cgroup.controllers', encoding='ascii') as file:
        controllers = file.read().split()
    with open(folder + '/cgroup.subtree_control', 'w', encoding='ascii') as file:
        file.write(' '.join('+' + name for name in controllers))


def leave():
    """Back to where we came from, so that nothing of us is left."""
    leaf = own_cgroup()
    if leaf is None or os.path.basename(leaf) != LEAF:
        return
    folder = os.path.dirname(leaf)
    with open(folder + '/cgroup.subtree_control', encoding='ascii') as file:
        controllers = file.read().split()
    with open(folder + '/cgroup.subtree_control', 'w', encoding='ascii') as file:
        file.write(' '.join('-' + name for name in controllers))
    with open(folder + '/cgroup.procs', 'w', encoding='ascii') as file:
        file.write('0')
    os.rmdir(leaf)

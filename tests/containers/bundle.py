# SPDX-License-Identifier: Apache-2.0
"""OCI bundles as Docker makes them: a rootfs, and a config.json for crun or runc."""

import json
import os
import shutil
import subprocess

BUSYBOX = '/bin/busybox'

# Docker's default list (moby, oci/caps/defaults.go).
DOCKER_CAPABILITIES = [f'CAP_{name}' for name in (
    'CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP',
    'SETPCAP', 'NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE')]
MASKED = ['/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys', '/proc/latency_stats',
          '/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi',
          '/sys/firmware']
READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']
NAMESPACES = ['pid', 'ipc', 'uts', 'mount', 'cgroup']
NAMESPACE_FLAGS = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000,
                   0x40000000]


def seccomp():
    """What Docker's profile denies a container without capabilities, and of it what we need."""
    denied = ['unshare', 'setns', 'mount', 'umount2', 'pivot_root', 'open_tree', 'move_mount',
              'fsopen', 'fsconfig', 'fsmount', 'mount_setattr', 'keyctl', 'add_key', 'request_key',
              'bpf', 'perf_event_open', 'quotactl', 'swapon', 'swapoff', 'kexec_load']
    by_flag = [{'names': ['clone'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 1,
                'args': [{'index': 0, 'value': flag, 'valueTwo': flag,
                          'op': 'SCMP_CMP_MASKED_EQ'}]} for flag in NAMESPACE_FLAGS]
    return {'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86_64'],
            'syscalls': [{'names': denied, 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 1},
                         {'names': ['clone3'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 38},
                         *by_flag]}


def mounts(one, out):
    listed = [
        ('proc', '/proc', 'proc', []),
        ('tmpfs', '/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
        ('devpts', '/dev/pts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666',
                                          'mode=0620']),
        ('shm', '/dev/shm', 'tmpfs', ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k']),
        ('sysfs', '/sys', 'sysfs', ['nosuid', 'noexec', 'nodev', 'ro']),
        ('cgroup', '/sys/fs/cgroup', 'cgroup', ['nosuid', 'noexec', 'nodev', 'relatime',
                                                one.cgroup]),
        (out, '/out', 'bind', ['rbind', 'rw'])]
    return [{'source': source, 'destination': place, 'type': kind, 'options': options}
            for source, place, kind, options in listed if place not in one.without]


def config(one, argv, cgroup, rootfs, out):
    capabilities = DOCKER_CAPABILITIES + [f'CAP_{name}' for name in one.capabilities]
    sets = {'bounding': capabilities, **({'effective': capabilities, 'permitted': capabilities}
                                         if one.user == 0 else {})}
    resources = {'unified': one.unified} if one.unified else {}
    if one.memory:
        resources['memory'] = {'limit': one.memory, 'swap': one.memory}
    masked = {'maskedPaths': MASKED, 'readonlyPaths': READ_ONLY} if one.masked else {}
    return {
        'ociVersion': '1.0.2',
        'process': {
            'terminal': False, 'user': {'uid': one.user, 'gid': one.user}, 'args': argv, 'cwd': '/',
            'env': ['PATH=/bin', 'MEMCAGE_CONTAINER=yes'], 'noNewPrivileges': one.no_new_privs,
            'capabilities': sets,
        },
        'root': {'path': rootfs, 'readonly': one.read_only},
        'hostname': 'box',
        'mounts': mounts(one, out),
        'linux': {'resources': resources, 'cgroupsPath': cgroup, **masked,
                  'namespaces': [{'type': name} for name in NAMESPACES],
                  **({'seccomp': seccomp()} if one.seccomp else {})},
    }


def make_rootfs(folder, memcage, victims, shell):
    """The static binary and the victims; a shell and its tools where one is wanted."""
    for name in ('bin', 'proc', 'dev', 'sys', 'out', 'tmp', 'var/tmp'):
        os.makedirs(f'{folder}/{name}')
    for name in ('tmp', 'var/tmp'):
        os.chmod(f'{folder}/{name}', 0o1777)
    shutil.copy(memcage, f'{folder}/bin/memcage')
    for name in ('hog', 'hide', 'leak', 'nothing', 'orphans'):
        shutil.copy(f'{victims}/{name}', f'{folder}/bin/{name}')
    if shell:
        shutil.copy(BUSYBOX, f'{folder}/bin/busybox')
        for name in subprocess.run([BUSYBOX, '--list'], capture_output=True, text=True,
                                   check=True).stdout.split():
            if name != 'busybox':
                os.symlink('busybox', f'{folder}/bin/{name}')


def write_bundle(folder, settings):
    os.makedirs(folder)
    with open(f'{folder}/config.json', 'w', encoding='utf-8') as file:
        json.dump(settings, file)

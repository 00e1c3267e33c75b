# SPDX-License-Identifier: Apache-2.0
"""The policy default: an ordinary command never notices it, tried with ordinary commands."""

import os
import shutil

from cases_cage import DENIED
from cases_exit import PLAIN
from expect import ANY, Is, contains, like
from harness import case, row

OK = {'outcome': 'ok', 'cause': 'exited', 'policy': 'default'}
HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
MAKEFILE = ('all: a b c\n%: %.c\n\tcc -O1 -o $@ $<\n')
SOURCES = {**{f'{name}.c': (HELLO, 0o644) for name in 'abc'}, 'Makefile': (MAKEFILE, 0o644)}
BUILD = 'make -s -j4 && ./a && ./b && ./c && rm -f a b c'


def lets(name, *words, **expected):
    expected.setdefault('report', OK)
    row(f'default_lets_{name}', run=list(words), **expected)


def lets_script(name, script, *options, **expected):
    lets(name, *options, '--', 'sh', '-c', script, **expected)


lets_script('compilers_and_make_work', BUILD, files=SOURCES, out='hello\n' * 3, within=60)
lets_script('dpkg_build_and_install',
            'mkdir -p p/DEBIAN root/var/lib/dpkg/updates root/var/lib/dpkg/info && '
            'touch root/var/lib/dpkg/status p/file && '
            'printf "Package: x\\nVersion: 1\\nArchitecture: all\\nMaintainer: x\\nDescription: x\\n" '
            '>p/DEBIAN/control && dpkg-deb --build p x.deb >/dev/null && '
            'dpkg --root=root --install x.deb >/dev/null && ls root/file && rm -rf p root x.deb',
            out='root/file\n', err=ANY, within=60)
lets_script('gdb_work', 'gdb -nx -batch -ex run -ex bt --args @@crash SIGSEGV; rm -f core',
            out=contains('SIGSEGV'), err=ANY, within=120)
lets_script('strace_work', 'strace -f -o log true && grep -c execve log && rm log',
            out=like('^[1-9]'), within=60)
lets_script('git_work',
            'git init -q r && cd r && echo x >f && git add f && '
            'git -c user.name=x -c user.email=x@y commit -qm m && git gc -q && git log --format=%s && '
            'cd .. && rm -rf r', '-e', 'HOME=/tmp', out='m\n', within=60)
lets('python_work', '--', 'python3', '-c',
     'import multiprocessing, sqlite3, ssl, threading\n'
     'if __name__ == "__main__":\n'
     '    with multiprocessing.get_context("fork").Pool(2) as pool:\n'
     '        print(sum(pool.map(abs, range(-9, 1))))', out='45\n', within=60)
lets('node_work', '--', 'node', '-e',
     'const w = new (require("worker_threads").Worker)("process.exit(7)", {eval: true});'
     'w.on("exit", code => console.log(code))', out='7\n', within=120)
lets_script('a_memcage_inside_work', '%memcage run -m 32M -- sh -c "exit 5"',
            '-m', '64M', status=5, report={'cause': 'exited', 'policy': 'default'})
lets_script('bubblewrap_inside_work',
            'bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev sh -c "echo \\$\\$; ls /dev/null"',
            out=like('^[0-9]+\n/dev/null\n'))
row('default_denies_what_changes_the_machine', run=['--', '@denied'], report=OK,
    out=Is(f'EPERM for {DENIED}',
           lambda text: all(f'{name}: EPERM\n' in text for name in DENIED)))


def setuid_id(live):
    """A setuid root program that says who it runs as; the options that make its caller nobody."""
    shutil.copy(shutil.which('id'), live.path('who'))
    os.chmod(live.path('who'), 0o4755)
    return ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', live.path('who'), '-u']


@case(leaves=['who'])
def default_gives_no_privileges_by_setuid(live):
    live.expect(live.run('--', *setuid_id(live)), status=0, report=PLAIN, out='65534\n')


@case(leaves=['who', 'policy.yaml'])
def a_policy_can_let_setuid_programs_work(live):
    live.put('policy.yaml', 'no-new-privs: false\n')
    live.expect(live.run('-p', './policy.yaml', '--', *setuid_id(live)), status=0, out='0\n',
                report={**OK, 'policy': './policy.yaml'})

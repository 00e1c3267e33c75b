# SPDX-License-Identifier: Apache-2.0
"""Policies: where they are from, what overrides what, and what is refused before anything is made."""

import os
import re

from cases_exit import PLAIN
from expect import ANY, Is, contains, lacks, like, warns
from harness import case, row
from host import HOST, MIB

NIGHT = ('extends: base.yaml\n'
         'limits: {memory: 64M}\n'
         'env: {NAME: night, OTHER: night}\n', 0o644)
BASE = ('limits: {memory: 32M, pids: 20, rlimits: {NOFILE: "100"}}\n'
        'env: {NAME: base, THIRD: base}\n'
        'network: none\n', 0o644)
FILES = {'night.yaml': NIGHT, 'base.yaml': BASE}
SAY = ['sh', '-c', 'echo $NAME $OTHER $THIRD; ulimit -n']
WELL = {key: value for key, value in PLAIN.items() if key != 'policy'}

# Where they are from ------------------------------------------------------------------------------

row('without_a_policy_it_is_the_default', run=['--', '@nothing'],
    report={**PLAIN, 'policy': 'default'})
row('the_default_policy_can_be_said', run=['-p', 'default', '-m', '64M', '--', '@nothing'],
    report={**PLAIN, 'policy': 'default', 'limits': {'memory_bytes': 64 * MIB}})
row('a_policy_may_be_a_file', files=FILES, run=['-p', 'night.yaml', '--', *SAY],
    out='night night base\n100\n',
    report={**WELL, 'policy': 'night.yaml', 'limits': {'memory_bytes': 64 * MIB, 'pids': 20}})
row('a_policy_may_be_a_file_elsewhere', files=FILES, cwd='/',
    argv=['run', '-r', '%cwd/r.json', '-p', '%cwd/night.yaml', '--', *SAY],
    out='night night base\n100\n', report={**WELL, 'policy': like(r'/night\.yaml$')})

# What overrides what ------------------------------------------------------------------------------

row('options_override_a_policy', files=FILES,
    run=['-p', 'night.yaml', '-m', '48M', '-e', 'NAME=option', '--rlimit', 'NOFILE=90', '--', *SAY],
    out='option night base\n90\n',
    report={**WELL, 'limits': {'memory_bytes': 48 * MIB, 'pids': 20}})
row('options_in_front_of_a_policy_override_it_too', files=FILES,
    run=['-m', '48M', '-e', 'NAME=option', '--rlimit', 'NOFILE=90', '-p', 'night.yaml', '--', *SAY],
    out='option night base\n90\n',
    report={**WELL, 'limits': {'memory_bytes': 48 * MIB, 'pids': 20}})


@case(files=FILES)
def a_network_of_ones_own_may_be_a_policys(live):
    ours = os.readlink('/proc/self/ns/net')
    for options, same in (['-p', 'night.yaml'], False), (['--network', 'host', '-p', 'night.yaml'],
            True):
        result = live.run(*options, '--', 'readlink', '/proc/self/ns/net')
        live.expect(result, status=0, report=WELL)
        live.ensure((result.out.strip() == ours) is same, f'{options}: {result.out}, not {ours}')


row('the_last_of_two_policies_counts', files=FILES,
    run=['-p', 'base.yaml', '-p', 'night.yaml', '-p', 'default', '--', '@nothing'],
    report={**WELL, 'policy': 'default', 'limits': {'memory_bytes': None, 'pids': None}})
row('binds_of_a_policy_and_of_options_add_up',
    files={'p.yaml': ('bind: [".:/tmp/one"]\n', 0o644)},
    run=['-p', 'p.yaml', '--bind', '.:/tmp/two', '--', 'sh', '-c', 'ls /tmp/one /tmp/two'],
    out='/tmp/one:\np.yaml\nr.json\n\n/tmp/two:\np.yaml\nr.json\n', report=WELL)
row('a_switch_that_was_set_can_be_taken_back',
    files={'a.yaml': ('clear-env: true\n', 0o644),
           'b.yaml': ('extends: a.yaml\nclear-env: false\n', 0o644)},
    run=['-p', 'b.yaml', '--', 'sh', '-c', 'echo $HERE'], env={'HERE': 'yes'}, out='yes\n',
    report=WELL)
row('a_variable_without_a_value_is_the_callers',
    files={'a.yaml': ('clear-env: true\nenv: {HERE: , PATH: }\n', 0o644)},
    run=['-p', 'a.yaml', '--', 'sh', '-c', 'echo $HERE $THERE'],
    env={'HERE': 'yes', 'THERE': 'no'}, out='yes\n', report=WELL)
row('an_oom_exit_code_may_be_a_policys', status=137,
    files={'p.yaml': ('limits: {memory: 32M}\noom-exit-code: 137\nformat: quiet\n', 0o644)},
    run=['-p', 'p.yaml', '--', '@hog', '64'], err='',
    report={'cause': 'oom', 'status': 137, 'oom': {'scope': 'job', 'limit_bytes': 32 * MIB}})
row('an_option_says_how_to_say_it_in_place_of_the_policy', status=120,
    files={'p.yaml': ('limits: {memory: 32M}\nformat: quiet\n', 0o644)},
    run=['-p', 'p.yaml', '--format', 'github', '--', '@hog', '64'], err=contains('::error'),
    report={'cause': 'oom'})
row('a_report_may_be_a_policys', files={'p.yaml': ('report: r.json\n', 0o644)},
    argv=['run', '-p', 'p.yaml', '--', '@nothing'], report={**WELL, 'policy': 'p.yaml'})


@case(files={'p.yaml': ('', 0o644)})
def a_descriptor_may_be_a_policys(live):
    near, far = os.pipe()
    live.put('p.yaml', f'pass-fd: {far}\n')
    process = live.start('run', '-r', 'r.json', '-p', 'p.yaml', '--', 'sh', '-c',
                         f'echo hello >&{far}', pass_fds=[far])
    os.close(far)
    result = live.finish(process)
    said = os.read(near, 100)
    os.close(near)
    live.expect(result, status=0, report=WELL)
    live.ensure(said == b'hello\n', f'the pipe says {said!r}')


# What is refused ----------------------------------------------------------------------------------


def refuse(name, text, says, policy='p.yaml'):
    row(f'a_policy_{name}_is_refused', status=2, out='', err=contains(says),
        files={'p.yaml': (text, 0o644)},
        argv=['run', '-r', 'r.json', '-p', policy, '--', 'sh', '-c', 'echo ran >ran'])


refuse('with_a_wrong_value', 'oom: kill-job\nlimits:\n  memory: 64Q\n',
       "memcage: p.yaml:3:11: limits.memory: '64Q' is not a size; say 512M, 1.5G or max\n")
refuse('with_a_typo', 'netwrok: none\n',
       "memcage: p.yaml:1:1: there is no key 'netwrok'; did you mean 'network'?\n")
refuse('with_a_key_twice', 'oom: kill-job\noom: kill-process\n', 'p.yaml:2:1: the key')
refuse('with_an_alias', 'bind: &a [/x]\nhide: *a\n', 'p.yaml:1:7: anchors')
refuse('that_is_no_yaml', 'oom: [\n', 'p.yaml:2:1: this is no YAML')
refuse('that_extends_itself', 'extends: ./p.yaml\n', 'circle: p.yaml -> ./p.yaml')
refuse('that_is_not_there', '', "cannot read 'q.yaml': No such file", policy='q.yaml')
refuse('that_is_a_folder', '', "cannot read './': it is no regular file", policy='./')
refuse('that_has_no_end', '', "cannot read '/dev/zero': it is no regular file", policy='/dev/zero')
refuse('with_a_name_that_is_not_there', '', "there is no policy 'defualt'; did you mean 'default'?",
       policy='defualt')
refuse('without_a_name', '', "cannot read ''", policy='')
refuse('that_is_too_large', '#' * 65537, 'p.yaml: more than 65536 bytes')


@case(leaves=['p.yaml'])
def a_policy_that_is_a_fifo_is_refused_at_once(live):
    os.mkfifo(live.path('p.yaml'))
    result = live.memcage('run', '-p', 'p.yaml', '--', '@nothing')
    live.expect(result, status=2, err=contains("cannot read 'p.yaml': it is no regular file"))
    live.ensure(result.seconds < 5, f'took {result.seconds:.1f} s')


# The verb -----------------------------------------------------------------------------------------

row('policies_are_listed', argv=['policy', 'list'], err='', out=like(r'\Adefault  +\S'))
row('a_policy_that_is_right_is_told_so', files=FILES, argv=['policy', 'check', 'night.yaml'],
    err='', out='night.yaml: right\n')
row('all_that_is_wrong_with_a_policy_is_told', argv=['policy', 'check', 'p.yaml'], status=2,
    files={'p.yaml': ('oom: x\nlimits: {pids: y}\n', 0o644)}, out='',
    err=like(r'\Amemcage: p\.yaml:1:6: .*\nmemcage: p\.yaml:2:16: .*\n\Z'))
row('a_policy_is_shown_with_what_it_inherits', files=FILES, argv=['policy', 'show', 'night.yaml'],
    err='', out=Is('all lines', lambda text: {
        'limits.memory 64M night.yaml:2 memory.max (v1: memory.limit_in_bytes)',
        'limits.pids 20 base.yaml:1 pids.max', 'network none base.yaml:3 network namespace',
        'limits.rlimits.NOFILE 100 base.yaml:1 setrlimit(2)',
        'env.NAME night night.yaml:3 environment', 'env.THIRD base base.yaml:2 environment',
        'oom kill-job built in memory.oom.group (v1: memcage)',
    } <= {' '.join(line.split()) for line in text.splitlines()}))


def shown(name, *lines):
    """What `memcage policy show` says of keys, places aside; @ is the policy's own file."""
    def test(text):
        seen = {re.sub(r'yaml:\d+', 'yaml', ' '.join(line.split())) for line in text.splitlines()}
        return {line.replace('@', f'{name}.yaml') for line in lines} <= seen
    row(f'{name}_is_shown', argv=['policy', 'show', name], err='', out=Is(f'{lines}', test))


shown('default', 'network host built in network namespace', 'root rw built in mount',
      'limits.grace 2s built in timer', 'oom-exit-code 120 built in exit status',
      'seccomp default built in seccomp(2)', 'no-new-privs true built in prctl(2)')
shown('build', 'network none @ network namespace', 'root ro @ mount', 'bind . @ mount',
      'limits.pids 4096 @ pids.max', 'env.XDG_CACHE_HOME /tmp/cache @ environment',
      'format text built in stderr')
shown('ci', 'network host @ network namespace', 'root ro build.yaml mount',
      'bind . build.yaml mount', 'limits.pids 4096 build.yaml pids.max', 'format github @ stderr')
shown('python', 'env.TMPDIR /tmp @ environment', 'env.OMP_NUM_THREADS {cpus} @ environment',
      'network host built in network namespace', 'root rw built in mount')
shown('entrypoint', 'oom-exit-code 137 @ exit status',
      'oom kill-process @ memory.oom.group (v1: memcage)', 'limits.grace 9s @ timer',
      'allow-unsupported namespace-unavailable,tmp-not-private @ memcage',
      'backend auto built in cgroup version', 'clear-env false built in environment')
shown('strict', 'root ro @ mount', 'hide /home @ mount', 'network none @ network namespace',
      'clear-env true @ environment', 'user 65534:65534 @ setresuid(2), uid_map',
      'capabilities none @ capset(2), user namespace', 'no-new-privs true @ prctl(2)',
      'seccomp strict @ seccomp(2)',
      'limits.memory 512M @ memory.max (v1: memory.limit_in_bytes)', 'limits.pids 64 @ pids.max',
      'limits.rlimits.CORE 0 @ setrlimit(2)')

row('a_policy_without_a_word_is_refused', argv=['policy'], status=2, out='',
    err=contains('memcage policy --help'))
row('a_word_that_is_no_policys_is_refused', argv=['policy', 'print'], status=2, out='',
    err=contains("'print'"))
row('a_policy_to_show_must_be_named', argv=['policy', 'show'], status=2, out='',
    err=contains("'show'"))
row('two_policies_to_show_are_refused', argv=['policy', 'show', 'default', 'python'], status=2,
    out='', err=contains("'python'"))
row('the_help_of_policy_names_its_words', argv=['policy', '--help'], err='',
    out=contains('list', 'show', 'check'))
row('the_help_of_a_word_of_policy_is_there', argv=['policy', 'show', '-h'], err='',
    out=contains('list', 'show', 'check'))
row('the_version_is_told_to_policy', argv=['policy', '--version'],
    out=like(r'\Amemcage \d+\.\d+'), err='')

# python -------------------------------------------------------------------------------------------

THREADS = ['sh', '-c', 'env | grep -c "_NUM_THREADS=2$"; env | grep -c THREADS= || true']
row('python_counts_the_cpus_that_there_may_be', run=['-p', 'python', '-c', '1.5', '--', *THREADS],
    out=like(r'\A7\n10\n\Z'), report={**WELL, 'policy': 'python'})
row('python_counts_no_cpus_where_none_are_limited', run=['-p', 'python', '--', *THREADS],
    out='0\n0\n', report=WELL)
row('python_leaves_alone_what_the_caller_counts',
    run=['-p', 'python', '-c', '2', '-e', 'MKL_NUM_THREADS=7', '--', 'sh', '-c',
         'echo $OMP_NUM_THREADS $MKL_NUM_THREADS $RAYON_NUM_THREADS'],
    env={'OMP_NUM_THREADS': '5'}, out='5 7 2\n', report=WELL)
row('python_keeps_caches_in_the_cage', env={'XDG_CACHE_HOME': '/root/.cache', 'TMPDIR': '/root'},
    run=['-p', 'python', '--', '/usr/bin/python3', '-c',
         'import os, tempfile\nos.makedirs(os.environ["XDG_CACHE_HOME"])\n'
         'print(tempfile.gettempdir(), *sorted(os.environ[name] for name in ('
         '"XDG_CACHE_HOME", "JOBLIB_TEMP_FOLDER", "NUMBA_CACHE_DIR", "MPLCONFIGDIR")))\n'
         'os.rmdir("/tmp/cache")'],
    out='/tmp /tmp/cache /tmp/joblib /tmp/matplotlib /tmp/numba\n', report=WELL)
row('python_is_an_ordinary_cage', run=['-p', 'python', '--', 'sh', '-c', 'echo $HOME'],
    out=lacks('tmp'), report=WELL)

# build --------------------------------------------------------------------------------------------

HELLO = '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n'
SERVE = '''import socket, threading
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b"hello")).start()
print(socket.create_connection(server.getsockname()).recv(5).decode())
'''
REACH = '''import socket
for place in ("192.0.2.1", 9), ("2001:db8::1", 9):
    try:
        socket.create_connection(place, 2)
        print("reached", place)
    except OSError as error:
        assert error.errno in (101, 97, 99), error
'''
TOUCH = '''import os, sys
for place in sys.argv[1:]:
    try:
        open(place + "/memcage-was-here", "w").close()
        print("wrote to", place)
    except OSError as error:
        print(os.strerror(error.errno))
'''
READ_ONLY = 'Read-only file system\n'


def python(script, *arguments):
    return ['/usr/bin/python3', '-c', script, *arguments]


row('build_compiles_and_runs_what_is_here', files={'hello.c': (HELLO, 0o644)}, leaves=['hello'],
    run=['-p', 'build', '--', 'sh', '-c', 'gcc -o hello hello.c && ./hello'], out='hello\n',
    report={**WELL, 'policy': 'build', 'limits': {'pids': 4096}})
row('build_writes_nowhere_else', out=READ_ONLY * 5, report=WELL,
    run=['-p', 'build', '--', *python(TOUCH, '/', '/usr', '/etc', '/root', '/var/lib')])
row('build_keeps_the_folder_above_as_it_is', out=READ_ONLY, report=WELL, cwd='/usr/local/lib',
    argv=['run', '-r', '%cwd/r.json', '-p', 'build', '--', *python(TOUCH, '..')])
row('build_has_a_private_tmp', out='', run=['-p', 'build', '--', 'sh', '-c',
    'cd /tmp && touch x && rm x && mkdir $XDG_CACHE_HOME && rmdir $XDG_CACHE_HOME'], report=WELL)
row('build_has_a_loopback_to_test_servers', run=['-p', 'build', '--', *python(SERVE)],
    out='hello\n', report=WELL)
row('build_reaches_nobody', run=['-p', 'build', '--', *python(REACH)], out='', report=WELL)
row('build_runs_git', leaves=['repository'], report=WELL, out='1\n',
    run=['-p', 'build', '-e', 'HOME=/tmp', '--', 'sh', '-ec',
         'git init -q repository; cd repository; echo x >x; git add x; '
         'git -c user.name=x -c user.email=x@y commit -qm x; git log --oneline | wc -l; '
         'rm -rf .git x; cd ..; rmdir repository'])

# ci -----------------------------------------------------------------------------------------------


@case()
def ci_has_the_network_of_the_host(live):
    result = live.run('-p', 'ci', '--', 'readlink', '/proc/self/ns/net')
    live.expect(result, status=0, report={**WELL, 'policy': 'ci'})
    live.ensure(result.out.strip() == os.readlink('/proc/self/ns/net'), result.out)


row('ci_writes_nowhere_else', out=READ_ONLY * 2, report=WELL,
    run=['-p', 'ci', '--', *python(TOUCH, '/usr', '/root')])
row('ci_makes_annotations', status=124, run=['-p', 'ci', '-t', '100ms', '--', 'sleep', '10'],
    err=contains('::error'), report={'cause': 'timeout', 'policy': 'ci'})
row('ci_can_be_given_the_whole_tree', leaves=['made'], report=WELL, out='',
    run=['-p', 'ci', '--root', 'rw', '--', 'sh', '-c', 'touch /usr/local/memcage-was-here && '
         'rm /usr/local/memcage-was-here'])

# entrypoint ---------------------------------------------------------------------------------------

row('entrypoint_leaves_variables_as_they_are', env={'HERE': 'yes'}, out='yes /\n',
    run=['-p', 'entrypoint', '--', 'sh', '-c', 'echo $HERE $HOME'],
    report={**WELL, 'policy': 'entrypoint'})
row('entrypoint_says_137_for_a_kill_for_memory', status=137,
    run=['-p', 'entrypoint', '-m', '32M', '--', '@hog', '64'],
    report={'cause': 'oom', 'status': 137, 'oom': {'scope': 'job'}})
row('entrypoint_says_137_for_a_kill_that_was_hidden', status=137,
    run=['-p', 'entrypoint', '-m', '32M', '--', 'sh', '-c',
         '@@hog 64; exit 0'], err=ANY,
    report={'cause': 'oom', 'exit_code': 0, 'oom': {'main_survived': True}})
row('entrypoint_passes_a_status_on', status=3,
    run=['-p', 'entrypoint', '--', 'sh', '-c', 'exit 3'], report={'cause': 'exited'})

# strict -------------------------------------------------------------------------------------------

LOOK = '''import os
print(os.getuid(), os.geteuid(), os.getgid(), os.getgroups(), os.getcwd(), os.uname().nodename)
print(sorted(os.environ))
print([place for place in ("/boot", "/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv")
       if os.path.exists(place) and os.listdir(place)])
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines())
print(*(status[key].strip("0") for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")),
      status["NoNewPrivs"], status["Seccomp"])
'''
row('strict_shows_almost_nothing', run=['-p', 'strict', '--', *python(LOOK)],
    env={'TOKEN': 'secret'}, report={**WELL, 'policy': 'strict', 'limits': {
        'memory_bytes': 512 * MIB, 'swap_bytes': 0, 'pids': 64, 'tmp_bytes': 64 * MIB,
        'timeout_seconds': 60, 'cpus': 1}},
    out=like(r"\A65534 65534 65534 \[(65534)?\] /tmp cage\n"
             r"\['HOME', 'LANG', ('LC_CTYPE', )?'PATH', 'TMPDIR'\]\n\[\]\n +1 2\n\Z"))
row('strict_writes_to_its_tmp_alone', report=WELL,
    run=['-p', 'strict', '--', *python(TOUCH, '/', '/usr', '/etc', '/var', '/home', '/root')],
    out=like(r'\A((Read-only file system|Permission denied)\n){6}\Z'))
row('strict_can_use_its_tmp', report=WELL, out='1048576\n',
    run=['-p', 'strict', '--', 'sh', '-ec', 'head -c 1M /dev/zero >x; wc -c <x; rm x'])
row('strict_reaches_nobody', run=['-p', 'strict', '--', *python(REACH)], out='', report=WELL)
row('strict_has_a_loopback', run=['-p', 'strict', '--', *python(SERVE)], out='hello\n',
    report=WELL)
row('strict_runs_pipelines', out='2\n', report=WELL,
    run=['-p', 'strict', '--', 'sh', '-c', 'printf "b\\na\\n" | sort | grep -c .'])
row('strict_runs_a_compiler', out='hello\n', report=WELL, files={'hello.c': (HELLO, 0o644)},
    run=['-p', 'strict', '--bind', 'hello.c:/tmp/hello.c:ro', '--', 'sh', '-ec',
         'gcc -o hello hello.c; ./hello; rm hello'])
row('strict_can_be_given_its_code', out='hello\n', report=WELL,
    files={'main.py': ('print("hello")\n', 0o644)},
    run=['-p', 'strict', '--bind', '.:/tmp/code:ro', '--', '/usr/bin/python3', 'code/main.py'])
row('strict_stops_a_fork_bomb', status=ANY, err=ANY,
    run=['-p', 'strict', '-t', '5s', '--', 'sh', '-c', 'f() { f | f & }; f; sleep 1'],
    report={'policy': 'strict', 'warnings': warns('pids-limit')})
# Hundreds of MiB take half a minute in a lab; what the policy gives is looked at above.
row('strict_stops_a_hog', status=120, run=['-p', 'strict', *(['-m', '96M'] if HOST.lab else []),
                                           '--', *python('bytearray(10**9)')],
    report={'cause': 'oom', 'oom': {'scope': 'job'}})
row('strict_can_be_loosened', out='yes\n', env={'HERE': 'yes'},
    run=['-m', '64M', '-p', 'strict', '-e', 'HERE', '--', 'sh', '-c', 'echo $HERE'],
    report={**WELL, 'limits': {'memory_bytes': 64 * MIB}})

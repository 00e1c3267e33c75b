# SPDX-License-Identifier: Apache-2.0
"""Bad input is refused before anything is made, with option, value and what would be right."""

import os
import re

from cases_exit import PLAIN
from expect import ANY, Is, contains, like, one_of
from harness import CASES, case, row
from host import HOST

USAGE, EITHER = 2, one_of(2, 125)


def named(text):
    return re.sub(r'\W+', '_', text).strip('_') or 'blank'


def fresh(name):
    """A name for a case; values that differ only in signs get a number."""
    taken = {one.name for one in CASES}
    return next(choice for choice in (name,
                                      *(f'{name}_{number}' for number in range(2,
            99))) if choice not in taken)


def refuse(option, *values, status=USAGE, part=False):
    """One case for each value: nothing runs or is made; the value or its wrong part is quoted."""
    for value in values:
        row(fresh(f'{named(option)}_of_{named(value)[:40]}_is_refused'), status=status, out='',
            argv=['run', '-r', 'r.json', option, value, '--', 'sh', '-c', 'echo ran >ran'],
            err=contains(option, "'" if part else value.replace('\n', '\\n')))


# Sizes --------------------------------------------------------------------------------------------

NO_SIZE = ['', ' ', '-1', '+5', '1e9', '0x10', 'NaN', 'inf', '1_000M', '10 M', '64X', '64MM',
           '64Mi', '1.2.3M', '16E', 'M', '64M ', ' 64M', '50%', '１６M', '64M;', '1,5G',
           '99999999999G', '17179869185G', '18446744073709551616', '--', 'unlimited',
           '99999999999999999999999999999999999999999999999999M', '64M\n']

refuse('--memory', *NO_SIZE, '0', '0M', '1', '4096', '512K', '1023K', '1048575', '0.5M')
refuse('--memory', '9223372036854775808', '8388608T', status=EITHER)
refuse('-m', '0', 'x')
refuse('--memory-high', '', '-1', 'x', '0', '17179869185G')
refuse('--swap', '', '-1', 'x', '1e3', '17179869185G')
refuse('--tmp', '', '0', '-1', 'x', '0.1', '17179869185G', '18446744073709551616')

# Times --------------------------------------------------------------------------------------------

NO_TIME = ['', ' ', '-1', '1e308', '1h30', 'NaN', 'inf', '5 s', '5x', '1:30',
           '99999999999999999999', '9223372036854775807d', 'ms', '1ss', '+1', '0x10', '1,5', '1s ',
           'forever']

refuse('--timeout', *NO_TIME, '0', '0.0', '0ms')
refuse('-t', '0', 'x')
refuse('--cpu-time', '', '-1', 'x', '0', '1h30', '99999999999999999999')
refuse('--grace', '', '-1', 'x', '1h30', '99999999999999999999')
refuse('--sample', '', '-1', 'x', '0', '1h30')

# Numbers ------------------------------------------------------------------------------------------

refuse('--pids', '', '0', '-1', '1.5', 'x', '1K', '99999999999999999999', '+3', '0x10', ' 5')
refuse('--pids', '2147483648', '9223372036854775808', status=EITHER)
refuse('--cpus', '', '0', '-1', 'x', '0.0005', '0.0009', 'NaN', 'inf', '50%', '1e3', '0x1', '1,5',
    '99999999999999999999')
refuse('-c', '0', 'x')
refuse('--cpu-weight', '', '0', '10001', 'x', '-1', '1.5')
refuse('--cpuset', '', 'x', '3-1', '0-', '-', '0,,1', ',', '0;1', '-1', '0x0', '0-1-2')
refuse('--cpuset', '9999', '0-9999', '0,4000', '0-1000000000', '99999999999999999999',
    status=EITHER)
refuse('--oom-exit-code', '', '256', '-1', 'x', '1.5', '99999999999999999999')

# Lists --------------------------------------------------------------------------------------------

refuse('--io', '', 'x', '8:0', ':wbps=1M', '8:0:', '8:0:wbps', '8:0:wbps=', '8:0:wbps=x',
    '8:0:wbps=0', '8:0:wbps=-1', '8:0:foo=1', '8:0:riops=1.5', '8:0:wbps=1M,',
    '8:0:wbps=17179869185G', status=EITHER, part=True)
refuse('--io', '/no/such/device:wbps=1M', '/dev/null:wbps=1M', '/etc:wbps=1M',
    '4095:1048575:wbps=1M', status=EITHER, part=True)
refuse('--rlimit', '', 'x', 'NOFILE', 'NOFILE=', 'NOFILE=x', 'NO_SUCH=1', 'NOFILE=10:5',
    'NOFILE=-1', '=5', 'NOFILE=1:2:3', 'NOFILE=:', 'NOFILE=1 ', 'AS=17179869185G', part=True)
refuse('--env', '', '=x')
refuse('--bind', '', ':/mnt', ':', '/etc:/mnt:rx', '/etc:/mnt:ro:x', status=EITHER, part=True)
refuse('--bind', '/no/such/source', '/no/such/source:/mnt', '/etc:/no-such-place', '/etc:relative',
    '/etc/passwd:/mnt', status=EITHER, part=True)
refuse('--pass-fd', '', 'x', '-1', '1.5', '99999999999', '+1')
refuse('--pass-fd', '99', '900', status=EITHER)
refuse('--workdir', '', status=EITHER)
refuse('--workdir', '/no/such/folder', '/etc/passwd', status=EITHER)
refuse('--hostname', '', 'x' * 65)
refuse('--network', '', 'x', 'bridge', 'NONE')
refuse('--oom', '', 'x', 'kill', 'kill-jo')
refuse('--backend', '', 'x', 'v3', 'V2')
refuse('--format', '', 'x', 'json')

# The report's place -------------------------------------------------------------------------------

for place in ('', 'fd:', 'fd:x', 'fd:-1', 'fd:1.5', 'fd:99999999999'):
    row(fresh(f'report_of_{named(place)}_is_refused'),
        argv=['run', '-r', place, '--', 'sh', '-c', 'echo ran >ran'], status=USAGE, out='',
        err=contains('report', place))

# Command lines ------------------------------------------------------------------------------------


def usage(name, *argv, says='', status=USAGE):
    row(name, argv=argv, status=status, out='',
        err=Is(f'something with {says!r}', lambda text: text and says in text))


usage('no_command_at_all_is_refused')
usage('an_unknown_command_is_refused', 'walk', says='walk')
usage('a_run_of_nothing_is_refused', 'run')
usage('a_run_of_nothing_after_dashes_is_refused', 'run', '-m', '64M', '--')
usage('an_unknown_option_is_refused', 'run', '--no-such-option', '--', 'true',
    says='no-such-option')
usage('an_unknown_letter_is_refused', 'run', '-Z', '--', 'true', says='Z')
usage('an_option_without_its_value_is_refused', 'run', '--memory', says='memory')
usage('a_letter_without_its_value_is_refused', 'run', '-m', says='m')
usage('an_empty_value_after_an_equals_sign_is_refused', 'run', '--memory=', '--', 'true',
    says='memory')
usage('a_value_for_an_option_that_has_none_is_refused', 'run', '--clear-env=yes', '--', 'true',
    says='clear-env')
usage('what_comes_later_is_refused_as_unknown_show', 'show', 'r.json', says='show')
usage('what_comes_later_is_refused_as_unknown_warn_at', 'run', '--warn-at', '80', '--', 'true',
    says='warn-at')
usage('what_comes_later_is_refused_as_unknown_stall', 'run', '--stall', '5s', '--', 'true',
    says='stall')
usage('the_first_of_two_wrong_values_is_enough', 'run', '-m', 'x', '-t', 'y', '--', 'true',
    says='x')
usage('a_right_value_after_a_wrong_one_does_not_mend_it', 'run', '-m', 'wrong', '-m', '64M', '--',
    'true', says='wrong')

row('an_equals_sign_joins_option_and_value', run=['--memory=64M', '--', '@nothing'],
    report={**PLAIN, 'limits': {'memory_bytes': 64 << 20}})
row('a_letter_may_stick_to_its_value', run=['-m64M', '--', '@nothing'],
    report={**PLAIN, 'limits': {'memory_bytes': 64 << 20}})
row('a_value_of_the_job_may_look_like_an_option', run=['-m', '64M', '@nothing', '--memory'],
    report=PLAIN)
row('the_help_is_on_stdout', argv=['--help'], out=contains('run'), err='')
row('the_help_of_run_names_every_limit', argv=['run', '--help'], err='',
    out=contains('--memory', '--memory-high', '--swap', '--cpus', '--cpu-weight', '--cpuset',
                 '--pids', '--io', '--tmp', '--timeout', '--cpu-time', '--grace', '--rlimit',
                 '--oom', '--network', '--bind', '--pass-fd', '--workdir', '--env', '--clear-env',
                 '--hostname', '--backend', '--allow-unsupported', '--report', '--format',
                 '--sample', '--oom-exit-code'))
row('a_letter_for_help_will_do', argv=['run', '-h'], out=contains('--memory'), err='')
row('the_version_is_a_line', argv=['--version'], out=like(r'\Amemcage \d+\.\d+\.\d+.*\n\Z'), err='')
row('a_help_that_cannot_be_written_is_no_success', argv=['--help'], status=ANY, err=ANY,
    start=['-c', '1'])


@case()
def a_usage_error_shows_a_right_value(live):
    for option, wrong, right in (('-m', '64Q', r'\d+(\.\d+)?[KMG]'),
                                 ('-t', '5 minutes', r'\d+ ?(ms|s|m|h)\b'), ('-c', 'two', r'\d'),
                                 ('--pids', 'many', r'\d'), ('--rlimit', 'FILES=3', r'[A-Z]+=\d'),
                                 ('--network', 'off', 'none'), ('--io', 'sda', r'[rw](bps|iops)='),
                                 ('--cpuset', 'all', r'\d')):
        result = live.memcage('run', option, wrong, '--', '@nothing')
        said = result.err.replace(wrong, '')
        live.ensure(result.status == 2 and re.search(right, said),
                    f'{option} {wrong}: {result.status} {result.err}')


@case()
def a_usage_error_makes_no_cgroup(live):
    live.memcage('run', '-m', '64M', '--pids', 'x', '--', '@nothing')
    live.ensure(os.listdir(live.cwd) == [], f'made {os.listdir(live.cwd)}')


@case(skip='only where the kernel takes it' if HOST.resource else None)
def an_rlimit_beyond_the_callers_is_refused_before_the_start(live):
    result = live.run('--rlimit', 'NOFILE=1000000000', '--', 'sh', '-c', 'echo ran >ran')
    live.ensure(result.status in (2, 125) and 'NOFILE' in result.err, f'{result}')

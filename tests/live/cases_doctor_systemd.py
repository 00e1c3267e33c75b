# SPDX-License-Identifier: Apache-2.0
"""memcage doctor where systemd is PID 1: it gets what a run gets, and says by what way."""

import subprocess

from cases_systemd import STRANGER, login, service
from examine import Doctor
from harness import case

BESIDE = 'sleep 1000 >/dev/null 2>&1 &\n"$@"\nstatus=$?\nkill $!\nexit $status\n'


def beside(live):
    """A shell with another child in its cgroup; after -- for su(1)."""
    return ['/bin/sh', '--', live.put('script', BESIDE)]


def no_scope_left(live):
    def none():
        listed = subprocess.run(['systemctl', 'list-units', '--all', '--no-legend', 'memcage-*'],
                                stdout=subprocess.PIPE, text=True, check=True).stdout
        return not listed.strip()
    live.until(none, 'the scopes to go', 10)


@case(leaves=['script'], exclusive=True)
def what_doctor_says_in_a_shared_service_is_so(live):
    doctor = Doctor(live, [*service(), *beside(live)]).compare()
    doctor.agree(doctor.said['works'], True, 'works')
    doctor.expect('delegation', 'limited', value='other process', mend='systemd-run --scope')
    doctor.expect('systemd', 'ok', value='system manager: yes')
    doctor.expect('controllers', 'ok')
    no_scope_left(live)


@case(exclusive=True)
def what_doctor_says_in_a_delegated_service_is_so(live):
    doctor = Doctor(live, service('-p', 'Delegate=yes')).compare()
    doctor.agree(doctor.said['works'], True, 'works')
    doctor.expect('delegation', 'ok', value="memcage's alone")
    no_scope_left(live)


@case(leaves=['script'], exclusive=True)
def what_doctor_says_in_a_users_login_is_so(live):
    doctor = Doctor(live, [*login('lab'), *beside(live)])
    doctor.agree(doctor.said['works'], doctor.runs('-m', '64M'), 'works')
    doctor.agree(doctor.said['works'], doctor.runs('--pids', '50'), 'controllers pids')
    doctor.expect('systemd', 'ok', value='/run/user/4711/bus')
    doctor.expect('delegation', 'limited' if doctor.said['works'] else 'no',
                  mend='systemd-run --user --scope')
    no_scope_left(live)


@case()
def doctor_tells_a_stranger_to_systemd_how_to_get_a_manager(live):
    doctor = Doctor(live, ['setpriv', f'--reuid={STRANGER}', f'--regid={STRANGER}',
                           '--clear-groups']).compare()
    doctor.agree(doctor.said['works'], False, 'works')
    doctor.expect('systemd', 'no', mend='loginctl enable-linger')
    doctor.expect('delegation', 'no', mend='systemd-run --user --scope')

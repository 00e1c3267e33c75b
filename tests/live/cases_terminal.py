# SPDX-License-Identifier: Apache-2.0
"""Memcage at a terminal: by itself, and as a job of an interactive shell."""

import os
import pty
import re
import select
import signal
import time

from harness import Failed, case
from host import HOST, read

CTRL_C, CTRL_Z, CTRL_BACKSLASH = b'\x03', b'\x1a', b'\x1c'


class Terminal:
    """A pseudo-terminal with a command at its other end, which leads the session."""

    def __init__(self, live, *argv):
        self.live, self.text = live, ''
        self.master, slave = pty.openpty()
        self.process = live.launch(argv, start=['-s'], stdin=slave, stdout=slave, stderr=slave,
                                   start_new_session=False, env={'PS1': 'ready> ', 'TERM': 'dumb',
                'HISTFILE': ''})
        os.close(slave)

    def type(self, text):
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def wait_for(self, pattern, within=8):
        """Reads until the pattern is there; what came up to its end is forgotten, and given."""
        deadline = time.monotonic() + within * HOST.slow
        while not (found := re.search(pattern, self.text)):
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failed(f'waited for /{pattern}/ at the terminal, which says {self.text!r}')
            if select.select([self.master], [], [], min(left, 0.2))[0]:
                try:
                    self.text += os.read(self.master, 65536).decode(errors='replace')
                except OSError:
                    if not re.search(pattern, self.text):
                        raise Failed(f'the terminal is gone; it said {self.text!r}') from None
        said, self.text = self.text[:found.end()], self.text[found.end():]
        return said

    def drain(self):
        """All that still comes, to the end."""
        while True:
            try:
                part = os.read(self.master, 65536)
            except OSError:
                break
            if not part:
                break
            self.text += part.decode(errors='replace')
        return self.text

    def close(self):
        os.close(self.master)


def shell(live):
    terminal = Terminal(live, 'bash', '--norc', '--noprofile', '-i')
    terminal.wait_for('ready> ')
    return terminal


def leave(terminal):
    terminal.type('exit 0\n')
    status = terminal.live.wait(terminal.process)
    terminal.close()
    terminal.live.ensure(status == 0, f'the shell ended with {status}')


def state(pid):
    return read(f'/proc/{pid}/stat').rsplit(')',
                                            1)[-1].split()[0] if os.path.exists(
        f'/proc/{pid}') else 'gone'


@case(shell_home=True)
def an_interactive_shell_works_inside(live):
    terminal = Terminal(live, '%memcage', 'run', '-r', 'r.json', '--', 'sh', '-i')
    said = terminal.wait_for('ready> ')
    live.ensure('job control' not in said and "can't access" not in said,
                f'the shell says {said!r}')
    terminal.type('echo $((6 * 7)); tty\n')
    terminal.wait_for(r'\b42\b')
    terminal.wait_for(r'/dev/pts/\d+')
    terminal.type('exit 5\n')
    status = live.wait(terminal.process)
    terminal.close()
    live.ensure(status == 5 and live.load()['exit_code'] == 5, f'status {status}')


@case(shell_home=True)
def job_control_works_inside(live):
    terminal = Terminal(live, '%memcage', 'run', '-r', 'r.json', '--', 'bash', '--norc',
                        '--noprofile', '-i')
    terminal.wait_for('ready> ')
    terminal.type('sleep 1000\n')
    sleeper = live.pid_of('sleep')
    live.until(lambda: state(sleeper) == 'S', 'sleep to sleep')
    time.sleep(0.3)
    terminal.type(CTRL_Z)
    terminal.wait_for('Stopped')
    terminal.wait_for('ready> ')
    live.ensure(state(sleeper) == 'T', f'sleep is in state {state(sleeper)}')
    terminal.type('fg\n')
    live.until(lambda: state(sleeper) == 'S', 'sleep to go on')
    time.sleep(0.3)
    terminal.type(CTRL_C)
    terminal.wait_for('ready> ')
    terminal.type('echo status $?; exit 6\n')
    terminal.wait_for(r'status 130')
    status = live.wait(terminal.process)
    terminal.close()
    live.ensure(status == 6 and live.load()['exit_code'] == 6, f'status {status}')


def foreground(live, terminal, command, name='sleep'):
    """Types a command and waits until its program runs."""
    terminal.type(command + '\n')
    pid = live.pid_of(name)
    live.until(lambda: state(pid) == 'S', f'{name} to run')
    time.sleep(0.3)
    return pid


@case(shell_home=True)
def ctrl_c_ends_a_job_of_a_shell(live):
    terminal = shell(live)
    foreground(live, terminal, f'{live.suite.memcage} run -r r.json -- sleep 1000')
    terminal.type(CTRL_C)
    terminal.wait_for('ready> ')
    terminal.type('echo status $?\n')
    terminal.wait_for('status 130')
    live.ensure(live.load()['cause'] == 'signaled' and live.load()['signal'] == 'SIGINT',
                f'{live.load()}')
    leave(terminal)


@case(shell_home=True)
def ctrl_backslash_ends_a_job_of_a_shell(live):
    terminal = shell(live)
    foreground(live, terminal, f'{live.suite.memcage} run -r r.json --rlimit CORE=0 -- sleep 1000')
    terminal.type(CTRL_BACKSLASH)
    terminal.wait_for('ready> ')
    terminal.type('echo status $?\n')
    terminal.wait_for('status 131')
    leave(terminal)


@case(shell_home=True)
def ctrl_c_that_the_job_catches_is_the_jobs_business(live):
    terminal = shell(live)
    foreground(live, terminal, f'{live.suite.memcage} run -r r.json -- {live.victim("catch")} 3 9',
               'catch')
    for _ in range(3):
        terminal.type(CTRL_C)
        terminal.wait_for(r'INT\r\n')
    terminal.wait_for('ready> ')
    terminal.type('echo status $?\n')
    terminal.wait_for('status 9')
    leave(terminal)


@case(shell_home=True)
def ctrl_z_and_fg_work_on_memcage(live):
    terminal = shell(live)
    sleeper = foreground(live, terminal, f'{live.suite.memcage} run -r r.json -- sleep 1000')
    for _ in range(2):
        terminal.type(CTRL_Z)
        terminal.wait_for('Stopped')
        terminal.wait_for('ready> ')
        live.ensure(state(sleeper) == 'T', f'the job is in state {state(sleeper)}')
        terminal.type('fg\n')
        live.until(lambda: state(sleeper) == 'S', 'the job to go on')
        time.sleep(0.3)
    terminal.type(CTRL_C)
    terminal.wait_for('ready> ')
    terminal.type('echo status $?\n')
    terminal.wait_for('status 130')
    leave(terminal)


@case(shell_home=True)
def ctrl_z_and_bg_let_it_end_in_the_background(live):
    terminal = shell(live)
    foreground(live, terminal, f'{live.suite.memcage} run -r r.json -- sleep 2')
    terminal.type(CTRL_Z)
    terminal.wait_for('Stopped')
    terminal.wait_for('ready> ')
    terminal.type('bg; wait %1; echo status $?\n')
    terminal.wait_for('status 0')
    leave(terminal)


@case(shell_home=True)
def a_background_job_that_reads_the_terminal_is_stopped_and_can_come_to_the_front(live):
    terminal = shell(live)
    terminal.type(f'{live.suite.memcage} run -r r.json -- sh -c "read line; echo got \\$line" &\n')
    terminal.wait_for('ready> ')
    live.until(lambda: any(state(pid) == 'T' for pid in live.home_pids()), 'the job to stop', 10)
    terminal.type('fg\n')
    time.sleep(0.5)
    terminal.type('a line\n')
    terminal.wait_for('got a line')
    terminal.wait_for('ready> ')
    leave(terminal)


@case(shell_home=True)
def a_pipeline_of_a_shell_with_memcage_in_it_is_interrupted_as_a_whole(live):
    terminal = shell(live)
    foreground(live, terminal, f'{live.suite.memcage} run -r r.json -- sleep 1000 | cat')
    terminal.type(CTRL_C)
    terminal.wait_for('ready> ')
    terminal.type('echo still here\n')
    terminal.wait_for('still here')
    leave(terminal)


@case(shell_home=True)
def the_terminal_is_the_shells_again_afterwards(live):
    terminal = shell(live)
    for _ in range(2):
        terminal.type(f'{live.suite.memcage} run -m 8M -- {live.victim("hog")} 100\n')
        terminal.wait_for('8 MiB')
        terminal.wait_for('ready> ')
        foreground(live, terminal, 'cat', 'cat')
        terminal.type('typed\n')
        terminal.wait_for('typed\r\ntyped')
        terminal.type(CTRL_C)
        terminal.wait_for('ready> ')
    leave(terminal)


@case(shell_home=True)
def a_terminal_that_hangs_up_cancels(live):
    terminal = Terminal(live, '%memcage', 'run', '-r', 'r.json', '--grace', '300ms', '--',
                        live.victim('deaf'))
    terminal.wait_for('ready')
    terminal.close()
    status = live.wait(terminal.process)
    live.ensure(status == 128 + signal.SIGHUP and live.load()['cause'] == 'cancelled',
                f'status {status}, {live.load()}')


@case(shell_home=True)
def a_job_that_kills_its_session_does_not_hit_the_shell(live):
    terminal = shell(live)
    terminal.type(f'{live.suite.memcage} run -q -- {live.victim("kills")} 0 9\n')
    terminal.wait_for('ready> ')
    terminal.type('echo status $?\n')
    terminal.wait_for('status 137')
    leave(terminal)

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Runs the notes program in each language: what each does has to be what stands in one session.

    test-notes.py SESSION DAEMON NAME=PROGRAM...

In a session, `$ notes` runs the program with what follows, `> ` is a line for its
standard input, `[1]` its exit status if that is not 0, and all else what it prints.
"""

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
import threading

from gi.repository import Gio

SECONDS = 20


def read_session(text):
    """Gives the lines of each run of the program."""
    runs = []
    for line in text.rstrip('\n').split('\n'):
        if line.startswith('$ notes'):
            runs.append([])
        runs[-1].append(line)
    return runs


def run_once(program, options, run, folder, environment):
    """Runs what a run of a session runs, and gives the lines that come of it."""
    given = [line for line in run if line.startswith('> ')]
    done = subprocess.run([program, *options, *shlex.split(run[0])[2:]], cwd=folder, env=environment, text=True,
                          timeout=SECONDS, input=''.join(f'{line[2:]}\n' for line in given), check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return [run[0], *given, *done.stdout.splitlines(), *([f'[{done.returncode}]'] if done.returncode != 0 else [])]


def check_session(program, options, runs, environment=None):
    """Runs a session, and yields what is wrong."""
    with tempfile.TemporaryDirectory(prefix='mkv-notes-') as folder:
        with open(os.path.join(folder, 'file'), 'w', encoding='utf-8'):
            pass
        environment = {**(environment or os.environ), 'XDG_DATA_HOME': folder}
        for run in runs:
            actual = run_once(program, options, run, folder, environment)
            if actual != run:
                yield f'{actual} instead of {run}'


@contextlib.contextmanager
def start_daemon():
    """A daemon that forgets what it has, on a bus of its own; gives the environment of its clients."""
    bus = Gio.TestDBus.new(Gio.TestDBusFlags.NONE)
    bus.up()
    environment = {**os.environ, 'DBUS_SESSION_BUS_ADDRESS': bus.get_bus_address()}
    process = subprocess.Popen([daemon, '--set', 'node.client-id=notes', '--set', 'storage.backend=memory'], text=True,
                               env=environment, stdout=subprocess.PIPE)
    try:
        line = process.stdout.readline()
        assert line.startswith('ready'), line
        yield environment
    finally:
        process.terminate()
        process.communicate()
        bus.down()


def check_bus(program):
    # What two processes do comes in no certain order, and folders are for a store in the process.
    runs = [run for run in expected if 'watch' not in run[0] and '--' not in run[0]]
    with start_daemon() as environment:
        yield from check_session(program, ['--bus'], runs, environment)


def check_watch(program, other):
    """One program hears through the daemon what another does, until its input ends."""
    with start_daemon() as environment:
        watcher = subprocess.Popen([program, '--bus', 'watch'], env=environment, text=True, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        watchdog = threading.Timer(SECONDS, watcher.kill)
        watchdog.start()
        # It is there when it has answered.
        watcher.stdin.write('append here from me\n')
        watcher.stdin.flush()
        lines = [watcher.stdout.readline()]
        for words in (['add', 'tea', 'green'], ['remove', 'tea']):
            subprocess.run([other, '--bus', *words], env=environment, check=True, timeout=SECONDS)
            lines.append(watcher.stdout.readline())
        lines.append(watcher.communicate()[0])
        watchdog.cancel()
    wanted = ['* here was written\n', '* tea was written\n', '* tea was removed\n', '']
    if lines != wanted or watcher.returncode != 0:
        yield f'{lines}, {watcher.returncode} instead of {wanted}'


daemon = sys.argv[2]
programs = [argument.partition('=')[::2] for argument in sys.argv[3:]]
with open(sys.argv[1], encoding='utf-8') as file:
    expected = read_session(file.read())
checks = [(f'notes in {name}', lambda p=program: check_session(p, [], expected)) for name, program in programs]
checks += [(f'notes in {name}, kept by the daemon', lambda p=program: check_bus(p)) for name, program in programs]
checks += [(f'notes in {name} hears of notes in {other}', lambda p=program, o=maker: check_watch(p, o))
           for (name, program), (other, maker) in zip(programs, programs[1:] + programs[:1])]
failed = 0
print(f'1..{len(checks)}')
for number, (name, check) in enumerate(checks, 1):
    problems = list(check())
    for problem in problems:
        print(f'# {problem}')
    failed += bool(problems)
    print(f'{"not ok" if problems else "ok"} {number} - {name}', flush=True)
sys.exit(1 if failed else 0)

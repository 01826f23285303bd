#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Runs the notes program in each language: what each does has to be what stands in one session.

    test-notes.py SESSION NAME=PROGRAM...

In a session, `$ notes` runs the program with what follows, `> ` is a line for its
standard input, `[1]` its exit status if that is not 0, and all else what it prints.
"""

import os
import shlex
import subprocess
import sys
import tempfile

SECONDS = 20


def read_session(text):
    """Yields what is run, and the lines that it is given."""
    command, given = None, []
    for line in text.split('\n'):
        if line.startswith('$ notes'):
            if command is not None:
                yield command, given
            command, given = line, []
        elif line.startswith('> '):
            given.append(line)
    yield command, given


def run_session(program, text):
    """Runs what a session runs, and writes down what comes of it."""
    lines = []
    with tempfile.TemporaryDirectory(prefix='mkv-notes-') as folder:
        with open(os.path.join(folder, 'file'), 'w', encoding='utf-8'):
            pass
        for command, given in read_session(text):
            done = subprocess.run([program, *shlex.split(command)[2:]], cwd=folder, text=True, timeout=SECONDS,
                                  env={**os.environ, 'XDG_DATA_HOME': folder, 'PYTHONUNBUFFERED': ''},
                                  input=''.join(f'{line[2:]}\n' for line in given), check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            lines += [command, *given, *done.stdout.splitlines()]
            if done.returncode != 0:
                lines.append(f'[{done.returncode}]')
    return lines


session, programs = sys.argv[1], [argument.partition('=')[::2] for argument in sys.argv[2:]]
with open(session, encoding='utf-8') as file:
    expected = file.read().rstrip('\n')
failed = 0
print(f'1..{len(programs)}')
for number, (name, program) in enumerate(programs, 1):
    actual = run_session(program, expected)
    wrong = [pair for pair in zip(actual + [None], expected.split('\n') + [None]) if pair[0] != pair[1]]
    if wrong:
        failed += 1
        print(f'# {wrong[0][0]!r} instead of {wrong[0][1]!r}, in:')
        for line in actual:
            print(f'#   {line}')
    print(f'{"not ok" if wrong else "ok"} {number} - notes in {name}', flush=True)
sys.exit(1 if failed else 0)

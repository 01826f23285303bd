# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""What the lint tests share: finding files, reading C, and telling TAP."""

import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(os.environ['MKV_SOURCE_ROOT'])

ROOMS = [
    ['base'], ['observe'], ['model'], ['transport', 'codec', 'storage'], ['security'], ['plugin'], ['merkle'],
    ['store'], ['delivery'], ['replication', 'sync'], ['command'], ['config'], ['node'], ['bus'], ['desktop'],
]
RANKS = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms}


def find_files(*folders, suffixes=None):
    """Paths relative to the source, sorted; no build folders, nothing hidden."""
    found = []
    for folder in folders or ['.']:
        for path, folders_below, names in os.walk(SOURCE / folder):
            folders_below[:] = [name for name in folders_below
                                if not name.startswith('.') and name != '__pycache__'
                                and not os.path.exists(os.path.join(path, name, 'meson-private'))]
            found += [pathlib.Path(path, name).relative_to(SOURCE) for name in names
                      if not name.startswith('.') and (suffixes is None or name.endswith(suffixes))]
    return sorted(found)


def read(path):
    return (SOURCE / path).read_text(encoding='utf-8')


def strip_c(text, strings=True):
    """C without comments, and without what stands in strings; lines stay where they are."""
    def blank(match):
        token = match.group(0)
        if token.startswith('/'):
            return ' ' + '\n' * token.count('\n')
        return '""' if strings and token.startswith('"') else token
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text, flags=re.DOTALL)


def find_lines(text, pattern):
    """The numbers and texts of the lines in which @pattern matches."""
    expression = re.compile(pattern)
    return [(number, line) for number, line in enumerate(text.split('\n'), 1) if expression.search(line)]


class Report:
    """Each check is a TAP test; what is wrong is told above its line."""

    def __init__(self):
        self.n = 0
        self.failed = 0

    def check(self, name, problems):
        self.n += 1
        problems = list(problems)
        for problem in problems:
            print(f'# {problem}')
        self.failed += bool(problems)
        print(f'{"not ok" if problems else "ok"} {self.n} - {name}')

    def end(self):
        print(f'1..{self.n}')
        sys.exit(1 if self.failed else 0)

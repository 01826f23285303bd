#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""What the library exports is what symbols.txt lists, so that a change of the
ABI is seen in review. `--update` writes the list anew, from the library and
from the headers of parts that are not built yet. The arguments are the library
and the header of enumerations that meson makes."""

import re
import subprocess
import sys

import lint

LIST = lint.pathlib.Path('tests/lint/symbols.txt')
TYPES = re.compile(r'G_DECLARE_(?:FINAL_TYPE|DERIVABLE_TYPE|INTERFACE) \(\w+, (\w+),')
FUNCTIONS = re.compile(r'\b(mkv_\w+) \(')


def exports(library):
    output = subprocess.run(['nm', '-D', '--defined-only', library], check=True, text=True, stdout=subprocess.PIPE)
    return {line.split()[-1] for line in output.stdout.split('\n') if line}


def declares(path):
    """The functions that a header marks MKV_API."""
    names = set()
    for part in lint.strip_c(lint.read(path)).split('MKV_API\n')[1:]:
        declaration = part.split(';')[0] if not part.startswith('G_DECLARE') else part.split('\n\n')[0]
        names |= {name + '_get_type' for name in TYPES.findall(declaration)}
        if not declaration.startswith('G_DECLARE'):
            names.add(FUNCTIONS.search(declaration).group(1))
    return names


library, enum_types = sys.argv[-2:]
exported = exports(library)
headers = [path for path in lint.find_files('libmerklekv', suffixes='.h') if not path.name.endswith('-private.h')]
declared = {path: declares(path) for path in headers}
declared[lint.pathlib.Path('libmerklekv/mkv-enum-types.h')] = declares(lint.pathlib.Path(enum_types).absolute())

if '--update' in sys.argv:
    names = exported.union(*declared.values())
    (lint.SOURCE / LIST).write_text(''.join(name + '\n' for name in sorted(names)), encoding='utf-8')
    sys.exit(0)

listed = lint.read(LIST).split()
in_merklekv_h = set(re.findall(r'^#include "([^"]+)"', lint.read('libmerklekv/merklekv.h'), re.MULTILINE))
expected = set().union(*(names for path, names in declared.items()
                         if str(path.relative_to('libmerklekv')) in in_merklekv_h))
report = lint.Report()
report.check(f'every exported symbol is in {LIST}',
             [f'{name}: run tests/lint/check-symbols.py --update LIBRARY HEADER' for name in sorted(exported - set(listed))])
report.check(f'what {LIST} lists is declared in a public header',
             [f'{name}: is gone' for name in sorted(set(listed).difference(exported, *declared.values()))])
report.check('what the public headers declare is exported',
             [f'{name}: is declared in a public header and not exported' for name in sorted(expected - exported)])
report.check('what is exported is declared in a public header',
             [f'{name}: is exported and not declared' for name in sorted(exported.difference(*declared.values()))])
report.check(f'{LIST} is sorted', [] if listed == sorted(set(listed)) else ['it is not'])
report.end()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""A module exports its descriptor and nothing else, and runs nothing when it is opened."""

import re
import subprocess
import sys

import lint


def run(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def check_exports(module, name):
    exported = {line.split()[-1] for line in run('nm', '-D', '--defined-only', module).split('\n') if line}
    expected = 'mkv_plugin_' + name.replace('-', '_')
    if exported != {expected}:
        yield f'exports {", ".join(sorted(exported)) or "nothing"}; it has to export {expected} alone'


def check_constructors(module):
    # The compiler's own start-up code takes one place in the table, of 8 octets or 4.
    match = re.search(r'\(INIT_ARRAYSZ\)\s+(\d+)', run('readelf', '-d', '-W', module))
    if match is not None and int(match.group(1)) > 8:
        yield f'has constructors: {match.group(1)} octets of .init_array'


sanitize, modules = sys.argv[1], sys.argv[2:]
report = lint.Report()
for module in modules:
    name = lint.pathlib.Path(module).name.removeprefix('mkv-').removesuffix('.so')
    problems = list(check_exports(module, name))
    # A sanitizer registers every module's globals in a constructor.
    if sanitize == 'none':
        problems += check_constructors(module)
    report.check(f'{name} exports its descriptor alone, and has no constructor', problems)
report.end()

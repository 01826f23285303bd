#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Public headers are installed, in merklekv.h, and refuse to be included alone."""

import re
import sys

import lint

# What meson installs, as paths inside libmerklekv/, the generated header among them.
installed = {name.rsplit('libmerklekv/', 1)[-1] for name in sys.argv[1:]}
included = set(re.findall(r'^#include "([^"]+)"', lint.read('libmerklekv/merklekv.h'), re.MULTILINE))


def check_installed():
    for path in lint.find_files('libmerklekv', suffixes='.h'):
        name = str(path.relative_to('libmerklekv'))
        private = name.endswith('-private.h')
        if private and name in installed:
            yield f'{name}: is private, and installed'
        if not private and name not in installed and name != 'merklekv.h':
            yield f'{name}: is not installed; what is not public ends in -private.h'


def check_included():
    for name in sorted(installed - included):
        yield f'{name}: is not in merklekv.h'
    for name in sorted(included - installed):
        yield f'{name}: is in merklekv.h, and not installed'


def reaches_guard(name, seen):
    """Whether the header, or what it includes, has the #error for who did not come by merklekv.h."""
    path = lint.SOURCE / 'libmerklekv' / name
    if name in seen or not path.exists():
        return False
    seen.add(name)
    text = path.read_text(encoding='utf-8')
    return ('#error "Only <merklekv.h> can be included directly"' in text
            or any(reaches_guard(other, seen) for other in re.findall(r'^#include "([^"]+)"', text, re.MULTILINE)))


def check_guard():
    for name in sorted(installed):
        source = name + '.in' if not (lint.SOURCE / 'libmerklekv' / name).exists() else name
        if not reaches_guard(source, set()):
            yield f'{name}: does not include base/mkv-macros.h'
        if '#pragma once' not in lint.read('libmerklekv/' + source):
            yield f'{name}: has no #pragma once'


def check_private_includes():
    for name in sorted(installed):
        path = lint.SOURCE / 'libmerklekv' / name
        if path.exists() and '-private.h"' in path.read_text(encoding='utf-8'):
            yield f'{name}: includes a private header'


report = lint.Report()
report.check('what is public is installed, what is private is not', check_installed())
report.check('merklekv.h includes every public header', check_included())
report.check('public headers refuse to be included alone', check_guard())
report.check('public headers include no private ones', check_private_includes())
report.end()

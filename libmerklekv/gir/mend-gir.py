#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Says of what is in a GPtrArray that it is a pointer. No annotation of the
scanner can, and GJS takes for a struct in the array what is not said to be."""

import re
import sys

PREFIXES = {'GLib': 'G', 'GObject': 'G', 'Gio': 'G', 'MerkleKV': 'Mkv'}


def c_type(name):
    namespace, _, short = name.rpartition('.')
    return PREFIXES[namespace or 'MerkleKV'] + short


def mend(match):
    if match.group(2) in ('utf8', 'filename'):
        return match.group(0)
    return f'{match.group(1)}<type name="{match.group(2)}" c:type="{c_type(match.group(2))}*"/>'


source, target = sys.argv[1:]
with open(source, encoding='utf-8') as file:
    text = file.read()
text, n = re.subn(r'(<array name="GLib\.PtrArray"[^>]*>\s*)<type name="([^"]+)"/>', mend, text)
if n == 0:
    sys.exit(f'{source}: no GPtrArray found: has the scanner changed what it writes?')
with open(target, 'w', encoding='utf-8') as file:
    file.write(text)

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""A room includes only itself and rooms to its left; plugins, only what is public."""

import re

import lint

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def includes(path):
    return INCLUDE.findall(lint.strip_c(lint.read(path), strings=False))


def check_rooms():
    for path in lint.find_files('libmerklekv', suffixes=('.c', '.h')):
        room = path.parts[1]
        if path.name == 'merklekv.h':
            continue
        if room not in lint.RANKS:
            yield f'{path}: {room} is none of the rooms'
            continue
        for name in includes(path):
            target = name.split('/')[0]
            if name in ('config.h', 'mkv-enum-types.h'):  # meson makes these
                continue
            if target not in lint.RANKS or name.count('/') != 1:
                yield f'{path}: "{name}" has to be written "room/file.h"'
            elif target != room and lint.RANKS[target] >= lint.RANKS[room]:
                yield f'{path}: {room} must not include {target}, which does not stand to its left'


def check_plugins():
    for path in lint.find_files('plugins', suffixes=('.c', '.h')):
        for name in includes(path):
            if '-private' in name and not (lint.SOURCE / path.parent / name).exists():
                yield f'{path}: "{name}" is not public, and a plugin has the public API only'


report = lint.Report()
report.check('rooms include only what stands to their left', check_rooms())
report.check('plugins include only public headers and their own', check_plugins())
report.end()

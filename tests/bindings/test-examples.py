#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""The storage of doc/plugin-tutorial.md, as a program, and held against the suite
for all storages, which is a library in C: test-examples.py EXAMPLES SUITE."""

import ctypes
import subprocess
import sys
import tempfile

examples, suite = sys.argv[1:3]
sys.path.insert(0, examples)
sys.dont_write_bytecode = True

from sqlite_storage import SqliteStorage  # noqa: E402

with tempfile.TemporaryDirectory(prefix='mkv-example-') as folder:
    for expected in ('run 1\n', 'run 2\n'):
        output = subprocess.run([sys.executable, f'{examples}/sqlite_storage.py', folder], check=True, text=True,
                                stdout=subprocess.PIPE).stdout
        if output != expected:
            sys.exit(f'the example wrote {output!r}, not {expected!r}')

Make = ctypes.CFUNCTYPE(ctypes.c_void_p)
kept = []


def make_storage():
    storage = SqliteStorage()
    kept.append(storage)
    return hash(storage)  # the address of a GObject


sys.exit(ctypes.CDLL(suite).mkv_storage_suite_run(b'python', Make(make_storage)))

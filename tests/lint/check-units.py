#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""systemd takes the units as they are meant, and finds the system's little exposed."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import lint

# Of 10, in tenths: 1.7 when this was written.
MOST_EXPOSED = 20

daemon, installed_daemon, user, system, sysusers = sys.argv[1:]
daemon = os.path.abspath(daemon)


def run(*command):
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env={**os.environ, 'XDG_RUNTIME_DIR': folder})
    return result.returncode, result.stdout.strip().split('\n')


def copy(unit, name):
    """A unit that runs what was built, not what will be installed."""
    text = pathlib.Path(unit).read_text(encoding='utf-8')
    path = pathlib.Path(folder, name)
    path.mkdir()
    path /= 'merklekvd.service'
    path.write_text(text.replace(f'={installed_daemon} ', f'={daemon} '), encoding='utf-8')
    return str(path)


def verify(unit, *options):
    status, lines = run('systemd-analyze', *options, 'verify', '--man=no', unit)
    return [line for line in lines if line] or ([f'systemd-analyze ends with {status}'] if status != 0 else [])


def check_exposure(unit):
    status, lines = run('systemd-analyze', 'security', '--offline=true', '--no-pager', f'--threshold={MOST_EXPOSED}', unit)
    print(f'# {lines[-1]}')
    if status != 0:
        yield f'more than {MOST_EXPOSED / 10} of 10'


def check_user():
    root = pathlib.Path(folder, 'root')
    (root / 'etc').mkdir(parents=True)
    status, lines = run('systemd-sysusers', f'--root={root}', sysusers)
    passwd = root / 'etc' / 'passwd'
    if status != 0 or not passwd.exists() or 'merklekv:x:' not in passwd.read_text(encoding='utf-8'):
        yield ' '.join(lines)


report = lint.Report()
with tempfile.TemporaryDirectory() as folder:
    if shutil.which('systemd-analyze') is None:
        print('1..0 # SKIP there is no systemd-analyze')
        sys.exit(0)
    report.check('the user\'s unit', verify(copy(user, 'user'), '--user'))
    system_unit = copy(system, 'system')
    report.check('the system\'s unit', verify(system_unit))
    report.check('how exposed the system\'s daemon is', check_exposure(system_unit))
    if shutil.which('systemd-sysusers') is not None and os.geteuid() == 0:
        report.check('the user that the system\'s daemon runs as', check_user())
report.end()

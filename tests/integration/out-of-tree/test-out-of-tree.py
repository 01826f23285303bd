#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Builds a plugin and a program outside of the source tree, against an
installation in a folder of its own and with nothing but pkg-config, puts the
plugin where `plugindir` says, and lets the program use it."""

import os
import pathlib
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).parent
meson, build, libdir, sanitize = sys.argv[1:5]
compiler = sys.argv[5:]


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, **options)


def flags(*arguments, env=None):
    return run('pkg-config', *arguments, env=env, stdout=subprocess.PIPE).stdout.split()


with tempfile.TemporaryDirectory(prefix='mkv-outside-') as folder:
    root = folder + '/root'
    run(meson, 'install', '-C', build, '--no-rebuild', '--quiet', '--destdir', root, stdout=sys.stderr)

    # The sysroot is put before every path, so GLib's are asked for once more.
    env = dict(os.environ, PKG_CONFIG_PATH=root + libdir + '/pkgconfig', PKG_CONFIG_SYSROOT_DIR=root)
    build_flags = flags('--cflags', '--libs', 'merklekv-1', env=env) + flags('--cflags', '--libs', 'gio-2.0')
    plugindir = flags('--variable=plugindir', 'merklekv-1', env=env)[0]
    if not plugindir.startswith(root):
        plugindir = root + plugindir

    common = [*compiler, '-Wall', '-Wextra', '-Wno-unused-parameter', '-Werror', '-g']
    if sanitize != 'none':
        common.append('-fsanitize=' + sanitize)
    plugin = f'{folder}/mkv-codec-outside-plain.so'
    run(*common, '-shared', '-fPIC', '-o', plugin, str(here / 'outside-codec.c'), *build_flags)
    run('install', '-D', '-t', plugindir, plugin)
    program = f'{folder}/outside-program'
    run(*common, '-o', program, str(here / 'outside-program.c'), *build_flags)

    env = dict(os.environ, LD_LIBRARY_PATH=root + libdir, MKV_PLUGIN_PATH=plugindir)
    output = run(program, env=env, stdout=subprocess.PIPE).stdout

print('1..1')
if output == 'OutsideCodec the-key\n':
    print('ok 1 - a plugin built outside of the tree is loaded and used')
else:
    print(f'# the program wrote {output!r}')
    print('not ok 1 - a plugin built outside of the tree is loaded and used')

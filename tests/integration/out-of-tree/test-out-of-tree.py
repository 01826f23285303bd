#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Builds a plugin and a program outside of the source tree, against an
installation in a folder of its own and with nothing but pkg-config, puts the
plugin where `plugindir` says, and lets the program use it. Builds and runs the
notes program in the same way, in each language that there is."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).parent
examples = here.parents[2] / 'doc/examples'
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

    notes = [f'{folder}/notes-c']
    run(*common, '-o', notes[0], str(examples / 'notes.c'), *build_flags, *flags('--cflags', '--libs', 'gio-unix-2.0'))
    typelibs = root + libdir + '/girepository-1.0'
    # An interpreter takes no sanitized library.
    if sanitize == 'none' and os.path.exists(typelibs + '/MerkleKV-1.typelib'):
        env['GI_TYPELIB_PATH'] = typelibs
        notes.append(str(examples / 'notes.py'))
        if shutil.which('gjs'):
            notes.append(str(examples / 'notes.js'))
        if shutil.which('valac'):
            vapis = next(pathlib.Path(root).rglob('merklekv-1.vapi')).parent
            options = [word for flag in build_flags for word in ('-X', flag)]
            # What valac makes of it has no business with the compiler's warnings.
            run('valac', '--pkg', 'merklekv-1', '--pkg', 'gio-unix-2.0', '--pkg', 'posix', '--vapidir', str(vapis),
                *options, '-X', '-w', '-d', folder, '-o', 'notes-vala', str(examples / 'notes.vala'),
                env=dict(os.environ, PKG_CONFIG_PATH=root + libdir + '/pkgconfig'))
            notes.append(f'{folder}/notes-vala')
    written = []
    for number, program in enumerate(notes):
        options = [program, '--folder', f'{folder}/notes-{number}']
        run(*options, 'add', 'milk', '2', 'litres', env=env)
        written.append(run(*options, 'show', 'milk', env=env, stdout=subprocess.PIPE).stdout)

results = [('a plugin built outside of the tree is loaded and used', output == 'OutsideCodec the-key\n', output),
           (f'{len(notes)} notes programs work with what is installed', set(written) == {'2 litres\n'}, written)]
print(f'1..{len(results)}')
for number, (name, well, actual) in enumerate(results, 1):
    if not well:
        print(f'# {actual!r}')
    print(f'{"ok" if well else "not ok"} {number} - {name}')
sys.exit(0 if all(well for _, well, _ in results) else 1)

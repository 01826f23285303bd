#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Notes, kept in a MerkleKV store: see README.md."""

import os
import sys

import gi

gi.require_version('MerkleKV', '1')
from gi.repository import Gio, GLib, MerkleKV  # noqa: E402

from glib_asyncio import call, run  # noqa: E402

# A store may hold what others keep as well: each takes keys of its own.
PREFIX = 'notes/'
PAGE = 100

USAGE = '''usage: notes [--bus | --folder FOLDER] [COMMAND]

  add NAME TEXT     makes a note
  append NAME TEXT  adds a line to a note
  show NAME         prints a note
  list              prints the names of all notes
  search PREFIX     prints the names that begin so
  remove NAME       removes a note
  watch             tells, from now on, what changes

Without a command, and after watch, commands come from the standard input.
With --bus the daemon keeps the notes, and has them on all devices.
'''


class Failure(Exception):
    """What is told to the user."""


def make_store(folder):
    """The one place that knows which kind of store it is: the daemon's, or, with a folder, one in this process."""
    if folder is None:
        return MerkleKV.BusStore.new_for_bus(Gio.BusType.SESSION, PREFIX)
    storage = MerkleKV.PluginRegistry.new().create(MerkleKV.PluginKind.STORAGE, 'file')
    storage.open(folder, None)
    return MerkleKV.LocalStore.new(storage, 'notes')


def is_missing(error):
    return error.matches(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND)


def make_octets(text):
    return GLib.Bytes.new(f'{text}\n'.encode())


class Notes:
    def __init__(self, store):
        self.store = store
        self.input = None  # of commands; None if there is one alone

    async def add(self, name, text):
        try:
            await call(self.store.get_async, self.store.get_finish, PREFIX + name)
        except GLib.Error as error:
            if not is_missing(error):
                raise
        else:
            raise Failure(f'there is a note “{name}” already')
        await call(self.store.set_async, self.store.set_finish, PREFIX + name, make_octets(text))

    async def append(self, name, text):
        await call(self.store.append_async, self.store.append_finish, PREFIX + name, make_octets(text))

    async def show(self, name):
        try:
            entry = await call(self.store.get_entry_async, self.store.get_entry_finish, PREFIX + name)
        except GLib.Error as error:
            raise Failure(f'there is no note “{name}”') if is_missing(error) else error
        text = entry.dup_text()
        print('(no text)\n' if text is None else text, end='')

    async def search(self, prefix):
        after, more = None, True
        while more:
            keys, more = await call(self.store.list_keys_async, self.store.list_keys_finish, PREFIX + prefix, after,
                                    PAGE)
            for key in keys:
                print(key[len(PREFIX):])
            after = keys[-1] if keys else None

    async def remove(self, name):
        await call(self.store.delete_async, self.store.delete_finish, PREFIX + name)

    async def watch(self):
        self.store.connect('changed', self.on_changed)
        self.read_on()

    def on_changed(self, _, entry, origin):
        if entry.get_key().startswith(PREFIX):
            print(f'* {entry.get_key()[len(PREFIX):]} was {"removed" if entry.is_tombstone() else "written"}')

    def read_on(self):
        if self.input is None:
            self.input = Gio.DataInputStream.new(Gio.UnixInputStream.new(sys.stdin.fileno(), False))

    async def run(self, line):
        """Runs a command, and tells whether it went well."""
        try:
            match line.split(' ', 2):
                case ['add', name, text]:
                    await self.add(name, text)
                case ['append', name, text]:
                    await self.append(name, text)
                case ['show', name, *_]:
                    await self.show(name)
                case ['list']:
                    await self.search('')
                case ['search', prefix, *_]:
                    await self.search(prefix)
                case ['remove', name, *_]:
                    await self.remove(name)
                case ['watch']:
                    await self.watch()
                case _:
                    raise Failure(f'“{line}” is no command, or lacks something: see --help')
        except Failure as failure:
            print(f'notes: {failure}', file=sys.stderr)
        except GLib.Error as error:
            print(f'notes: {error.message}', file=sys.stderr)
        else:
            return True
        return False


async def main(folder, command):
    try:
        notes = Notes(make_store(folder))
        well = True
        if command:
            well = await notes.run(' '.join(command))
        else:
            notes.read_on()
        while notes.input is not None:
            line, _ = await call(notes.input.read_line_async, notes.input.read_line_finish_utf8,
                                 GLib.PRIORITY_DEFAULT)
            if line is None:
                break
            well = await notes.run(line) and well
        return 0 if well else 1
    except GLib.Error as error:
        print(f'notes: {error.message}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    # Whoever reads what watch tells from a pipe wants it now.
    sys.stdout.reconfigure(line_buffering=True)
    arguments = sys.argv[1:]
    data = os.path.join(GLib.get_user_data_dir(), 'merklekv-notes')
    if arguments[:1] == ['--bus']:
        data, arguments = None, arguments[1:]
    elif len(arguments) > 1 and arguments[0] == '--folder':
        data, arguments = arguments[1], arguments[2:]
    if arguments and arguments[0].startswith('--'):
        print(USAGE, end='')
        sys.exit(0 if arguments[0] == '--help' else 2)
    try:
        sys.exit(run(main(data, arguments)))
    except KeyboardInterrupt:
        sys.exit(130)

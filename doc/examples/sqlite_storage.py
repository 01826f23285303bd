#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""A storage in Python: entries in an SQLite database.

All that a storage has to do, in the order of doc/plugin-tutorial.md. Run it, with
a folder, and it counts how often it was run:

    ./sqlite_storage.py /tmp/counter
"""

import os
import sqlite3
import sys
import threading

import gi

gi.require_version('MerkleKV', '1')
from gi.repository import GLib, GObject, MerkleKV  # noqa: E402

SCHEMA = '''
CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB, timestamp INTEGER NOT NULL,
                                    node_id TEXT NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
'''


def make_error(code, text):
    return GLib.Error.new_literal(MerkleKV.error_quark(), text, code)


def make_entry(row):
    key, value, timestamp, node_id, seq = row
    return MerkleKV.Entry.new(key, None if value is None else GLib.Bytes.new(value), timestamp, node_id, seq)


class SqliteStorage(GObject.Object, MerkleKV.Storage):
    """Reads come from any thread, apply() from one at a time: a lock keeps them apart."""

    __gtype_name__ = 'SqliteStorage'

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
        self.database = None
        self.path = None

    def run(self, what, function):
        """Calls function(database). What goes wrong there is an error that says so."""
        try:
            with self.lock:
                return function(self.database)
        except sqlite3.OperationalError as error:
            raise make_error(MerkleKV.Error.UNAVAILABLE, f"can't {what} {self.path}: {error}") from error
        except sqlite3.Error as error:
            raise make_error(MerkleKV.Error.CORRUPT, f"can't {what} {self.path}: {error}") from error

    def do_open(self, path, options):
        os.makedirs(path, mode=0o700, exist_ok=True)
        self.path = os.path.join(path, 'entries.sqlite')

        def connect(_):
            self.database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self.database.execute('PRAGMA journal_mode = WAL')
            self.database.executescript(SCHEMA)

        self.run('open', connect)
        return True

    def do_close(self):
        self.run('close', lambda database: database.close())
        return True

    def do_get(self, key):
        row = self.run('read', lambda database: database.execute(
            'SELECT key, value, timestamp, node_id, seq FROM entries WHERE key = ?', (key,)).fetchone())
        if row is None:
            raise make_error(MerkleKV.Error.NOT_FOUND, f'there is no “{key}”')
        return make_entry(row)

    def scan(self, query, prefix, after, limit):
        """Rows in bytewise order of their first column, which is that of SQLite's texts."""
        prefix, after, rows = prefix or '', after or '', []

        def read(database):
            for row in database.execute(query, (prefix, after)):
                if len(rows) == limit or not row[0].startswith(prefix):
                    break
                rows.append(row)

        self.run('read', read)
        return rows

    def do_scan(self, prefix, after, limit):
        rows = self.scan('SELECT key, value, timestamp, node_id, seq FROM entries '
                         'WHERE key >= ? AND key > ? ORDER BY key', prefix, after, limit)
        return [make_entry(row) for row in rows]

    def do_apply(self, batch):
        full = batch.get_durability() == MerkleKV.Durability.DURABLE

        def write(database):
            # In WAL mode NORMAL keeps the order of transactions, FULL each of them.
            database.execute('PRAGMA synchronous = ' + ('FULL' if full else 'NORMAL'))
            database.execute('BEGIN IMMEDIATE')
            try:
                self.change(database, batch)
                database.execute('COMMIT')
            except BaseException:
                if database.in_transaction:
                    database.execute('ROLLBACK')
                raise

        self.run('write', write)
        return True

    @staticmethod
    def change(database, batch):
        for entry in batch.get_entries():
            stamp, value = entry.get_stamp(), entry.get_value()
            database.execute('REPLACE INTO entries VALUES (?, ?, ?, ?, ?)',
                             (entry.get_key(), None if value is None else bytes(value.get_data() or b''),
                              stamp.timestamp, stamp.node_id, stamp.seq))
        for key in batch.get_removed():
            database.execute('DELETE FROM entries WHERE key = ?', (key,))
        for index in range(batch.get_n_meta()):
            name, value = batch.get_meta_name(index), batch.get_meta_value(index)
            if value is None:
                database.execute('DELETE FROM meta WHERE name = ?', (name,))
            else:
                database.execute('REPLACE INTO meta VALUES (?, ?)', (name, bytes(value.get_data() or b'')))

    def do_get_meta(self, name):
        row = self.run('read', lambda database: database.execute(
            'SELECT value FROM meta WHERE name = ?', (name,)).fetchone())
        if row is None:
            raise make_error(MerkleKV.Error.NOT_FOUND, f'there is no meta “{name}”')
        return GLib.Bytes.new(row[0])

    def do_scan_meta(self, prefix, after, limit):
        return [row[0] for row in self.scan('SELECT name FROM meta WHERE name >= ? AND name > ? ORDER BY name',
                                            prefix, after, limit)]

    def do_stats(self):
        n_all, n_live = self.run('read', lambda database: database.execute(
            'SELECT count(*), count(value) FROM entries').fetchone())
        return True, n_live, n_all - n_live, os.path.getsize(self.path)

    def do_verify(self):
        rows = self.run('read', lambda database: database.execute('PRAGMA integrity_check').fetchall())
        return [text for (text,) in rows if text != 'ok']


def main():
    if len(sys.argv) != 2:
        sys.exit(f'usage: {sys.argv[0]} FOLDER')
    storage = SqliteStorage()
    storage.open(sys.argv[1], None)
    store = MerkleKV.LocalStore.new(storage, 'sqlite-example')
    _, runs = store.increment('runs', 1, None)
    print(f'run {runs}')
    # Garbage collection may take its time; the database should not.
    del store
    storage.close()


if __name__ == '__main__':
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""A storage written in Python: the store works on it as on any other, and what
goes wrong in it is an error, never a wrong answer."""

import gi

gi.require_version('MerkleKV', '1')
from gi.repository import GLib, GObject, MerkleKV  # noqa: E402

from mkv_tap import assert_equal, assert_raises, main, run_until  # noqa: E402


def not_found(what):
    return GLib.Error.new_literal(MerkleKV.error_quark(), f'There is no {what}', MerkleKV.Error.NOT_FOUND)


def page(names, prefix, after, limit):
    """The names of a scan; bytewise, as their UTF-8 has it."""
    names = sorted(names, key=lambda name: name.encode())
    return [name for name in names if name.startswith(prefix or '')
            and (after is None or name.encode() > after.encode())][:limit]


class DictStorage(GObject.Object, MerkleKV.Storage):
    __gtype_name__ = 'DictStorage'

    def __init__(self):
        super().__init__()
        self.entries = {}
        self.meta = {}
        self.calls = []
        self.failure = None  # what the next apply raises or returns
        self.silent = False  # whether its author forgot that there are keys it does not have

    def do_open(self, path, options):
        self.calls.append(('open', path, options and options.unpack()))
        return True

    def do_close(self):
        self.calls.append(('close',))
        return True

    def do_get(self, key):
        if key not in self.entries and not self.silent:
            raise not_found(key)
        return self.entries.get(key)

    def do_scan(self, prefix, after, limit):
        return [self.entries[key] for key in page(self.entries, prefix, after, limit)]

    def do_apply(self, batch):
        failure, self.failure = self.failure, None
        if failure is not None:
            if isinstance(failure, Exception):
                raise failure
            return failure
        for entry in batch.get_entries():
            self.entries[entry.get_key()] = entry
        for key in batch.get_removed():
            self.entries.pop(key, None)
        for index in range(batch.get_n_meta()):
            name, value = batch.get_meta_name(index), batch.get_meta_value(index)
            if value is None:
                self.meta.pop(name, None)
            else:
                self.meta[name] = value
        return True

    def do_get_meta(self, name):
        if name not in self.meta:
            raise not_found(name)
        return self.meta[name]

    def do_scan_meta(self, prefix, after, limit):
        return page(self.meta, prefix, after, limit)

    def do_stats(self):
        n_tombstones = sum(entry.is_tombstone() for entry in self.entries.values())
        return True, len(self.entries) - n_tombstones, n_tombstones, 0


class HalfStorage(GObject.Object, MerkleKV.Storage):
    __gtype_name__ = 'HalfStorage'

    def do_open(self, path, options):
        return True

    def do_get(self, key):
        raise not_found(key)


def octets(text):
    return GLib.Bytes.new(text.encode())


def open_store(storage):
    assert storage.open('/somewhere', GLib.Variant('a{sv}', {'max-size': GLib.Variant('t', 5)}))
    return MerkleKV.LocalStore.new(storage, 'python')


def test_registry():
    registry = MerkleKV.PluginRegistry.new()
    assert registry.add_type(MerkleKV.PluginKind.STORAGE, 'dict', DictStorage)
    storage = registry.create(MerkleKV.PluginKind.STORAGE, 'dict')
    assert isinstance(storage, DictStorage), storage
    message = assert_raises(MerkleKV.plugin_error_quark(), MerkleKV.PluginError.MISSING_VFUNC,
                            registry.add_type, MerkleKV.PluginKind.STORAGE, 'half', HalfStorage)
    assert 'close, scan, apply, get_meta, scan_meta, stats' in message, message
    assert_raises(MerkleKV.plugin_error_quark(), MerkleKV.PluginError.WRONG_INTERFACE,
                  registry.add_type, MerkleKV.PluginKind.CODEC, 'dict', DictStorage)


def test_conformance():
    """The run that every storage has to stand, through the wrappers."""
    storage = DictStorage()
    assert storage.open(None, None)
    assert_equal(storage.calls, [('open', None, None)])
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND, storage.get, 'a')
    assert_equal(storage.scan(None, None, 10), [])
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND, storage.get_meta, 'm')

    batch = MerkleKV.StorageBatch.new(MerkleKV.Durability.DURABLE)
    for number, key in enumerate(['b', 'a', 'ab', 'ä', 'z']):
        batch.put(MerkleKV.Entry.new(key, octets(key * 3), number, 'node', number + 1))
    batch.put(MerkleKV.Entry.new('gone', None, 9, 'node', 9))
    batch.set_meta('o/1', octets('1'))
    batch.set_meta('o/2', octets(''))
    assert storage.apply(batch)
    del batch

    assert_equal(storage.get('ab').dup_text(), 'ababab')
    assert_equal([entry.get_key() for entry in storage.scan(None, None, 10)], ['a', 'ab', 'b', 'gone', 'z', 'ä'])
    assert_equal([entry.get_key() for entry in storage.scan('a', None, 10)], ['a', 'ab'])
    assert_equal([entry.dup_text() for entry in storage.scan(None, 'ab', 2)], ['bbb', None])
    assert_equal(storage.scan_meta('o/', 'o/1', 10), ['o/2'])
    assert_equal(storage.get_meta('o/1').get_data(), b'1')
    assert_equal(storage.get_meta('o/2').get_size(), 0)
    assert_equal(storage.stats(), (True, 5, 1, 0))
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.NOT_SUPPORTED, storage.compact)

    batch = MerkleKV.StorageBatch.new(MerkleKV.Durability.NONE)
    batch.remove('a')
    batch.set_meta('o/1', None)
    assert storage.apply(batch)
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND, storage.get, 'a')
    assert_equal(storage.scan_meta(None, None, 10), ['o/2'])
    assert storage.close()


def test_store():
    storage = DictStorage()
    store = open_store(storage)
    assert_equal(storage.calls, [('open', '/somewhere', {'max-size': 5})])
    seen = []
    store.connect('changed', lambda _, entry, origin: seen.append(entry.get_key()))
    store.set('colour', octets('blue'), None)
    store.set('colour', octets('red'), None)
    assert_equal(store.get('colour', None).get_data(), b'red')
    assert_equal(storage.entries['colour'].dup_text(), 'red')
    assert_equal(store.increment('n', 41, None), (True, 41))
    store.delete('n', None)
    assert storage.entries['n'].is_tombstone()
    store.set_many(['x/1', 'x/2'], [octets('1'), octets('2')], None)
    assert_equal(store.list_keys('x/', None, 10, None), (['x/1', 'x/2'], False))
    run_until(lambda: sorted(set(seen)) == ['colour', 'n', 'x/1', 'x/2'])

    # What was kept outlives the store, and the next one goes on from there.
    del store
    store = MerkleKV.LocalStore.new(storage, 'python')
    assert_equal(store.get('colour', None).get_data(), b'red')
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.CONFIGURATION, MerkleKV.LocalStore.new, storage, 'other')


def test_foreign_thread():
    """_async writes reach the vfuncs from the store's own thread."""
    storage = DictStorage()
    store = open_store(storage)
    done = []
    for number in range(100):
        store.set_async(f'k{number}', octets(str(number)), None,
                        lambda source, result: done.append(source.set_finish(result)))
    run_until(lambda: len(done) == 100)
    assert all(done)
    assert_equal(len(storage.entries), 100)


def test_failures():
    storage = DictStorage()
    store = open_store(storage)
    store.set('key', octets('old'), None)

    # A GError arrives as it was raised.
    storage.failure = GLib.Error.new_literal(MerkleKV.error_quark(), 'the disk is full', MerkleKV.Error.UNAVAILABLE)
    message = assert_raises(MerkleKV.error_quark(), MerkleKV.Error.UNAVAILABLE, store.set, 'key', octets('new'), None)
    assert 'the disk is full' in message, message
    # FALSE without a reason.
    storage.failure = False
    message = assert_raises(MerkleKV.plugin_error_quark(), MerkleKV.PluginError.FAILED,
                            store.set, 'key', octets('new'), None)
    assert 'DictStorage.apply failed without saying why' in message, message
    # Nothing of a write that failed is left, and the next one works.
    assert_equal(store.get('key', None).get_data(), b'old')
    store.set('key', octets('new'), None)
    assert_equal(store.get('key', None).get_data(), b'new')


def test_exception():
    """A plain exception has no GError: the wrapper makes one."""
    import sys
    storage = DictStorage()
    store = open_store(storage)
    told = []
    hook, sys.excepthook = sys.excepthook, lambda *what: told.append(what[0])
    try:
        storage.failure = ZeroDivisionError('on purpose')
        message = assert_raises(MerkleKV.plugin_error_quark(), MerkleKV.PluginError.FAILED,
                                store.set, 'key', octets('new'), None)
    finally:
        sys.excepthook = hook
    assert 'DictStorage.apply failed without saying why' in message, message
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND, store.get, 'key', None)


def test_silent_get():
    """None is not "not found": the write is refused, or it could overwrite what is newer."""
    storage = DictStorage()
    storage.silent = True
    message = assert_raises(MerkleKV.plugin_error_quark(), MerkleKV.PluginError.FAILED,
                            open_store(storage).set, 'key', octets('new'), None)
    assert 'DictStorage.get failed without saying why' in message, message
    assert_equal(storage.entries, {})


main()

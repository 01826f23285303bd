#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""The store, as an application in Python sees it."""

import gi

gi.require_version('MerkleKV', '1')
from gi.repository import Gio, GLib, MerkleKV  # noqa: E402

from mkv_tap import assert_equal, assert_raises, main, run_until  # noqa: E402


def open_store(node_id='python'):
    registry = MerkleKV.PluginRegistry.new()
    storage = registry.create(MerkleKV.PluginKind.STORAGE, 'memory')
    assert storage.open(None, None)
    return MerkleKV.LocalStore.new(storage, node_id)


def octets(text):
    return GLib.Bytes.new(text.encode())


def test_registry():
    registry = MerkleKV.PluginRegistry.new()
    infos = {(info.get_kind(), info.get_name()): info for info in registry}
    memory = infos[(MerkleKV.PluginKind.STORAGE, 'memory')]
    assert_equal(memory.get_state(), MerkleKV.PluginState.NOT_LOADED)
    assert_equal(memory.get_version(), None)
    assert registry.load(MerkleKV.PluginKind.STORAGE, 'memory')
    assert_equal(memory.get_state(), MerkleKV.PluginState.LOADED)
    assert memory.get_description()
    message = assert_raises(MerkleKV.plugin_error_quark(), MerkleKV.PluginError.NOT_FOUND,
                            registry.create, MerkleKV.PluginKind.STORAGE, 'nowhere')
    assert 'mkv-storage-nowhere.so' in message


def test_set_and_get():
    store = open_store()
    assert store.set('colour', octets('blue'), None)
    assert_equal(store.get('colour', None).get_data(), b'blue')
    entry = store.get_entry('colour', None)
    assert_equal(entry.get_key(), 'colour')
    assert_equal(entry.dup_text(), 'blue')
    assert_equal(entry.get_stamp().node_id, 'python')
    assert not entry.is_tombstone()
    assert_equal(entry.get_digest().get_size(), MerkleKV.DIGEST_BYTES)

    assert store.delete('colour', None)
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND, store.get, 'colour', None)
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.INVALID_ARGUMENT, store.set, '', octets('x'), None)


def test_octets():
    store = open_store()
    every = bytes(range(256))
    store.set('binary', GLib.Bytes.new(every), None)
    assert_equal(store.get('binary', None).get_data(), every)
    assert_equal(store.get_entry('binary', None).dup_text(), None)
    store.set('Schlüssel', GLib.Bytes.new(b''), None)
    assert_equal(store.get('Schlüssel', None).get_size(), 0)


def test_numbers():
    store = open_store()
    assert_equal(store.increment('n', 5, None), (True, 5))
    assert_equal(store.decrement('n', 7, None), (True, -2))
    store.set('word', octets('five'), None)
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.INVALID_TYPE, store.increment, 'word', 1, None)
    assert_equal(store.append('word', octets('teen'), None).get_data(), b'fiveteen')
    assert_equal(store.prepend('word', octets('<'), None).get_data(), b'<fiveteen')


def test_many():
    store = open_store()
    store.set_many(['a/1', 'a/2', 'b'], [octets('1'), octets('2'), octets('3')], None)
    values = store.get_many(['b', 'c', 'a/1'], None)
    assert_equal([value.get_value().get_data() for value in values], [b'3', b'1'])
    keys, more = store.list_keys('a/', None, 1, None)
    assert_equal((keys, more), (['a/1'], True))
    keys, more = store.list_keys('a/', 'a/1', 100, None)
    assert_equal((keys, more), (['a/2'], False))


def test_watch():
    store = open_store()
    seen, of_one = [], []
    store.connect('changed', lambda _, entry, origin: seen.append((entry.get_key(), entry.dup_text(), origin)))
    store.connect('changed::b', lambda _, entry, origin: of_one.append(entry.dup_text()))
    store.set('a', octets('1'), None)
    store.set('b', octets('2'), None)
    store.delete('a', None)
    run_until(lambda: len(seen) >= 2)
    assert_equal(sorted(seen, key=lambda change: change[0]),
                 [('a', None, MerkleKV.Origin.LOCAL), ('b', '2', MerkleKV.Origin.LOCAL)])
    assert_equal(of_one, ['2'])


def test_async():
    store = open_store()
    results = []

    def on_set(source, result):
        results.append(source.set_finish(result))
        source.get_async('key', None, on_get)

    def on_get(source, result):
        results.append(source.get_finish(result).get_data())

    store.set_async('key', octets('value'), None, on_set)
    run_until(lambda: len(results) == 2)
    assert_equal(results, [True, b'value'])


def test_short():
    """What may be left out at the end may be left out; all can be called by name."""
    store = open_store()
    assert store.set('colour', octets('blue'))
    assert_equal(store.get('colour').get_data(), b'blue')
    assert_equal(store.increment('n', 2), (True, 2))
    assert_equal(store.list_keys(prefix='c', after=None, limit=10), (['colour'], False))
    for wrong in ((None,), (5,), ('key', b'octets'), ('key', None)):
        try:
            (store.get if len(wrong) == 1 else store.set)(*wrong)
        except TypeError:
            continue
        raise AssertionError(f'{wrong!r} was taken')
    try:
        store.get('nothing')
    except GLib.Error as error:
        assert error.matches(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND)
        assert_equal((error.domain, error.code), ('mkv-error-quark', MerkleKV.Error.NOT_FOUND))
    else:
        raise AssertionError('no error')


def test_cancelled():
    store = open_store()
    cancellable = Gio.Cancellable()
    cancellable.cancel()
    assert_raises(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED, store.set, 'key', octets('value'), cancellable)


main()

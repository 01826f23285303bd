#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Lists, bindings and actions, as a user interface in Python sees them."""

import gi

gi.require_version('MerkleKV', '1')
from gi.repository import Gio, GLib, GObject, MerkleKV  # noqa: E402

from mkv_tap import assert_equal, main, run_until  # noqa: E402


def octets(text):
    return GLib.Bytes.new(text.encode())


def open_store():
    storage = MerkleKV.PluginRegistry.new().create(MerkleKV.PluginKind.STORAGE, 'memory')
    storage.open(None, None)
    return MerkleKV.LocalStore.new(storage, 'py')


class Widget(GObject.Object):
    number = GObject.Property(type=int, default=0)
    text = GObject.Property(type=str)
    active = GObject.Property(type=bool, default=False)


def stored(store, key):
    try:
        return store.get(key, None).get_data().decode()
    except GLib.Error:
        return None


def test_list():
    store = open_store()
    for key in 'note/b', 'note/a', 'other':
        store.set(key, octets(key + '!'), None)
    notes = MerkleKV.ListModel.new(store, 'note/')
    run_until(lambda: not notes.props.loading)
    assert_equal([item.get_key() for item in notes], ['note/a', 'note/b'])
    assert_equal(notes.find('note/b'), (True, 1))
    item = notes[1]
    run_until(lambda: item.props.value is not None)
    assert_equal(item.props.text, 'note/b!')
    assert_equal(item.get_entry().get_stamp().node_id, 'py')
    changes = []
    notes.connect('items-changed', lambda _, *change: changes.append(change))
    store.delete('note/a', None)
    store.set('note/b', octets('new'), None)
    run_until(lambda: changes)
    assert_equal(changes, [(0, 1, 0)])
    assert_equal(item.props.text, 'new')
    assert_equal((notes.get_error(), notes.get_prefix(), notes.get_store()), (None, 'note/', store))


def test_bind():
    store = open_store()
    widget = Widget()
    store.set('number', octets('5'), None)
    store.bind('number', widget, 'number', MerkleKV.BindFlags.DEFAULT)
    store.bind('off', widget, 'active', MerkleKV.BindFlags.INVERT_BOOLEAN)
    run_until(lambda: widget.number == 5)
    widget.number = 6
    widget.active = True
    run_until(lambda: stored(store, 'number') == '6' and stored(store, 'off') == 'false')
    MerkleKV.Store.unbind(widget, 'number')
    widget.number = 7
    store.bind('text', widget, 'text', MerkleKV.BindFlags.SET)
    widget.text = 'last'
    run_until(lambda: stored(store, 'text') == 'last')
    assert_equal(stored(store, 'number'), '6')


def test_bind_with_mapping():
    store = open_store()
    widget = Widget()
    store.set('hex', octets('ff'), None)

    def from_hex(data):
        return int(data.get_data(), 16) if data.get_data() != b'none' else None

    store.bind_with_mapping('hex', widget, 'number', MerkleKV.BindFlags.DEFAULT, from_hex,
                            lambda number: octets(f'{number:x}') if number != 13 else None)
    run_until(lambda: widget.number == 255)
    widget.number = 16
    run_until(lambda: stored(store, 'hex') == '10')
    widget.number = 13
    widget.number = 12
    widget.number = 13
    run_until(lambda: stored(store, 'hex') == 'c')
    store.set('hex', octets('none'), None)
    store.set('hex', octets('1'), None)
    run_until(lambda: widget.number == 1)


def test_actions():
    store = open_store()
    store.set('ui/view', octets('grid'), None)
    actions = MerkleKV.ActionGroup.new(store, 'ui/')
    actions.add('dark', GLib.Variant('b', False))
    run_until(lambda: actions.has_action('view'))
    assert_equal(sorted(actions.list_actions()), ['dark', 'view'])
    assert_equal(actions.get_action_state('view').unpack(), 'grid')
    actions.activate_action('dark', None)
    actions.activate_action('view', GLib.Variant('s', 'list'))
    assert_equal(actions.get_action_state('dark').unpack(), True)
    run_until(lambda: stored(store, 'ui/dark') == 'true' and stored(store, 'ui/view') == 'list')
    assert isinstance(actions, Gio.ActionGroup)


main()

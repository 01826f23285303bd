#!/usr/bin/gjs
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright The MerkleKV authors
//
// Lists, bindings and actions, as a user interface in GJS sees them.
imports.gi.versions.MerkleKV = '1';
const {GLib, GObject, MerkleKV} = imports.gi;
imports.searchPath.unshift(GLib.path_get_dirname(imports.system.programInvocationName));
const {assertEqual, octets, runTests, runUntil, text} = imports.mkvTap;

function openStore() {
    const storage = MerkleKV.PluginRegistry.new().create(MerkleKV.PluginKind.STORAGE, 'memory');
    storage.open(null, null);
    return MerkleKV.LocalStore.new(storage, 'gjs');
}

function stored(store, key) {
    try {
        return text(store.get(key, null));
    } catch (error) {
        return null;
    }
}

const Widget = GObject.registerClass({
    GTypeName: 'Widget',
    Properties: {
        number: GObject.ParamSpec.int('number', '', '', GObject.ParamFlags.READWRITE, 0, 1000, 0),
    },
}, class Widget extends GObject.Object {
    get number() {
        return this._number ?? 0;
    }

    set number(number) {
        if (this._number === number)
            return;
        this._number = number;
        this.notify('number');
    }
});

runTests({
    list() {
        const store = openStore();
        store.set_many(['note/b', 'note/a', 'other'], ['b', 'a', 'c'].map(octets), null);
        const notes = MerkleKV.ListModel.new(store, 'note/');
        runUntil(() => !notes.loading);
        assertEqual(notes.get_n_items(), 2);
        assertEqual(notes.find('note/b'), [true, 1]);
        const item = notes.get_item(1);
        runUntil(() => item.value !== null);
        assertEqual([item.key, item.text, item.entry.get_stamp().node_id], ['note/b', 'b', 'gjs']);
        const changes = [];
        notes.connect('items-changed', (_, ...change) => changes.push(change));
        store.delete('note/a', null);
        runUntil(() => changes.length > 0);
        assertEqual(changes, [[0, 1, 0]]);
    },

    bind() {
        const store = openStore();
        const widget = new Widget();
        store.set('number', octets('5'), null);
        store.bind('number', widget, 'number', MerkleKV.BindFlags.DEFAULT);
        runUntil(() => widget.number === 5);
        widget.number = 6;
        runUntil(() => stored(store, 'number') === '6');
        MerkleKV.Store.unbind(widget, 'number');
    },

    bind_with_mapping() {
        const store = openStore();
        const widget = new Widget();
        store.set('hex', octets('ff'), null);
        store.bind_with_mapping('hex', widget, 'number', MerkleKV.BindFlags.DEFAULT,
            data => parseInt(text(data), 16), number => octets(number.toString(16)));
        runUntil(() => widget.number === 255);
        widget.number = 16;
        runUntil(() => stored(store, 'hex') === '10');
    },

    actions() {
        const store = openStore();
        const actions = MerkleKV.ActionGroup.new(store, 'ui/');
        actions.add('dark', new GLib.Variant('b', false));
        actions.activate_action('dark', null);
        assertEqual(actions.get_action_state('dark').unpack(), true);
        runUntil(() => stored(store, 'ui/dark') === 'true');
    },
});

#!/usr/bin/gjs
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright The MerkleKV authors
//
// The store, and a codec written here, as an application in GJS sees them.
imports.gi.versions.MerkleKV = '1';
const {Gio, GLib, GObject, MerkleKV} = imports.gi;
imports.searchPath.unshift(GLib.path_get_dirname(imports.system.programInvocationName));
const {assertEqual, assertThrows, octets, runTests, runUntil, text} = imports.mkvTap;

function openStore() {
    const registry = MerkleKV.PluginRegistry.new();
    const storage = registry.create(MerkleKV.PluginKind.STORAGE, 'memory');
    storage.open(null, null);
    return MerkleKV.LocalStore.new(storage, 'gjs');
}

// Events as lines of keys; nothing can be read but that.
const LineCodec = GObject.registerClass({
    GTypeName: 'LineCodec',
    Implements: [MerkleKV.Codec],
}, class LineCodec extends GObject.Object {
    vfunc_get_content_type() {
        return 'text/plain';
    }

    vfunc_encode_events(entries, maxBytes) {
        const line = entries.map(entry => entry.get_key()).join('\n');
        return [octets(line), entries.length];
    }

    vfunc_decode_events(payload) {
        const keys = text(payload).split('\n');
        const good = keys.filter(key => key !== '');
        const entries = good.map((key, index) => MerkleKV.Entry.new(key, null, 1, 'gjs', index + 1));
        return [entries, keys.filter(key => key === '').map(() => 'an empty line')];
    }
});

runTests({
    registry() {
        const registry = MerkleKV.PluginRegistry.new();
        const names = [];
        for (let i = 0; i < registry.get_n_items(); i++)
            names.push(registry.get_item(i).get_name());
        assertEqual(names.includes('memory'), true);
        assertThrows(MerkleKV.plugin_error_quark(), MerkleKV.PluginError.NOT_FOUND,
            () => registry.create(MerkleKV.PluginKind.STORAGE, 'nowhere'));
    },

    set_and_get() {
        const store = openStore();
        store.set('colour', octets('blue'), null);
        assertEqual(text(store.get('colour', null)), 'blue');
        const entry = store.get_entry('colour', null);
        assertEqual(entry.get_key(), 'colour');
        assertEqual(entry.get_stamp().node_id, 'gjs');
        store.delete('colour', null);
        assertThrows(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND, () => store.get('colour', null));
    },

    numbers_and_lists() {
        const store = openStore();
        assertEqual(store.increment('n', 5, null), [true, 5]);
        store.set_many(['a/1', 'a/2'], [octets('1'), octets('2')], null);
        assertEqual(store.get_many(['a/2', 'a/1'], null).map(entry => entry.dup_text()), ['2', '1']);
        assertEqual(store.list_keys('a/', null, 1, null), [['a/1'], true]);
    },

    watch() {
        const store = openStore();
        const seen = [], ofOne = [];
        store.connect('changed', (_, entry, origin) => seen.push([entry.get_key(), entry.dup_text(), origin]));
        store.connect('changed::b', (_, entry) => ofOne.push(entry.dup_text()));
        store.set('a', octets('1'), null);
        store.set('b', octets('2'), null);
        runUntil(() => seen.length === 2);
        assertEqual(seen, [['a', '1', MerkleKV.Origin.LOCAL], ['b', '2', MerkleKV.Origin.LOCAL]]);
        assertEqual(ofOne, ['2']);
    },

    asynchronous() {
        const store = openStore();
        let value = null;
        store.set_async('key', octets('value'), null, (source, result) => {
            source.set_finish(result);
            source.get_async('key', null, (again, last) => {
                value = text(again.get_finish(last));
            });
        });
        runUntil(() => value !== null);
        assertEqual(value, 'value');
    },

    codec() {
        const registry = MerkleKV.PluginRegistry.new();
        registry.add_type(MerkleKV.PluginKind.CODEC, 'line', LineCodec.$gtype);
        const codec = registry.create(MerkleKV.PluginKind.CODEC, 'line');
        assertEqual(codec.get_content_type(), 'text/plain');
        assertEqual(codec.has_commands(), false);
        const entries = ['a', 'b'].map(key => MerkleKV.Entry.new(key, octets('x'), 1, 'gjs', 1));
        const [payload, nEncoded] = codec.encode_events(entries, 100);
        assertEqual([text(payload), nEncoded], ['a\nb', 2]);
        const [decoded, refused] = codec.decode_events(octets('c\n\nd'));
        assertEqual(decoded.map(entry => entry.get_key()), ['c', 'd']);
        assertEqual(refused, ['an empty line']);
        assertThrows(MerkleKV.plugin_error_quark(), MerkleKV.PluginError.FAILED,
            () => codec.encode_events(entries, 1));
    },

    cancelled() {
        const cancellable = new Gio.Cancellable();
        cancellable.cancel();
        assertThrows(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED,
            () => openStore().set('key', octets('value'), cancellable));
    },
});

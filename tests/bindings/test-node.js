#!/usr/bin/gjs
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright The MerkleKV authors
//
// Two nodes in this process replicate, and ask each other.
imports.gi.versions.MerkleKV = '1';
const {GLib, MerkleKV} = imports.gi;
imports.searchPath.unshift(GLib.path_get_dirname(imports.system.programInvocationName));
const {assertEqual, assertThrows, octets, runTests, runUntil, text} = imports.mkvTap;

function start(name, broker) {
    const config = MerkleKV.Config.new();
    config.set('node.client-id', name);
    config.set('storage.backend', 'memory');
    config.set('transport.backend', 'loopback');
    config.set('transport.broker', `loopback://${broker}`);
    const node = MerkleKV.Node.new(config);
    finish(done => node.start_async(null, done), result => node.start_finish(result));
    runUntil(() => node.get_state() === MerkleKV.NodeState.ONLINE);
    return node;
}

function stop(...nodes) {
    for (const node of nodes)
        finish(done => node.stop_async(null, done), result => node.stop_finish(result));
}

function finish(call, getResult) {
    let found = null;
    call((source, result) => {
        found = result;
    });
    runUntil(() => found !== null);
    return getResult(found);
}

runTests({
    replication() {
        const alice = start('alice', 'gjs-replication'), bob = start('bob', 'gjs-replication');
        const seen = [];
        bob.get_store().connect('changed', (_, entry, origin) =>
            seen.push([entry.get_key(), entry.dup_text(), origin]));
        alice.get_store().set('colour', octets('green'), null);
        runUntil(() => seen.length > 0);
        assertEqual(seen, [['colour', 'green', MerkleKV.Origin.EVENT]]);
        bob.get_store().delete('colour', null);
        runUntil(() => alice.get_store().list_keys(null, null, 1, null)[0].length === 0);
        assertThrows(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND,
            () => alice.get_store().get('colour', null));
        stop(alice, bob);
    },

    call() {
        const alice = start('alice', 'gjs-call'), bob = start('bob', 'gjs-call');
        bob.get_store().set('colour', octets('blue'), null);
        const command = MerkleKV.Command.new(MerkleKV.Operation.GET);
        command.set_key('colour');
        const response = finish(done => alice.call_async('bob', command, 5000, null, done),
            result => alice.call_finish(result));
        assertEqual(response.get_status(), MerkleKV.Status.OK);
        assertEqual(text(response.get_value()), 'blue');
        stop(alice, bob);
    },
});

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Two nodes in this process replicate, ask each other, and are stopped."""

import gi

gi.require_version('MerkleKV', '1')
from gi.repository import GLib, MerkleKV  # noqa: E402

from mkv_tap import assert_equal, assert_raises, main, run_until  # noqa: E402


def octets(text):
    return GLib.Bytes.new(text.encode())


def make_config(name, broker=None):
    config = MerkleKV.Config.new()
    for setting, value in {'node.client-id': name, 'storage.backend': 'memory', 'transport.backend': 'loopback',
                           'transport.broker': broker and f'loopback://{broker}'}.items():
        assert value is None or config.set(setting, value)
    return config


def finish(call, get_result, *arguments):
    """Waits for an asynchronous call."""
    results = []
    call(*arguments, None, lambda _, result: results.append(result))
    run_until(lambda: results)
    return get_result(results[0])


def start(name, broker):
    node = MerkleKV.Node.new(make_config(name, broker))
    assert_equal(node.get_state(), MerkleKV.NodeState.STOPPED)
    assert finish(node.start_async, node.start_finish)
    run_until(lambda: node.get_state() == MerkleKV.NodeState.ONLINE)
    return node


def stop(*nodes):
    for node in nodes:
        assert finish(node.stop_async, node.stop_finish)
        assert_equal(node.get_state(), MerkleKV.NodeState.STOPPED)


def get_text(node, key):
    try:
        return node.get_store().get(key, None).get_data().decode()
    except GLib.Error as error:
        assert error.matches(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND), error
        return None


def test_replication():
    alice, bob = start('alice', 'replication'), start('bob', 'replication')
    seen = []
    bob.get_store().connect('changed', lambda _, entry, origin: seen.append((entry.get_key(), entry.dup_text(), origin)))

    alice.get_store().set('colour', octets('green'), None)
    run_until(lambda: seen)
    assert_equal(seen, [('colour', 'green', MerkleKV.Origin.EVENT)])
    assert_equal(bob.get_store().get_entry('colour', None).get_stamp().node_id, 'alice')

    bob.get_store().set('colour', octets('red'), None)
    bob.get_store().increment('n', 3, None)
    run_until(lambda: (get_text(alice, 'colour'), get_text(alice, 'n')) == ('red', '3'))
    alice.get_store().delete('n', None)
    run_until(lambda: get_text(bob, 'n') is None)
    assert_equal(alice.get_health(), MerkleKV.Health.OK)
    assert_equal(alice.list_conditions(), [])
    stop(alice, bob)


def test_offline():
    """What is written without a broker arrives when there is one."""
    alice, bob = MerkleKV.Node.new(make_config('alice')), start('bob', 'offline')
    assert finish(alice.start_async, alice.start_finish)
    alice.get_store().set('written', octets('offline'), None)
    assert_equal(alice.get_state(), MerkleKV.NodeState.OFFLINE)
    assert_equal(alice.reload(make_config('alice', 'offline')), (True, []))
    run_until(lambda: get_text(bob, 'written') == 'offline')
    stop(alice, bob)


def test_call():
    alice, bob = start('alice', 'call'), start('bob', 'call')
    bob.get_store().set('colour', octets('blue'), None)
    command = MerkleKV.Command.new(MerkleKV.Operation.GET)
    command.set_key('colour')
    response = finish(alice.call_async, alice.call_finish, 'bob', command, 5000)
    assert_equal(response.get_status(), MerkleKV.Status.OK)
    assert_equal(response.get_value().get_data(), b'blue')

    command = MerkleKV.Command.new(MerkleKV.Operation.INFO)
    info = finish(alice.call_async, alice.call_finish, 'bob', command, 5000).get_info().unpack()
    assert_equal(info['node_id'], 'bob')
    command = MerkleKV.Command.new(MerkleKV.Operation.PING)
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.TIMEOUT,
                  finish, alice.call_async, alice.call_finish, 'nobody', command, 50)
    assert alice.list_counters().unpack()['messages-sent'] > 0
    stop(alice, bob)


def test_properties():
    alice = MerkleKV.Node.new(make_config('alice', 'properties'))
    assert_equal((alice.props.client_id, alice.props.node_id, alice.props.store), ('alice', 'alice', None))
    states = []
    alice.connect('notify::state', lambda node, _: states.append(node.props.state.value_nick))
    assert finish(alice.start_async, alice.start_finish)
    run_until(lambda: states[-1:] == ['online'])
    assert isinstance(alice.props.store, MerkleKV.Store)
    stop(alice)
    assert_equal(states[-1], 'stopped')
    assert_raises(MerkleKV.error_quark(), MerkleKV.Error.UNAVAILABLE,
                  alice.get_store().set, 'key', octets('late'), None)


def test_configuration():
    config = MerkleKV.Config.new()
    message = assert_raises(MerkleKV.error_quark(), MerkleKV.Error.CONFIGURATION, config.set, 'node.profil', 'edge')
    assert 'node.profile' in message, message
    message = assert_raises(MerkleKV.error_quark(), MerkleKV.Error.CONFIGURATION,
                            MerkleKV.Config.new_from_file, None, ['transport.keep-alive=1', 'x'])
    assert_equal(len(message.split('\n')), 2)
    assert 'node.client-id' in config.list_settings()
    assert_equal(config.get_group('transport').unpack()['keep-alive'], 60)

    config = make_config('alice', 'configuration')
    config.set('storage.backend', 'nowhere')
    node = MerkleKV.Node.new(config)
    assert_raises(MerkleKV.plugin_error_quark(), MerkleKV.PluginError.NOT_FOUND,
                  finish, node.start_async, node.start_finish)


main()

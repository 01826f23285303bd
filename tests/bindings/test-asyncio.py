#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""The bridge to asyncio that stands among the examples: test-asyncio.py EXAMPLES."""

import asyncio
import os
import sys
import time

import gi

gi.require_version('MerkleKV', '1')
from gi.repository import GLib, MerkleKV  # noqa: E402

sys.path.insert(0, sys.argv[1])
from glib_asyncio import call, run  # noqa: E402
from mkv_tap import assert_equal, main  # noqa: E402


def open_store():
    storage = MerkleKV.PluginRegistry.new().create(MerkleKV.PluginKind.STORAGE, 'memory')
    storage.open(None, None)
    return MerkleKV.LocalStore.new(storage, 'asyncio')


async def set_text(store, key, text):
    return await call(store.set_async, store.set_finish, key, GLib.Bytes.new(text.encode()))


async def get_text(store, key):
    return (await call(store.get_async, store.get_finish, key)).get_data().decode()


def test_calls():
    async def work():
        store = open_store()
        assert await set_text(store, 'colour', 'green')
        assert_equal(await get_text(store, 'colour'), 'green')
        assert_equal(await call(store.increment_async, store.increment_finish, 'n', 5), (True, 5))
        try:
            await get_text(store, 'nothing')
        except GLib.Error as error:
            assert error.matches(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND), error
        else:
            raise AssertionError('no error')

    run(work())


def test_many_at_once():
    async def work():
        store = open_store()
        await asyncio.gather(*(set_text(store, f'k{i}', str(i)) for i in range(200)))
        assert_equal(await asyncio.gather(*(get_text(store, f'k{i}') for i in range(200))),
                     [str(i) for i in range(200)])

    run(work())


def test_signals():
    """What a handler hears can be waited for."""
    async def work():
        store, heard = open_store(), asyncio.Queue()
        store.connect('changed::b', lambda _, entry, origin: heard.put_nowait(entry.dup_text()))
        await set_text(store, 'a', '1')
        await set_text(store, 'b', '2')
        assert_equal(await asyncio.wait_for(heard.get(), 10), '2')

    run(work())


def test_waiting():
    """asyncio's timers, files and threads go on beside GLib's sources."""
    async def work():
        ticks = []
        GLib.timeout_add(5, lambda: ticks.append('tick') or GLib.SOURCE_CONTINUE)
        begin = time.monotonic()
        await asyncio.sleep(0.1)
        assert time.monotonic() - begin >= 0.1
        assert ticks
        assert_equal(await asyncio.to_thread(sum, [1, 2, 3]), 6)
        out, into = os.pipe()
        reader = asyncio.StreamReader()
        with os.fdopen(out, 'rb') as pipe:
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), pipe)
            GLib.timeout_add(10, lambda: os.write(into, b'line\n') and GLib.SOURCE_REMOVE)
            assert_equal(await reader.readline(), b'line\n')
            transport.close()
            os.close(into)

    run(work())


def test_idle():
    """What waits does not spin."""
    async def work():
        begin = time.process_time()
        await asyncio.sleep(0.5)
        assert time.process_time() - begin < 0.1

    run(work())


def test_cancelling():
    async def work():
        given = []

        def start(cancellable, callback):
            given.append((cancellable, callback))

        task = asyncio.create_task(call(start, lambda result: result))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        (cancellable, callback), = given
        assert cancellable.is_cancelled()
        callback(None, 'too late')

        try:
            await asyncio.wait_for(asyncio.get_running_loop().create_future(), 0.01)
        except asyncio.TimeoutError:
            return
        raise AssertionError('no timeout')

    run(work())


def test_again():
    """A loop leaves nothing behind."""
    for _ in range(3):
        run(asyncio.sleep(0))
    assert not GLib.MainContext.default().pending()


main()

# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""asyncio and GLib's main loop in one thread, for any PyGObject.

PyGObject 3.50 and later brings an event loop of its own, in gi.events; where that
is missing asyncio waits in GLib's main context instead, and loses nothing by it.
"""

import asyncio
import math
import selectors

from gi.repository import Gio, GLib

try:
    from gi.events import GLibEventLoop
except ImportError:
    GLibEventLoop = None


class MainContextSelector(selectors.EpollSelector):
    """Waits in GLib's default main context, where all that asyncio waits for is one more file: the epoll."""

    def __init__(self):
        super().__init__()
        self._context = GLib.MainContext.default()
        self._source = GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, self.fileno(), GLib.IOCondition.IN,
                                             lambda *_: GLib.SOURCE_CONTINUE)

    def close(self):
        GLib.source_remove(self._source)
        super().close()

    def select(self, timeout=None):
        timer = None
        if timeout is not None and timeout > 0:
            timer = GLib.timeout_add(math.ceil(timeout * 1000), lambda: GLib.SOURCE_CONTINUE)
        self._context.iteration(timeout is None or timeout > 0)
        if timer is not None:
            GLib.source_remove(timer)
        return super().select(0)


def make_event_loop():
    if GLibEventLoop is not None:
        return GLibEventLoop(GLib.MainContext.default())
    return asyncio.SelectorEventLoop(MainContextSelector())


def run(coroutine):
    """Does what asyncio.run() does; callbacks and signals of GObjects come meanwhile, in the same thread."""
    with asyncio.Runner(loop_factory=make_event_loop) as runner:
        return runner.run(coroutine)


async def call(start, finish, *arguments):
    """Calls @start, which is a something_async(), waits, and returns what @finish, its something_finish(), does.

    A task that is cancelled cancels the call.
    """
    future = asyncio.get_running_loop().create_future()
    cancellable = Gio.Cancellable()

    def on_result(_, result):
        if not future.done():
            future.set_result(result)

    start(*arguments, cancellable, on_result)
    try:
        return finish(await future)
    except asyncio.CancelledError:
        cancellable.cancel()
        raise

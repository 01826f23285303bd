# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Runs the functions of a test that are named test_*, and tells TAP; a watchdog ends what hangs."""

import faulthandler
import sys
import traceback

from gi.repository import GLib

WATCHDOG_SECONDS = 60


def run_until(condition, seconds=10):
    """Iterates the main context until @condition() is true."""
    context = GLib.MainContext.default()
    late = []
    source = GLib.timeout_source_new_seconds(seconds)
    source.set_callback(lambda *ignored: late.append(True))
    source.attach(context)
    while not condition():
        if late:
            raise AssertionError(f'what was waited for did not come in {seconds} s')
        context.iteration(True)
    source.destroy()


def assert_equal(actual, expected):
    assert actual == expected, f'{actual!r} is not {expected!r}'


def assert_raises(domain, code, function, *arguments):
    """Calls @function, which has to fail with that GError; returns its message."""
    try:
        result = function(*arguments)
    except GLib.Error as error:
        assert error.matches(domain, code), f'{error!r} is not {code}'
        return error.message
    raise AssertionError(f'no error, but {result!r}')


def main():
    # What is logged must not get between the lines of TAP.
    GLib.log_writer_default_set_use_stderr(True)
    faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
    tests = [(name, function) for name, function in vars(sys.modules['__main__']).items()
             if name.startswith('test_') and callable(function)]
    failed = 0
    print(f'1..{len(tests)}')
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f'ok {number} - {name[5:]}', flush=True)
        except Exception:
            failed += 1
            for line in traceback.format_exc().rstrip('\n').split('\n'):
                print('# ' + line)
            print(f'not ok {number} - {name[5:]}', flush=True)
    sys.exit(1 if failed else 0)

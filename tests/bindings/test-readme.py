#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Runs what README.md shows, with a broker and a bus of its own: test-readme.py README."""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SECONDS = 30
TOOLS = os.environ['MKV_TOOLS']

with open(sys.argv[1], encoding='utf-8') as file:
    README = file.read()


def find_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def start_broker(folder):
    """Starts a mosquitto; gives the process and the port."""
    port = find_port()
    path = os.path.join(folder, 'mosquitto.conf')
    with open(path, 'w', encoding='utf-8') as config:
        config.write(f'listener {port} 127.0.0.1\nallow_anonymous true\n'
                     f'user {pwd.getpwuid(os.getuid()).pw_name}\n')
    program = shutil.which('mosquitto', path=f'{os.environ["PATH"]}:/usr/sbin:/usr/local/sbin')
    broker = subprocess.Popen([program, '-c', path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return broker, port
        except OSError:
            time.sleep(0.02)
    sys.exit('mosquitto does not start')


def start(command, environment):
    """Starts a process that is not left to hang; give what comes back to stop()."""
    # What dbus-run-session starts, and what is started there, is its process group.
    process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, start_new_session=True)
    watchdog = threading.Timer(SECONDS, os.killpg, (process.pid, signal.SIGTERM))
    watchdog.start()
    return process, watchdog


def stop(process, watchdog):
    watchdog.cancel()
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.communicate()


def test_ten_lines(port, environment):
    code = re.search(r'^## Ten lines\n+```python\n(.*?)^```$', README, re.DOTALL | re.MULTILINE).group(1)
    assert 'mqtt://localhost:1883' in code
    code = code.replace('localhost:1883', f'localhost:{port}')
    process, watchdog = start([sys.executable, '-u', '-c', code], environment)
    line = process.stdout.readline()
    stop(process, watchdog)
    return line, 'colour green\n'


def test_command_line(port, environment):
    """A daemon takes a moment to start, and a person to type: each command is given when the daemon is ready."""
    lines = re.search(r'^((?: {4}merklekv.*\n)+)', README, re.MULTILINE).group(1)
    daemon, *commands = [line.strip() for line in lines.replace('mqtt://localhost', f'mqtt://localhost:{port}')
                         .rstrip().split('\n')]
    assert daemon.endswith('&'), daemon
    script = '\n'.join(['set -e', f'{daemon[:-1]} > log &', 'until grep -q ready log; do sleep 0.1; done', *commands,
                        'kill $!'])
    environment = {**environment, 'PATH': f'{TOOLS}/cli:{TOOLS}/daemon:{environment["PATH"]}'}
    process, watchdog = start(['dbus-run-session', '--', 'sh', '-c', f'cd "$HOME"\n{script}'], environment)
    output = process.stdout.read()
    stop(process, watchdog)
    return output, 'green'


tests = [test_ten_lines, test_command_line]
failed = 0
print(f'1..{len(tests)}')
with tempfile.TemporaryDirectory(prefix='mkv-readme-') as home:
    mosquitto, free_port = start_broker(home)
    try:
        for number, test in enumerate(tests, 1):
            data = os.path.join(home, test.__name__)
            os.mkdir(data)
            printed, wanted = test(free_port, {**os.environ, 'HOME': data, 'XDG_DATA_HOME': data,
                                               'XDG_CONFIG_HOME': data})
            well = printed == wanted
            failed += not well
            if not well:
                print(f'# {printed!r} instead of {wanted!r}')
            print(f'{"ok" if well else "not ok"} {number} - {test.__name__[5:]}', flush=True)
    finally:
        mosquitto.terminate()
        mosquitto.wait()
sys.exit(1 if failed else 0)

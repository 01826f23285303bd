#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Runs one fuzz target for a while: run.py TARGET KIND FORMAT FOLDER

KIND is events, command, response, sync, inflate or journal, FORMAT json, cbor,
locked-spec, zlib or jsonl. Seeds are made of the vectors, of the messages below and
of the samples in tests/format; what is found is kept in FOLDER. Seconds: MKV_FUZZ_SECONDS, 20 if unset.
"""

import base64
import json
import os
import re
import struct
import subprocess
import sys
import zlib

COMMANDS = [
    {'id': '7', 'op': 'GET', 'key': 'k', 'token': 't', 'timestamp': 1700000000000},
    {'id': '7', 'op': 'SET', 'key': 'k', 'value': 'v'},
    {'id': '7', 'op': 'SET', 'key': 'k', 'value': '/+8=', 'encoding': 'base64'},
    {'id': '7', 'op': 'INCR', 'key': 'k', 'amount': -9223372036854775808},
    {'id': '7', 'op': 'MGET', 'keys': ['a', 'b']},
    {'id': '7', 'op': 'MSET', 'keyValues': {'a': 'v', 'bb': 'w'}},
    {'id': '7', 'op': 'KEYS', 'prefix': 'p', 'after': 'a', 'limit': 10},
    {'id': '7', 'op': 'SYNC', 'peer': 'other', 'unknown': [None, 1.5, {'a': True}]},
]
RESPONSES = [
    {'id': '7', 'status': 'OK', 'timestamp': 1700000000000, 'value': 'v', 'replayed': True, 'errorCode': 102},
    {'id': '7', 'status': 'ERROR', 'error': 'why', 'errorCode': 199},
    {'id': '7', 'status': 'OK', 'keys': ['a', 'b'], 'more': False},
    {'id': '7', 'status': 'OK', 'results': [{'key': 'a', 'status': 'OK', 'value': 'v'},
                                            {'key': 'b', 'status': 'NOT_FOUND'}]},
    {'id': '7', 'status': 'OK', 'info': {'version': '0.1', 'entries': 5, 'other': None}},
]
STATE = {'from': 'a', 'timestamp': 1700000000000, 'horizon': 3600000, 'root': bytes(32), 'count': 7}
SYNCS = [STATE | {'id': '7'} | message for message in [
    {'op': 'CLAIM', 'to': 'b'},
    {'op': 'SYNC', 'lists': [[b'\0', b''], [b'\3\xa0', bytes(8)]], 'more': True},
    {'op': 'SYNC', 'cells': [[b'\3\xa0', 1, bytes(24)]], 'want': bytes(8), 'offer': bytes(19)},
    {'op': 'SYNC', 'ack': True},
    {'op': 'NODES', 'get': ['', '0f'], 'nodes': [['0', 0, bytes(36)], ['', 1, bytes(256)]]},
    {'op': 'DONE', 'until': 1700000000001},
    {'op': 'ERROR', 'errorCode': 109, 'error': 'why'},
]]
NAMES = sorted({name for message in COMMANDS + RESPONSES + SYNCS for name in message}
               | {'node_id', 'seq', 'checksum', 'timestamp_ms', 'tombstone', 'DELETE', 'SET', 'OK', 'base64', 'b64:',
                  'ROOT', 'CLAIM', 'NODES', 'DONE', 'ERROR', 'events', 'cell', 'commit', 'lines', 'synced',
                  'meta', 'remove', 'total', 'aside', 'offset', 'reason', 'format', 'after'})


def to_cbor(value):
    if value is None or isinstance(value, bool):
        return bytes([{None: 0xF6, True: 0xF5, False: 0xF4}[value]])
    if isinstance(value, float):
        return b'\xfb' + struct.pack('>d', value)
    if isinstance(value, int):
        return to_head(0, value) if value >= 0 else to_head(1, -1 - value)
    if isinstance(value, bytes):
        return to_head(2, len(value)) + value
    if isinstance(value, str):
        return to_head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return to_head(4, len(value)) + b''.join(map(to_cbor, value))
    return to_head(5, len(value)) + b''.join(to_cbor(item) for pair in value.items() for item in pair)


def to_head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    info = next(info for info in range(24, 28) if number < 1 << (8 << info - 24))
    return bytes([major << 5 | info]) + number.to_bytes(1 << info - 24, 'big')


def load(name):
    folder = os.environ.get('MKV_TEST_VECTORS', os.path.join(os.path.dirname(__file__), '..', 'vectors'))
    with open(os.path.join(folder, name), encoding='utf-8') as file:
        return json.load(file)['vectors']


def make_journals():
    """Lines without their checksums, whole and cut, and one that keeps a wrong one."""
    for name in ('journal.jsonl', 'snapshot.jsonl'):
        path = os.path.join(os.path.dirname(__file__), '..', 'format', 'file-1', name)
        with open(path, encoding='utf-8') as file:
            lines = re.sub(r',"checksum":"\w*"}$', '', file.read(), flags=re.MULTILINE)
        yield lines.encode()
        yield lines.replace('"on"', '"on~"').encode()[:-20]
        yield re.sub(r'$', '~', lines, count=5, flags=re.MULTILINE).encode()


def make_seeds(kind, form):
    if kind == 'journal':
        yield from make_journals()
        return
    messages = {'command': COMMANDS, 'response': RESPONSES, 'sync': SYNCS}
    if kind in messages:
        for message in messages[kind]:
            yield json.dumps(message, default=bytes.hex).encode() if form == 'json' else to_cbor(message)
        for session in load('sessions.json') if kind == 'sync' else []:
            for message in session.get('messages_json', []) if form == 'json' else session['messages']:
                yield json.dumps(message).encode() if form == 'json' else bytes.fromhex(message)
        return
    for entry in load('entries.json'):
        event = {'json': json.dumps(entry['event_json']).encode(), 'cbor': bytes.fromhex(entry['event_cbor']),
                 'locked-spec': entry['locked_spec'].encode()}
        event['zlib'] = zlib.compress(event['json'])
        yield event[form]
    first = {'json': b'{[', 'cbor': bytes(range(0x80, 0xC0)), 'locked-spec': b'p', 'zlib': b'x'}[form]
    for vector in load('accepted.json') + load('malformed.json'):
        payload = bytes.fromhex(vector.get('payload', ''))
        if payload[:1] and payload[0] in first and len(payload) < 4096:
            yield payload


def main():
    target, kind, form, folder = sys.argv[1:]
    seeds = os.path.join(folder, 'seeds')
    found = os.path.join(folder, 'found')
    os.makedirs(seeds, exist_ok=True)
    os.makedirs(found, exist_ok=True)
    for i, seed in enumerate(make_seeds(kind, form)):
        with open(os.path.join(seeds, f'{i:03}'), 'wb') as file:
            file.write(seed)
    dictionary = os.path.join(folder, 'dictionary')
    with open(dictionary, 'w', encoding='utf-8') as file:
        for name in NAMES:
            head = f'\\x{0x60 + len(name):02x}' if form == 'cbor' else ''
            file.write(f'"{head}{name}"\n')
    sys.exit(subprocess.run([
        target, '-max_total_time=' + os.environ.get('MKV_FUZZ_SECONDS', '20'), '-max_len=20000', '-timeout=5',
        '-malloc_limit_mb=512', '-print_final_stats=1', '-dict=' + dictionary, '-artifact_prefix=' + folder + '/',
        found, seeds], check=False).returncode)


main()

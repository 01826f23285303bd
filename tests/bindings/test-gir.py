#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Reads the GIR, and finds what language bindings would stumble over."""

import sys
import xml.etree.ElementTree as ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'
C = '{http://www.gtk.org/introspection/c/1.0}'
GLIB = '{http://www.gtk.org/introspection/glib/1.0}'

# For C alone: language bindings have their own means, or another function.
FOR_C = {
    'mkv_text_is_valid', 'mkv_entry_new_from_octets', 'mkv_entry_new_from_octets_with_digest',
    'mkv_entry_peek_digest', 'mkv_entry_peek_key', 'mkv_entry_peek_node_id', 'mkv_entry_peek_value',
    'mkv_clock_add_timeout', 'mkv_clock_timeout_source_new',
    'mkv_message_set_handled_func', 'mkv_secret_file_read',
    # Shadowed by their *_for_bindings.
    'mkv_codec_decode_events', 'mkv_storage_scan', 'mkv_storage_scan_meta',
}
# These would hide what GObject has, and nobody could attach to a signal.
TAKEN = {'connect', 'disconnect', 'emit', 'notify', 'ref', 'unref', 'props'}

namespace = ElementTree.parse(sys.argv[1]).getroot().find(CORE + 'namespace')
callables = [element for tag in ('function', 'method', 'constructor', 'virtual-method', GLIB + 'signal')
             for element in namespace.iter(tag if tag.startswith('{') else CORE + tag)]


def get_name(element):
    return element.get(C + 'identifier') or '::' + element.get('name')


def get_parameters(element):
    parameters = element.find(CORE + 'parameters')
    return [] if parameters is None else parameters.findall(CORE + 'parameter')


def get_values(element):
    """What goes in and comes out, each with its name."""
    return ([(parameter.get('name'), parameter) for parameter in get_parameters(element)]
            + [('the return value', element.find(CORE + 'return-value'))])


def get_doc(value):
    doc = value.find(CORE + 'doc')
    return '' if doc is None else doc.text


def is_for_c(element):
    return get_name(element) in FOR_C


def check_introspectable():
    for element in callables:
        hidden = element.get('introspectable') == '0' or element.get('shadowed-by') is not None
        if hidden != is_for_c(element) and element.get(C + 'identifier'):
            yield f'{get_name(element)}: bindings {"can not" if hidden else "can"} call it'


def check_transfer():
    for element in callables:
        for name, value in get_values(element):
            array = value.find(CORE + 'array')
            if array is not None and array.get('name') == 'GLib.PtrArray' and not is_for_c(element) \
                    and element.tag != CORE + 'virtual-method' and value.get('transfer-ownership') == 'full':
                yield (f'{get_name(element)}: {name} is (transfer full): what an array frees itself would be freed '
                       'twice; say (transfer container)')
            if value.get('transfer-ownership') is None:
                yield f'{get_name(element)}: {name} does not say who frees it'


def check_elements():
    for element in callables:
        for name, value in get_values(element):
            for container in [*value.iter(CORE + 'array'), *value.iter(CORE + 'type')]:
                inner = container.find(CORE + 'type')
                is_container = container.tag == CORE + 'array' or container.get('name', '') in (
                    'GLib.List', 'GLib.SList', 'GLib.HashTable')
                if is_container and (inner is None or inner.get('name') in ('gpointer', None)):
                    yield f'{get_name(element)}: {name} does not say what is in it'
                if container.get('name') == 'GLib.PtrArray' and inner is not None \
                        and inner.get('name') != 'utf8' and not inner.get(C + 'type', '').endswith('*'):
                    yield f'{get_name(element)}: {name} holds no pointers, says the GIR'


def check_nullable():
    for element in callables:
        for name, value in get_values(element):
            says_null = '%NULL' in get_doc(value)
            # With an error NULL is no result.
            is_failure = name == 'the return value' and element.get('throws') == '1'
            if says_null and not is_failure and value.get('nullable') != '1' and value.get('direction') != 'out':
                yield f'{get_name(element)}: {name} is not (nullable), and its description speaks of %NULL'


def check_cancellables():
    for element in callables:
        for name, value in get_values(element):
            kind = value.find(CORE + 'type')
            if kind is not None and kind.get('name') in ('Gio.Cancellable', 'Gio.AsyncReadyCallback') \
                    and value.get('nullable') != '1':
                yield f'{get_name(element)}: {name} is not (nullable)'


def check_pointers():
    for element in callables:
        parameters = get_parameters(element)
        closures = {parameters[int(parameter.get('closure'))].get('name') for parameter in parameters
                    if parameter.get('closure') is not None}
        for name, value in get_values(element):
            kind = value.find(CORE + 'type')
            if kind is None or is_for_c(element):
                continue
            if kind.get('name') == 'gpointer' and name not in closures:
                yield f'{get_name(element)}: {name} is a gpointer'
            if kind.get(C + 'type', '').endswith('**') and value.get('direction') is None and 'GError' not in \
                    kind.get(C + 'type'):
                yield f'{get_name(element)}: {name} is a pointer to a pointer, and neither an array nor (out)'


def check_scopes():
    callbacks = {element.get('name') for element in namespace.findall(CORE + 'callback')}
    for element in callables:
        for name, value in get_values(element):
            kind = value.find(CORE + 'type')
            if kind is not None and (kind.get('name') in callbacks or kind.get('name') == 'Gio.AsyncReadyCallback') \
                    and value.get('scope') is None:
                yield f'{get_name(element)}: {name} does not say how long it may be called'


def check_since():
    for element in callables:
        if element.get('version') is None and element.tag != CORE + 'virtual-method':
            yield f'{get_name(element)}: does not say Since: when'


def check_names():
    for owner in [*namespace.findall(CORE + 'class'), *namespace.findall(CORE + 'interface')]:
        for element in owner.findall(CORE + 'method'):
            if element.get('name') in TAKEN:
                yield f'{get_name(element)}: hides what GObject has under that name'


checks = {
    'bindings can call everything but what is for C': check_introspectable,
    'values say who frees them, arrays as bindings need it': check_transfer,
    'containers say what is in them': check_elements,
    'what may be NULL is nullable': check_nullable,
    'cancellables and callbacks are nullable': check_cancellables,
    'there are no bare pointers': check_pointers,
    'callbacks have a scope': check_scopes,
    'everything says since when it is there': check_since,
    'no method hides one of GObject': check_names,
}
failed = 0
print(f'1..{len(checks)}')
for number, (name, check) in enumerate(checks.items(), 1):
    problems = sorted(set(check()))
    for problem in problems:
        print(f'# {problem}')
    failed += bool(problems)
    print(f'{"not ok" if problems else "ok"} {number} - {name}')
sys.exit(1 if failed else 0)

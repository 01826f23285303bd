# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""What the tests that read the GIR share: its elements, and telling TAP."""

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
    'mkv_message_set_handled_func', 'mkv_secret_file_read', 'mkv_storage_set_error_from_errno',
    # Shadowed by their *_for_bindings.
    'mkv_codec_decode_events', 'mkv_storage_scan', 'mkv_storage_scan_meta', 'mkv_store_bind_with_mapping',
}
namespace = ElementTree.parse(sys.argv[1]).getroot().find(CORE + 'namespace')
owners = [element for tag in ('class', 'interface', 'record', 'union') for element in namespace.findall(CORE + tag)]
enums = [element for tag in ('enumeration', 'bitfield') for element in namespace.findall(CORE + tag)]
functions = [element for tag in ('function', 'method', 'constructor') for element in namespace.iter(CORE + tag)]
virtuals = list(namespace.iter(CORE + 'virtual-method'))
signals = list(namespace.iter(GLIB + 'signal'))
callbacks = namespace.findall(CORE + 'callback')
callables = functions + virtuals + signals
parents = {child: parent for parent in namespace.iter() for child in parent}
names_of_enums = {element.get('name') for element in enums}


def get_name(element):
    name = element.get(C + 'identifier') or (element.tag == CORE + 'callback' and element.get(C + 'type'))
    if name:
        return name
    owner = parents[element].get('name')
    return f'{owner}::{element.get("name")}' if owner else element.get('name')


def get_parameters(element):
    parameters = element.find(CORE + 'parameters')
    return [] if parameters is None else parameters.findall(CORE + 'parameter')


def get_self(element):
    parameters = element.find(CORE + 'parameters')
    return None if parameters is None else parameters.find(CORE + 'instance-parameter')


def get_return(element):
    return element.find(CORE + 'return-value')


def get_values(element):
    """What goes in and comes out, each with its name."""
    return ([(parameter.get('name'), parameter) for parameter in get_parameters(element)]
            + [('the return value', get_return(element))])


def get_type(value):
    """The name of its type; of an array, the name of the array, if it has one."""
    kind = value.find(CORE + 'type')
    return (value.find(CORE + 'array').get('name') or 'array') if kind is None else kind.get('name')


def get_c_type(value):
    kind = value.find(CORE + 'type')
    return (value.find(CORE + 'array') if kind is None else kind).get(C + 'type', '')


def is_in(value):
    return value.get('direction') in (None, 'in')


def is_callback(value):
    return get_type(value) in {callback.get('name') for callback in callbacks} | {'Gio.AsyncReadyCallback'}


def is_pointer(value):
    """Whether somebody has to free it, or not to: texts, objects, boxed types, containers."""
    return get_type(value) == 'array' or get_c_type(value).endswith('*' if is_in(value) else '**')


def get_doc(value):
    doc = value.find(CORE + 'doc')
    return '' if doc is None else doc.text


def is_for_c(element):
    return get_name(element) in FOR_C


def run(checks):
    """Calls the functions of @checks; each yields what is wrong."""
    failed = 0
    print(f'1..{len(checks)}')
    for number, (name, check) in enumerate(checks.items(), 1):
        problems = sorted(set(check()))
        for problem in problems:
            print(f'# {problem}')
        failed += bool(problems)
        print(f'{"not ok" if problems else "ok"} {number} - {name}')
    sys.exit(1 if failed else 0)

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Reads the GIR, and finds what language bindings would stumble over."""

import keyword

from mkv_gir import (C, CORE, GLIB, callables, callbacks, enums, functions, get_c_type, get_doc, get_name, get_parameters,
                     get_return, get_self, get_type, get_values, is_callback, is_for_c, is_in, namespace, names_of_enums,
                     owners, parents, run, virtuals)

# These would hide what GObject has in Python, GJS or Vala, and nobody could attach to a signal.
TAKEN = {
    'bind_property', 'chain', 'connect', 'connect_after', 'connect_data', 'connect_object', 'disconnect', 'emit',
    'emit_stop_by_name', 'force_floating', 'freeze_notify', 'get_properties', 'get_property', 'handler_block',
    'handler_disconnect', 'handler_is_connected', 'handler_unblock', 'notify', 'props', 'ref', 'ref_sink', 'run_dispose',
    'set_properties', 'set_property', 'stop_emission', 'thaw_notify', 'unref', 'watch_closure', 'weak_ref', 'weak_unref',
}
# How the functions end that an asynchronous one has beside it.
ASYNC, FINISH = '_async', '_finish'


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


def check_outs():
    """A pointer to a number, or to a pointer, is something that is written to."""
    for element in callables:
        for name, value in get_values(element):
            c_type = get_c_type(value)
            kind = value.find(CORE + 'type')
            is_plain = kind is not None and (get_type(value).startswith('g') or get_type(value) in names_of_enums)
            if is_plain and c_type.endswith('*') and is_in(value) and not is_for_c(element) \
                    and get_type(value) != 'gpointer':
                yield f'{get_name(element)}: {name} is a {c_type}, and neither an array nor (out)'
            if value.get('direction') in ('out', 'inout') and value.get('caller-allocates') is None:
                yield f'{get_name(element)}: {name} does not say whose memory it is written to'


def check_errors():
    for element in callables + callbacks:
        for name, value in get_values(element):
            if get_c_type(value) == 'GError**' and not is_for_c(element):
                yield f'{get_name(element)}: {name} is a parameter, not what the function throws'
    for element in enums:
        if element.get('name').endswith('Error') and element.get(GLIB + 'error-domain') is None:
            yield f'{element.get("name")}: is no error domain'


def check_callbacks():
    for element in functions:
        for name, value in get_values(element):
            if not is_callback(value) or is_for_c(element):
                continue
            scope, closure = value.get('scope'), value.get('closure')
            if scope is None:
                yield f'{get_name(element)}: {name} does not say how long it may be called'
            if closure is None or get_type(get_parameters(element)[int(closure)]) != 'gpointer':
                yield f'{get_name(element)}: {name} does not say what it is called with'
            if scope == 'notified' and value.get('destroy') is None:
                yield f'{get_name(element)}: {name} does not say who frees what it is called with'
    for element in callbacks:
        if not any(parameter.get('name') == 'user_data' for parameter in get_parameters(element)):
            yield f'{get_name(element)}: has no user_data, and so no closure'


def check_since():
    for element in callables:
        if element.get('version') is None and element.tag != CORE + 'virtual-method':
            yield f'{get_name(element)}: does not say Since: when'


def check_names():
    for owner in owners:
        is_object = owner.tag in (CORE + 'class', CORE + 'interface')
        for element in owner:
            name = element.get('name', '').replace('-', '_')
            if is_object and name in TAKEN and element.tag != CORE + 'field':
                yield f'{get_name(element)}: hides what GObject has under that name'
    for element in functions:
        if keyword.iskeyword(element.get('name')):
            yield f'{get_name(element)}: is a word of Python'


def check_docs():
    described = [*namespace.findall(CORE + 'constant'), *namespace.iter(CORE + 'property'), *enums, *owners,
                 *callables, *callbacks]
    for element in described:
        is_private = element.get('disguised') == '1' or element.get(GLIB + 'is-gtype-struct-for')
        if not get_doc(element) and not is_private:
            yield f'{get_name(element)}: has no description'
    for element in callables + callbacks:
        for name, value in get_values(element):
            if not get_doc(value) and get_type(value) != 'none':
                yield f'{get_name(element)}: {name} has no description'
    for element in enums:
        for member in element.findall(CORE + 'member'):
            if not get_doc(member):
                yield f'{get_name(member)}: has no description'


def describe(values):
    return [(value.get('name'), get_c_type(value), value.get('direction')) for value in values]


def check_async():
    """An asynchronous function and the one that ends it say together what a synchronous one would."""
    for element in functions:
        name = element.get('name')
        if name.endswith(ASYNC):
            base = name[:-len(ASYNC)]
            peers = {peer.get('name'): peer for peer in parents[element] if peer in functions}
            finish, twin = peers.get(base + FINISH), peers.get(base)
            if finish is None:
                yield f'{get_name(element)}: there is no {base + FINISH}'
                continue
            tail = [(parameter.get('name'), get_type(parameter)) for parameter in get_parameters(element)[-3:]]
            if tail != [('cancellable', 'Gio.Cancellable'), ('callback', 'Gio.AsyncReadyCallback'),
                        ('user_data', 'gpointer')]:
                yield f'{get_name(element)}: does not end in cancellable, callback, user_data'
            results = get_parameters(finish)
            if not results or get_type(results[0]) != 'Gio.AsyncResult' or finish.get('throws') != '1':
                yield f'{get_name(finish)}: takes no result, or does not throw'
            if (twin is not None) != (parents[element].get('name') == 'Store'):
                yield f'{get_name(element)}: a store has synchronous twins, and nothing else'
            if twin is None or not results:
                continue
            wanted = [parameter for parameter in get_parameters(element) if is_in(parameter)
                      and get_type(parameter) not in ('Gio.AsyncReadyCallback', 'GLib.DestroyNotify')
                      and parameter.get('name') != 'user_data']
            if describe(wanted) != describe(filter(is_in, get_parameters(twin))):
                yield f'{get_name(element)}: takes not what {get_name(twin)} takes'
            outs = [parameter for parameter in get_parameters(twin) if not is_in(parameter)]
            if describe(outs) != describe(results[1:]):
                yield f'{get_name(finish)}: gives not what {get_name(twin)} gives'
            if get_c_type(get_return(finish)) != get_c_type(get_return(twin)):
                yield f'{get_name(finish)}: returns not what {get_name(twin)} returns'
        elif name.endswith(FINISH) and not any(peer.get('name') == name[:-len(FINISH)] + ASYNC
                                               for peer in parents[element]):
            yield f'{get_name(element)}: what does it end?'


def check_virtuals():
    """Who writes a plugin reads the function that calls it, if there is one: both say the same."""
    for element in virtuals:
        invoker = next((peer for peer in parents[element].findall(CORE + 'method')
                        if peer.get('name') == element.get('invoker') and peer.get('shadows') is None), None)
        if invoker is None:
            continue
        for (name, own), (_, its) in zip(get_values(element), get_values(invoker)):
            for attribute in ('nullable', 'direction', 'transfer-ownership'):
                if own.get(attribute) != its.get(attribute):
                    yield f'{get_name(element)}: {name} says other than {get_name(invoker)} about {attribute}'
        if (element.get('throws') or '0') != (invoker.get('throws') or '0'):
            yield f'{get_name(element)}: throws other than {get_name(invoker)}'


def check_instances():
    for element in functions + virtuals:
        instance = get_self(element)
        if instance is not None and instance.get('transfer-ownership') != 'none' \
                and not element.get('name').endswith(('unref', 'free')):
            yield f'{get_name(element)}: takes its own instance from the caller'


run({
    'bindings can call everything but what is for C': check_introspectable,
    'values say who frees them, arrays as bindings need it': check_transfer,
    'containers say what is in them': check_elements,
    'what may be NULL is nullable': check_nullable,
    'cancellables and callbacks are nullable': check_cancellables,
    'there are no bare pointers': check_pointers,
    'what is written to is (out)': check_outs,
    'errors are thrown': check_errors,
    'callbacks have a scope and a closure': check_callbacks,
    'what is asynchronous is ended, and fits its twin': check_async,
    'virtual functions say what their callers say': check_virtuals,
    'nothing takes the instance it is called on': check_instances,
    'everything is described': check_docs,
    'everything says since when it is there': check_since,
    'no method hides one of GObject': check_names,
})

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Holds the GIR against the code: what the scanner guessed is no annotation, and what must not be NULL is checked.

    test-gir-code.py GIR, with MKV_SOURCE_ROOT in the environment
"""

import functools
import os
import pathlib
import re

from mkv_gir import (CORE, callbacks, functions, get_doc, get_name, get_parameters, get_return, get_self, get_type,
                     get_values, is_for_c, is_in, is_pointer, parents, run, signals)

SOURCE = pathlib.Path(os.environ['MKV_SOURCE_ROOT'])
# A handler and a callback are called by the library: nobody can check what they are given.
given = [element for element in functions if not is_for_c(element)]


@functools.lru_cache(maxsize=None)
def read(path):
    return (SOURCE / path).read_text(encoding='utf-8')


def read_source(element):
    """The file in which it is described, and for functions defined."""
    doc = element.find(CORE + 'doc')
    return '' if doc is None or not doc.get('filename', '').startswith('libmerklekv/') else read(doc.get('filename'))


def get_block(element):
    """Its docstring, a paragraph a line."""
    match = re.search(rf'/\*\*\n \* {re.escape(get_name(element))}:.*?\*/', read_source(element), re.DOTALL)
    return '' if match is None else re.sub(r'\n \* +(?=\S)', ' ', match.group(0).replace('\n * @', '\n@')
                                           .replace('\n * Returns:', '\nReturns:'))


def get_annotations(element, name):
    """What the docstring says in parentheses of one parameter, or of the return value."""
    head = 'Returns' if name == 'the return value' else f'@{name}'
    match = re.search(rf'^{head}: *((?:\([^)]*\) *)*)', get_block(element), re.MULTILINE)
    return '' if match is None else match.group(1)


@functools.lru_cache(maxsize=None)
def get_definitions():
    """All functions of the library: the names of their parameters, and their code."""
    definitions = {}
    for path in sorted((SOURCE / 'libmerklekv').rglob('*.c')):
        for name, parameters, body in re.findall(r'^(\w+) \(((?:[^;{\n]|\n +)*)\)\n{\n(.*?)^}', read(path),
                                                 re.DOTALL | re.MULTILINE):
            names = [re.search(r'(\w+)(?:\[\d*\])?$', parameter.strip()) for parameter in parameters.split(',')]
            definitions[name] = [match and match.group(1) for match in names], body
    return definitions


def get_body(element):
    return get_definitions().get(get_name(element), (None, None))[1]


def get_checks(body):
    """What g_return_if_fail() and its like ask for at the beginning."""
    return ' && '.join(re.findall(r'g_return(?:_val)?_if_fail \((.*?)(?:, [^,]*)?\);', body, re.DOTALL))


def is_checked(function, name, depth=3):
    """Whether @function, or one that it hands the parameter on to, checks that it is not NULL."""
    names, body = get_definitions().get(function, ([], ''))
    if name not in names or depth == 0:
        return False
    if re.search(rf'\b{name} != NULL|\bg_variant_is_of_type \({name}\b|\b[A-Z]+_IS_[A-Z_]+ \({name}\)'
                 rf'|\b(?:g_task_is_valid|g_async_result_is_tagged) \([^)]*\b{name}\b', get_checks(body)):
        return True
    if re.search(rf' \*iface = MKV_\w+_GET_IFACE \({name}\);', body) and 'iface != NULL' in get_checks(body):
        return True
    for callee, arguments in re.findall(r'\b(mkv_\w+|[a-z]\w+) \(([^()]*)\)', body):
        taken = [argument.strip() for argument in arguments.split(',')]
        names = get_definitions().get(callee, ([], ''))[0]
        if name in taken and taken.index(name) < len(names) and is_checked(callee, names[taken.index(name)], depth - 1):
            return True
    return False


def check_found():
    for element in given:
        if not get_block(element):
            yield f'{get_name(element)}: its docstring is not found'
        if get_body(element) is None and not get_name(element).endswith(('_get_type', '_quark')):
            yield f'{get_name(element)}: its code is not found'


def check_transfer():
    for element in given + callbacks:
        for name, value in get_values(element):
            leaves = name == 'the return value' or not is_in(value)
            if leaves and is_pointer(value) and '(transfer ' not in get_annotations(element, name):
                yield f'{get_name(element)}: {name} leaves it to the scanner who frees it'


def check_arrays():
    for element in given + callbacks + signals:
        for name, value in get_values(element):
            if get_type(value) == 'array' and not re.search(r'\(array [^)]*(zero-terminated=1|length=|fixed-size=)',
                                                             get_annotations(element, name)):
                yield f'{get_name(element)}: {name} does not say where it ends'


def check_parameters():
    for element in given:
        if get_body(element) is None:
            continue
        checks = get_checks(get_body(element))
        # A value's own functions are called a million times a second: they trust who calls them.
        instance, parent = get_self(element), parents[element]
        for parameter in get_parameters(element) if instance is None else [instance, *get_parameters(element)]:
            is_value = parent.tag == CORE + 'record' and get_type(parameter) == parent.get('name')
            if not is_pointer(parameter) or not is_in(parameter) or is_value:
                continue
            name, nullable = parameter.get('name'), parameter.get('nullable') == '1'
            if not nullable and not is_checked(get_name(element), name):
                yield f'{get_name(element)}: {name} is not (nullable), and nothing checks that it is not NULL'
            if nullable and re.search(rf'(?<!\|\| )\b{name} != NULL(?! \|\|)', checks):
                yield f'{get_name(element)}: {name} is (nullable), and must not be NULL'


def check_returns():
    for element in given:
        body, value = get_body(element), get_return(element)
        if body is None or not is_pointer(value) or element.get('throws') == '1':
            continue
        may_be_null = re.search(r'\breturn ([^;]*(\? |: ))?NULL\b', body) is not None
        nullable = value.get('nullable') == '1'
        if may_be_null and not nullable:
            yield f'{get_name(element)}: returns %NULL, and is not (nullable)'
        if nullable and 'NULL' not in get_doc(value):
            yield f'{get_name(element)}: does not say when it returns %NULL'


run({
    'code and docstrings are found': check_found,
    'what leaves a function says who frees it': check_transfer,
    'arrays say where they end': check_arrays,
    'parameters are (nullable) or checked': check_parameters,
    'what returns NULL is (nullable)': check_returns,
})

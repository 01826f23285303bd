#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Rules that every source file keeps."""

import lint

MAX_LINES = 700
C_FILES = lint.find_files(suffixes=('.c', '.h'))
CODE = C_FILES + lint.find_files(suffixes=('.py', '.js', '.vala', '.sh', 'meson.build', 'meson_options.txt'))
# What has no suffix and says in its first line what runs it.
CODE += [path for path in lint.find_files('tools', 'tests')
         if path.suffix == '' and (lint.SOURCE / path).read_bytes()[:2] == b'#!']
THIS = lint.pathlib.Path('tests/lint/check-sources.py')


def check_length():
    for path in lint.find_files('libmerklekv', 'plugins', 'tools', suffixes='.c'):
        n_lines = lint.read(path).count('\n')
        if n_lines > MAX_LINES:
            yield f'{path}: {n_lines} lines, at most {MAX_LINES} are allowed'


def check_head():
    for path in CODE:
        head = lint.read(path).split('\n')[:6]
        if not any('SPDX-License-Identifier: ' in line for line in head):
            yield f'{path}: has no SPDX-License-Identifier at its top'
        elif path.suffix in ('.c', '.h', '.py') and not any('Copyright The MerkleKV authors' in line for line in head):
            yield f'{path}: has no "Copyright The MerkleKV authors" at its top'


def check_words():
    """Nothing unfinished, and nothing that is only so on one machine."""
    pattern = r'\b(TODO|FIXME|XXX)\b|(?<![\w.~-])/(work|root|home/\w+)/'
    for path in lint.find_files():
        if path == THIS or path.suffix in ('.png', '.svg', '.json', '.mdb'):
            continue
        for number, line in lint.find_lines(lint.read(path), pattern):
            yield f'{path}:{number}: {line.strip()}'


def check_blanks():
    for path in CODE:
        for number, line in lint.find_lines(lint.read(path), r'\s$|\t'):
            yield f'{path}:{number}: a tab, or a blank at the end of the line'


def check_time():
    """Time comes from MkvClock, and so do timers."""
    pattern = (r'\b(g_get_real_time|g_get_monotonic_time|g_get_current_time|gettimeofday|clock_gettime|time|'
               r'g_date_time_new_now\w*|g_timeout_add\w*|g_timeout_source_new\w*|g_usleep|nanosleep|usleep|sleep) \(')
    for path in lint.find_files('libmerklekv', 'plugins', suffixes=('.c', '.h')):
        if path.name == 'mkv-clock.c':
            continue
        for number, line in lint.find_lines(lint.strip_c(lint.read(path)), pattern):
            yield f'{path}:{number}: {line.strip()}'


def check_asserts():
    for path in lint.find_files('tests', suffixes='.c'):
        for number, line in lint.find_lines(lint.strip_c(lint.read(path)), r'\bg_assert \('):
            yield f'{path}:{number}: a bare g_assert does not show the values'


def check_constructors():
    """No code of a module runs before its descriptor has been looked at."""
    pattern = r'\bconstructor\b.*\)\)|G_DEFINE_CONSTRUCTOR|\bg_module_check_init\b|\b_init \(void\)'
    for path in lint.find_files('plugins', suffixes=('.c', '.h')):
        for number, line in lint.find_lines(lint.strip_c(lint.read(path)), pattern):
            yield f'{path}:{number}: {line.strip()}'


def check_options():
    for path in lint.find_files():
        if path.name == 'meson.options':
            yield f'{path}: meson 1.0 knows meson_options.txt only'


report = lint.Report()
report.check('no .c file is too long', check_length())
report.check('every file says its licence and its authors', check_head())
report.check('nothing is unfinished, no path is of one machine', check_words())
report.check('no tabs, and no blanks at the ends of lines', check_blanks())
report.check('time and timers come from MkvClock alone', check_time())
report.check('tests never use a bare g_assert', check_asserts())
report.check('plugins have no constructors', check_constructors())
report.check('build options are in meson_options.txt', check_options())
report.end()

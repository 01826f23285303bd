#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""What people read is marked for translation, in whole sentences."""

import re

import lint

# Not ngettext(): it asks the application's translations, not the library's.
MARKS = {'_', 'N_', 'C_', 'NC_', 'g_dngettext', 'g_dpgettext2'}
# Which argument is the text, counted from 1.
TEXTS = {
    'g_set_error': 4, 'g_set_error_literal': 4, 'g_error_new': 3, 'g_error_new_literal': 3,
    'g_task_return_new_error': 4, 'g_prefix_error': 2, 'g_prefix_error_literal': 2, 'g_propagate_prefixed_error': 3,
    'g_message': 1, 'g_warning': 1, 'g_info': 1,
    'mkv_observer_drop': 3, 'mkv_observer_set_condition': 4, 'mkv_sync_message_set_error': 3,
}
# For those who mend programs: what is no sentence of this library's, or is a bug.
OTHERS = re.compile(r'g_(debug|error|critical|assert\w*|return\w*|log)')
# Not for people, though there are blanks in them: names, units, and words of the configuration.
ALLOWED = {'--set: ', '--set ', 'merklekv storage 1', ' from ', ' ms'}
WORDS = re.compile(r'\.words = $')

TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|^[ \t]*#[ \t]*(?:include|error)[^\n]*|(?P<text>"(?:\\.|[^"\\\n])*")'
                   r'|\'(?:\\.|[^\'\\\n])+\'|(?P<name>\w+)\s*(?P<call>\()|(?P<mark>[(),;{}])',
                   re.DOTALL | re.MULTILINE)
CONVERSION = re.compile(r'%[-+ #0]*[\d.*]*(?:hh|h|ll|l|j|z|t|L)?[a-zA-Z%]|\\.')


def is_unmarked(text, calls, everywhere):
    """@calls are the calls around the text: their names, and which argument it is in."""
    words = CONVERSION.sub('', text)
    if calls and calls[-1][0] in MARKS or any(OTHERS.fullmatch(name) for name, _ in calls):
        return False
    if not re.search(r'[A-Za-z]{2}', words) or text in ALLOWED:
        return False
    return (everywhere and ' ' in text) or any(TEXTS.get(name) == index for name, index in calls)


def find_unmarked(text, everywhere=True):
    """The lines and texts that are to be marked in @text, which is C: those that are
    told, and @everywhere those with a blank in them, which are sentences."""
    calls = []
    for token in TOKEN.finditer(text):
        if token['call'] or token['mark'] == '(':
            calls.append([token['name'] or '', 1])
        elif token['mark'] == ')' and calls:
            calls.pop()
        elif token['mark'] == ',' and calls:
            calls[-1][1] += 1
        elif token['mark'] == ';':
            calls.clear()
        elif token['text'] and is_unmarked(token['text'][1:-1], calls, everywhere) \
                and not WORDS.search(text[:token.start()]):
            yield text.count('\n', 0, token.start()) + 1, token['text']


def find_unextracted(path):
    """xgettext knows the macros of <inttypes.h>, and not GLib's: it would stop there."""
    for match in re.finditer(r'\b(?:_|N_|g_dngettext)\s*\(((?:[^()"]|"(?:\\.|[^"\\])*")*)\)', lint.read(path)):
        if 'G_G' in match[1]:
            yield f'{path}: {" ".join(match[0].split())}'


# What this finds, and what it leaves alone; a rule that finds nothing is no rule.
SAMPLE = '''
g_set_error (error, DOMAIN, get_code ("which one"), "Failed: %s", why);
g_set_error (error, DOMAIN, CODE, n == 1 ? "One" : _("Other"), why);
g_set_error (error, DOMAIN, CODE, _("%s: the first " "half and " PRId64 " the second"), "word");
mkv_observer_set_condition (observer, "name", LEVEL, "%s: %s", _("a text"), why);
mkv_observer_set_condition (observer, "name", LEVEL, "a text that \\"goes on\\"", why);
return refuse (self, "it is not (good)"); /* "no text" */
g_debug ("for those who look: %s", "a b"); g_warning ("Oops");
static const Setting setting = { "a", .words = "on off", N_("a text") };
'''
EXPECTED = [(2, '"which one"'), (2, '"Failed: %s"'), (3, '"One"'), (6, '"a text that \\"goes on\\""'),
            (7, '"it is not (good)"'), (8, '"Oops"')]

SOURCES = [(path, path.parts[0] != 'tools') for path in lint.find_files('libmerklekv', 'plugins', 'tools', suffixes='.c')]
report = lint.Report()
report.check('every text that people read is marked: _(), N_() or g_dngettext()',
             [f'{path}:{line}: {text}' for path, everywhere in SOURCES
              for line, text in find_unmarked(lint.read(path), everywhere)])
report.check('no marked text holds a macro that xgettext does not know',
             [problem for path, _ in SOURCES for problem in find_unextracted(path)])
found = list(find_unmarked(SAMPLE))
report.check('this finds what it should', [] if found == EXPECTED else [f'found {found}, expected {EXPECTED}'])
report.end()

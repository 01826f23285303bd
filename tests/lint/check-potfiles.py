#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""po/POTFILES lists exactly the files that have texts to translate, and the
translations are complete."""

import re
import subprocess
import tempfile

import lint

MARKED = r'\b(_|N_|C_|NC_|Q_|g_dngettext|ngettext)\s*\('

listed = [line for line in lint.read('po/POTFILES').split('\n') if line and not line.startswith('#')]
marked = [str(path) for path in lint.find_files('libmerklekv', 'plugins', 'tools', suffixes=('.c', '.h'))
          if lint.find_lines(lint.strip_c(lint.read(path)), MARKED)]
others = [name for name in listed if not name.endswith(('.c', '.h'))]

KEYWORDS = ['_', 'N_', 'C_:1c,2', 'NC_:1c,2', 'ngettext:1,2', 'g_dngettext:2,3', 'g_dpgettext2:2c,3']


def run(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def find_untranslated(language):
    with tempfile.TemporaryDirectory(prefix='mkv-lint-') as folder:
        template, merged = folder + '/merklekv.pot', folder + '/merged.po'
        run('xgettext', '--from-code=UTF-8', *('--keyword=' + keyword for keyword in KEYWORDS),
            '--files-from', str(lint.SOURCE / 'po/POTFILES'), '--directory', str(lint.SOURCE), '--output', template)
        run('msgmerge', '--quiet', '--no-fuzzy-matching', str(lint.SOURCE / 'po' / (language + '.po')), template,
            '--output-file', merged)
        missing = run('msgattrib', '--no-wrap', '--untranslated', merged) + run('msgattrib', '--no-wrap',
                                                                                '--only-fuzzy', merged)
    for text in re.findall(r'^msgid (.+(?:\n".*)*)', missing, re.MULTILINE):
        if text != '""':
            yield f'po/{language}.po: {text}'.replace('\n', ' ')


report = lint.Report()
report.check('every file with texts is in po/POTFILES',
             [f'{name}: has texts to translate' for name in sorted(set(marked) - set(listed))])
report.check('every file in po/POTFILES has texts',
             [f'{name}: has no texts to translate' for name in sorted(set(listed) - set(marked) - set(others))]
             + [f'{name}: is not there' for name in others if not (lint.SOURCE / name).exists()])
report.check('po/POTFILES is sorted', [] if listed == sorted(set(listed)) else ['it is not'])
for language in re.findall(r'^\w+$', lint.read('po/LINGUAS'), re.MULTILINE):
    report.check(f'{language} is complete: ninja merklekv-update-po, then translate', find_untranslated(language))
report.end()

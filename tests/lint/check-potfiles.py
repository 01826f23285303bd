#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""po/POTFILES lists exactly the files that have texts to translate."""

import lint

MARKED = r'\b(_|N_|C_|NC_|Q_|g_dngettext|ngettext)\s*\('

listed = [line for line in lint.read('po/POTFILES').split('\n') if line and not line.startswith('#')]
marked = [str(path) for path in lint.find_files('libmerklekv', 'plugins', 'tools', suffixes=('.c', '.h'))
          if lint.find_lines(lint.strip_c(lint.read(path)), MARKED)]
others = [name for name in listed if not name.endswith(('.c', '.h'))]

report = lint.Report()
report.check('every file with texts is in po/POTFILES',
             [f'{name}: has texts to translate' for name in sorted(set(marked) - set(listed))])
report.check('every file in po/POTFILES has texts',
             [f'{name}: has no texts to translate' for name in sorted(set(listed) - set(marked) - set(others))]
             + [f'{name}: is not there' for name in others if not (lint.SOURCE / name).exists()])
report.check('po/POTFILES is sorted', [] if listed == sorted(set(listed)) else ['it is not'])
report.end()

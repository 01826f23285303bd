#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The MerkleKV authors
"""Says how many test cases of a run of the suite passed, failed, were skipped.

    count-results.py TESTLOG.JSON STATUS

A program that speaks TAP counts as the cases it names, any other as one. Exits
with 0 if nothing failed and STATUS, that of `meson test`, is 0."""

import json
import re
import sys

CASE = re.compile(r'^(not )?ok\b[^#]*(#\s*(skip|todo)\b)?', re.IGNORECASE)


def count(test):
    passed = failed = skipped = 0
    for line in (test.get('stdout') or '').splitlines():
        case = CASE.match(line)
        if case is None:
            continue
        if case.group(3) is not None:
            skipped += 1
        elif case.group(1) is not None:
            failed += 1
        else:
            passed += 1
    result = test['result']
    if result in ('OK', 'EXPECTEDFAIL'):
        passed += passed + failed + skipped == 0
    elif result == 'SKIP':
        skipped += skipped == 0
    else:
        # A crash or a time-out ends the list of cases early.
        failed += failed == 0
    return passed, failed, skipped


def main(path, status):
    totals = [0, 0, 0]
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            totals = [a + b for a, b in zip(totals, count(json.loads(line)))]
    if status != 0 and totals[1] == 0:
        totals[1] = 1
    print('%d passed, %d failed, %d skipped' % tuple(totals))
    return 1 if totals[1] > 0 or totals[0] == 0 else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], int(sys.argv[2])))

// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright The MerkleKV authors
//
// What the tests in GJS share: see mkv_tap.py.
/* exported assertEqual, assertThrows, octets, runTests, runUntil, text */
const {GLib} = imports.gi;

function octets(string) {
    return new GLib.Bytes(new TextEncoder().encode(string));
}

function text(bytes) {
    return new TextDecoder().decode(imports.byteArray.fromGBytes(bytes));
}

function assertEqual(actual, expected) {
    if (JSON.stringify(actual) !== JSON.stringify(expected))
        throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
}

function assertThrows(domain, code, func) {
    let result;
    try {
        result = func();
    } catch (error) {
        if (!(error instanceof GLib.Error) || !error.matches(domain, code))
            throw new Error(`${error} is not ${code}`);
        return;
    }
    throw new Error(`no error, but ${result}`);
}

function runUntil(condition, seconds = 10) {
    const context = GLib.MainContext.default();
    let late = false;
    const source = GLib.timeout_source_new_seconds(seconds);
    source.set_callback(() => {
        late = true;
        return GLib.SOURCE_REMOVE;
    });
    source.attach(context);
    while (!condition()) {
        if (late)
            throw new Error(`what was waited for did not come in ${seconds} s`);
        context.iteration(true);
    }
    source.destroy();
}

function runTests(tests) {
    let failed = 0, number = 0;
    GLib.log_writer_default_set_use_stderr(true);
    print(`1..${Object.keys(tests).length}`);
    for (const [name, func] of Object.entries(tests)) {
        number++;
        try {
            func();
            print(`ok ${number} - ${name}`);
        } catch (error) {
            failed++;
            for (const line of `${error}\n${error.stack}`.trimEnd().split('\n'))
                print(`# ${line}`);
            print(`not ok ${number} - ${name}`);
        }
    }
    imports.system.exit(failed > 0 ? 1 : 0);
}

#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright The MerkleKV authors
//
// Notes, kept in a MerkleKV store: see README.md.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import MerkleKV from 'gi://MerkleKV?version=1';
import System from 'system';

// What is asynchronous is a promise from now on, if it is called without a callback.
for (const name of ['append', 'delete', 'get', 'get_entry', 'list_keys', 'set'])
    Gio._promisify(MerkleKV.Store.prototype, `${name}_async`, `${name}_finish`);
Gio._promisify(Gio.DataInputStream.prototype, 'read_line_async', 'read_line_finish_utf8');

// A store may hold what others keep as well: each takes keys of its own.
const PREFIX = 'notes/';
const PAGE = 100;

const USAGE = `usage: notes [--bus | --folder FOLDER] [COMMAND]

  add NAME TEXT     makes a note
  append NAME TEXT  adds a line to a note
  show NAME         prints a note
  list              prints the names of all notes
  search PREFIX     prints the names that begin so
  remove NAME       removes a note
  watch             tells, from now on, what changes

Without a command, and after watch, commands come from the standard input.
With --bus the daemon keeps the notes, and has them on all devices.`;

// The one place that knows which kind of store it is: the daemon's, or, with a
// folder, one in this process.
function makeStore(folder) {
    if (folder === null)
        return MerkleKV.BusStore.new_for_bus(Gio.BusType.SESSION, PREFIX, null);
    const plugins = MerkleKV.PluginRegistry.new();
    const storage = plugins.create(MerkleKV.PluginKind.STORAGE, 'file');
    storage.open(folder, null);
    return MerkleKV.LocalStore.new(storage, 'notes');
}

function isMissing(error) {
    return error instanceof GLib.Error && error.matches(MerkleKV.error_quark(), MerkleKV.Error.NOT_FOUND);
}

function makeOctets(text) {
    return new GLib.Bytes(new TextEncoder().encode(`${text}\n`));
}

class Notes {
    constructor(store) {
        this.store = store;
        this.input = null; // of commands; null if there is one alone
    }

    async add(name, text) {
        let old = null;
        try {
            old = await this.store.get_async(PREFIX + name, null);
        } catch (error) {
            if (!isMissing(error))
                throw error;
        }
        if (old !== null)
            throw new Error(`there is a note “${name}” already`);
        await this.store.set_async(PREFIX + name, makeOctets(text), null);
    }

    async append(name, text) {
        await this.store.append_async(PREFIX + name, makeOctets(text), null);
    }

    async show(name) {
        try {
            const entry = await this.store.get_entry_async(PREFIX + name, null);
            print((entry.dup_text() ?? '(no text)').replace(/\n$/, ''));
        } catch (error) {
            throw isMissing(error) ? new Error(`there is no note “${name}”`) : error;
        }
    }

    async search(prefix) {
        let after = null, keys, more = true;
        while (more) {
            [keys, more] = await this.store.list_keys_async(PREFIX + prefix, after, PAGE, null);
            keys.forEach(key => print(key.slice(PREFIX.length)));
            after = keys.at(-1);
        }
    }

    async remove(name) {
        await this.store.delete_async(PREFIX + name, null);
    }

    watch() {
        this.store.connect('changed', (_, entry) => {
            if (entry.get_key().startsWith(PREFIX)) {
                const name = entry.get_key().slice(PREFIX.length);
                print(`* ${name} was ${entry.is_tombstone() ? 'removed' : 'written'}`);
            }
        });
        this.readOn();
    }

    readOn() {
        this.input ??= new Gio.DataInputStream({base_stream: new Gio.UnixInputStream({fd: 0, close_fd: false})});
    }

    // Runs a command, and tells whether it went well.
    async run(line) {
        const [command, name, ...words] = line.split(' ');
        const text = words.join(' ');
        try {
            if (command === 'add' && words.length > 0)
                await this.add(name, text);
            else if (command === 'append' && words.length > 0)
                await this.append(name, text);
            else if (command === 'show' && name !== undefined)
                await this.show(name);
            else if (command === 'list')
                await this.search('');
            else if (command === 'search' && name !== undefined)
                await this.search(name);
            else if (command === 'remove' && name !== undefined)
                await this.remove(name);
            else if (command === 'watch')
                this.watch();
            else
                throw new Error(`“${line}” is no command, or lacks something: see --help`);
        } catch (error) {
            printerr(`notes: ${error.message}`);
            return false;
        }
        return true;
    }
}

async function main(folder, command) {
    try {
        const notes = new Notes(makeStore(folder));
        let well = true;
        if (command.length > 0)
            well = await notes.run(command.join(' '));
        else
            notes.readOn();
        while (notes.input !== null) {
            const [line] = await notes.input.read_line_async(GLib.PRIORITY_DEFAULT, null);
            if (line === null)
                break;
            well = await notes.run(line) && well;
        }
        return well ? 0 : 1;
    } catch (error) {
        printerr(`notes: ${error.message}`);
        return 1;
    }
}

let words = System.programArgs;
let folder = GLib.build_filenamev([GLib.get_user_data_dir(), 'merklekv-notes']);
if (words[0] === '--bus') {
    folder = null;
    words = words.slice(1);
} else if (words.length > 1 && words[0] === '--folder') {
    folder = words[1];
    words = words.slice(2);
}
if (words[0]?.startsWith('--')) {
    print(USAGE);
    System.exit(words[0] === '--help' ? 0 : 2);
}
System.exit(await main(folder, words));

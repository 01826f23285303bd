/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Notes, kept in a MerkleKV store: see README.md. To build it:
 *
 *   valac --pkg merklekv-1 --pkg gio-unix-2.0 --pkg posix notes.vala */

/* A store may hold what others keep as well: each takes keys of its own. */
const string PREFIX = "notes/";
const uint PAGE = 100;

const string USAGE = """usage: notes [--bus | --folder FOLDER] [COMMAND]

  add NAME TEXT     makes a note
  append NAME TEXT  adds a line to a note
  show NAME         prints a note
  list              prints the names of all notes
  search PREFIX     prints the names that begin so
  remove NAME       removes a note
  watch             tells, from now on, what changes

Without a command, and after watch, commands come from the standard input.
With --bus the daemon keeps the notes, and has them on all devices.
""";

errordomain NotesError {
    EXISTS,
    MISSING,
    USAGE,
}

/* The one place that knows which kind of store it is: the daemon's, or, with a
 * folder, one in this process. */
Mkv.Store make_store (string? folder) throws Error {
    if (folder == null)
        return new Mkv.BusStore.for_bus (BusType.SESSION, PREFIX);
    var storage = (Mkv.Storage) new Mkv.PluginRegistry ().create (Mkv.PluginKind.STORAGE, "file");
    storage.open (folder, null);
    return new Mkv.LocalStore (storage, "notes");
}

class Notes {
    Mkv.Store store;
    DataInputStream? input = null; /* of commands; null if there is one alone */

    public Notes (Mkv.Store store) {
        this.store = store;
    }

    async void add (string name, Bytes text) throws Error {
        Bytes? old = null;
        try {
            old = yield store.get_async (PREFIX + name, null);
        } catch (Mkv.Error.NOT_FOUND error) {
            yield store.set_async (PREFIX + name, text, null);
        }
        if (old != null)
            throw new NotesError.EXISTS ("there is a note “%s” already", name);
    }

    async void show (string name) throws Error {
        try {
            var entry = yield store.get_entry_async (PREFIX + name, null);
            print ("%s", entry.dup_text () ?? "(no text)\n");
        } catch (Mkv.Error.NOT_FOUND error) {
            throw new NotesError.MISSING ("there is no note “%s”", name);
        }
    }

    async void search (string prefix) throws Error {
        string? after = null;
        var more = true;
        while (more) {
            var keys = yield store.list_keys_async (PREFIX + prefix, after, PAGE, null, out more);
            foreach (unowned var key in keys)
                print ("%s\n", key.substring (PREFIX.length));
            after = keys.length > 0 ? keys[keys.length - 1] : null;
        }
    }

    void watch () {
        store.changed.connect ((entry, origin) => {
            unowned var key = entry.get_key ();
            if (key.has_prefix (PREFIX))
                print ("* %s was %s\n", key.substring (PREFIX.length), entry.is_tombstone () ? "removed" : "written");
        });
        read_on ();
    }

    void read_on () {
        if (input == null)
            input = new DataInputStream (new UnixInputStream (Posix.STDIN_FILENO, false));
    }

    async void run (string line) throws Error {
        var words = line.split (" ", 3);
        var command = words.length > 0 ? words[0] : "";
        if (command == "add" && words.length > 2)
            yield add (words[1], new Bytes ((words[2] + "\n").data));
        else if (command == "append" && words.length > 2)
            yield store.append_async (PREFIX + words[1], new Bytes ((words[2] + "\n").data), null);
        else if (command == "show" && words.length > 1)
            yield show (words[1]);
        else if (command == "list")
            yield search ("");
        else if (command == "search" && words.length > 1)
            yield search (words[1]);
        else if (command == "remove" && words.length > 1)
            yield store.delete_async (PREFIX + words[1], null);
        else if (command == "watch")
            watch ();
        else
            throw new NotesError.USAGE ("“%s” is no command, or lacks something: see --help", line);
    }

    async string? read_line () throws Error {
        return input != null ? yield input.read_line_utf8_async () : null;
    }

    /* Runs a command, and all that are read, and tells whether they went well. */
    public async bool run_all (string? command) throws Error {
        var well = true;
        if (command == null)
            read_on ();
        var line = command ?? yield read_line ();
        while (line != null) {
            try {
                yield run (line);
            } catch (Error error) {
                printerr ("notes: %s\n", error.message);
                well = false;
            }
            line = yield read_line ();
        }
        return well;
    }
}

async bool work (string? folder, string? command) {
    try {
        return yield new Notes (make_store (folder)).run_all (command);
    } catch (Error error) {
        printerr ("notes: %s\n", error.message);
        return false;
    }
}

int main (string[] args) {
    Intl.setlocale ();
    string? folder = Path.build_filename (Environment.get_user_data_dir (), "merklekv-notes");
    var words = args[1:args.length];
    if (words.length > 0 && words[0] == "--bus") {
        folder = null;
        words = words[1:words.length];
    } else if (words.length > 1 && words[0] == "--folder") {
        folder = words[1];
        words = words[2:words.length];
    }
    if (words.length > 0 && words[0].has_prefix ("--")) {
        print ("%s", USAGE);
        return words[0] == "--help" ? 0 : 2;
    }

    var loop = new MainLoop ();
    var well = false;
    work.begin (folder, words.length > 0 ? string.joinv (" ", words) : null, (_, result) => {
        well = work.end (result);
        loop.quit ();
    });
    loop.run ();
    return well ? 0 : 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The store, as an application in Vala sees it. */

Mkv.LocalStore open_store () throws Error {
    var registry = new Mkv.PluginRegistry ();
    var storage = (Mkv.Storage) registry.create (Mkv.PluginKind.STORAGE, "memory");
    storage.open (null, null);
    return new Mkv.LocalStore (storage, "vala");
}

void assert_text (Bytes value, string expected) {
    assert_cmpint (value.compare (new Bytes (expected.data)), CompareOperator.EQ, 0);
}

void test_set_and_get () {
    try {
        var store = open_store ();
        store.set ("colour", new Bytes ("blue".data));
        assert_text (store.get ("colour"), "blue");
        var entry = store.get_entry ("colour");
        assert_cmpstr (entry.get_stamp ().node_id, CompareOperator.EQ, "vala");
        int64 number;
        store.increment ("n", 5, out number);
        assert_cmpint ((int) number, CompareOperator.EQ, 5);
        string[] keys = { "n", "colour" };
        var entries = store.get_many (keys);
        assert_cmpint (entries.length, CompareOperator.EQ, 2);
        assert_cmpstr (entries[1].get_key (), CompareOperator.EQ, "colour");
        bool more;
        var found = store.list_keys (null, null, 10, out more);
        assert_cmpstr (string.joinv (" ", found), CompareOperator.EQ, "colour n");
    } catch (Error error) {
        GLib.error ("%s", error.message);
    }
}

void test_not_found () {
    try {
        open_store ().get ("nothing");
        assert_not_reached ();
    } catch (Mkv.Error.NOT_FOUND error) {
        assert_nonnull (error.message);
    } catch (Error error) {
        GLib.error ("%s", error.message);
    }
}

void test_watch () {
    try {
        var store = open_store ();
        var seen = "";
        store.changed.connect ((entry, origin) => {
            seen = entry.get_key ();
        });
        store.set ("a", new Bytes ("1".data));
        while (seen == "")
            MainContext.default ().iteration (true);
        assert_cmpstr (seen, CompareOperator.EQ, "a");
    } catch (Error error) {
        GLib.error ("%s", error.message);
    }
}

void test_async () {
    var loop = new MainLoop ();
    set_and_get.begin ((_, result) => {
        assert_text (set_and_get.end (result), "value");
        loop.quit ();
    });
    loop.run ();
}

async Bytes set_and_get () {
    try {
        var store = open_store ();
        yield store.set_async ("key", new Bytes ("value".data), null);
        return yield store.get_async ("key", null);
    } catch (Error error) {
        GLib.error ("%s", error.message);
    }
}

int main (string[] args) {
    Test.init (ref args);
    Test.add_func ("/vala/set-and-get", test_set_and_get);
    Test.add_func ("/vala/not-found", test_not_found);
    Test.add_func ("/vala/watch", test_watch);
    Test.add_func ("/vala/async", test_async);
    return Test.run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The other end of tests of who may call: a process that connects to a bus, goes
 * where it was told to, and calls methods of the daemon.
 *
 *     ADDRESS WHO WHERE
 *
 * WHO: a user's number, or `-`. WHERE: a folder to make its root; `stuck:` and
 * such a folder to have a .flatpak-info there that nobody can read to its end;
 * `orphan` to go on as another process than the one that connected; `-`. Then it reads a
 * call a line, and waits for no answer before the next: a method and its names,
 * separated by blanks; `!` before it if a person may be asked. An answer is a
 * line too: the number of the call, and `ok`, or the error's last word and its
 * text. It ends when there are no more calls and all are answered, or with the
 * line `leave` at once. */
int mkv_bus_caller_main (int argc, char **argv);

G_END_DECLS

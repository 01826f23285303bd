/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-demo-screen.h"

#include <stdio.h>
#include <unistd.h>

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define RED "\033[1;31m"
#define GREEN "\033[1;32m"
#define BLUE "\033[1;34m"
#define END "\033[0m"

#define COLUMN 18

static const char *
in (const char *code)
{
  static gint coloured = -1;

  if (coloured < 0)
    coloured = isatty (STDOUT_FILENO) && g_getenv ("NO_COLOR") == NULL &&
               g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
  return coloured ? code : "";
}

/* As printf's %-*s, which counts octets. */
static void
put_padded (const char *text, glong width)
{
  fputs (text, stdout);
  for (glong n = g_utf8_strlen (text, -1); n < width; n++)
    putchar (' ');
}

void
mkv_demo_screen_title (const char *text)
{
  printf ("\n%s%s%s\n", in (BOLD), text, in (END));
}

void
mkv_demo_screen_step (guint number, const char *text)
{
  printf ("\n%s%u%s  %s%s%s\n\n", in (BLUE), number, in (END), in (BOLD), text, in (END));
  fflush (stdout);
}

void
mkv_demo_screen_line (const char *format, ...)
{
  va_list args;

  fputs ("   ", stdout);
  va_start (args, format);
  vprintf (format, args);
  va_end (args);
  putchar ('\n');
  fflush (stdout);
}

void
mkv_demo_screen_event (const char *who, const char *what, const char *outcome)
{
  fputs ("   ", stdout);
  fputs (in (BOLD), stdout);
  put_padded (who, 8);
  fputs (in (END), stdout);
  put_padded (what, 28);
  printf ("%s%s%s\n", in (DIM), outcome, in (END));
  fflush (stdout);
}

void
mkv_demo_screen_row (const char *first, const char *second, const char *third, gboolean head)
{
  fputs ("   ", stdout);
  fputs (head ? in (BOLD) : "", stdout);
  put_padded (first, COLUMN);
  put_padded (second, COLUMN);
  printf ("%s%s\n", third, head ? in (END) : "");
}

void
mkv_demo_screen_verdict (gboolean good, const char *text)
{
  printf ("\n   %s%s%s\n\n", in (good ? GREEN : RED), text, in (END));
  fflush (stdout);
}

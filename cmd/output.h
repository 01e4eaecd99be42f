/*
 * What people and programs read: tables, plain lines, JSON, and live progress.
 *
 * A terminal gets aligned columns, colour (unless NO_COLOR or --color never) and one live line of progress on standard error; a pipe gets
 * plain lines with the same words. --json gives exactly one document on standard output, whatever happens.
 */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

#include "cmd/command.h"

enum ink { INK_NONE, INK_GOOD, INK_BAD, INK_WARN, INK_DIM, INK_BOLD };

struct table;
struct table *table_new(const char *const *headings, size_t n_columns);
void table_free(struct table *table);
void table_cell(struct table *table, enum ink ink, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends the row; missing cells are empty. */
void table_row(struct table *table);
/* Aligned for a terminal, tab-free two-space columns for a pipe, there without headings; nothing when there is no row. */
void table_print(const struct table *table, const struct invocation *in);
/* As a part of something larger: moved in, and with headings everywhere. */
void table_set_inner(struct table *table, size_t indent);

/* An object for people: "name  value" lines, lists of texts joined, lists of objects as tables. Members whose names end in "_at" are
 * times and get "(in 3d)" behind them; null is "-". */
void tree_print(const struct invocation *in, const struct json *tree);

void json_print(const struct json *tree); /* pretty, newline at the end, to standard output */
void ink_print(const struct invocation *in, enum ink ink, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "in 29d 4h", "3h ago", "now". */
void when_format(int64_t at_ms, int64_t now_ms, char out[64]);
/* Adds member name: RFC 3339 text or null when at_ms is 0. */
void json_set_time(struct json *object, const char *name, int64_t at_ms);

/* Live progress on standard error: terminal: one line rewritten; pipe: a line for each end and fault. */
struct progress_view;
struct progress_view *progress_view_new(const struct invocation *in);
/* Never live: each line stays, with the time before it when it is stamped. */
struct progress_view *progress_view_new_plain(const struct invocation *in, bool is_stamped);
struct progress progress_view_front(struct progress_view *view);
void progress_view_free(struct progress_view *view); /* clears the live line */

#endif

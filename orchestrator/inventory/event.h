/*
 * Events: what happened to a set, once, where an error stops rising. One table (event.def) gives id, level and sentence; it
 * is the log, the history (table event, hash-chained) and docs/EVENTS.md.
 */
#ifndef INVENTORY_EVENT_H
#define INVENTORY_EVENT_H

#include "inventory/house.h"

/* X(NAME, "dotted.id", level, "sentence for the manual") */
enum event_id {
#define X(name, id, level, sentence) EVENT_##name,
#include "inventory/event.def"
#undef X
    EVENT_N
};
/* Writes the log line and, inside a transaction of the store, the history row (outside one it makes its own). Text through printf; at
 * most 1 KiB. A store that refuses does not stop the log line: then false. */
bool event_write(struct house *house, enum event_id id, const char *set, int64_t order_id,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
const char *event_name(enum event_id id);
enum log_level event_level(enum event_id id);
/* Recomputes the chain of hashes; BROKEN names the first row that does not fit. */
bool event_chain_check(struct house *house, int64_t *ret_n, struct err *err);
void event_document(struct buf *out);

#endif

/*
 * The zones of a fake world: names, their records, and since when and until when each record is there. A host that lags sees TXT
 * records with its delay, so what was removed is kept until the slowest host has seen that.
 */
#ifndef FAKEDNS_ZONES_H
#define FAKEDNS_ZONES_H

#include "wire.h"

#include "base/list.h"

/* Texts to things. */
struct table_entry {
    struct table_entry *next;
    char *key;
    void *value;
};
struct table {
    struct table_entry **slots;
    size_t n_slots, n;
};
void *table_find(const struct table *t, const char *key);
void table_set(struct table *t, const char *key, void *value);
void table_remove(struct table *t, const char *key);
void table_fini(struct table *t, void (*value_free)(void *value));
/* Every entry: for (struct table_entry *e = table_next(t, NULL); e != NULL; e = table_next(t, e)). */
struct table_entry *table_next(const struct table *t, const struct table_entry *e);

struct record {
    struct record *next;
    struct node *node;
    struct list dead; /* in zones.dead when removed */
    int type;
    uint32_t ttl_s;
    int64_t since_ms, until_ms;
    size_t rdata_len;
    unsigned char rdata[];
};
struct node {
    struct zone *zone;
    char *name;
    struct record *records;
    size_t n_below; /* nodes below it: it exists even without records (empty non-terminal) */
};
struct zone {
    char *name;
    struct table nodes;
};
struct zones {
    struct table by_name;
    struct list dead; /* records removed, oldest first */
    int64_t lag_max_ms;
    size_t n_records;
};
void zones_init(struct zones *z);
void zones_fini(struct zones *z);
/* Forgets records that no host shows any more. */
void zones_sweep(struct zones *z, int64_t now_ms);

struct zone *zones_add_zone(struct zones *z, const char *name);
struct zone *zones_find(const struct zones *z, const char *name);
bool name_is_below(const char *name, const char *zone); /* or equal */
const char *name_parent(const char *name);              /* "" for a single label */

/* RFC 2136 3.4.2: an equal record only gets the new TTL; beside a CNAME nothing is added, and a CNAME not beside others (but replaces
 * another CNAME); a second SOA replaces the first. */
void zone_add(struct zones *z, struct zone *zone, const char *owner, int type, uint32_t ttl_s,
              struct str rdata, int64_t now_ms);
/* type 0: all; rdata.p NULL: all of the type. */
void zone_remove(struct zones *z, struct zone *zone, const char *owner, int type, struct str rdata,
                 int64_t now_ms);

struct node *zone_node(const struct zone *zone, const char *name); /* NULL when there is none */
/* The first (or next after) record of a type (0: any) that is there for someone who sees TXT lag_ms late. */
const struct record *node_record(const struct node *node, const struct record *after, int type,
                                 int64_t now_ms, int64_t lag_ms);

#endif

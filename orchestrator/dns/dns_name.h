/*
 * DNS names as texts: lower case, no final dot, "" is the root.
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include "base/buf.h"

/* Fresh text in lower case without the final dot; NULL when it is no name (empty, labels not 1 to 63 bytes, more than 253 bytes, blanks,
 * control bytes or backslashes). */
char *dns_name_normalise(const char *text);
/* "example.com" for "www.example.com", "" for "com" and "". */
const char *dns_name_parent(const char *name);
/* Equal, or below it. Everything is below the root. */
bool dns_name_is_below(const char *name, const char *zone);
size_t dns_name_n_labels(const char *name);

/* Names to things, found by halving. Values are borrowed. */
struct name_map_row {
    char *name;
    void *value;
};
struct name_map {
    struct name_map_row *rows; /* in name order */
    size_t n, cap;
};
void name_map_fini(struct name_map *map);
void *name_map_find(const struct name_map *map, const char *name); /* NULL when absent */
void name_map_set(struct name_map *map, const char *name, void *value);
void name_map_remove(struct name_map *map, const char *name);

#endif

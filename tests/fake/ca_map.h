/*
 * Text to number, for the indexes of the fake authority. Keys are copied; a number of 0 means
 * absent.
 */
#ifndef FAKE_CA_MAP_H
#define FAKE_CA_MAP_H

#include "base/buf.h"

struct map {
    struct map_slot {
        char *key;
        size_t value;
    } * slots;
    size_t n, cap;
};
size_t fake_map_get(const struct map *m, const char *key);
/* Replaces what was there. */
void fake_map_put(struct map *m, const char *key, size_t value);
void fake_map_fini(struct map *m);

#endif

/*
 * Where each node of a tree stood in its file: a hash map beside the tree, keyed by what can be
 * told apart.
 *
 * A container, a text and a number are nodes of their own and are known by their pointer. true,
 * false and null are shared by the whole tree, so every member is also known by (object, key)
 * and every item by (array, index).
 */
#ifndef CONFIG_MARKS_H
#define CONFIG_MARKS_H

#include "base/json.h"

struct place {
    int line, column; /* 1-based */
};
struct mark {
    const struct json *parent; /* the container, or the node itself */
    const char *key;           /* of a member */
    size_t index;              /* of an item; MARK_SELF for a node */
    struct place place;        /* of the node, item or key */
    struct place value;        /* of a member's value */
    uint32_t n_seen;           /* how often this very node was met */
    bool plain;
};
#define MARK_SELF SIZE_MAX

struct marks {
    struct mark *items;
    size_t n, cap;
    uint32_t *slots; /* 1-based into items, 0 free */
    size_t n_slots;
    struct arena *keys;
};
void marks_init(struct marks *m);
void marks_fini(struct marks *m);
/* All NULL when unknown. A found mark is borrowed until the next add. */
const struct mark *marks_node(const struct marks *m, const struct json *node);
const struct mark *marks_member(const struct marks *m, const struct json *object, const char *key);
const struct mark *marks_item(const struct marks *m, const struct json *array, size_t index);
void marks_add_node(struct marks *m, const struct json *node, struct place place, bool plain);
/* key is copied. */
void marks_add_member(struct marks *m, const struct json *object, const char *key,
                      struct place key_place, struct place value_place);
void marks_add_item(struct marks *m, const struct json *array, size_t index, struct place place);

#endif

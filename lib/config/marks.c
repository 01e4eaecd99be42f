#include "config/marks.h"

void marks_init(struct marks *m)
{
    *m = (struct marks){.keys = arena_new()};
}

void marks_fini(struct marks *m)
{
    mem_free(m->items);
    mem_free(m->slots);
    arena_free(m->keys);
    *m = (struct marks){0};
}

/* FNV-1a over the key, then the pointer and index mixed in. */
static uint64_t mark_hash(const struct json *parent, const char *key, size_t index)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (const char *p = key; p != NULL && *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    h ^= (uint64_t)(uintptr_t)parent ^ ((uint64_t)index << 32 | index >> 32);
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static bool mark_fits(const struct mark *mark, const struct json *parent, const char *key,
                      size_t index)
{
    if (mark->parent != parent || mark->index != index || (mark->key == NULL) != (key == NULL))
        return false;
    return key == NULL || strcmp(mark->key, key) == 0;
}

/* The slot that holds the mark, or the free one where it belongs. */
static size_t slot_find(const struct marks *m, const struct json *parent, const char *key,
                        size_t index)
{
    size_t i = (size_t)mark_hash(parent, key, index) & (m->n_slots - 1);
    while (m->slots[i] != 0 && !mark_fits(&m->items[m->slots[i] - 1], parent, key, index))
        i = (i + 1) & (m->n_slots - 1);
    return i;
}

static void slots_grow(struct marks *m)
{
    mem_free(m->slots);
    m->n_slots = m->n_slots == 0 ? 64 : 2 * m->n_slots;
    m->slots = NEW_N(m->n_slots, uint32_t);
    for (size_t i = 0; i < m->n; i++) {
        const struct mark *mark = &m->items[i];
        m->slots[slot_find(m, mark->parent, mark->key, mark->index)] = (uint32_t)(i + 1);
    }
}

static struct mark *mark_put(struct marks *m, const struct json *parent, const char *key,
                             size_t index)
{
    if (2 * (m->n + 1) > m->n_slots)
        slots_grow(m);
    if (m->n == m->cap) {
        size_t cap = m->cap == 0 ? 32 : 2 * m->cap;
        m->items = mem_grow(m->items, m->cap, cap, sizeof *m->items);
        m->cap = cap;
    }
    size_t slot = slot_find(m, parent, key, index);
    if (m->slots[slot] == 0) {
        m->slots[slot] = (uint32_t)++m->n;
        m->items[m->n - 1] = (struct mark){.parent = parent, .key = key, .index = index};
    }
    return &m->items[m->slots[slot] - 1];
}

static const struct mark *mark_get(const struct marks *m, const struct json *parent,
                                   const char *key, size_t index)
{
    if (m->n_slots == 0 || parent == NULL)
        return NULL;
    uint32_t at = m->slots[slot_find(m, parent, key, index)];
    return at == 0 ? NULL : &m->items[at - 1];
}

const struct mark *marks_node(const struct marks *m, const struct json *node)
{
    return mark_get(m, node, NULL, MARK_SELF);
}

const struct mark *marks_member(const struct marks *m, const struct json *object, const char *key)
{
    return mark_get(m, object, key, 0);
}

const struct mark *marks_item(const struct marks *m, const struct json *array, size_t index)
{
    return mark_get(m, array, NULL, index);
}

void marks_add_node(struct marks *m, const struct json *node, struct place place, bool plain)
{
    struct mark *mark = mark_put(m, node, NULL, MARK_SELF);
    mark->place = place;
    mark->plain = plain;
    mark->n_seen++;
}

void marks_add_member(struct marks *m, const struct json *object, const char *key,
                      struct place key_place, struct place value_place)
{
    struct mark *mark = mark_put(m, object, arena_strdup(m->keys, key), 0);
    mark->place = key_place;
    mark->value = value_place;
}

void marks_add_item(struct marks *m, const struct json *array, size_t index, struct place place)
{
    mark_put(m, array, NULL, index)->place = place;
}

#include "fake/ca_map.h"

static size_t hash(const char *key)
{
    uint64_t h = UINT64_C(1469598103934665603);
    for (const unsigned char *p = (const unsigned char *)key; *p != 0; p++)
        h = (h ^ *p) * UINT64_C(1099511628211);
    return (size_t)(h ^ (h >> 29));
}

/* The key's own slot, or the free one where it would go. Never called on a full or empty table. */
static struct map_slot *slot_of(struct map_slot *slots, size_t cap, const char *key)
{
    size_t i = hash(key) & (cap - 1);
    while (slots[i].key != NULL && strcmp(slots[i].key, key) != 0)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static void grow(struct map *m)
{
    size_t cap = m->cap == 0 ? 64 : m->cap * 2;
    struct map_slot *slots = NEW_N(cap, struct map_slot);
    for (size_t i = 0; i < m->cap; i++) {
        if (m->slots[i].key != NULL)
            *slot_of(slots, cap, m->slots[i].key) = m->slots[i];
    }
    mem_free(m->slots);
    m->slots = slots;
    m->cap = cap;
}

size_t fake_map_get(const struct map *m, const char *key)
{
    return m->cap == 0 ? 0 : slot_of(m->slots, m->cap, key)->value;
}

void fake_map_put(struct map *m, const char *key, size_t value)
{
    if (m->n * 2 >= m->cap)
        grow(m);
    struct map_slot *slot = slot_of(m->slots, m->cap, key);
    if (slot->key == NULL) {
        slot->key = mem_strdup(key);
        m->n++;
    }
    slot->value = value;
}

void fake_map_fini(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        mem_free(m->slots[i].key);
    mem_free(m->slots);
    *m = (struct map){0};
}

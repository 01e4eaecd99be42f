#include "zones.h"

static size_t key_slot(const char *key, size_t n_slots)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *key != '\0'; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
    return (size_t)(h & (n_slots - 1));
}

static struct table_entry **table_place(const struct table *t, const char *key)
{
    struct table_entry **at = &t->slots[key_slot(key, t->n_slots)];
    while (*at != NULL && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

void *table_find(const struct table *t, const char *key)
{
    struct table_entry *e = t->n_slots > 0 ? *table_place(t, key) : NULL;
    return e != NULL ? e->value : NULL;
}

static void table_grow(struct table *t)
{
    struct table bigger = {.n_slots = t->n_slots == 0 ? 16 : t->n_slots * 2, .n = t->n};
    bigger.slots = NEW_N(bigger.n_slots, struct table_entry *);
    for (size_t i = 0; i < t->n_slots; i++)
        for (struct table_entry *e = t->slots[i], *next; e != NULL; e = next) {
            next = e->next;
            struct table_entry **at = &bigger.slots[key_slot(e->key, bigger.n_slots)];
            e->next = *at;
            *at = e;
        }
    mem_free(t->slots);
    *t = bigger;
}

void table_set(struct table *t, const char *key, void *value)
{
    if (t->n >= t->n_slots)
        table_grow(t);
    struct table_entry **at = table_place(t, key);
    if (*at == NULL) {
        *at = NEW(struct table_entry);
        (*at)->key = mem_strdup(key);
        t->n++;
    }
    (*at)->value = value;
}

void table_remove(struct table *t, const char *key)
{
    struct table_entry **at = t->n_slots > 0 ? table_place(t, key) : NULL;
    if (at == NULL || *at == NULL)
        return;
    struct table_entry *e = *at;
    *at = e->next;
    t->n--;
    mem_free(e->key);
    mem_free(e);
}

struct table_entry *table_next(const struct table *t, const struct table_entry *e)
{
    if (e != NULL && e->next != NULL)
        return e->next;
    for (size_t i = e != NULL ? key_slot(e->key, t->n_slots) + 1 : 0; i < t->n_slots; i++)
        if (t->slots[i] != NULL)
            return t->slots[i];
    return NULL;
}

void table_fini(struct table *t, void (*value_free)(void *value))
{
    for (size_t i = 0; i < t->n_slots; i++)
        for (struct table_entry *e = t->slots[i], *next; e != NULL; e = next) {
            next = e->next;
            if (value_free != NULL)
                value_free(e->value);
            mem_free(e->key);
            mem_free(e);
        }
    mem_free(t->slots);
    *t = (struct table){0};
}

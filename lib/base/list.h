/*
 * An intrusive doubly linked list and an intrusive timer heap. Neither allocates for its members;
 * equal deadlines leave the heap in the order they came (a sequence number decides), so runs can be
 * repeated.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/mem.h"

struct list {
    struct list *next, *prev; /* a head points to itself when empty; a member outside has NULLs */
};
void list_init(struct list *head);
bool list_is_empty(const struct list *head);
bool list_is_linked(const struct list *member);
void list_push_back(struct list *head, struct list *member);
void list_push_front(struct list *head, struct list *member);
void list_remove(struct list *member);          /* allowed for a member outside */
struct list *list_pop_front(struct list *head); /* NULL when empty */
#define LIST_OWNER(member, type, field) ((type *)(void *)((char *)(member)-offsetof(type, field)))
/* The body may remove `it`. */
#define LIST_EACH(it, head)                                                                        \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

struct heap_node {
    int64_t at_ms;
    uint64_t seq;
    size_t slot; /* 1-based while in the heap, 0 outside */
};
struct heap {
    struct heap_node **nodes;
    size_t n, cap;
    uint64_t next_seq;
};
void heap_init(struct heap *h);
void heap_fini(struct heap *h);
/* Inserts, or moves when already inside. */
void heap_put(struct heap *h, struct heap_node *node, int64_t at_ms);
void heap_remove(struct heap *h, struct heap_node *node); /* allowed outside */
struct heap_node *heap_first(const struct heap *h);       /* NULL when empty */

#endif

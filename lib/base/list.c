#include "base/list.h"

void list_init(struct list *head)
{
    head->next = head;
    head->prev = head;
}

bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

bool list_is_linked(const struct list *member)
{
    return member->next != NULL;
}

static void list_insert(struct list *before, struct list *member)
{
    CHECK(!list_is_linked(member));
    member->prev = before;
    member->next = before->next;
    before->next->prev = member;
    before->next = member;
}

void list_push_back(struct list *head, struct list *member)
{
    list_insert(head->prev, member);
}

void list_push_front(struct list *head, struct list *member)
{
    list_insert(head, member);
}

void list_remove(struct list *member)
{
    if (!list_is_linked(member))
        return;
    member->prev->next = member->next;
    member->next->prev = member->prev;
    *member = (struct list){NULL, NULL};
}

struct list *list_pop_front(struct list *head)
{
    if (list_is_empty(head))
        return NULL;
    struct list *first = head->next;
    list_remove(first);
    return first;
}

enum { HEAP_CAP_MIN = 16 };

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_fini(struct heap *h)
{
    for (size_t i = 0; i < h->n; i++)
        h->nodes[i]->slot = 0;
    mem_free(h->nodes);
    heap_init(h);
}

static bool node_is_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

static void heap_place(struct heap *h, struct heap_node *node, size_t slot)
{
    h->nodes[slot - 1] = node;
    node->slot = slot;
}

static void heap_rise(struct heap *h, struct heap_node *node)
{
    size_t slot = node->slot;
    while (slot > 1 && node_is_before(node, h->nodes[slot / 2 - 1])) {
        heap_place(h, h->nodes[slot / 2 - 1], slot);
        slot /= 2;
    }
    heap_place(h, node, slot);
}

static void heap_sink(struct heap *h, struct heap_node *node)
{
    size_t slot = node->slot;
    for (;;) {
        size_t child = slot * 2;
        if (child > h->n)
            break;
        if (child < h->n && node_is_before(h->nodes[child], h->nodes[child - 1]))
            child++;
        if (!node_is_before(h->nodes[child - 1], node))
            break;
        heap_place(h, h->nodes[child - 1], slot);
        slot = child;
    }
    heap_place(h, node, slot);
}

static void heap_settle(struct heap *h, struct heap_node *node)
{
    heap_rise(h, node);
    heap_sink(h, node);
}

void heap_put(struct heap *h, struct heap_node *node, int64_t at_ms)
{
    if (node->slot == 0) {
        if (h->n == h->cap) {
            size_t cap = h->cap > 0 ? h->cap * 2 : HEAP_CAP_MIN;
            h->nodes = mem_grow(h->nodes, h->cap, cap, sizeof *h->nodes);
            h->cap = cap;
        }
        heap_place(h, node, ++h->n);
    }
    CHECK(node->slot <= h->n && h->nodes[node->slot - 1] == node);
    node->at_ms = at_ms;
    node->seq = h->next_seq++;
    heap_settle(h, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
    if (node->slot == 0)
        return;
    CHECK(node->slot <= h->n && h->nodes[node->slot - 1] == node);
    struct heap_node *last = h->nodes[h->n-- - 1];
    if (last != node) {
        heap_place(h, last, node->slot);
        heap_settle(h, last);
    }
    node->slot = 0;
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->n > 0 ? h->nodes[0] : NULL;
}

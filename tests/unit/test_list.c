/* SEES: base */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
    int value;
    struct list link;
};

static int value_of(const struct list *member)
{
    return ((const struct item *)(const void *)((const char *)member - offsetof(struct item, link)))
        ->value;
}

static void assert_values(const struct list *head, const int *want, size_t n)
{
    size_t i = 0;
    for (const struct list *it = head->next; it != head; it = it->next) {
        assert_true(i < n);
        assert_int_equal(value_of(it), want[i++]);
        assert_ptr_equal(it->next->prev, it);
    }
    assert_int_equal(i, n);
}
#define assert_list(head, ...)                                                                     \
    assert_values(head, (const int[]){__VA_ARGS__},                                                \
                  sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void test_list_when_pushed_then_order_of_ends(void **state)
{
    (void)state;
    struct list head;
    struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_pop_front(&head));
    assert_false(list_is_linked(&a.link));
    list_push_back(&head, &a.link);
    list_push_back(&head, &b.link);
    list_push_front(&head, &c.link);
    assert_true(list_is_linked(&a.link));
    assert_false(list_is_empty(&head));
    assert_list(&head, 3, 1, 2);
    assert_int_equal(LIST_OWNER(list_pop_front(&head), struct item, link)->value, 3);
    assert_false(list_is_linked(&c.link));
    assert_list(&head, 1, 2);
}

static void test_list_remove_when_outside_then_nothing(void **state)
{
    (void)state;
    struct list head;
    struct item a = {.value = 1}, b = {.value = 2}, c = {.value = 3};
    list_init(&head);
    list_remove(&a.link);
    list_push_back(&head, &a.link);
    list_push_back(&head, &b.link);
    list_push_back(&head, &c.link);
    list_remove(&b.link);
    list_remove(&b.link);
    assert_list(&head, 1, 3);
    list_push_back(&head, &b.link); /* a removed member may come back */
    assert_list(&head, 1, 3, 2);
}

static void test_list_each_when_body_removes_then_all_are_seen(void **state)
{
    (void)state;
    struct list head;
    struct item items[5];
    list_init(&head);
    for (int i = 0; i < 5; i++) {
        items[i] = (struct item){.value = i};
        list_push_back(&head, &items[i].link);
    }
    int seen = 0;
    LIST_EACH (it, &head) {
        assert_int_equal(value_of(it), seen++);
        if (value_of(it) % 2 == 0)
            list_remove(it);
    }
    assert_int_equal(seen, 5);
    assert_list(&head, 1, 3);
}

static void test_heap_when_empty_then_no_first(void **state)
{
    (void)state;
    struct heap h;
    struct heap_node node = {0};
    heap_init(&h);
    assert_null(heap_first(&h));
    heap_remove(&h, &node); /* outside: nothing */
    heap_fini(&h);
    heap_fini(&h);
}

static void test_heap_when_deadlines_are_equal_then_first_come_first_out(void **state)
{
    (void)state;
    enum { N = 1000 };
    struct heap h;
    struct heap_node nodes[N] = {0};
    heap_init(&h);
    for (size_t i = 0; i < N; i++)
        heap_put(&h, &nodes[i], (int64_t)(i % 3));
    for (int64_t at = 0; at < 3; at++)
        for (size_t i = 0; i < N; i++)
            if ((int64_t)(i % 3) == at) {
                assert_ptr_equal(heap_first(&h), &nodes[i]);
                heap_remove(&h, &nodes[i]);
                assert_int_equal(nodes[i].slot, 0);
            }
    assert_null(heap_first(&h));
    heap_fini(&h);
}

static void test_heap_put_when_already_inside_then_moved(void **state)
{
    (void)state;
    struct heap h;
    struct heap_node a = {0}, b = {0}, c = {0};
    heap_init(&h);
    heap_put(&h, &a, 10);
    heap_put(&h, &b, 20);
    heap_put(&h, &c, 30);
    heap_put(&h, &c, 5);
    assert_ptr_equal(heap_first(&h), &c);
    heap_put(&h, &c, 40);
    assert_ptr_equal(heap_first(&h), &a);
    heap_put(&h, &a, 20); /* now it came later than b */
    assert_ptr_equal(heap_first(&h), &b);
    assert_int_equal(h.n, 3);
    heap_fini(&h);
    assert_int_equal(a.slot, 0);
    assert_int_equal(c.slot, 0);
}

/* A small generator, so that a failure can be repeated. */
static uint32_t random_next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static const struct heap_node *first_by_search(const struct heap_node *nodes, size_t n)
{
    const struct heap_node *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (nodes[i].slot != 0 && (best == NULL || nodes[i].at_ms < best->at_ms ||
                                   (nodes[i].at_ms == best->at_ms && nodes[i].seq < best->seq)))
            best = &nodes[i];
    return best;
}

static void test_heap_when_used_at_random_then_first_is_always_the_least(void **state)
{
    (void)state;
    enum { N = 64 };
    struct heap h;
    struct heap_node nodes[N] = {0};
    uint32_t seed = 20261121;
    heap_init(&h);
    for (int round = 0; round < 20000; round++) {
        struct heap_node *node = &nodes[random_next(&seed) % N];
        if (random_next(&seed) % 3 == 0)
            heap_remove(&h, node);
        else
            heap_put(&h, node, (int64_t)(random_next(&seed) % 20) - 10);
        assert_ptr_equal(heap_first(&h), first_by_search(nodes, N));
    }
    heap_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_when_pushed_then_order_of_ends),
        cmocka_unit_test(test_list_remove_when_outside_then_nothing),
        cmocka_unit_test(test_list_each_when_body_removes_then_all_are_seen),
        cmocka_unit_test(test_heap_when_empty_then_no_first),
        cmocka_unit_test(test_heap_when_deadlines_are_equal_then_first_come_first_out),
        cmocka_unit_test(test_heap_put_when_already_inside_then_moved),
        cmocka_unit_test(test_heap_when_used_at_random_then_first_is_always_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

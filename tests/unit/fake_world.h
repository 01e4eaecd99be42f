/*
 * What the tests of the fake authority begin with: an authority in 2030, a client with an account.
 */
#ifndef TESTS_UNIT_FAKE_WORLD_H
#define TESTS_UNIT_FAKE_WORLD_H

#include "fake/mini_client.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BASE "https://ca.test"

static const char *const two_names[] = {"*.example.com", "example.com"};
static const char *const one_name[] = {"www.example.net"};
static int64_t start_ms;

struct world {
    struct fake_ca *ca;
    struct mini_client m;
};

static inline int world_open(void **state)
{
    struct world *w = NEW(struct world);
    start_ms = time_from_civil(2030, 1, 1, 0, 0, 0);
    w->ca = fake_ca_new(NULL);
    mini_client_init(&w->m, w->ca, BASE, "P-256", start_ms);
    assert_int_equal(mini_register(&w->m), 201);
    *state = w;
    return 0;
}

static inline int world_close(void **state)
{
    struct world *w = *state;
    mini_client_fini(&w->m);
    fake_ca_free(w->ca);
    mem_free(w);
    return 0;
}

static inline void set(struct world *w, const char *json)
{
    struct err err = {0};
    if (!fake_ca_set(w->ca, str_of(json), &err))
        fail_msg("%s", err.text);
}

#define assert_problem(m, status_wanted, type)                                                     \
    do {                                                                                           \
        assert_string_equal(mini_problem(m), type);                                                \
        assert_int_equal((m)->reply.status, status_wanted);                                        \
    } while (0)

#define T(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

#endif

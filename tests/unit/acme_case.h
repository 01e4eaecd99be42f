/*
 * One order and the world around it, for tests of its steps: ask it, tell it an answer as literal JSON, follow a GO as the
 * driver does, and lose everything but the row.
 */
#ifndef TESTS_ACME_CASE_H
#define TESTS_ACME_CASE_H

#include "acme/order.h"
#include "order_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CASE_NOW   INT64_C(1893456000000) /* 2030-01-01 */
#define THUMBPRINT "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define TOKEN      "DGyRejmCefe7v4NfDGDKfA"
#define LIFE       "\"expires\":\"2030-01-08T00:00:00Z\",\"finalize\":\"https://ca.test/finalize/1\""

struct acme_case {
    struct arena *arena;
    struct acme_world world;
    struct acme_directory *directory;
    struct order *order;
    struct acme_answer answer;
};

static inline struct acme_directory *case_directory(const char *extra)
{
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    AUTO(json_fini)
    struct json *tree = NULL;
    struct acme_directory *directory = NULL;
    struct err err = {0};
    buf_printf(
        &text,
        "{\"newNonce\":\"https://ca.test/nonce\",\"newAccount\":\"https://ca.test/account\","
        "\"newOrder\":\"https://ca.test/order\",\"revokeCert\":\"https://ca.test/revoke\"%s}",
        extra);
    assert_true(json_parse(buf_str(&text), 4096, &tree, &err));
    if (!acme_directory_read("https://ca.test/directory", tree, &directory, &err))
        fail_msg("%s", err.text);
    return directory;
}

#define CASE_ARI ",\"renewalInfo\":\"https://ca.test/ari\""

static inline void case_open(struct acme_case *c, const char *const *names, size_t n)
{
    *c = (struct acme_case){.arena = arena_new(), .directory = case_directory(CASE_ARI)};
    c->world =
        (struct acme_world){.now_ms = CASE_NOW, .directory = c->directory, .arena = c->arena};
    c->order = order_new("shop", names, n);
    c->order->authority = mem_strdup("testca");
    c->order->directory = mem_strdup("https://ca.test/directory");
    c->order->id = 17;
    c->order->started_at_ms = c->order->step_at_ms = CASE_NOW;
    c->order->has_key = true;
    buf_add_cstr(&c->order->csr, "not really a CSR");
    strcpy(c->order->thumbprint, THUMBPRINT);
}

static inline void case_close(struct acme_case *c)
{
    acme_answer_fini(&c->answer);
    order_free(c->order);
    acme_directory_free(c->directory);
    arena_free(c->arena);
}

static inline struct verdict case_ask(struct acme_case *c)
{
    return order_step_run(c->order, &c->world, NULL);
}

/* headers: "Name: value" lines; a JSON Content-Type is added when there is none. */
static inline void case_answer(struct acme_case *c, int slot, int status, const char *headers,
                               const char *body)
{
    struct acme_header list[16];
    size_t n = 0;
    bool has_type = false;
    struct str rest = str_of(headers), line;
    while (headers != NULL && str_split(&rest, '\n', &line)) {
        size_t colon = str_find_char(line, ':');
        if (colon == line.len)
            continue;
        list[n].name = arena_strndup(c->arena, line.p, colon);
        struct str value = str_trim(str_mem(line.p + colon + 1, line.len - colon - 1));
        list[n].value = arena_strndup(c->arena, value.p, value.len);
        has_type = has_type || str_eq_nocase(str_of(list[n].name), STR("content-type"));
        n++;
    }
    if (!has_type)
        list[n++] = (struct acme_header){"Content-Type", status < 400 ? "application/json"
                                                                      : "application/problem+json"};
    acme_answer_fini(&c->answer);
    acme_answer_read(&c->answer, status, list, n, str_of(body), c->world.now_ms, c->arena);
    c->answer.slot = slot;
}

static inline struct verdict case_hear_with(struct acme_case *c, int slot, int status,
                                            const char *headers, const char *body)
{
    case_answer(c, slot, status, headers, body);
    return order_step_run(c->order, &c->world, &c->answer);
}

static inline struct verdict case_hear(struct acme_case *c, int slot, int status, const char *body)
{
    return case_hear_with(c, slot, status, NULL, body);
}

static inline struct verdict case_problem(struct acme_case *c, int slot, int status,
                                          const char *type, const char *detail)
{
    const char *body = arena_printf(
        c->arena, "{\"type\":\"urn:ietf:params:acme:error:%s\",\"detail\":\"%s\"}", type, detail);
    return case_hear(c, slot, status, body);
}

static inline struct verdict case_lose(struct acme_case *c, int slot)
{
    struct err why;
    err_set(&why, ERR_AGAIN, "connection reset");
    acme_answer_fini(&c->answer);
    acme_answer_lost(&c->answer, &why, c->arena);
    c->answer.slot = slot;
    return order_step_run(c->order, &c->world, &c->answer);
}

/* What the driver does with a GO. */
static inline void case_go(struct acme_case *c, struct verdict verdict, enum order_step expected)
{
    if (verdict.kind != VERDICT_GO)
        fail_msg("no GO but %d: %s", (int)verdict.kind, verdict.err.text);
    assert_string_equal(order_step_name(verdict.next), order_step_name(expected));
    assert_true(order_step_may_follow(c->order->step, verdict.next));
    c->order->step = verdict.next;
    c->order->step_at_ms = c->world.now_ms;
    c->order->n_polls = 0;
}

static inline void case_at(struct acme_case *c, enum order_step step)
{
    c->order->step = step;
    c->order->step_at_ms = c->world.now_ms;
    c->order->n_polls = 0;
}

/* A kill and a start. */
static inline void case_kill(struct acme_case *c)
{
    struct order *row = order_of_row(c->order);
    order_free(c->order);
    c->order = row;
}

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        if (strstr((text), (part)) == NULL)                                                        \
            fail_msg("\"%s\" does not hold \"%s\"", (text), (part));                               \
    } while (0)
/* Each looks at its verdict once, because making it is the test. */
static inline void verdict_is(struct verdict v, enum verdict_kind wanted, const char *name)
{
    if (v.kind != wanted)
        fail_msg("verdict %d instead of %s: %s", (int)v.kind, name, v.err.text);
}
static inline void verdict_says(struct verdict v, enum err_kind kind, const char *part)
{
    assert_string_equal(err_kind_name(v.err.kind), err_kind_name(kind));
    assert_has(v.err.text, part);
}
#define assert_verdict(v, wanted) verdict_is((v), (wanted), #wanted)
static inline void assert_fails(struct verdict v, enum err_kind kind, const char *part)
{
    assert_verdict(v, VERDICT_FAIL);
    verdict_says(v, kind, part);
}
static inline void assert_again(struct verdict v, enum err_kind kind, const char *part)
{
    assert_verdict(v, VERDICT_AGAIN);
    verdict_says(v, kind, part);
}

/* The usual case: a name and a wildcard, brought as far as a test needs it. */
static const char *const case_names[] = {"www.example.com", "*.example.com"};

static inline int open_case(void **state)
{
    struct acme_case *c = NEW(struct acme_case);
    case_open(c, case_names, 2);
    *state = c;
    return 0;
}

static inline int close_case(void **state)
{
    struct acme_case *c = *state;
    case_close(c);
    mem_free(c);
    return 0;
}

#define IDENTIFIERS                                                                                \
    "\"identifiers\":[{\"type\":\"dns\",\"value\":\"*.Example.com\"},"                             \
    "{\"type\":\"dns\",\"value\":\"www.example.com\"}]"
#define AUTHZ2                      "\"authorizations\":[\"https://ca.test/authz/1\",\"https://ca.test/authz/2\"]"
#define ORDER_NEW_IS(status, authz) "{\"status\":\"" status "\"," LIFE "," IDENTIFIERS "," authz "}"
#define ORDER_IS(status)            "{\"status\":\"" status "\"," LIFE "}"
#define LOCATION                    "Location: https://ca.test/order/1"
#define CERTIFICATE                 "\"certificate\":\"https://ca.test/cert/1\""
#define AUTHZ_WWW(status)                                                                          \
    "{\"status\":\"" status                                                                        \
    "\",\"identifier\":{\"type\":\"dns\",\"value\":\"www.example.com\"}," CHALLENGES("1") "}"
#define AUTHZ_WILD(status)                                                                         \
    "{\"status\":\"" status "\",\"wildcard\":true,\"identifier\":{\"type\":\"dns\",\"value\":"     \
    "\"example.com\"}," CHALLENGES("2") "}"
#define CHALLENGES(n)                                                                              \
    "\"challenges\":[{\"type\":\"http-01\",\"url\":\"https://ca.test/http/" n                      \
    "\",\"token\":\"x\"},"                                                                         \
    "{\"type\":\"dns-01\",\"url\":\"https://ca.test/chall/" n                                      \
    "\",\"status\":\"pending\",\"token\":\"" TOKEN "\"}]"
#define AUTHZ_FAILED(name, type, detail)                                                           \
    "{\"status\":\"invalid\",\"identifier\":{\"type\":\"dns\",\"value\":\"" name                   \
    "\"},\"challenges\":["                                                                         \
    "{\"type\":\"dns-01\",\"status\":\"invalid\",\"error\":{\"type\":\"urn:ietf:params:acme:"      \
    "error:" type "\",\"detail\":\"" detail "\",\"status\":403}}]}"

/* The order as it stands once newOrder was answered. */
static inline void place(struct acme_case *c)
{
    case_at(c, ORDER_NEW);
    assert_verdict(case_ask(c), VERDICT_ASK);
    case_go(c, case_hear_with(c, 0, 201, LOCATION, ORDER_NEW_IS("pending", AUTHZ2)), ORDER_READ);
}

/* ... and its authorizations read, both pending. */
static inline void place_and_read(struct acme_case *c)
{
    place(c);
    assert_verdict(case_ask(c), VERDICT_ASK);
    assert_verdict(case_hear(c, 0, 200, AUTHZ_WWW("pending")), VERDICT_WAIT);
    case_go(c, case_hear(c, 1, 200, AUTHZ_WILD("pending")), ORDER_PUBLISH);
}

static inline void at_validate(struct acme_case *c)
{
    place_and_read(c);
    c->order->published = true;
    for (size_t i = 0; i < c->order->n_authz; i++)
        c->order->authz[i].answered = true;
    case_at(c, ORDER_VALIDATE);
    c->world.now_ms += MS_SECOND;
}

static inline void at_issue(struct acme_case *c)
{
    at_validate(c);
    c->order->finalize_sent = true;
    c->order->n_finalize = 1;
    case_at(c, ORDER_ISSUE);
    c->world.now_ms += MS_SECOND;
}

#define CASE_TEST(f) cmocka_unit_test_setup_teardown(f, open_case, close_case)

#endif

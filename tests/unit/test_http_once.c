/* SEES: base io */
/* A server that does what it is asked on a connection that was used before, and hangs up without a word: is it asked again? */
#include "base/buf.h"
#include "io/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "peer_http.h"

static struct loop *loop;
static struct http *http;
static struct peer *peer;
static bool over;
static struct err err;
static int status;

static void call_done(void *arg, const struct http_reply *reply, const struct err *why)
{
    (void)arg;
    over = true;
    err = why != NULL ? *why : (struct err){0};
    status = reply != NULL ? reply->status : 0;
}

static void ask(const char *method, const char *path, const char *body, bool once)
{
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", peer->port, path);
    struct http_request request = {
        .method = method, .url = url, .body = str_of(body), .once = once};
    int64_t until_ms = clock_wall_ms(&clock_system) + 20000;
    over = false;
    http_start(http, &request, call_done, NULL);
    while (!over && clock_wall_ms(&clock_system) < until_ms)
        loop_wait(loop, until_ms);
    assert_true(over);
}

/* How often the server hears a request that it does not answer, after one that it answered. */
static int times_heard(const char *method, const char *body, bool once)
{
    static const struct http_options options = {.user_agent = "test"};
    (void)peer_tls; /* of the shared server, not wanted here */
    loop = loop_new();
    http = http_new(loop, &options);
    peer = peer_new(NULL, false);
    ask("GET", "/hello", "", false);
    assert_int_equal(status, 200);
    int before = atomic_load(&peer->n_requests);
    ask(method, "/close", body, once);
    assert_string_equal(err_kind_name(err.kind), "again");
    int n = atomic_load(&peer->n_requests) - before;
    http_free(http);
    peer_stop(peer);
    loop_free(loop);
    return n;
}

static void test_once_when_a_used_connection_is_closed_without_an_answer_then_not_sent_again(
    void **state)
{
    (void)state;
    assert_int_equal(times_heard("POST", "{\"value\": \"x\"}", true), 1);
    assert_int_equal(times_heard("POST", "", true), 1);
    assert_int_equal(times_heard("GET", "", true), 1);
}

static void test_other_when_a_used_connection_is_closed_without_an_answer_then_sent_once_more(
    void **state)
{
    (void)state;
    assert_int_equal(times_heard("POST", "{\"value\": \"x\"}", false), 2);
}

static void test_once_when_a_body_is_sent_then_all_of_it_comes(void **state)
{
    (void)state;
    static const struct http_options options = {.user_agent = "test"};
    char body[8000];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    loop = loop_new();
    http = http_new(loop, &options);
    peer = peer_new(NULL, false);
    ask("POST", "/echo", body, true);
    assert_int_equal(status, 200);
    http_free(http);
    peer_stop(peer);
    loop_free(loop);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_once_when_a_used_connection_is_closed_without_an_answer_then_not_sent_again),
        cmocka_unit_test(
            test_other_when_a_used_connection_is_closed_without_an_answer_then_sent_once_more),
        cmocka_unit_test(test_once_when_a_body_is_sent_then_all_of_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

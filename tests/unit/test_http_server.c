/* SEES: base io */
/* The HTTP server against real sockets: whole, slow, half-open, too long, garbage, and gone in the middle. */
#include "io/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAITING_MAX = 64 };

static struct loop *loop;
static struct http_server *server;
static struct http_server_options options;
static struct http_exchange *waiting[WAITING_MAX];
static size_t n_waiting, n_gone, n_ready;
static bool refuses, answers_at_once;
static char last[4096];

static void head(void *arg, struct http_exchange *x)
{
    (void)arg;
    if (refuses)
        exchange_answer(x, 401, NULL, 0, STR("no"));
}

static void ready(void *arg, struct http_exchange *x)
{
    (void)arg;
    if (exchange_fault(x) != 0)
        return;
    n_ready++;
    const char *word = exchange_header(x, "X-Word");
    snprintf(last, sizeof last, "%s %.*s %s %.*s", exchange_method(x), STR_ARG(exchange_target(x)),
             word != NULL ? word : "-", STR_ARG(exchange_body(x)));
    if (answers_at_once) {
        const struct http_field field = {"X-Answer", "yes"};
        exchange_answer(x, 200, &field, 1, STR("fine"));
    } else {
        assert_true(n_waiting < WAITING_MAX);
        waiting[n_waiting++] = x;
    }
}

static void gone(void *arg, struct http_exchange *x)
{
    (void)arg;
    n_gone++;
    for (size_t i = 0; i < n_waiting; i++) {
        if (waiting[i] == x)
            waiting[i] = waiting[--n_waiting];
    }
}

static int setup(void **state)
{
    struct err err = {0};
    (void)state;
    loop = loop_new();
    n_waiting = n_gone = n_ready = 0;
    refuses = false;
    answers_at_once = true;
    options = (struct http_server_options){.head = head, .ready = ready, .gone = gone};
    assert_true(net_address_parse(STR("127.0.0.1"), 1, &options.listen));
    options.listen.port = 0;
    options.limits.head_ms = 300;
    options.limits.body_ms = 300;
    options.limits.idle_ms = 400;
    if (!http_server_open(loop, &options, &server, &err))
        fail_msg("%s", err.text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_server_close(server);
    loop_free(loop);
    return 0;
}

static void turn(int64_t ms)
{
    int64_t until = clock_wall_ms(&clock_system) + ms;
    while (clock_wall_ms(&clock_system) < until)
        loop_wait(loop, until);
}

static int dial(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    (void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* What came back within ms, or up to the end of the connection; *ret_end: it ended. */
static char *hear(int fd, int64_t ms, bool *ret_end)
{
    static char heard[65536];
    size_t n = 0;
    int64_t until = clock_wall_ms(&clock_system) + ms;
    *ret_end = false;
    while (clock_wall_ms(&clock_system) < until && !*ret_end) {
        loop_wait(loop, clock_wall_ms(&clock_system) + 5);
        ssize_t got = recv(fd, heard + n, sizeof heard - 1 - n, 0);
        if (got > 0)
            n += (size_t)got;
        else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
            *ret_end = true;
        if (n > 0 && got < 0 && strstr(heard, "\r\n\r\n") != NULL)
            break;
        heard[n] = '\0';
    }
    heard[n] = '\0';
    return heard;
}

static void expect(int fd, const char *part)
{
    bool end;
    const char *heard = hear(fd, 5000, &end);
    if (strstr(heard, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, heard);
}

static void expect_end(int fd)
{
    bool end = false;
    for (int i = 0; i < 400 && !end; i++)
        hear(fd, 10, &end);
    assert_true(end);
    close(fd);
}

static void test_request_when_whole_then_handed_over_and_answered(void **state)
{
    (void)state;
    int fd = dial();
    say(fd,
        "POST /a%2fb?c=d HTTP/1.1\r\nHost: x\r\nX-Word: hello\r\nContent-Length: 4\r\n\r\nbody");
    expect(fd, "HTTP/1.1 200 ");
    assert_string_equal(last, "POST /a%2fb?c=d hello body");
    say(fd, "GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(fd, "X-Answer: yes");
    assert_string_equal(last, "GET /again - ");
    assert_int_equal(http_server_figures(server).n_accepted, 1);
    assert_int_equal(http_server_figures(server).n_requests, 2);
    close(fd);
}

static void test_request_when_refused_at_its_head_then_no_body_is_read(void **state)
{
    (void)state;
    refuses = true;
    int fd = dial();
    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\nonly a part of it");
    expect(fd, "HTTP/1.1 401 ");
    assert_int_equal(n_ready, 0);
    expect_end(fd);
    fd = dial();
    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\nExpect: 100-continue\r\n\r\n");
    expect(fd, "HTTP/1.1 401 ");
    close(fd);
}

static void test_answer_when_given_later_then_it_arrives(void **state)
{
    (void)state;
    answers_at_once = false;
    int fds[8];
    for (size_t i = 0; i < 8; i++) {
        fds[i] = dial();
        say(fds[i], "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    turn(600); /* longer than any deadline of a client that owes us something */
    assert_int_equal(n_waiting, 8);
    assert_int_equal(http_server_figures(server).n_waiting, 8);
    while (n_waiting > 0)
        exchange_answer(waiting[--n_waiting], 201, NULL, 0, STR("late"));
    for (size_t i = 0; i < 8; i++) {
        expect(fds[i], "HTTP/1.1 201 ");
        close(fds[i]);
    }
    assert_int_equal(n_gone, 0);
    assert_int_equal(http_server_figures(server).n_waiting, 0);
}

static void test_answer_when_sent_then_it_arrives_without_another_wait(void **state)
{
    char heard[256] = "";
    (void)state;
    answers_at_once = false;
    int fd = dial();
    say(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < 500 && n_waiting == 0; i++)
        turn(10);
    assert_int_equal(n_waiting, 1);
    exchange_answer(waiting[--n_waiting], 201, NULL, 0, STR("now"));
    http_server_send(server);
    assert_true(recv(fd, heard, sizeof heard - 1, 0) > 0);
    assert_non_null(strstr(heard, "HTTP/1.1 201 "));
    http_server_send(server); /* nothing to send */
    http_server_send(NULL);
    say(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"); /* the connection goes on */
    for (int i = 0; i < 500 && n_waiting == 0; i++)
        turn(10);
    assert_int_equal(n_waiting, 1);
    exchange_answer(waiting[--n_waiting], 202, NULL, 0, STR("later"));
    expect(fd, "HTTP/1.1 202 ");
    close(fd);
}

static void test_client_when_it_leaves_while_it_waits_then_told_gone_and_not_answered(void **state)
{
    (void)state;
    answers_at_once = false;
    int fd = dial(), other = dial();
    say(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
    say(other, "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    turn(100);
    assert_int_equal(n_waiting, 2);
    assert_false(exchange_is_gone(waiting[0]) || exchange_is_gone(waiting[1]));
    struct http_exchange *first = waiting[0];
    bool is_first = str_eq(exchange_target(first), STR("/1"));
    close(is_first ? fd : other);
    assert_true(exchange_is_gone(first)); /* before the loop turned */
    turn(50);
    assert_int_equal(n_gone, 1);
    assert_int_equal(n_waiting, 1);
    exchange_answer(waiting[0], 200, NULL, 0, STR("you"));
    n_waiting = 0;
    expect(is_first ? other : fd, "HTTP/1.1 200 ");
    close(is_first ? other : fd);
    turn(50);
    assert_int_equal(http_server_figures(server).n_open, 0);
}

static void test_server_when_closed_then_those_that_wait_are_told_gone(void **state)
{
    (void)state;
    struct err err;
    answers_at_once = false;
    int fd = dial(), half = dial();
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    say(half, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
    turn(50);
    assert_int_equal(n_waiting, 1);
    http_server_close(server);
    assert_int_equal(n_gone, 2);
    assert_true(http_server_open(loop, &options, &server, &err));
    close(fd);
    close(half);
}

static void test_head_when_it_comes_byte_by_byte_then_cut_off(void **state)
{
    (void)state;
    bool end = false;
    int fd = dial(), idle = dial();
    int64_t from = clock_wall_ms(&clock_system);
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n");
    char all[256] = "";
    for (int i = 0; i < 200 && !end; i++) {
        say(fd, "A");
        strncat(all, hear(fd, 10, &end), 200);
    }
    assert_true(end);
    assert_in_range(clock_wall_ms(&clock_system) - from, 290, 3000);
    close(fd);
    expect_end(idle);
    assert_int_equal(http_server_figures(server).n_cut, 2);
    assert_int_equal(n_ready, 0);
}

static void test_body_when_it_never_ends_then_cut_off_and_told(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    expect_end(fd);
    turn(20);
    assert_int_equal(n_ready, 0);
    assert_int_equal(n_gone, 1);
}

static void test_connection_when_idle_between_requests_then_closed(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(fd, "200");
    expect_end(fd);
    assert_int_equal(http_server_figures(server).n_cut, 0);
}

static void test_request_when_too_long_then_refused_by_its_number(void **state)
{
    (void)state;
    static char text[80 * 1024];
    static const struct {
        const char *before, *after;
        int n;
        const char *status;
    } cases[] = {{"GET /", " HTTP/1.1\r\nHost: x\r\n\r\n", 3000, " 414 "},
                 {"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", "\r\n\r\n", 60000, " 431 "},
                 {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n", "", 1, " 413 "},
                 {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n",
                  "\r\n0\r\n\r\n", 70000, " 413 "}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = dial();
        snprintf(text, sizeof text, "%s%0*d%s", cases[i].before, cases[i].n, 0, cases[i].after);
        for (size_t sent = 0; sent < strlen(text);) {
            ssize_t n = send(fd, text + sent, strlen(text) - sent, MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN)
                break;
            sent += n > 0 ? (size_t)n : 0;
            turn(1);
        }
        expect(fd, cases[i].status);
        close(fd);
    }
    char many[4096] = "GET / HTTP/1.1\r\nHost: x\r\n";
    for (int i = 0; i < 70; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "X-%d: y\r\n", i);
    int fd = dial();
    say(fd, many);
    say(fd, "\r\n");
    expect(fd, " 431 ");
    close(fd);
    assert_int_equal(n_ready, 0);
}

static void test_garbage_when_sent_then_others_are_served(void **state)
{
    (void)state;
    unsigned char noise[512];
    unsigned seed = 1;
    for (int i = 0; i < 40; i++) {
        int fd = dial();
        for (size_t k = 0; k < sizeof noise; k++) {
            seed = seed * 1103515245U + 12345U;
            noise[k] = (unsigned char)(seed >> 16);
        }
        (void)send(fd, noise, sizeof noise, MSG_NOSIGNAL);
        if (i % 4 == 0)
            say(fd, "\r\n\r\n");
        turn(2);
        close(fd);
    }
    int fd = dial();
    say(fd, "GET /after HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(fd, " 200 ");
    close(fd);
}

static void test_connections_when_there_are_too_many_then_the_next_waits_for_an_end(void **state)
{
    (void)state;
    struct err err;
    options.limits.n_connections = 3;
    assert_true(http_server_change(server, &options, &err));
    int fds[3], late;
    for (size_t i = 0; i < 3; i++)
        fds[i] = dial();
    turn(20);
    late = dial();
    say(late, "GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
    turn(50);
    assert_int_equal(http_server_figures(server).n_open, 3);
    assert_int_equal(n_ready, 0);
    close(fds[0]);
    expect(late, " 200 ");
    close(fds[1]);
    close(fds[2]);
    close(late);
}

static void test_server_when_changed_then_old_exchanges_end_on_the_old(void **state)
{
    (void)state;
    struct err err;
    answers_at_once = false;
    int old = dial(), idle = dial();
    uint16_t port = http_server_port(server);
    say(old, "GET /old HTTP/1.1\r\nHost: x\r\n\r\n");
    turn(50);
    assert_true(http_server_change(server, &options, &err));
    assert_int_equal(http_server_port(server), port);
    answers_at_once = true;
    int fresh = dial();
    say(fresh, "GET /new HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(fresh, " 200 ");
    expect_end(idle);
    assert_int_equal(n_waiting, 1);
    exchange_answer(waiting[0], 200, NULL, 0, STR("old"));
    n_waiting = 0;
    expect(old, "Connection: close");
    expect_end(old);
    close(fresh);
    struct http_server_tls broken = {.certificate = STR("no"), .key = STR("no")};
    options.tls = &broken;
    assert_false(http_server_change(server, &options, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    options.tls = NULL;
    fresh = dial();
    say(fresh, "GET /still HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(fresh, " 200 ");
    close(fresh);
}

static void test_port_when_taken_then_says_which(void **state)
{
    (void)state;
    struct err err;
    struct http_server *second;
    struct http_server_options other = options;
    other.listen.port = http_server_port(server);
    assert_false(http_server_open(loop, &other, &second, &err));
    assert_non_null(strstr(err.text, "listen for HTTP on 127.0.0.1:"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_request_when_whole_then_handed_over_and_answered),
        T(test_request_when_refused_at_its_head_then_no_body_is_read),
        T(test_answer_when_given_later_then_it_arrives),
        T(test_answer_when_sent_then_it_arrives_without_another_wait),
        T(test_client_when_it_leaves_while_it_waits_then_told_gone_and_not_answered),
        T(test_server_when_closed_then_those_that_wait_are_told_gone),
        T(test_head_when_it_comes_byte_by_byte_then_cut_off),
        T(test_body_when_it_never_ends_then_cut_off_and_told),
        T(test_connection_when_idle_between_requests_then_closed),
        T(test_request_when_too_long_then_refused_by_its_number),
        T(test_garbage_when_sent_then_others_are_served),
        T(test_connections_when_there_are_too_many_then_the_next_waits_for_an_end),
        T(test_server_when_changed_then_old_exchanges_end_on_the_old),
        T(test_port_when_taken_then_says_which),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

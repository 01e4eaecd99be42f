/* SEES: base io */
#include "io/http.h"
#include "io/http_url.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "peer_http.h"

struct heard {
    int n_done;
    int status;
    char body[16384];
    char two[64], date[64], early[16], trailer[16], empty[16];
    size_t body_len, n_headers;
    int64_t date_at_ms;
    struct err err;
};

struct stage {
    struct loop *loop;
    struct http *http;
    struct peer *peer;
    char trust[64];
};

static void copy_header(char *to, size_t len, const struct http_reply *reply, const char *name)
{
    const char *value = http_header(reply, name);
    snprintf(to, len, "%s", value != NULL ? value : "(absent)");
}

static void hear(void *arg, const struct http_reply *reply, const struct err *err)
{
    struct heard *heard = arg;
    heard->n_done++;
    if (err != NULL) {
        assert_null(reply);
        heard->err = *err;
        return;
    }
    heard->status = reply->status;
    heard->body_len = reply->body.len;
    heard->n_headers = reply->n_headers;
    heard->date_at_ms = reply->date_at_ms;
    snprintf(heard->body, sizeof heard->body, "%.*s", STR_ARG(reply->body));
    copy_header(heard->two, sizeof heard->two, reply, "X-TWO");
    copy_header(heard->early, sizeof heard->early, reply, "X-Early");
    copy_header(heard->trailer, sizeof heard->trailer, reply, "X-Trailer");
    copy_header(heard->empty, sizeof heard->empty, reply, "X-Empty");
}

static struct stage stage_new(SSL_CTX *tls, bool h2)
{
    struct stage s = {.loop = loop_new()};
    s.http = http_new(s.loop, &(struct http_options){.user_agent = "chancery-test/1"});
    s.peer = peer_new(tls, h2);
    return s;
}

static struct stage stage_tls(bool h2, const char *san, long from_s, long to_s)
{
    char path[] = "/tmp/chancery-test-trust-XXXXXX";
    close(mkstemp(path));
    struct stage s = stage_new(peer_tls(path, san, from_s, to_s), h2);
    snprintf(s.trust, sizeof s.trust, "%s", path);
    return s;
}

static void stage_end(struct stage *s)
{
    http_free(s->http);
    loop_free(s->loop);
    peer_stop(s->peer);
    if (s->trust[0] != '\0')
        unlink(s->trust);
}

static const char *url_of(const struct stage *s, const char *host, const char *path)
{
    static char url[256];
    snprintf(url, sizeof url, "http%s://%s:%u%s", s->peer->tls != NULL ? "s" : "", host,
             s->peer->port, path);
    return url;
}

static void wait_for(struct stage *s, const int *n_done, int n)
{
    int64_t until = clock_wall_ms(&clock_system) + 20000;
    while (*n_done < n && clock_wall_ms(&clock_system) < until)
        loop_wait(s->loop, until);
    assert_int_equal(*n_done, n);
}

static void ask(struct stage *s, struct http_request *request, struct heard *heard)
{
    memset(heard, 0, sizeof *heard);
    if (request->method == NULL)
        request->method = "GET";
    if (s->trust[0] != '\0' && request->ca_file == NULL)
        request->ca_file = s->trust;
    http_start(s->http, request, hear, heard);
    assert_int_equal(heard->n_done, 0); /* never from inside the starting call */
    wait_for(s, &heard->n_done, 1);
}

static void ask_path(struct stage *s, const char *path, struct heard *heard)
{
    ask(s, &(struct http_request){.url = url_of(s, "127.0.0.1", path)}, heard);
}

/* The peer's address is in every text; without its port the texts can be compared. */
static void expect_err(const struct stage *s, const struct heard *heard, enum err_kind kind,
                       const char *text)
{
    char port[16], found[ERR_TEXT_MAX];
    snprintf(port, sizeof port, ":%u", s->peer->port);
    snprintf(found, sizeof found, "%s", heard->err.text);
    char *at = strstr(found, port);
    if (at != NULL)
        memmove(at, at + strlen(port), strlen(at + strlen(port)) + 1);
    assert_string_equal(found, text);
    assert_string_equal(err_kind_name(heard->err.kind), err_kind_name(kind));
}

static void test_get_when_answered_then_status_headers_date_and_body(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    ask_path(&s, "/hello", &heard);
    assert_int_equal(heard.err.kind, ERR_NONE);
    assert_int_equal(heard.status, 200);
    assert_string_equal(heard.body, "hello");
    assert_string_equal(heard.two, "first");
    assert_int_equal(heard.n_headers, 4);
    assert_int_equal(heard.date_at_ms, time_from_civil(2026, 11, 21, 22, 1, 23));
    ask_path(&s, "/teapot", &heard);
    assert_int_equal(heard.err.kind, ERR_NONE);
    assert_int_equal(heard.status, 418);
    assert_int_equal(heard.date_at_ms, 0);
    struct http_figures figures = http_figures(s.http);
    assert_int_equal(figures.n_requests, 2);
    assert_int_equal(figures.n_connections, 1); /* kept alive */
    assert_true(figures.n_bytes_in > 19 && figures.n_bytes_out > 40);
    stage_end(&s);
}

static void test_post_when_sent_then_the_peer_sees_exactly_our_headers(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    const char *headers[] = {"Content-Type: application/jose+json", "X-Token: abc", NULL};
    struct http_request request = {.method = "POST",
                                   .url = url_of(&s, "127.0.0.1", "/echo"),
                                   .headers = headers,
                                   .body = STR("{\"a\":1}")};
    ask(&s, &request, &heard);
    assert_int_equal(heard.status, 200);
    assert_ptr_equal(strstr(heard.body, "POST /echo HTTP/1.1\r\n"), heard.body);
    assert_non_null(strstr(heard.body, "\r\nUser-Agent: chancery-test/1\r\n"));
    assert_non_null(strstr(heard.body, "\r\nContent-Type: application/jose+json\r\n"));
    assert_non_null(strstr(heard.body, "\r\nX-Token: abc\r\n"));
    assert_non_null(strstr(heard.body, "\r\nAccept-Language: en\r\n"));
    assert_non_null(strstr(heard.body, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(heard.body, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(heard.body, "Expect:"));
    assert_null(strstr(heard.body, "Accept-Encoding"));
    stage_end(&s);
}

/* RFC 8555 6.4: what is signed is the URL octet for octet, so no library may tidy it up. */
static void test_url_when_odd_then_arrives_octet_for_octet(void **state)
{
    (void)state;
    static const char *const paths[] = {"/echo/../echo/./x", "/echo//y?a=%2e%2E/../&b=%7Eq%20+",
                                        "/echo/%2e%2e/z", "/echo?"};
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char line[128];
        snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n", paths[i]);
        ask(&s, &(struct http_request){.url = url_of(&s, "127.0.0.1", paths[i])}, &heard);
        assert_int_equal(heard.status, 200);
        assert_ptr_equal(strstr(heard.body, line), heard.body);
    }
    stage_end(&s);
}

static void test_methods_when_used_then_arrive_as_written(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    const char *headers[] = {"accept-language: de", NULL};
    ask(&s,
        &(struct http_request){
            .method = "DELETE", .url = url_of(&s, "127.0.0.1", "/echo"), .headers = headers},
        &heard);
    assert_ptr_equal(strstr(heard.body, "DELETE /echo HTTP/1.1\r\n"), heard.body);
    assert_non_null(strstr(heard.body, "accept-language: de\r\n"));
    assert_null(strstr(heard.body, "Accept-Language: en"));
    ask(&s,
        &(struct http_request){
            .method = "PATCH", .url = url_of(&s, "127.0.0.1", "/echo"), .body = STR("x=1")},
        &heard);
    assert_ptr_equal(strstr(heard.body, "PATCH /echo HTTP/1.1\r\n"), heard.body);
    assert_non_null(strstr(heard.body, "\r\n\r\nx=1"));
    assert_null(strstr(heard.body, "Content-Type"));
    ask(&s, &(struct http_request){.method = "POST", .url = url_of(&s, "127.0.0.1", "/echo")},
        &heard);
    assert_ptr_equal(strstr(heard.body, "POST /echo HTTP/1.1\r\n"), heard.body);
    assert_non_null(strstr(heard.body, "Content-Length: 0\r\n"));
    ask(&s, &(struct http_request){.method = "HEAD", .url = url_of(&s, "127.0.0.1", "/hello")},
        &heard);
    assert_int_equal(heard.status, 200);
    assert_int_equal(heard.body_len, 0);
    stage_end(&s);
}

static void test_answer_when_interim_and_trailer_surround_it_then_only_its_own_headers_count(
    void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    ask_path(&s, "/interim", &heard);
    assert_int_equal(heard.status, 200);
    assert_string_equal(heard.body, "abc");
    assert_string_equal(heard.early, "(absent)");
    assert_string_equal(heard.trailer, "(absent)");
    assert_string_equal(heard.empty, "");
    stage_end(&s);
}

static void test_peer_when_it_floods_or_babbles_then_broken(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    ask_path(&s, "/bighead", &heard);
    expect_err(&s, &heard, ERR_BROKEN, "127.0.0.1: answer: headers of more than 32768 bytes");
    ask_path(&s, "/interims", &heard);
    expect_err(&s, &heard, ERR_BROKEN, "127.0.0.1: answer: headers of more than 32768 bytes");
    ask_path(&s, "/big", &heard);
    expect_err(&s, &heard, ERR_BROKEN, "127.0.0.1: answer: a body of more than 262144 bytes");
    ask(&s, &(struct http_request){.url = url_of(&s, "127.0.0.1", "/hello"), .max_body = 4},
        &heard);
    expect_err(&s, &heard, ERR_BROKEN, "127.0.0.1: answer: a body of more than 4 bytes");
    ask(&s, &(struct http_request){.url = url_of(&s, "127.0.0.1", "/hello"), .max_body = 5},
        &heard);
    assert_int_equal(heard.status, 200);
    ask_path(&s, "/garbage", &heard);
    expect_err(&s, &heard, ERR_BROKEN, "127.0.0.1: answer: Received HTTP/0.9 when not allowed");
    stage_end(&s);
}

static void test_peer_when_it_hangs_up_then_again(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    ask_path(&s, "/close", &heard);
    expect_err(&s, &heard, ERR_AGAIN,
               "127.0.0.1: answer: the connection was closed without an answer");
    ask_path(&s, "/cut", &heard);
    expect_err(&s, &heard, ERR_AGAIN,
               "127.0.0.1: answer: the connection ended in the middle of the body");
    ask(&s, &(struct http_request){.url = "http://127.0.0.1:1/hello"}, &heard);
    expect_err(&s, &heard, ERR_AGAIN, "127.0.0.1:1: connect: Connection refused");
    stage_end(&s);
}

static void test_peer_when_silent_then_the_deadline_ends_it(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    int64_t start = clock_wall_ms(&clock_system);
    ask(&s, &(struct http_request){.url = url_of(&s, "127.0.0.1", "/slow"), .timeout_ms = 100},
        &heard);
    expect_err(&s, &heard, ERR_AGAIN,
               "127.0.0.1: waiting for the answer: not finished after 100ms");
    assert_in_range(clock_wall_ms(&clock_system) - start, 100, 5000);
    stage_end(&s);
}

static void test_cancel_when_under_way_then_done_is_never_called(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard slow = {0}, forbidden = {0}, heard;
    struct http_call *a = http_start(
        s.http, &(struct http_request){.method = "GET", .url = url_of(&s, "127.0.0.1", "/slow")},
        hear, &slow);
    struct http_call *b =
        http_start(s.http, &(struct http_request){.method = "GET", .url = "ftp://127.0.0.1/"}, hear,
                   &forbidden);
    loop_wait(s.loop, 0);
    assert_int_equal(forbidden.n_done, 1); /* b is gone */
    (void)b;
    b = http_start(s.http, &(struct http_request){.method = "GET", .url = "ftp://127.0.0.1/"}, hear,
                   &forbidden);
    http_cancel(b);
    http_cancel(a);
    http_cancel(NULL);
    ask_path(&s, "/hello", &heard);
    assert_int_equal(heard.status, 200);
    assert_int_equal(slow.n_done, 0);
    assert_int_equal(forbidden.n_done, 1);
    stage_end(&s);
}

static void expect_forbidden(struct stage *s, const char *url, const char *text)
{
    struct heard heard;
    ask(s, &(struct http_request){.url = url}, &heard);
    expect_err(s, &heard, ERR_REFUSED, text);
}

static void test_url_when_forbidden_then_refused_without_a_connection(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    expect_forbidden(&s, "http://192.0.2.1/secret",
                     "192.0.2.1: forbidden URL: http is allowed to this machine only");
    expect_forbidden(&s, "http://example.com/",
                     "example.com: forbidden URL: http is allowed to this machine only");
    expect_forbidden(&s, "http://127.0.0.1.example.com/",
                     "127.0.0.1.example.com: forbidden URL: http is allowed to this machine only");
    expect_forbidden(&s, "file:///etc/passwd", "forbidden URL: not https");
    expect_forbidden(&s, "gopher://127.0.0.1/", "forbidden URL: not https");
    expect_forbidden(&s, "https://user@localhost/",
                     "localhost: forbidden URL: it holds a user name");
    expect_forbidden(&s, "https://user:pw@localhost/",
                     "localhost: forbidden URL: it holds a user name");
    expect_forbidden(&s, "https://:pw@localhost/",
                     "localhost: forbidden URL: it holds a user name");
    expect_forbidden(&s, "http://127.0.0.1/a b",
                     "forbidden URL: it holds a byte that URLs must not hold");
    expect_forbidden(&s, "http://127.0.0.1/\r\nHost: x",
                     "forbidden URL: it holds a byte that URLs must not hold");
    expect_forbidden(&s, "http://127.0.0.1\\@example.com/",
                     "forbidden URL: it holds a byte that URLs must not hold");
    expect_forbidden(&s, "", "forbidden URL: it is empty");
    char *url = mem_printf("http://127.0.0.1/%02040d", 0);
    assert_true(strlen(url) > HTTP_URL_MAX);
    expect_forbidden(&s, url, "forbidden URL: longer than 2048 bytes");
    mem_free(url);
    assert_int_equal(atomic_load(&s.peer->n_connections), 0);
    stage_end(&s);
}

static void test_place_when_checked_then_port_only_where_it_is_unusual(void **state)
{
    (void)state;
    struct http_place place;
    struct err err;
    assert_true(http_url_check("https://CA.example.com/directory?x#y", &place, &err));
    assert_true(place.is_tls);
    assert_string_equal(place.text, "CA.example.com");
    assert_true(http_url_check("https://ca.example.com:14000/dir", &place, &err));
    assert_string_equal(place.text, "ca.example.com:14000");
    assert_true(http_url_check("http://[::1]:80/", &place, &err));
    assert_string_equal(place.text, "[::1]");
    assert_true(http_url_check("http://127.9.9.9/", &place, &err));
    assert_true(http_url_check("http://LOCALHOST/", &place, &err));
    assert_false(http_url_check("http://[::2]/", &place, &err));
    assert_false(http_url_check("http://localhost.example.com/", &place, &err));
    assert_false(http_url_check("http:///", &place, &err));
    assert_false(http_url_check(NULL, &place, &err));
}

static void test_request_when_a_header_would_begin_another_then_refused(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    const char *injected[] = {"X-Token: abc\r\nX-Evil: yes", NULL}, *nameless[] = {": abc", NULL},
               *colonless[] = {"X-Token", NULL};
    const char *url = url_of(&s, "127.0.0.1", "/echo");
    ask(&s, &(struct http_request){.url = url, .headers = injected}, &heard);
    expect_err(&s, &heard, ERR_REFUSED, "127.0.0.1: request: header X-Token holds a control byte");
    ask(&s, &(struct http_request){.url = url, .headers = nameless}, &heard);
    expect_err(&s, &heard, ERR_REFUSED, "127.0.0.1: request: a header without a proper name");
    ask(&s, &(struct http_request){.url = url, .headers = colonless}, &heard);
    expect_err(&s, &heard, ERR_REFUSED, "127.0.0.1: request: a header without a proper name");
    ask(&s, &(struct http_request){.url = url, .method = "GET /x HTTP/1.1\r\n"}, &heard);
    expect_err(&s, &heard, ERR_REFUSED, "127.0.0.1: request: not a method");
    assert_int_equal(atomic_load(&s.peer->n_requests), 0);
    stage_end(&s);
}

static void follow(struct stage *s, const char *path, struct heard *heard)
{
    const char *headers[] = {"Authorization: Bearer secret", NULL};
    ask(s,
        &(struct http_request){
            .url = url_of(s, "127.0.0.1", path), .follow = true, .headers = headers},
        heard);
}

static void test_redirect_when_followed_then_twice_at_most_and_credentials_stay(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    follow(&s, "/twice", &heard);
    assert_int_equal(heard.status, 200);
    assert_string_equal(heard.body, "hello");
    follow(&s, "/thrice", &heard);
    expect_err(&s, &heard, ERR_BROKEN, "127.0.0.1: answer: more than 2 redirects");
    follow(&s, "/away", &heard);
    assert_int_equal(heard.status, 200);
    assert_non_null(strstr(heard.body, "Host: localhost"));
    assert_null(strstr(heard.body, "Authorization"));
    follow(&s, "/outside", &heard);
    expect_err(
        &s, &heard, ERR_REFUSED,
        "127.0.0.1: redirect: 192.0.2.1: forbidden URL: http is allowed to this machine only");
    follow(&s, "/user", &heard);
    expect_err(&s, &heard, ERR_REFUSED,
               "127.0.0.1: redirect: localhost: forbidden URL: it holds a user name");
    stage_end(&s);
}

static void test_redirect_when_not_asked_for_or_post_then_reported_as_it_is(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    ask_path(&s, "/once", &heard);
    assert_int_equal(heard.status, 302);
    ask(&s,
        &(struct http_request){
            .method = "POST", .url = url_of(&s, "127.0.0.1", "/once"), .follow = true},
        &heard);
    assert_int_equal(heard.status, 302);
    stage_end(&s);
}

static void test_redirect_when_down_to_http_then_refused(void **state)
{
    (void)state;
    struct stage s = stage_tls(false, "IP:127.0.0.1", -3600, 3600);
    struct heard heard;
    follow(&s, "/down", &heard);
    expect_err(&s, &heard, ERR_REFUSED, "127.0.0.1: redirect: down from https to http");
    stage_end(&s);
}

static void test_public_only_when_the_address_is_private_then_refused_even_with_a_warm_connection(
    void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    ask_path(&s, "/hello", &heard);
    assert_int_equal(heard.status, 200);
    ask(&s, &(struct http_request){.url = url_of(&s, "127.0.0.1", "/hello"), .public_only = true},
        &heard);
    expect_err(&s, &heard, ERR_REFUSED, "127.0.0.1: connect: the address 127.0.0.1 is not public");
    assert_int_equal(atomic_load(&s.peer->n_requests), 1);
    stage_end(&s);
}

static void test_tls_when_trusted_by_the_given_file_then_answered(void **state)
{
    (void)state;
    struct stage s = stage_tls(false, "DNS:localhost", -3600, 3600);
    struct heard heard;
    ask(&s, &(struct http_request){.url = url_of(&s, "localhost", "/hello")}, &heard);
    assert_string_equal(heard.err.text, "");
    assert_int_equal(heard.status, 200);
    stage_end(&s);
}

static void test_tls_when_not_to_be_trusted_then_denied_and_says_why(void **state)
{
    (void)state;
    struct heard heard;
    struct stage s = stage_tls(false, "DNS:localhost", -7200, -3600);
    ask(&s, &(struct http_request){.url = url_of(&s, "localhost", "/hello")}, &heard);
    expect_err(&s, &heard, ERR_DENIED, "localhost: TLS handshake: certificate has expired");
    stage_end(&s);

    s = stage_tls(false, "DNS:other.example", -3600, 3600);
    ask(&s, &(struct http_request){.url = url_of(&s, "localhost", "/hello")}, &heard);
    expect_err(&s, &heard, ERR_DENIED,
               "localhost: TLS handshake: no alternative certificate subject name matches target "
               "host name 'localhost'");
    ask(&s,
        &(struct http_request){.url = url_of(&s, "localhost", "/hello"),
                               .ca_file = "/etc/ssl/certs/ca-certificates.crt"},
        &heard);
    assert_int_equal(heard.err.kind, ERR_DENIED);
    ask(&s,
        &(struct http_request){.url = url_of(&s, "localhost", "/hello"),
                               .ca_file = "/nonexistent.pem"},
        &heard);
    assert_int_equal(heard.err.kind, ERR_DENIED);
    assert_non_null(strstr(heard.err.text, "/nonexistent.pem"));
    assert_int_equal(atomic_load(&s.peer->n_requests), 0);
    stage_end(&s);
}

static void test_tls_when_the_peer_speaks_something_else_then_broken_and_when_silent_then_again(
    void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%u/hello", s.peer->port);
    ask(&s, &(struct http_request){.url = url}, &heard);
    expect_err(&s, &heard, ERR_BROKEN, "127.0.0.1: TLS handshake: wrong version number");
    atomic_store(&s.peer->is_mute, true);
    ask(&s, &(struct http_request){.url = url, .timeout_ms = 150}, &heard);
    expect_err(&s, &heard, ERR_AGAIN, "127.0.0.1: TLS handshake: not finished after 150ms");
    stage_end(&s);
}

static void test_connect_when_nobody_accepts_then_the_phase_is_named(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct heard heard;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0), full[4];
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    listen(fd, 0); /* the queue is full after one or two: further SYNs are dropped */
    getsockname(fd, (struct sockaddr *)&at, &len);
    for (int i = 0; i < 4; i++) {
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(full[i], (struct sockaddr *)&at, sizeof at);
    }
    char url[64], text[128];
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", ntohs(at.sin_port));
    snprintf(text, sizeof text, "127.0.0.1:%u: connect: not finished after 200ms",
             ntohs(at.sin_port));
    ask(&s, &(struct http_request){.url = url, .timeout_ms = 200}, &heard);
    expect_err(&s, &heard, ERR_AGAIN, text);
    for (int i = 0; i < 4; i++)
        close(full[i]);
    close(fd);
    stage_end(&s);
}

static void
test_two_hundred_requests_when_the_peer_speaks_http2_then_one_connection_carries_all_at_once(
    void **state)
{
    (void)state;
    enum { N = 200 };
    struct stage s = stage_tls(true, "DNS:localhost", -3600, 3600);
    s.peer->n_together = N;
    static struct heard heard[N];
    memset(heard, 0, sizeof heard);
    for (int i = 0; i < N; i++) {
        struct http_request request = {.method = "POST",
                                       .url = url_of(&s, "localhost", "/order"),
                                       .body = STR("{}"),
                                       .ca_file = s.trust};
        http_start(s.http, &request, hear, &heard[i]);
    }
    for (int i = 0; i < N; i++) {
        wait_for(&s, &heard[i].n_done, 1);
        assert_string_equal(heard[i].err.text, "");
        assert_int_equal(heard[i].status, 200);
        assert_string_equal(heard[i].body, "two");
    }
    assert_int_equal(atomic_load(&s.peer->n_connections), 1);
    assert_int_equal(http_figures(s.http).n_connections, 1);
    assert_int_equal(http_figures(s.http).n_requests, N);
    stage_end(&s);
}

static void many_on_http1(struct stage *s, int n, int most_connections)
{
    static struct heard heard[100];
    memset(heard, 0, sizeof heard);
    for (int i = 0; i < n; i++) {
        const char *host = s->trust[0] != '\0' ? "localhost" : "127.0.0.1";
        struct http_request request = {.method = "GET",
                                       .url = url_of(s, host, "/delay"),
                                       .ca_file = s->trust[0] != '\0' ? s->trust : NULL};
        http_start(s->http, &request, hear, &heard[i]);
    }
    for (int i = 0; i < n; i++) {
        wait_for(s, &heard[i].n_done, 1);
        assert_string_equal(heard[i].err.text, "");
        assert_int_equal(heard[i].status, 200);
    }
    assert_in_range(atomic_load(&s->peer->n_connections), 1, most_connections);
    assert_int_equal(http_figures(s->http).n_connections, atomic_load(&s->peer->n_connections));
}

static void test_hundred_requests_when_the_peer_speaks_http1_then_four_connections_at_most(
    void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    many_on_http1(&s, 100, 4);
    stage_end(&s);
    s = stage_tls(false, "DNS:localhost", -3600, 3600);
    many_on_http1(&s, 40, 4);
    stage_end(&s);
}

struct ender {
    struct stage *stage;
    struct heard heard;
};

static void end_everything(void *arg, const struct http_reply *reply, const struct err *err)
{
    struct ender *ender = arg;
    hear(&ender->heard, reply, err);
    http_free(ender->stage->http);
    ender->stage->http = NULL;
}

static void test_done_when_it_frees_http_then_the_others_are_cancelled(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    struct ender ender = {.stage = &s};
    struct heard others[3] = {{0}};
    http_start(s.http, &(struct http_request){.method = "GET", .url = "ftp://a/"}, end_everything,
               &ender);
    http_start(s.http, &(struct http_request){.method = "GET", .url = "ftp://b/"}, hear,
               &others[0]);
    http_start(s.http,
               &(struct http_request){.method = "GET", .url = url_of(&s, "127.0.0.1", "/slow")},
               hear, &others[1]);
    wait_for(&s, &ender.heard.n_done, 1);
    loop_wait(s.loop, 0);
    assert_int_equal(others[0].n_done + others[1].n_done, 0);
    stage_end(&s);
}

static int n_descriptors(void)
{
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL)
        n++;
    closedir(folder);
    return n;
}

static void test_loop_when_freed_before_http_then_no_descriptor_is_left(void **state)
{
    (void)state;
    struct stage s = stage_new(NULL, false);
    int before = n_descriptors();
    struct heard heard = {0};
    struct loop *loop = loop_new();
    struct http *http = http_new(loop, &(struct http_options){.user_agent = "x"});
    http_start(http,
               &(struct http_request){.method = "GET", .url = url_of(&s, "127.0.0.1", "/hello")},
               hear, &heard);
    while (heard.n_done == 0)
        loop_wait(loop, clock_wall_ms(&clock_system) + 1000);
    http_start(http,
               &(struct http_request){.method = "GET", .url = url_of(&s, "127.0.0.1", "/slow")},
               hear, &heard);
    for (int i = 0; i < 3; i++)
        loop_wait(loop, 0);
    loop_free(loop);
    http_free(http);
    assert_int_equal(heard.n_done, 1);
    peer_stop(s.peer);
    s.peer = peer_new(NULL, false);
    assert_int_equal(n_descriptors(), before);
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_when_answered_then_status_headers_date_and_body),
        cmocka_unit_test(test_post_when_sent_then_the_peer_sees_exactly_our_headers),
        cmocka_unit_test(test_url_when_odd_then_arrives_octet_for_octet),
        cmocka_unit_test(test_methods_when_used_then_arrive_as_written),
        cmocka_unit_test(
            test_answer_when_interim_and_trailer_surround_it_then_only_its_own_headers_count),
        cmocka_unit_test(test_peer_when_it_floods_or_babbles_then_broken),
        cmocka_unit_test(test_peer_when_it_hangs_up_then_again),
        cmocka_unit_test(test_peer_when_silent_then_the_deadline_ends_it),
        cmocka_unit_test(test_cancel_when_under_way_then_done_is_never_called),
        cmocka_unit_test(test_url_when_forbidden_then_refused_without_a_connection),
        cmocka_unit_test(test_place_when_checked_then_port_only_where_it_is_unusual),
        cmocka_unit_test(test_request_when_a_header_would_begin_another_then_refused),
        cmocka_unit_test(test_redirect_when_followed_then_twice_at_most_and_credentials_stay),
        cmocka_unit_test(test_redirect_when_not_asked_for_or_post_then_reported_as_it_is),
        cmocka_unit_test(test_redirect_when_down_to_http_then_refused),
        cmocka_unit_test(
            test_public_only_when_the_address_is_private_then_refused_even_with_a_warm_connection),
        cmocka_unit_test(test_tls_when_trusted_by_the_given_file_then_answered),
        cmocka_unit_test(test_tls_when_not_to_be_trusted_then_denied_and_says_why),
        cmocka_unit_test(
            test_tls_when_the_peer_speaks_something_else_then_broken_and_when_silent_then_again),
        cmocka_unit_test(test_connect_when_nobody_accepts_then_the_phase_is_named),
        cmocka_unit_test(
            test_two_hundred_requests_when_the_peer_speaks_http2_then_one_connection_carries_all_at_once),
        cmocka_unit_test(
            test_hundred_requests_when_the_peer_speaks_http1_then_four_connections_at_most),
        cmocka_unit_test(test_done_when_it_frees_http_then_the_others_are_cancelled),
        cmocka_unit_test(test_loop_when_freed_before_http_then_no_descriptor_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

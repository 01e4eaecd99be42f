/*
 * The fake authority behind HTTP/1.1 on loopback, in threads: for tests of what speaks to a CA over the real lib/io.
 *
 * One thread accepts, one serves each connection; the core answers under a lock. What a fault says of drops and delays is done.
 */
#ifndef TESTS_UNIT_CA_SERVER_H
#define TESTS_UNIT_CA_SERVER_H

#include "fake/ca_core.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CA_SERVER_CONNECTIONS_MAX = 64 };

struct ca_server {
    struct fake_ca *ca;
    int fd;
    char base_url[64];
    pthread_t acceptor, threads[CA_SERVER_CONNECTIONS_MAX];
    int n_threads;
    pthread_mutex_t lock;
    atomic_bool stop;
    const char *hang_path; /* requests whose path holds it are never answered */
    atomic_int n_hanging;
    int64_t skew_ms; /* the CA's clock against ours */
};

struct ca_server_connection {
    struct ca_server *server;
    int fd;
};

static inline bool ca_server_read(struct ca_server *s, int fd, struct buf *in)
{
    char chunk[8192];
    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 10) == 0)
            continue;
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0)
            return false;
        buf_add(in, chunk, (size_t)n);
        return true;
    }
    return false;
}

static inline struct str ca_server_header(struct str head, const char *name)
{
    struct str rest = head, line;
    while (str_split(&rest, '\n', &line)) {
        size_t colon = str_find_char(line, ':');
        if (colon < line.len && str_eq_nocase(str_mem(line.p, colon), str_of(name)))
            return str_trim(str_mem(line.p + colon + 1, line.len - colon - 1));
    }
    return STR_NONE;
}

static inline void ca_server_date(int64_t at_ms, char out[64])
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char text[TIME_TEXT_MAX];
    time_format(at_ms, false, text);
    int month = atoi(text + 5);
    snprintf(out, 64, "%s, %.2s %s %.4s %.8s GMT", days[at_ms / MS_DAY % 7], text + 8,
             months[month - 1], text, text + 11);
}

static inline bool ca_server_say(struct ca_server *s, int fd, const struct fake_reply *reply)
{
    AUTO(buf_fini)
    struct buf out = BUF(8 << 20);
    char date[64];
    bool has_date = false;
    ca_server_date(clock_wall_ms(&clock_system) + s->skew_ms, date);
    if (reply->drop || reply->drop_stream)
        return false;
    buf_printf(&out, "HTTP/1.1 %d Said\r\nContent-Length: %zu\r\n", reply->status,
               reply->head_only ? (size_t)0 : reply->body.len);
    for (size_t i = 0; i < reply->n_headers; i++) {
        has_date = has_date || strcmp(reply->headers[i].name, "date") == 0;
        buf_printf(&out, "%s: %s\r\n", reply->headers[i].name,
                   strcmp(reply->headers[i].name, "date") == 0 ? date : reply->headers[i].value);
    }
    if (!has_date)
        buf_printf(&out, "Date: %s\r\n", date);
    buf_add_cstr(&out, "\r\n");
    if (!reply->head_only)
        buf_add_str(&out, buf_str(&reply->body));
    return send(fd, out.p, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
}

/* One request in `in`, the head being head_len long. */
static inline bool ca_server_answer(struct ca_server *s, int fd, struct str in, size_t head_len,
                                    size_t body_len)
{
    struct str head = str_mem(in.p, head_len), rest = head, line = STR_NONE, word[3] = {{0}};
    str_split(&rest, '\n', &line);
    for (int i = 0; i < 3; i++)
        str_split(&line, ' ', &word[i]);
    struct fake_request request = {.method = word[0],
                                   .path = word[1],
                                   .content_type = ca_server_header(head, "content-type"),
                                   .user_agent = ca_server_header(head, "user-agent"),
                                   .body = str_mem(in.p + head_len, body_len)};
    if (s->hang_path != NULL && str_find(request.path, str_of(s->hang_path)) < request.path.len) {
        atomic_fetch_add(&s->n_hanging, 1);
        return true;
    }
    struct fake_reply reply = {0};
    pthread_mutex_lock(&s->lock);
    fake_ca_answer(s->ca, &request, clock_wall_ms(&clock_system), &reply);
    pthread_mutex_unlock(&s->lock);
    bool on = ca_server_say(s, fd, &reply);
    fake_reply_fini(&reply);
    return on;
}

static inline void *ca_server_serve(void *arg)
{
    struct ca_server_connection *c = arg;
    struct buf in = BUF(1 << 20);
    bool on = true;
    while (on) {
        size_t head = str_find(buf_str(&in), STR("\r\n\r\n")) + 4;
        int64_t body = 0;
        if (head <= in.len) {
            struct str length = ca_server_header(str_mem(in.p, head), "content-length");
            if (length.p != NULL)
                str_to_i64(length, &body);
        }
        if (head > in.len || in.len < head + (size_t)body) {
            on = ca_server_read(c->server, c->fd, &in);
            continue;
        }
        on = ca_server_answer(c->server, c->fd, buf_str(&in), head, (size_t)body);
        struct buf left = BUF(1 << 20);
        buf_add(&left, in.p + head + body, in.len - head - (size_t)body);
        buf_fini(&in);
        in = left;
    }
    buf_fini(&in);
    close(c->fd);
    mem_free(c);
    return NULL;
}

static inline void *ca_server_accept(void *arg)
{
    struct ca_server *s = arg;
    while (!atomic_load(&s->stop)) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        int fd = poll(&p, 1, 10) > 0 ? accept(s->fd, NULL, NULL) : -1;
        if (fd < 0)
            continue;
        struct ca_server_connection *c = NEW(struct ca_server_connection);
        *c = (struct ca_server_connection){s, fd};
        CHECK(s->n_threads < CA_SERVER_CONNECTIONS_MAX);
        CHECK(pthread_create(&s->threads[s->n_threads++], NULL, ca_server_serve, c) == 0);
    }
    return NULL;
}

static inline void ca_server_start(struct ca_server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *s = (struct ca_server){.lock = PTHREAD_MUTEX_INITIALIZER};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(s->fd, (struct sockaddr *)&address, len) == 0 && listen(s->fd, 64) == 0);
    CHECK(getsockname(s->fd, (struct sockaddr *)&address, &len) == 0);
    snprintf(s->base_url, sizeof s->base_url, "http://127.0.0.1:%u", ntohs(address.sin_port));
    struct fake_ca_options options = fake_ca_options_default();
    options.base_url = s->base_url;
    s->ca = fake_ca_new(&options);
    CHECK(pthread_create(&s->acceptor, NULL, ca_server_accept, s) == 0);
}

static inline void ca_server_stop(struct ca_server *s)
{
    atomic_store(&s->stop, true);
    pthread_join(s->acceptor, NULL);
    for (int i = 0; i < s->n_threads; i++)
        pthread_join(s->threads[i], NULL);
    close(s->fd);
    fake_ca_free(s->ca);
}

static inline bool ca_server_set(struct ca_server *s, const char *json, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    bool ok = fake_ca_set(s->ca, str_of(json), err);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

static inline int64_t ca_server_asked(struct ca_server *s, const char *kind)
{
    int64_t n = 0;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < FAKE_KIND_N; i++)
        if (strcmp(fake_kind_name((enum fake_kind)i), kind) == 0)
            n = fake_ca_counts(s->ca)->requests[i];
    pthread_mutex_unlock(&s->lock);
    return n;
}

#endif

#include "fake/serve.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PUSH_AT = 8192 };

static void watch(struct conn *conn, int operation, bool out)
{
    struct epoll_event event = {.events = EPOLLIN | (out ? (uint32_t)EPOLLOUT : 0),
                                .data = {.ptr = conn}};
    CHECK(epoll_ctl(conn->server->epoll, operation, conn->fd, &event) == 0);
    conn->wants_out = out;
}

void conn_accept(struct server *server)
{
    int one = 1, fd;
    while ((fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *conn = NEW(struct conn);
        conn->server = server;
        conn->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        conn->ssl = SSL_new(server->tls);
        CHECK(conn->ssl != NULL && SSL_set_fd(conn->ssl, fd) == 1);
        SSL_set_accept_state(conn->ssl);
        buf_init(&conn->out, 256 * 1024 * 1024);
        buf_init(&conn->in, 2 * REQUEST_BODY_MAX);
        list_init(&conn->exchanges);
        list_push_back(&server->conns, &conn->link);
        watch(conn, EPOLL_CTL_ADD, false);
        fake_ca_count_connection(server->ca);
    }
}

void conn_free(struct conn *conn)
{
    /* nghttp2 frees its streams' exchanges by callback; HTTP/1.1 leaves its own here. */
    nghttp2_session_del(conn->h2);
    LIST_EACH (it, &conn->exchanges)
        exchange_free(LIST_OWNER(it, struct exchange, link));
    list_remove(&conn->link);
    list_remove(&conn->dirty);
    ERR_clear_error();
    SSL_free(conn->ssl);
    close(conn->fd);
    buf_fini(&conn->out);
    buf_fini(&conn->in);
    mem_free(conn);
}

static void conn_flush(struct conn *conn)
{
    while (!conn->dead && conn->out_at < conn->out.len) {
        ERR_clear_error();
        int n =
            SSL_write(conn->ssl, conn->out.p + conn->out_at, (int)(conn->out.len - conn->out_at));
        if (n > 0) {
            conn->out_at += (size_t)n;
            continue;
        }
        int why = SSL_get_error(conn->ssl, n);
        if (why != SSL_ERROR_WANT_WRITE && why != SSL_ERROR_WANT_READ)
            conn->dead = true;
        return;
    }
    buf_clear(&conn->out);
    conn->out_at = 0;
}

static void conn_fill(struct conn *conn)
{
    if (conn->out.len - conn->out_at >= OUT_ENOUGH)
        return;
    if (conn->h2 != NULL)
        h2_output(conn);
    else
        h1_output(conn);
}

void conn_settle(struct conn *conn)
{
    if (conn->ready && !conn->dead) {
        size_t before;
        do { /* a long body goes out as far as the socket takes it */
            conn_fill(conn);
            before = conn->out.len;
            conn_flush(conn);
        } while (!conn->dead && before > 0 && conn->out.len == 0);
    }
    bool left = conn->out.len > 0;
    if (conn->closing && !left && !conn->dead) {
        SSL_shutdown(conn->ssl);
        conn->dead = true;
    }
    if (conn->dead)
        conn_free(conn);
    else if (left != conn->wants_out)
        watch(conn, EPOLL_CTL_MOD, left);
}

static bool conn_handshake(struct conn *conn)
{
    const unsigned char *protocol = NULL;
    unsigned len = 0;
    ERR_clear_error();
    int n = SSL_do_handshake(conn->ssl);
    if (n != 1) {
        int why = SSL_get_error(conn->ssl, n);
        conn->dead = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
        return false;
    }
    conn->ready = true;
    SSL_get0_alpn_selected(conn->ssl, &protocol, &len);
    if (len == 2 && memcmp(protocol, "h2", 2) == 0)
        h2_open(conn);
    return true;
}

static void conn_read(struct conn *conn)
{
    unsigned char octets[16384];
    while (!conn->dead && !conn->closing) {
        ERR_clear_error();
        int n = SSL_read(conn->ssl, octets, sizeof(octets));
        if (n <= 0) {
            int why = SSL_get_error(conn->ssl, n);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
                conn->dead = true;
            return;
        }
        if (conn->h2 != NULL)
            h2_input(conn, octets, (size_t)n);
        else
            h1_input(conn, octets, (size_t)n);
        /* A client with many requests on the way shall not wait for the last of them. */
        if (!conn->dead)
            conn_fill(conn);
        if (conn->out.len >= PUSH_AT)
            conn_flush(conn);
    }
}

void conn_event(struct conn *conn, uint32_t events)
{
    if ((events & (EPOLLERR | EPOLLHUP)) != 0)
        conn->dead = true;
    if (!conn->dead && (conn->ready || conn_handshake(conn)))
        conn_read(conn);
    conn_settle(conn);
}

struct exchange *exchange_new(struct conn *conn)
{
    struct exchange *x = NEW(struct exchange);
    x->conn = conn;
    buf_init(&x->body, REQUEST_BODY_MAX);
    list_push_back(&conn->exchanges, &x->link);
    return x;
}

void exchange_free(struct exchange *x)
{
    heap_remove(&x->conn->server->timers, &x->timer);
    list_remove(&x->link);
    mem_free(x->method);
    mem_free(x->path);
    mem_free(x->content_type);
    mem_free(x->user_agent);
    buf_fini(&x->body);
    fake_reply_fini(&x->reply);
    mem_free(x);
}

static void timer_set(struct exchange *x, int64_t in_ms)
{
    heap_put(&x->conn->server->timers, &x->timer, server_boot_ms() + in_ms);
}

static void exchange_start(struct exchange *x)
{
    x->started = true;
    if (x->reply.trickle_ms > 0) {
        x->allowed = 1;
        timer_set(x, x->reply.trickle_ms);
    }
    if (x->conn->h2 != NULL)
        h2_start(x);
    else
        h1_start(x);
}

void exchange_answer(struct exchange *x)
{
    struct fake_request request = {.method = str_of(x->method),
                                   .path = str_of(x->path),
                                   .content_type = str_of(x->content_type),
                                   .user_agent = str_of(x->user_agent),
                                   .body = buf_str(&x->body)};
    x->complete = true;
    fake_ca_answer(x->conn->server->ca, &request, server_wall_ms(), &x->reply);
    if (x->reply.drop || (x->reply.drop_stream && x->conn->h2 == NULL))
        x->conn->dead = true;
    else if (x->reply.drop_stream)
        h2_reset(x);
    else if (x->reply.delay_ms > 0)
        timer_set(x, x->reply.delay_ms);
    else
        exchange_start(x);
}

void exchange_due(struct exchange *x)
{
    struct conn *conn = x->conn;
    if (!x->started) {
        exchange_start(x);
    } else {
        x->allowed++;
        timer_set(x, x->reply.trickle_ms);
        if (conn->h2 != NULL)
            h2_resume(x);
    }
    if (!list_is_linked(&conn->dirty))
        list_push_back(&conn->server->dirty, &conn->dirty);
}

int64_t exchange_left(const struct exchange *x)
{
    if (x->reply.head_only || x->reply.status == 204)
        return 0;
    return (int64_t)x->reply.body.len + x->reply.filler_len - x->sent;
}

size_t exchange_read(struct exchange *x, char *out, size_t max, bool *ret_cut)
{
    int64_t n = exchange_left(x), in_body = (int64_t)x->reply.body.len - x->sent;
    *ret_cut = false;
    if (x->reply.cut_after >= 0 && x->sent >= x->reply.cut_after) {
        *ret_cut = true;
        return 0;
    }
    if (n > (int64_t)max)
        n = (int64_t)max;
    if (x->reply.cut_after >= 0 && n > x->reply.cut_after - x->sent)
        n = x->reply.cut_after - x->sent;
    if (x->reply.trickle_ms > 0 && n > x->allowed)
        n = x->allowed;
    if (in_body > 0 && n > in_body)
        n = in_body;
    if (in_body > 0)
        memcpy(out, x->reply.body.p + x->sent, (size_t)n);
    else
        memset(out, 'x', (size_t)n);
    x->sent += n;
    x->allowed -= x->reply.trickle_ms > 0 ? n : 0;
    return (size_t)n;
}

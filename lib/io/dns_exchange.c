#include "io/dns_inside.h"

enum { RESEND_MS = 1000, RESEND_MAX_MS = 8000 };

/* Lives until its handle is closed; done is forgotten when it is over or cancelled. */
struct dns_exchange {
    struct loop *loop;
    union {
        uv_handle_t any;
        uv_udp_t udp;
        uv_tcp_t tcp;
        uv_stream_t stream;
    } handle;
    uv_connect_t connect;
    uv_write_t write;
    bool is_tcp;
    struct buf out; /* with the two length bytes in front */
    struct buf in;
    char room[65536];
    struct loop_timer resend;
    int64_t resend_ms;
    struct loop_later later;
    struct err err;
    dns_exchange_done *done;
    void *arg;
};

static void exchange_closed(uv_handle_t *handle)
{
    struct dns_exchange *x = handle->data;
    buf_fini(&x->out);
    buf_fini(&x->in);
    mem_free(x);
}

void dns_exchange_cancel(struct dns_exchange *x)
{
    if (x == NULL)
        return;
    x->done = NULL;
    loop_timer_clear(x->loop, &x->resend);
    loop_later_clear(&x->later);
    if (!uv_is_closing(&x->handle.any))
        uv_close(&x->handle.any, exchange_closed);
}

static void exchange_end(struct dns_exchange *x, const struct str *wire)
{
    dns_exchange_done *done = x->done;
    void *arg = x->arg;
    if (done == NULL)
        return;
    dns_exchange_cancel(x); /* closed, but not freed before the loop turns */
    done(arg, wire, wire != NULL ? NULL : &x->err);
}

static void failed_later(struct loop_later *later)
{
    exchange_end(LIST_OWNER(later, struct dns_exchange, later), NULL);
}

static void exchange_fail(struct dns_exchange *x, int code, const char *phase)
{
    err_uv(&x->err, code, "%s", phase);
    loop_later(x->loop, &x->later, failed_later);
}

static void room_give(uv_handle_t *handle, size_t wanted, uv_buf_t *ret_room)
{
    (void)wanted;
    struct dns_exchange *x = handle->data;
    *ret_room = uv_buf_init(x->room, sizeof x->room);
}

/* Somebody else's or a late answer does not end the wait. */
static bool is_for_us(const struct dns_exchange *x, const char *p, size_t len)
{
    return len >= DNS_HEADER_LEN && memcmp(p, x->out.p + 2, 2) == 0 && (p[2] & 0x80) != 0;
}

static void datagram_came(uv_udp_t *udp, ssize_t n, const uv_buf_t *room,
                          const struct sockaddr *from, unsigned flags)
{
    (void)from; /* the socket is connected: the kernel takes from nobody else */
    (void)flags;
    struct dns_exchange *x = udp->data;
    if (n < 0)
        exchange_fail(x, (int)n, "UDP");
    else if (is_for_us(x, room->base, (size_t)n))
        exchange_end(x, &(struct str){room->base, (size_t)n});
}

static void datagram_send(struct dns_exchange *x)
{
    uv_buf_t message = uv_buf_init(x->out.p + 2, (unsigned)(x->out.len - 2));
    int code = uv_udp_try_send(&x->handle.udp, &message, 1, NULL);
    if (code < 0 && code != UV_EAGAIN)
        exchange_fail(x, code, "UDP");
}

static void datagram_resend(struct loop_timer *timer)
{
    struct dns_exchange *x = LIST_OWNER(timer, struct dns_exchange, resend);
    datagram_send(x);
    x->resend_ms = x->resend_ms < RESEND_MAX_MS ? x->resend_ms * 2 : RESEND_MAX_MS;
    loop_timer_set(x->loop, &x->resend, x->resend_ms, datagram_resend);
}

static void udp_start(struct dns_exchange *x, const struct sockaddr *to)
{
    CHECK(uv_udp_init(loop_uv(x->loop), &x->handle.udp) == 0);
    x->handle.any.data = x;
    int code = uv_udp_connect(&x->handle.udp, to);
    if (code == 0)
        code = uv_udp_recv_start(&x->handle.udp, room_give, datagram_came);
    if (code != 0) {
        exchange_fail(x, code, "UDP");
        return;
    }
    datagram_send(x);
    x->resend_ms = RESEND_MS;
    loop_timer_set(x->loop, &x->resend, x->resend_ms, datagram_resend);
}

static void bytes_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *room)
{
    struct dns_exchange *x = stream->data;
    if (n < 0) {
        uv_read_stop(stream);
        exchange_fail(x, (int)n, "TCP");
        return;
    }
    buf_add(&x->in, room->base, (size_t)n);
    while (x->in.len >= 2 && x->done != NULL) {
        const unsigned char *p = (const unsigned char *)x->in.p;
        size_t len = (size_t)p[0] << 8 | p[1];
        if (x->in.len < 2 + len)
            return;
        if (is_for_us(x, x->in.p + 2, len)) {
            exchange_end(x, &(struct str){x->in.p + 2, len});
            return;
        }
        struct buf rest = BUF(x->in.max);
        buf_add(&rest, x->in.p + 2 + len, x->in.len - 2 - len);
        buf_fini(&x->in);
        x->in = rest;
    }
}

static void bytes_sent(uv_write_t *write, int status)
{
    struct dns_exchange *x = write->data;
    if (status != 0 && x->done != NULL)
        exchange_fail(x, status, "TCP");
}

static void connected(uv_connect_t *connect, int status)
{
    struct dns_exchange *x = connect->data;
    uv_buf_t message = uv_buf_init(x->out.p, (unsigned)x->out.len);
    if (x->done == NULL)
        return;
    if (status == 0)
        status = uv_write(&x->write, &x->handle.stream, &message, 1, bytes_sent);
    if (status == 0)
        status = uv_read_start(&x->handle.stream, room_give, bytes_came);
    if (status != 0)
        exchange_fail(x, status, "TCP");
}

static void tcp_start(struct dns_exchange *x, const struct sockaddr *to)
{
    CHECK(uv_tcp_init(loop_uv(x->loop), &x->handle.tcp) == 0);
    x->handle.any.data = x;
    int code = uv_tcp_connect(&x->connect, &x->handle.tcp, to, connected);
    if (code != 0)
        exchange_fail(x, code, "TCP");
}

struct dns_exchange *dns_exchange_start(struct loop *loop, const struct net_address *server,
                                        bool tcp, struct str message, dns_exchange_done *done,
                                        void *arg)
{
    CHECK(message.len >= DNS_HEADER_LEN && message.len <= DNS_MESSAGE_MAX);
    struct dns_exchange *x = NEW(struct dns_exchange);
    struct sockaddr_storage to;
    const char len[2] = {(char)(unsigned char)(message.len >> 8), (char)(unsigned char)message.len};
    x->loop = loop;
    x->is_tcp = tcp;
    x->done = done;
    x->arg = arg;
    x->connect.data = x->write.data = x;
    buf_init(&x->out, 2 + DNS_MESSAGE_MAX);
    buf_add(&x->out, len, 2);
    buf_add_str(&x->out, message);
    buf_init(&x->in, 2 * (2 + DNS_MESSAGE_MAX));
    if (tcp)
        tcp_start(x, net_address_sockaddr(server, &to, NULL));
    else
        udp_start(x, net_address_sockaddr(server, &to, NULL));
    return x;
}

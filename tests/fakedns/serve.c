#include "serve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, DATAGRAM_MAX = 4096, EVENTS = 64, TRIES = 50, RECEIVE_BUFFER = 4 << 20 };

static struct source *source_new(struct fake_host *host, enum source_kind kind, int fd)
{
    struct source *s = NEW(struct source);
    *s = (struct source){.kind = kind, .host = host, .fd = fd, .in = BUF(4 * WIRE_MAX)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    CHECK(epoll_ctl(host->world->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
    list_push_back(&host->world->sources, &s->link);
    return s;
}

static void source_close(struct source *s)
{
    close(s->fd);
    list_remove(&s->link);
    buf_fini(&s->in);
    mem_free(s);
}

static socklen_t address_fill(const char *address, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    CHECK(inet_pton(AF_INET6, address, &v6->sin6_addr) == 1);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof *v6;
}

/* -1 when the port is taken. */
static int socket_open(const char *address, uint16_t port, int type)
{
    struct sockaddr_storage where;
    socklen_t len = address_fill(address, port, &where);
    int on = 1, size = RECEIVE_BUFFER;
    int fd = socket(where.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    else if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&where, len) == 0 &&
        (type != SOCK_STREAM || listen(fd, 128) == 0))
        return fd;
    close(fd);
    return -1;
}

static uint16_t socket_port(int fd)
{
    struct sockaddr_storage where;
    socklen_t len = sizeof where;
    CHECK(getsockname(fd, (struct sockaddr *)&where, &len) == 0);
    if (where.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)(void *)&where)->sin_port);
    return ntohs(((struct sockaddr_in6 *)(void *)&where)->sin6_port);
}

bool serve_open(struct fake_host *host, const char *address, uint16_t port, uint16_t *ret_port)
{
    for (int i = 0; i < (port == 0 ? TRIES : 1); i++) {
        int stream = socket_open(address, port, SOCK_STREAM);
        if (stream < 0)
            continue;
        uint16_t chosen = socket_port(stream);
        int datagram = socket_open(address, chosen, SOCK_DGRAM);
        if (datagram < 0) {
            close(stream);
            continue;
        }
        source_new(host, SOURCE_LISTENER, stream);
        source_new(host, SOURCE_UDP, datagram);
        *ret_port = chosen;
        return true;
    }
    return false;
}

/* Datagrams are taken and given back in batches, because two system calls for each would be most of the work. */
struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_storage peers[BATCH];
    unsigned char in[BATCH][DATAGRAM_MAX], out[BATCH][DATAGRAM_MAX];
};

static void batch_reset(struct batch *b)
{
    for (size_t i = 0; i < BATCH; i++) {
        b->parts[i] = (struct iovec){b->in[i], DATAGRAM_MAX};
        b->messages[i].msg_hdr = (struct msghdr){.msg_name = &b->peers[i],
                                                 .msg_namelen = sizeof b->peers[i],
                                                 .msg_iov = &b->parts[i],
                                                 .msg_iovlen = 1};
    }
}

static void udp_serve(struct source *s, struct batch *b, struct wire_out *out)
{
    batch_reset(b);
    int n = recvmmsg(s->fd, b->messages, BATCH, 0, NULL);
    unsigned n_out = 0;
    for (int i = 0; i < n; i++) {
        fake_answer(s->host, b->in[i], b->messages[i].msg_len, false, out);
        if (out->len == 0 || out->len > DATAGRAM_MAX)
            continue;
        memcpy(b->out[n_out], out->p, out->len);
        struct msghdr header = b->messages[i].msg_hdr;
        b->parts[n_out] = (struct iovec){b->out[n_out], out->len};
        header.msg_iov = &b->parts[n_out];
        b->messages[n_out++].msg_hdr = header;
    }
    for (unsigned sent = 0; sent < n_out;) {
        int now = sendmmsg(s->fd, b->messages + sent, n_out - sent, 0);
        sent += now > 0 ? (unsigned)now : 1; /* what cannot be sent is lost, as on any network */
    }
}

static void tcp_accept(struct source *s)
{
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        source_new(s->host, SOURCE_CONNECTION, fd);
}

/* A peer that does not read loses its connection: a test server owes nobody patience. */
static bool tcp_write(int fd, const struct wire_out *out)
{
    AUTO(buf_fini)
    struct buf framed = BUF(WIRE_MAX + 2);
    buf_add_char(&framed, (char)(out->len >> 8));
    buf_add_char(&framed, (char)out->len);
    buf_add(&framed, out->p, out->len);
    return send(fd, framed.p, framed.len, MSG_NOSIGNAL) == (ssize_t)framed.len;
}

static bool tcp_messages(struct source *s, struct wire_out *out)
{
    size_t at = 0;
    bool ok = true;
    while (ok && s->in.len - at >= 2) {
        const unsigned char *p = (const unsigned char *)s->in.p + at;
        size_t len = (size_t)p[0] << 8 | p[1];
        if (s->in.len - at - 2 < len)
            break;
        fake_answer(s->host, p + 2, len, true, out);
        ok = out->len == 0 || tcp_write(s->fd, out);
        at += 2 + len;
    }
    AUTO(buf_fini)
    struct buf rest = BUF(4 * WIRE_MAX);
    buf_add(&rest, s->in.p + at, s->in.len - at);
    buf_clear(&s->in);
    buf_add_str(&s->in, buf_str(&rest));
    return ok;
}

static void tcp_serve(struct source *s, struct wire_out *out)
{
    char block[16384];
    ssize_t n = recv(s->fd, block, sizeof block, 0);
    if (n > 0)
        buf_add(&s->in, block, (size_t)n);
    if (n <= 0 || !tcp_messages(s, out))
        source_close(s);
}

static void *serve_run(void *arg)
{
    struct fake_dns *world = arg;
    struct batch *b = NEW(struct batch);
    struct wire_out *out = NEW(struct wire_out);
    struct epoll_event events[EVENTS];
    for (bool stop = false; !stop;) {
        int n = epoll_wait(world->epoll_fd, events, EVENTS, -1);
        pthread_mutex_lock(&world->lock);
        for (int i = 0; i < n; i++) {
            struct source *s = events[i].data.ptr;
            if (s == NULL)
                stop = true;
            else if (s->kind == SOURCE_UDP)
                udp_serve(s, b, out);
            else if (s->kind == SOURCE_LISTENER)
                tcp_accept(s);
            else
                tcp_serve(s, out);
        }
        pthread_mutex_unlock(&world->lock);
    }
    mem_free(b);
    mem_free(out);
    return NULL;
}

void serve_start(struct fake_dns *world)
{
    list_init(&world->sources);
    world->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    world->stop_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(world->epoll_fd >= 0 && world->stop_fd >= 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    CHECK(epoll_ctl(world->epoll_fd, EPOLL_CTL_ADD, world->stop_fd, &event) == 0);
    CHECK(pthread_create(&world->thread, NULL, serve_run, world) == 0);
}

void serve_stop(struct fake_dns *world)
{
    CHECK(eventfd_write(world->stop_fd, 1) == 0);
    CHECK(pthread_join(world->thread, NULL) == 0);
    LIST_EACH (it, &world->sources)
        source_close(LIST_OWNER(it, struct source, link));
    close(world->epoll_fd);
    close(world->stop_fd);
}

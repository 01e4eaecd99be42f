/*
 * A DNS server in a thread that answers with chosen bytes, for test_dns.c and test_dns_update.c: UDP and TCP on one port.
 */
#ifndef TEST_PEER_DNS_H
#define TEST_PEER_DNS_H

#include "io/loop.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEER_MESSAGE_MAX = 65535, PEER_STREAMS_MAX = 32 };

struct peer_dns {
    int udp, tcp, n_streams, streams[PEER_STREAMS_MAX];
    uint16_t port;
    /* Writes the answer to a query; 0: silence. Runs in the peer's thread. */
    size_t (*answer)(struct peer_dns *peer, const uint8_t *query, size_t len, bool by_tcp,
                     uint8_t *out);
    void *arg;
    atomic_int n_udp, n_tcp;
    atomic_bool stop;
    pthread_t thread;
};

/* Messages are put together by hand. */
struct wire {
    uint8_t *p;
    size_t len;
};

static void wire_add(struct wire *w, const void *p, size_t len)
{
    if (w->len + len > PEER_MESSAGE_MAX)
        abort();
    if (len > 0)
        memcpy(w->p + w->len, p, len);
    w->len += len;
}

static inline void wire_number(struct wire *w, uint64_t value, int n_bytes)
{
    while (n_bytes-- > 0) {
        uint8_t byte = (uint8_t)(n_bytes < 8 ? value >> (8 * n_bytes) : 0);
        wire_add(w, &byte, 1);
    }
}

/* "www.Example.com" */
static inline void wire_name(struct wire *w, const char *name)
{
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        wire_number(w, len, 1);
        wire_add(w, name, len);
        name += len + (name[len] == '.');
    }
    wire_number(w, 0, 1);
}

/* The header with the query's id and its one question. */
static struct wire wire_reply(uint8_t *out, const uint8_t *query, size_t query_len, int flags,
                              int rcode)
{
    struct wire w = {out, 0};
    size_t end = 12;
    while (end < query_len && query[end] != 0)
        end += query[end] + 1u;
    end += 5;
    wire_add(&w, query, 2);
    wire_number(&w, (uint64_t)(0x8000 | (query[2] & 0x79) << 8 | flags | rcode), 2);
    wire_number(&w, 1, 2);
    wire_number(&w, 0, 6);
    wire_add(&w, query + 12, end - 12);
    return w;
}

/* section: 6 answer, 8 authority, 10 additional (the place of its count). The owner is the question's name, by pointer. */
static inline void wire_record(struct wire *w, int section, int type, uint32_t ttl,
                               const void *data, size_t len)
{
    wire_number(w, 0xc00c, 2);
    wire_number(w, (uint64_t)type, 2);
    wire_number(w, 1, 2);
    wire_number(w, ttl, 4);
    wire_number(w, len, 2);
    wire_add(w, data, len);
    if (++w->p[section + 1] == 0)
        w->p[section]++;
}

static void peer_datagram(struct peer_dns *peer, uint8_t *query, uint8_t *out)
{
    struct sockaddr_storage from;
    socklen_t from_len = sizeof from;
    ssize_t n = recvfrom(peer->udp, query, PEER_MESSAGE_MAX, MSG_DONTWAIT, (struct sockaddr *)&from,
                         &from_len);
    if (n < 12)
        return;
    atomic_fetch_add(&peer->n_udp, 1);
    size_t len = peer->answer(peer, query, (size_t)n, false, out);
    if (len > 0)
        sendto(peer->udp, out, len, 0, (struct sockaddr *)&from, from_len);
}

static bool peer_read_exactly(struct peer_dns *peer, int fd, uint8_t *p, size_t len)
{
    while (len > 0 && !atomic_load(&peer->stop)) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 20) == 0)
            continue;
        ssize_t n = read(fd, p, len);
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return len == 0;
}

static void peer_send_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        p += n;
        len -= (size_t)n;
    }
}

static bool peer_stream(struct peer_dns *peer, int fd, uint8_t *query, uint8_t *out)
{
    uint8_t head[2];
    if (!peer_read_exactly(peer, fd, head, 2))
        return false;
    size_t len = (size_t)(head[0] << 8 | head[1]);
    if (!peer_read_exactly(peer, fd, query, len) || len < 12)
        return false;
    atomic_fetch_add(&peer->n_tcp, 1);
    size_t n = peer->answer(peer, query, len, true, out);
    const uint8_t size[2] = {(uint8_t)(n >> 8), (uint8_t)n};
    if (n > 0) {
        peer_send_all(fd, size, 2);
        peer_send_all(fd, out, n);
    }
    return true;
}

static void *peer_dns_run(void *arg)
{
    struct peer_dns *peer = arg;
    uint8_t *query = malloc(PEER_MESSAGE_MAX), *out = malloc(PEER_MESSAGE_MAX + 1);
    while (!atomic_load(&peer->stop)) {
        struct pollfd ready[2 + PEER_STREAMS_MAX] = {{.fd = peer->udp, .events = POLLIN},
                                                     {.fd = peer->tcp, .events = POLLIN}};
        int n_streams = peer->n_streams;
        for (int i = 0; i < n_streams; i++)
            ready[2 + i] = (struct pollfd){.fd = peer->streams[i], .events = POLLIN};
        poll(ready, (nfds_t)(2 + n_streams), 20);
        if (ready[0].revents != 0)
            peer_datagram(peer, query, out);
        if (ready[1].revents != 0 && peer->n_streams < PEER_STREAMS_MAX)
            peer->streams[peer->n_streams++] = accept(peer->tcp, NULL, NULL);
        for (int i = n_streams - 1; i >= 0; i--)
            if (ready[2 + i].revents != 0 && !peer_stream(peer, peer->streams[i], query, out)) {
                close(peer->streams[i]);
                peer->streams[i] = peer->streams[--peer->n_streams];
            }
    }
    free(query);
    free(out);
    return NULL;
}

static struct peer_dns *peer_dns_new(size_t (*answer)(struct peer_dns *, const uint8_t *, size_t,
                                                      bool, uint8_t *),
                                     void *arg, bool has_tcp)
{
    struct peer_dns *peer = calloc(1, sizeof *peer);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int big = 8 << 20;
    peer->answer = answer;
    peer->arg = arg;
    peer->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    peer->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(peer->udp, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    if (bind(peer->tcp, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(peer->tcp, (struct sockaddr *)&at, &len) != 0 ||
        bind(peer->udp, (struct sockaddr *)&at, sizeof at) != 0)
        abort();
    if (has_tcp)
        listen(peer->tcp, 64);
    else {
        close(peer->tcp);
        peer->tcp = -1;
    }
    peer->port = ntohs(at.sin_port);
    pthread_create(&peer->thread, NULL, peer_dns_run, peer);
    return peer;
}

static struct net_address peer_dns_address(const struct peer_dns *peer)
{
    struct net_address a = {.ip = {127, 0, 0, 1}, .ip_len = 4, .port = peer->port};
    return a;
}

static void peer_dns_stop(struct peer_dns *peer)
{
    atomic_store(&peer->stop, true);
    pthread_join(peer->thread, NULL);
    for (int i = 0; i < peer->n_streams; i++)
        close(peer->streams[i]);
    close(peer->udp);
    if (peer->tcp >= 0)
        close(peer->tcp);
    free(peer);
}

#endif

#include "wire_peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 1024 * 1024 };

struct wire_peer {
    int fd, port;
    pthread_t thread;
    pthread_mutex_t mutex; /* for all below */
    bool stops;
    struct buf reply, request;
    int n_requests;
};

static bool stops(struct wire_peer *peer)
{
    pthread_mutex_lock(&peer->mutex);
    bool does = peer->stops;
    pthread_mutex_unlock(&peer->mutex);
    return does;
}

static bool can_read(struct wire_peer *peer, int fd)
{
    while (!stops(peer)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 50) > 0)
            return true;
    }
    return false;
}

static size_t body_len(const char *head)
{
    for (const char *line = head; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, "content-length:", 15) == 0)
            return strtoul(line + 15, NULL, 10);
    }
    return 0;
}

static bool request_read(struct wire_peer *peer, int fd, struct buf *request)
{
    char block[16384];
    for (;;) {
        struct str text = buf_str(request);
        size_t head = str_find(text, STR("\r\n\r\n"));
        if (head < text.len && text.len >= head + 4 + body_len(request->p))
            return true;
        ssize_t n = can_read(peer, fd) ? read(fd, block, sizeof block) : -1;
        if (n <= 0)
            return false;
        buf_add(request, block, (size_t)n);
    }
}

static void connection_serve(struct wire_peer *peer, int fd)
{
    AUTO(buf_fini)
    struct buf request = BUF(REQUEST_MAX);
    AUTO(buf_fini)
    struct buf reply = BUF(REQUEST_MAX);
    if (!request_read(peer, fd, &request))
        return;
    pthread_mutex_lock(&peer->mutex);
    peer->n_requests++;
    buf_clear(&peer->request);
    buf_add_str(&peer->request, buf_str(&request));
    buf_add_str(&reply, buf_str(&peer->reply));
    pthread_mutex_unlock(&peer->mutex);
    for (size_t at = 0; at < reply.len;) {
        ssize_t n = send(fd, reply.p + at, reply.len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += (size_t)n;
    }
}

static void *peer_run(void *arg)
{
    struct wire_peer *peer = arg;
    while (can_read(peer, peer->fd)) {
        int fd = accept(peer->fd, NULL, NULL);
        if (fd < 0)
            continue;
        connection_serve(peer, fd);
        close(fd);
    }
    return NULL;
}

struct wire_peer *wire_peer_new(void)
{
    struct wire_peer *peer = NEW(struct wire_peer);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    buf_init(&peer->reply, REQUEST_MAX);
    buf_init(&peer->request, REQUEST_MAX);
    pthread_mutex_init(&peer->mutex, NULL);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(peer->fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(peer->fd, 16) == 0);
    getsockname(peer->fd, (struct sockaddr *)&at, &len);
    peer->port = ntohs(at.sin_port);
    CHECK(pthread_create(&peer->thread, NULL, peer_run, peer) == 0);
    return peer;
}

void wire_peer_free(struct wire_peer *peer)
{
    pthread_mutex_lock(&peer->mutex);
    peer->stops = true;
    pthread_mutex_unlock(&peer->mutex);
    pthread_join(peer->thread, NULL);
    close(peer->fd);
    pthread_mutex_destroy(&peer->mutex);
    buf_fini(&peer->reply);
    buf_fini(&peer->request);
    mem_free(peer);
}

int wire_peer_port(const struct wire_peer *peer)
{
    return peer->port;
}

void wire_peer_expect(struct wire_peer *peer, struct str reply)
{
    pthread_mutex_lock(&peer->mutex);
    peer->n_requests = 0;
    buf_clear(&peer->request);
    buf_clear(&peer->reply);
    buf_add_str(&peer->reply, reply);
    pthread_mutex_unlock(&peer->mutex);
}

int wire_peer_heard(struct wire_peer *peer, char **ret_request)
{
    pthread_mutex_lock(&peer->mutex);
    int n = peer->n_requests;
    *ret_request = mem_strndup(buf_cstr(&peer->request), peer->request.len);
    pthread_mutex_unlock(&peer->mutex);
    return n;
}

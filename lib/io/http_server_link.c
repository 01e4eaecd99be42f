#include "io/http_server_inside.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 64 };

/* ---- connections and their deadlines ---- */

/* The library sees an end of the stream and closes: no other way in keeps its own books right. */
void link_shut(struct http_link *link)
{
    shutdown(link->fd, SHUT_RDWR);
}

static void deadline_passed(struct loop_timer *timer)
{
    static const char late[] =
        "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    struct http_link *link = LIST_OWNER(timer, struct http_link, deadline);
    if (link->state == LINK_HEAD && !link->stage->has_tls)
        (void)send(link->fd, late, sizeof late - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (link->state != LINK_IDLE)
        link->stage->server->figures.n_cut++;
    link_shut(link);
}

void link_state_set(struct http_link *link, enum link_state state)
{
    const struct http_server_limits *l = &link->stage->limits;
    struct loop *loop = link->stage->server->loop;
    const int64_t lengths[] = {
        [LINK_HEAD] = l->head_ms,   [LINK_BODY] = l->body_ms, [LINK_WAITING] = -1,
        [LINK_ANSWER] = l->body_ms, [LINK_IDLE] = l->idle_ms,
    };
    link->state = state;
    if (lengths[state] >= 0)
        loop_timer_set(loop, &link->deadline, lengths[state], deadline_passed);
    else
        loop_timer_clear(loop, &link->deadline);
}

static void link_started(struct http_stage *stage, struct MHD_Connection *connection, void **slot)
{
    struct http_link *link = NEW(struct http_link);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    link->stage = stage;
    link->connection = connection;
    if (info != NULL)
        net_address_from_sockaddr(info->client_addr, &link->address);
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    CHECK(info != NULL);
    link->fd = info->connect_fd;
    list_push_back(&stage->links, &link->link);
    stage->server->figures.n_open++;
    stage->server->figures.n_accepted++;
    link_state_set(link, LINK_HEAD);
    *slot = link;
}

static void link_closed(struct http_stage *stage, struct http_link *link)
{
    loop_timer_clear(stage->server->loop, &link->deadline);
    list_remove(&link->link);
    stage->server->figures.n_open--;
    mem_free(link->subject);
    mem_free(link);
}

void link_notify(void *arg, struct MHD_Connection *connection, void **slot,
                 enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        link_started(arg, connection, slot);
    else if (*slot != NULL)
        link_closed(arg, *slot);
}

/* ---- clients that leave while they wait ---- */

/* The library does not look at a suspended connection, so we do: for its end only. */
static void watch_ready(uv_poll_t *poll, int status, int events)
{
    struct http_server *server = poll->data;
    struct epoll_event left[EVENTS_MAX];
    (void)status;
    (void)events;
    int n = epoll_wait(server->watch_fd, left, EVENTS_MAX, 0);
    for (int i = 0; i < n; i++)
        exchange_give_up(left[i].data.ptr);
}

bool watch_open(struct http_server *server, struct err *err)
{
    server->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server->watch_fd < 0)
        return err_errno(err, errno, "watch HTTP clients");
    server->watch = NEW(uv_poll_t);
    server->watch->data = server;
    CHECK(uv_poll_init(loop_uv(server->loop), server->watch, server->watch_fd) == 0);
    CHECK(uv_poll_start(server->watch, UV_READABLE, watch_ready) == 0);
    return true;
}

static void watch_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

void watch_close(struct http_server *server)
{
    if (server->watch != NULL) {
        uv_poll_stop(server->watch);
        uv_close((uv_handle_t *)server->watch, watch_closed);
    }
    if (server->watch_fd >= 0)
        close(server->watch_fd);
}

void watch_add(struct http_exchange *x)
{
    struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = x};
    CHECK(epoll_ctl(x->link->stage->server->watch_fd, EPOLL_CTL_ADD, x->link->fd, &event) == 0);
}

void watch_remove(struct http_exchange *x)
{
    CHECK(epoll_ctl(x->link->stage->server->watch_fd, EPOLL_CTL_DEL, x->link->fd, NULL) == 0);
}

bool exchange_is_gone(const struct http_exchange *x)
{
    struct pollfd fd = {.fd = x->link->fd, .events = POLLRDHUP};
    return x->state == EXCHANGE_GONE ||
           (poll(&fd, 1, 0) == 1 && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
}

#include "io/dns_inside.h"

#include <ares.h>
#include <sys/socket.h>

/* c-ares tries again after 1, 2 and 4 s; the deadline of each question is our own. It cannot cancel one query, so a
 * dropped one stays with c-ares, unanswered to anybody, until its channel has no live one left. */
enum {
    TRY_MS = 1000,
    N_TRIES = 4,
    TCP_TRY_MS = 30000, /* c-ares does not send again over one connection: one patient try */
    TICK_MS = 100, /* how often c-ares looks for timeouts; asking it when would walk all queries */
    IDLE_MS = 30000,
    CHANNELS_MAX = 64, /* kept when idle: a channel costs about 80 KB */
    WINDOW =
        256, /* under way at one server at once, so that bursts are not lost in socket buffers */
    UDP_MAX = 1232 /* DNS flag day 2020: fits every path */
};

struct dns_channel {
    struct list link;
    struct dns *dns;
    ares_channel ares;
    struct net_address server;
    bool tcp, recurse;
    struct list sockets, waiting;
    int n_live, n_at_ares;
    bool inside; /* c-ares is running: it must not be entered from above */
    struct loop_timer tick;
    bool ticks_fast;
};

struct dns_socket {
    struct list link;
    uv_poll_t poll;
    struct dns_channel *channel;
    ares_socket_t fd;
};

struct dns_query {
    struct list link;
    struct dns_channel *channel;
    struct dns_query **slot; /* the owner's, emptied when the query ends */
    dns_query_done *done;
    void *arg;
    char *name;
    int type;
    bool at_ares;
};

static void query_free(struct dns_query *query)
{
    list_remove(&query->link);
    mem_free(query->name);
    mem_free(query);
}

static void query_answered(void *arg, int status, int n_timeouts, unsigned char *wire, int len)
{
    (void)n_timeouts;
    struct dns_query *query = arg;
    struct dns_channel *channel = query->channel;
    channel->n_at_ares--;
    if (query->slot != NULL) {
        channel->n_live--;
        *query->slot = NULL;
        query->done(query->arg, status,
                    wire != NULL && len > 0 ? str_mem(wire, (size_t)len) : STR_NONE);
    }
    query_free(query);
}

static void channel_free(struct dns_channel *channel);
static void channel_ticked(struct loop_timer *timer);

static void channel_set_tick(struct dns_channel *channel)
{
    bool busy = channel->n_at_ares > 0 || !list_is_empty(&channel->waiting);
    if (busy && channel->ticks_fast && channel->tick.node.slot != 0)
        return;
    channel->ticks_fast = busy;
    loop_timer_set(channel->dns->loop, &channel->tick, busy ? TICK_MS : IDLE_MS, channel_ticked);
}

/* Lets waiting queries through, and forgets dropped ones once nobody waits for the channel. */
static void channel_settle(struct dns_channel *channel)
{
    if (channel->inside)
        return;
    channel->inside = true;
    while (!channel->dns->is_shut && channel->n_live < WINDOW &&
           !list_is_empty(&channel->waiting)) {
        struct dns_query *query =
            LIST_OWNER(list_pop_front(&channel->waiting), struct dns_query, link);
        query->at_ares = true;
        channel->n_live++;
        channel->n_at_ares++;
        ares_query(channel->ares, query->name, 1 /* IN */, query->type, query_answered, query);
    }
    if (channel->n_live == 0 && channel->n_at_ares > 0)
        ares_cancel(channel->ares);
    channel->inside = false;
    channel_set_tick(channel);
}

static void channel_process(struct dns_channel *channel, ares_socket_t readable,
                            ares_socket_t writable)
{
    channel->inside = true;
    ares_process_fd(channel->ares, readable, writable);
    channel->inside = false;
    channel_settle(channel);
}

static void channel_ticked(struct loop_timer *timer)
{
    struct dns_channel *channel = LIST_OWNER(timer, struct dns_channel, tick);
    if (channel->n_at_ares == 0 && list_is_empty(&channel->waiting))
        channel_free(channel);
    else
        channel_process(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void socket_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    struct dns_socket *socket = poll->data;
    bool readable = status < 0 || (events & UV_READABLE) != 0,
         writable = status < 0 || (events & UV_WRITABLE) != 0;
    channel_process(socket->channel, readable ? socket->fd : ARES_SOCKET_BAD,
                    writable ? socket->fd : ARES_SOCKET_BAD);
}

static struct dns_socket *socket_find(struct dns_channel *channel, ares_socket_t fd)
{
    LIST_EACH (link, &channel->sockets) {
        struct dns_socket *socket = LIST_OWNER(link, struct dns_socket, link);
        if (socket->fd == fd)
            return socket;
    }
    struct dns_socket *socket = NEW(struct dns_socket);
    socket->channel = channel;
    socket->fd = fd;
    CHECK(uv_poll_init_socket(loop_uv(channel->dns->loop), &socket->poll, fd) == 0);
    socket->poll.data = socket;
    list_push_back(&channel->sockets, &socket->link);
    return socket;
}

static void socket_wanted(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct dns_socket *socket = socket_find(arg, fd);
    if (readable || writable) {
        uv_poll_start(&socket->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
                      socket_ready);
        return;
    }
    list_remove(&socket->link);
    uv_poll_stop(&socket->poll);
    uv_close((uv_handle_t *)&socket->poll, socket_closed);
}

static void channel_set_server(struct dns_channel *channel)
{
    struct ares_addr_port_node node = {.udp_port = channel->server.port,
                                       .tcp_port = channel->server.port};
    node.family = channel->server.ip_len == 4 ? AF_INET : AF_INET6;
    memcpy(&node.addr, channel->server.ip, (size_t)channel->server.ip_len);
    CHECK(ares_set_servers_ports(channel->ares, &node) == ARES_SUCCESS);
}

static struct dns_channel *channel_new(struct dns *dns, const struct net_address *server, bool tcp,
                                       bool recurse)
{
    struct dns_channel *channel = NEW(struct dns_channel);
    *channel = (struct dns_channel){.dns = dns, .server = *server, .tcp = tcp, .recurse = recurse};
    list_init(&channel->sockets);
    list_init(&channel->waiting);
    static char lookups[] = "b"; /* DNS only, no hosts file */
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP |
                 ARES_FLAG_IGNTC | (tcp ? ARES_FLAG_USEVC : ARES_FLAG_EDNS) |
                 (recurse ? 0 : ARES_FLAG_NORECURSE),
        .timeout = tcp ? TCP_TRY_MS : TRY_MS,
        .tries = N_TRIES,
        .ednspsz = UDP_MAX,
        .socket_receive_buffer_size = 1 << 20,
        .lookups = lookups,
        .sock_state_cb = socket_wanted,
        .sock_state_cb_data = channel,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
               ARES_OPT_SOCK_RCVBUF | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    CHECK(ares_init_options(&channel->ares, &options, mask) == ARES_SUCCESS);
    if (server->ip_len != 0)
        channel_set_server(channel);
    list_push_front(&dns->channels, &channel->link);
    dns->n_channels++;
    return channel;
}

static void channel_free(struct dns_channel *channel)
{
    struct dns *dns = channel->dns;
    channel->inside = true;
    ares_destroy(channel->ares); /* ends dropped queries, closes sockets */
    loop_timer_clear(dns->loop, &channel->tick);
    CHECK(channel->n_at_ares == 0 && list_is_empty(&channel->sockets));
    list_remove(&channel->link);
    dns->n_channels--;
    mem_free(channel);
}

/* The list is kept in order of use, the latest first. */
static void channels_trim(struct dns *dns)
{
    for (struct list *link = dns->channels.prev;
         dns->n_channels >= CHANNELS_MAX && link != &dns->channels;) {
        struct dns_channel *channel = LIST_OWNER(link, struct dns_channel, link);
        link = link->prev;
        if (channel->n_at_ares == 0 && list_is_empty(&channel->waiting) && !channel->inside)
            channel_free(channel);
    }
}

struct dns_channel *dns_channel_find(struct dns *dns, const struct net_address *server, bool tcp,
                                     bool recurse)
{
    LIST_EACH (link, &dns->channels) {
        struct dns_channel *channel = LIST_OWNER(link, struct dns_channel, link);
        if (channel->tcp == tcp && channel->recurse == recurse &&
            net_address_eq(&channel->server, server)) {
            list_remove(&channel->link);
            list_push_front(&dns->channels, &channel->link);
            return channel;
        }
    }
    channels_trim(dns);
    return channel_new(dns, server, tcp, recurse);
}

void dns_query_start(struct dns_channel *channel, const char *name, int type,
                     struct dns_query **slot, dns_query_done *done, void *arg)
{
    struct dns_query *query = NEW(struct dns_query);
    *query = (struct dns_query){.channel = channel,
                                .slot = slot,
                                .done = done,
                                .arg = arg,
                                .name = mem_strdup(name),
                                .type = type};
    *slot = query;
    list_push_back(&channel->waiting, &query->link);
    channel_settle(channel);
}

void dns_query_drop(struct dns_query **slot)
{
    struct dns_query *query = *slot;
    if (query == NULL)
        return;
    struct dns_channel *channel = query->channel;
    *slot = NULL;
    query->slot = NULL;
    if (query->at_ares)
        channel->n_live--;
    else
        query_free(query);
    channel_settle(channel);
}

void dns_channels_close(struct dns *dns)
{
    while (!list_is_empty(&dns->channels))
        channel_free(LIST_OWNER(dns->channels.next, struct dns_channel, link));
}

#include "io/probe.h"

#include "io/loop_uv.h"

#include <netdb.h>

enum { HOST_LEN_MAX = 253 };

struct resolve_call {
    struct loop_thing thing;
    struct loop *loop;
    struct loop_later later;
    uv_getaddrinfo_t request;
    resolve_done *done; /* NULL: cancelled, only the thread is waited for */
    void *arg;
    char *host;
    uint16_t port;
    bool running;
    struct err err;
};

static void call_free(struct resolve_call *call)
{
    loop_thing_remove(&call->thing);
    loop_later_clear(&call->later);
    mem_free(call->host);
    mem_free(call);
}

static bool is_known(const struct net_address *addresses, size_t n,
                     const struct net_address *address)
{
    for (size_t i = 0; i < n; i++)
        if (net_address_eq(&addresses[i], address))
            return true;
    return false;
}

/* In the order of the system's resolver (RFC 6724), each once. */
static size_t addresses_collect(const struct addrinfo *found, uint16_t port,
                                struct net_address **ret)
{
    size_t n = 0, room = 0;
    for (const struct addrinfo *it = found; it != NULL; it = it->ai_next)
        room++;
    struct net_address *addresses = NEW_N(room, struct net_address);
    for (const struct addrinfo *it = found; it != NULL; it = it->ai_next) {
        struct net_address address;
        if (it->ai_addr == NULL || !net_address_from_sockaddr(it->ai_addr, &address))
            continue;
        address.port = port;
        if (!is_known(addresses, n, &address))
            addresses[n++] = address;
    }
    *ret = addresses;
    return n;
}

static void call_finish(struct resolve_call *call, const struct net_address *addresses, size_t n)
{
    resolve_done *done = call->done;
    void *arg = call->arg;
    struct err err = call->err;
    loop_report(call->loop);
    call_free(call);
    done(arg, addresses, n, n > 0 ? NULL : &err);
}

static void found(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct resolve_call *call = request->data;
    AUTO(mem_fini)
    struct net_address *addresses = NULL;
    size_t n = status == 0 ? addresses_collect(list, call->port, &addresses) : 0;
    uv_freeaddrinfo(list);
    if (call->done == NULL) {
        call_free(call);
        return;
    }
    if (status != 0)
        err_uv(&call->err, status, "resolve %s", call->host);
    else if (n == 0)
        err_set(&call->err, ERR_ABSENT, "resolve %s: it has no address", call->host);
    call_finish(call, addresses, n);
}

static void failure_told(struct loop_later *later)
{
    call_finish(LIST_OWNER(later, struct resolve_call, later), NULL, 0);
}

/* A question that a thread is already at cannot be taken back: its answer is awaited and dropped. */
void resolve_cancel(struct resolve_call *call)
{
    if (call == NULL)
        return;
    loop_thing_remove(&call->thing);
    call->done = NULL;
    if (!call->running)
        call_free(call);
    else
        uv_cancel((uv_req_t *)&call->request);
}

static void call_cancelled(struct loop_thing *thing)
{
    resolve_cancel(LIST_OWNER(thing, struct resolve_call, thing));
}

static bool call_start(struct resolve_call *call)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    size_t len = strlen(call->host);
    if (len == 0 || len > HOST_LEN_MAX)
        return err_set(&call->err, ERR_CONFIG, "resolve: a host name of %zu bytes", len);
    int code = uv_getaddrinfo(loop_uv(call->loop), &call->request, found, call->host, NULL, &hints);
    if (code != 0)
        return err_uv(&call->err, code, "resolve %s", call->host);
    call->running = true;
    return true;
}

struct resolve_call *resolve_start(struct loop *loop, const char *host, uint16_t port,
                                   resolve_done *done, void *arg)
{
    struct resolve_call *call = NEW(struct resolve_call);
    *call = (struct resolve_call){.loop = loop, .done = done, .arg = arg, .port = port};
    call->host = mem_strdup(host != NULL ? host : "");
    call->request.data = call;
    loop_thing_add(loop, &call->thing, call_cancelled);
    if (!call_start(call))
        loop_later(loop, &call->later, failure_told);
    return call;
}

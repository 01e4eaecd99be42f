#include "io/dns_inside.h"

#include <ares.h>

enum { QUESTION_MS = 5000, DNS_PORT = 53, UDP_PLAIN_MAX = 512 };

static void dns_shut(struct dns *dns);

static void dns_drop(struct loop_thing *thing)
{
    dns_shut(LIST_OWNER(thing, struct dns, thing));
}

struct dns *dns_new(struct loop *loop)
{
    CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS); /* counted by c-ares */
    struct dns *dns = NEW(struct dns);
    dns->loop = loop;
    list_init(&dns->channels);
    list_init(&dns->calls);
    loop_thing_add(loop, &dns->thing, dns_drop);
    return dns;
}

static void call_still(struct dns_call *call)
{
    call->stop(call);
    loop_timer_clear(call->dns->loop, &call->deadline);
    loop_later_clear(&call->later);
}

static void dns_shut(struct dns *dns)
{
    if (dns->is_shut)
        return;
    dns->is_shut = true;
    loop_thing_remove(&dns->thing);
    LIST_EACH (link, &dns->calls)
        call_still(LIST_OWNER(link, struct dns_call, link));
    dns_channels_close(dns);
}

void dns_free(struct dns *dns)
{
    if (dns == NULL)
        return;
    dns_shut(dns);
    for (struct list *link; (link = list_pop_front(&dns->calls)) != NULL;) {
        struct dns_call *call = LIST_OWNER(link, struct dns_call, link);
        call->release(call);
    }
    mem_free(dns);
    ares_library_cleanup();
}

struct dns_figures dns_figures(const struct dns *dns)
{
    return dns->figures;
}

static void call_report(struct loop_later *later)
{
    struct dns_call *call = LIST_OWNER(later, struct dns_call, later);
    list_remove(&call->link);
    loop_report(call->dns->loop);
    call->report(call); /* done may free dns: nothing is touched after it */
}

void dns_call_end(struct dns_call *call)
{
    call_still(call);
    loop_later(call->dns->loop, &call->later, call_report);
}

static void deadline_passed(struct loop_timer *timer)
{
    struct dns_call *call = LIST_OWNER(timer, struct dns_call, deadline);
    char text[TIME_TEXT_MAX];
    duration_format(call->timeout_ms, text);
    err_set(&call->err, ERR_AGAIN, "%s: no answer within %s", call->what, text);
    dns_call_end(call);
}

void dns_call_begin(struct dns *dns, struct dns_call *call)
{
    call->dns = dns;
    list_push_back(&dns->calls, &call->link);
    if (!dns->is_shut)
        loop_timer_set(dns->loop, &call->deadline, call->timeout_ms, deadline_passed);
}

void dns_cancel(struct dns_call *call)
{
    if (call == NULL)
        return;
    call_still(call);
    list_remove(&call->link);
    call->release(call);
}

struct ask {
    struct dns_call call;
    struct dns_query *query;
    char *name;
    int type;
    struct net_address server;
    bool recurse, tcp, was_truncated;
    struct buf wire;
    dns_done *done;
    void *arg;
};

static void ask_stop(struct dns_call *call)
{
    dns_query_drop(&((struct ask *)call)->query);
}

static void ask_release(struct dns_call *call)
{
    struct ask *ask = (struct ask *)call;
    mem_free(ask->name);
    buf_fini(&ask->wire);
    mem_free(ask);
}

static void ask_report(struct dns_call *call)
{
    struct ask *ask = (struct ask *)call;
    struct arena *arena = arena_new();
    struct dns_reply reply = {0};
    if (call->err.kind == ERR_NONE && !dns_read(buf_str(&ask->wire), arena, &reply, &call->err))
        err_wrap(&call->err, "%s", call->what);
    reply.over_tcp = ask->tcp;
    ask->done(ask->arg, call->err.kind == ERR_NONE ? &reply : NULL,
              call->err.kind == ERR_NONE ? NULL : &call->err);
    arena_free(arena);
    ask_release(call);
}

/* c-ares looks into the answer too, but its verdict (no data, refused ...) is the caller's to give. */
static enum err_kind kind_of_ares(int status)
{
    switch (status) {
    case ARES_EBADNAME:
    case ARES_EBADQUERY:
    case ARES_EBADRESP:
    case ARES_EFORMERR:
    case ARES_ENOTFOUND: /* .onion, which c-ares never asks for (RFC 7686) */
        return ERR_BROKEN;
    case ARES_ENOMEM:
        return ERR_LOCAL;
    }
    return ERR_AGAIN;
}

static void ask_send(struct ask *ask);
static void ask_again_by_tcp(struct loop_later *later)
{
    ask_send(LIST_OWNER(later, struct ask, call.later));
}

/* Not every server sets TC, and c-ares cuts what is longer than announced; a cut message does not parse. */
static bool answer_is_cut(struct str wire)
{
    struct dns_reply reply;
    struct arena *arena = arena_new();
    bool cut = dns_is_truncated(wire) ||
               (wire.len >= UDP_PLAIN_MAX && !dns_read(wire, arena, &reply, NULL));
    arena_free(arena);
    return cut;
}

static void ask_answered(void *arg, int status, struct str wire)
{
    struct ask *ask = arg;
    if (wire.len == 0) {
        err_set(&ask->call.err, kind_of_ares(status), "%s: %s%s", ask->call.what,
                ask->was_truncated ? "truncated over UDP, and over TCP: " : "",
                ares_strerror(status));
        dns_call_end(&ask->call);
        return;
    }
    if (!ask->tcp && answer_is_cut(wire)) {
        ask->tcp = ask->was_truncated = true;
        loop_later(ask->call.dns->loop, &ask->call.later,
                   ask_again_by_tcp); /* not from inside c-ares */
        return;
    }
    buf_add_str(&ask->wire, wire);
    dns_call_end(&ask->call);
}

static void ask_send(struct ask *ask)
{
    struct dns_channel *channel =
        dns_channel_find(ask->call.dns, &ask->server, ask->tcp, ask->recurse);
    dns_query_start(channel, ask->name, ask->type, &ask->query, ask_answered, ask);
}

struct dns_call *dns_ask(struct dns *dns, const struct dns_question *question, dns_done *done,
                         void *arg)
{
    struct ask *ask = NEW(struct ask);
    struct dns_call *call = &ask->call;
    char server[NET_ADDRESS_TEXT_MAX];
    ask->name = mem_strdup(question->name);
    ask->type = (int)question->type;
    ask->server = question->server;
    ask->recurse = question->recurse;
    ask->tcp = question->tcp_only;
    ask->done = done;
    ask->arg = arg;
    buf_init(&ask->wire, DNS_MESSAGE_MAX);
    if (ask->server.ip_len != 0 && ask->server.port == 0)
        ask->server.port = DNS_PORT;
    call->stop = ask_stop;
    call->report = ask_report;
    call->release = ask_release;
    call->timeout_ms = question->timeout_ms > 0 ? question->timeout_ms : QUESTION_MS;
    net_address_format(&ask->server, true, server);
    snprintf(call->what, sizeof call->what, "%s: %s %s",
             ask->server.ip_len != 0 ? server : "resolver", dns_type_name((int)question->type),
             question->name);
    dns->figures.n_questions++;
    dns_call_begin(dns, call);
    if (!dns->is_shut)
        ask_send(ask);
    return call;
}

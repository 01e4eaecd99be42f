#include "io/dns_inside.h"
#include "io/dns_message.h"
#include "io/dns_tsig.h"

enum { UPDATE_MS = 10000, DNS_PORT = 53, UDP_PLAIN_MAX = 512 };

struct update {
    struct dns_call call;
    struct dns_exchange *exchange;
    struct net_address server;
    bool is_signed, tcp;
    struct tsig_key key;
    struct tsig_mac mac;
    struct buf message;
    dns_update_done *done;
    void *arg;
};

static void update_stop(struct dns_call *call)
{
    struct update *update = (struct update *)call;
    dns_exchange_cancel(update->exchange);
    update->exchange = NULL;
}

static void update_release(struct dns_call *call)
{
    struct update *update = (struct update *)call;
    tsig_key_fini(&update->key);
    buf_fini(&update->message);
    mem_free(update);
}

static void update_report(struct dns_call *call)
{
    struct update *update = (struct update *)call;
    update->done(update->arg, call->err.kind != ERR_NONE ? &call->err : NULL);
    update_release(call);
}

static enum err_kind kind_of_rcode(int rcode)
{
    switch (rcode) {
    case DNS_SERVFAIL:
        return ERR_AGAIN;
    case DNS_REFUSED:
    case DNS_NOTAUTH:
        return ERR_DENIED;
    }
    return ERR_REFUSED;
}

static const char *hint_of_rcode(int rcode)
{
    switch (rcode) {
    case DNS_REFUSED:
        return ": its policy does not let this key change these names";
    case DNS_NOTAUTH:
        return ": it is not authoritative for the zone";
    case DNS_NOTZONE:
        return ": a name lies outside the zone";
    }
    return "";
}

static bool time_judge(const struct tsig_verdict *verdict, int64_t now_s, struct err *err)
{
    int64_t theirs = verdict->error == TSIG_BADTIME && verdict->server_at_s != 0
                         ? verdict->server_at_s
                         : verdict->signed_at_s;
    int64_t ahead = now_s - theirs;
    bool far = ahead > verdict->fudge_s || ahead < -verdict->fudge_s;
    if (verdict->error != TSIG_BADTIME && !far)
        return true;
    return err_set(err, ERR_DENIED, "BADTIME: our clock is %lld s %s the server's",
                   (long long)(ahead < 0 ? -ahead : ahead), ahead < 0 ? "behind" : "ahead of");
}

/* An answer to a signed request counts only when it is signed as well. The errors BADKEY and BADSIG come unsigned by design (RFC 8945
 * 5.3.2); what else comes unsigned is told as unproved. */
static bool signature_judge(const struct update *update, struct str wire, int rcode,
                            struct err *err)
{
    struct tsig_verdict verdict;
    int64_t now_s = clock_wall_ms(loop_clock(update->call.dns->loop)) / MS_SECOND;
    if (!tsig_judge(&update->key, &update->mac, wire, &verdict, err))
        return false;
    if (!verdict.is_signed && rcode != DNS_NOERROR)
        return err_set(err, kind_of_rcode(rcode), "%s (in an unsigned answer)%s",
                       dns_rcode_name(rcode), hint_of_rcode(rcode));
    if (!verdict.is_signed)
        return err_set(err, ERR_BROKEN, "the answer is not signed");
    if (verdict.error == TSIG_BADKEY)
        return err_set(err, ERR_DENIED,
                       "BADKEY: the server does not know the TSIG key or its algorithm");
    if (verdict.error == TSIG_BADSIG || verdict.error == TSIG_BADTRUNC)
        return err_set(err, ERR_DENIED, "%s: the server has another secret for the TSIG key",
                       tsig_error_name(verdict.error));
    if (!verdict.fits)
        return err_set(err, ERR_DENIED, "the answer's signature does not fit (BADSIG)");
    return time_judge(&verdict, now_s, err);
}

static bool answer_judge(const struct update *update, struct str wire, struct err *err)
{
    struct arena *arena = arena_new();
    struct dns_reply reply;
    bool ok = dns_read(wire, arena, &reply, err);
    arena_free(arena);
    if (!ok)
        return false;
    if (dns_opcode(wire) != DNS_OPCODE_UPDATE)
        return err_set(err, ERR_BROKEN, "the answer is not one to an update");
    if (update->is_signed && !signature_judge(update, wire, reply.rcode, err))
        return false;
    if (reply.rcode != DNS_NOERROR)
        return err_set(err, kind_of_rcode(reply.rcode), "%s%s", dns_rcode_name(reply.rcode),
                       hint_of_rcode(reply.rcode));
    return true;
}

static void update_send(struct update *update);

static void update_answered(void *arg, const struct str *wire, const struct err *err)
{
    struct update *update = arg;
    update->exchange = NULL;
    if (wire != NULL && !update->tcp && dns_is_truncated(*wire)) {
        update->tcp = true;
        update_send(update);
        return;
    }
    if (wire == NULL)
        update->call.err = *err;
    if (wire == NULL || !answer_judge(update, *wire, &update->call.err))
        err_wrap(&update->call.err, "%s", update->call.what);
    dns_call_end(&update->call);
}

static void update_send(struct update *update)
{
    update->exchange = dns_exchange_start(update->call.dns->loop, &update->server, update->tcp,
                                          buf_str(&update->message), update_answered, update);
}

static bool update_build(struct update *update, const struct dns_update *request, struct err *err)
{
    if (update->server.ip_len == 0)
        return err_set(err, ERR_REFUSED, "no server's address");
    if (!dns_message_update(request->zone, request->changes, request->n_changes, &update->message,
                            err))
        return false;
    if (request->tsig_name != NULL) {
        if (!tsig_key_init(&update->key, request->tsig_name, request->tsig_algorithm,
                           request->tsig_secret, err))
            return false;
        update->is_signed = true;
        tsig_sign(&update->key, &update->message, clock_wall_ms(loop_clock(update->call.dns->loop)),
                  &update->mac);
    }
    update->tcp = !request->udp_first || update->message.len > UDP_PLAIN_MAX;
    return true;
}

static struct update *update_new(const struct dns_update *request)
{
    struct update *update = NEW(struct update);
    char server[NET_ADDRESS_TEXT_MAX];
    update->server = request->server;
    if (update->server.port == 0)
        update->server.port = DNS_PORT;
    update->call.stop = update_stop;
    update->call.report = update_report;
    update->call.release = update_release;
    update->call.timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : UPDATE_MS;
    net_address_format(&update->server, true, server);
    snprintf(update->call.what, sizeof update->call.what, "%s: update of %s", server,
             request->zone);
    return update;
}

struct dns_call *dns_update(struct dns *dns, const struct dns_update *request,
                            dns_update_done *done, void *arg)
{
    struct update *update = update_new(request);
    update->done = done;
    update->arg = arg;
    dns->figures.n_updates++;
    dns_call_begin(dns, &update->call);
    if (dns->is_shut)
        return &update->call;
    if (update_build(update, request, &update->call.err)) {
        update_send(update);
    } else {
        err_wrap(&update->call.err, "%s", update->call.what);
        dns_call_end(&update->call);
    }
    return &update->call;
}

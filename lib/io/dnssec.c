#include "io/dnssec.h"

#include "io/files.h"
#include "io/loop_uv.h"

#include <ctype.h>
#include <stdio.h>
#include <unbound.h>

enum {
    QUESTION_MS = 5000,
    ANCHOR_FILE_MAX = 256 * 1024,
    NAME_SIZE = 256,
    TYPE_SOA = 6,
    TYPE_DNSKEY = 48,
    CLASS_IN = 1,
    RCODE_NXDOMAIN = 3
};

struct anchor {  /* whose keys are trusted */
    char *owner; /* lower case, no final dot */
};

struct dnssec {
    struct loop *loop;
    struct loop_thing thing;
    struct ub_ctx *ctx;
    uv_poll_t *poll; /* freed when it is closed */
    struct anchor *anchors;
    size_t n_anchors;
    struct list calls;
    int64_t timeout_ms;
};

struct dnssec_call {
    struct list link;
    struct dnssec *dnssec;
    char *name;
    int id; /* of libunbound */
    bool is_asking, is_control;
    enum dnssec_verdict verdict;
    char *why;
    struct loop_later later;
    struct loop_timer deadline;
    dnssec_done *done;
    void *arg;
};

const char *dnssec_verdict_name(enum dnssec_verdict verdict)
{
    static const char *const names[] = {"unknown", "insecure", "secure", "bogus"};
    return names[verdict];
}

/* ---- calls ---- */

static void call_still(struct dnssec_call *call)
{
    if (call->is_asking)
        ub_cancel(call->dnssec->ctx, call->id);
    call->is_asking = false;
    loop_later_clear(&call->later);
    loop_timer_clear(call->dnssec->loop, &call->deadline);
}

static void call_free(struct dnssec_call *call)
{
    call_still(call);
    list_remove(&call->link);
    mem_free(call->name);
    mem_free(call->why);
    mem_free(call);
}

void dnssec_cancel(struct dnssec_call *call)
{
    if (call != NULL)
        call_free(call);
}

static void call_report(struct loop_later *later)
{
    struct dnssec_call *call = LIST_OWNER(later, struct dnssec_call, later);
    dnssec_done *done = call->done;
    void *arg = call->arg;
    enum dnssec_verdict verdict = call->verdict;
    AUTO(mem_fini)
    char *why = call->why;
    call->why = NULL;
    loop_report(call->dnssec->loop);
    call_free(call);
    done(arg, verdict, why != NULL ? why : ""); /* may free dnssec */
}

/* Not from inside libunbound: whoever is told may free it. */
static void call_end(struct dnssec_call *call, enum dnssec_verdict verdict, const char *why)
{
    call_still(call);
    call->verdict = verdict;
    if (why != NULL)
        mem_set_str(&call->why, why);
    loop_later(call->dnssec->loop, &call->later, call_report);
}

static void deadline_passed(struct loop_timer *timer)
{
    struct dnssec_call *call = LIST_OWNER(timer, struct dnssec_call, deadline);
    char span[TIME_TEXT_MAX], text[128];
    duration_format(call->dnssec->timeout_ms, span);
    snprintf(text, sizeof text, "no answer within %s", span);
    call_end(call, DNSSEC_UNKNOWN, text);
}

/* ---- answers ---- */

static bool is_below(const char *name, const char *zone)
{
    size_t n = strlen(name), z = strlen(zone);
    if (z == 0)
        return true;
    return n >= z && strcasecmp(name + n - z, zone) == 0 && (n == z || name[n - z - 1] == '.');
}

/* The lowest trust anchor above a name. */
static const char *anchor_above(const struct dnssec *dnssec, const char *name)
{
    const char *best = NULL;
    for (size_t i = 0; i < dnssec->n_anchors; i++) {
        const char *owner = dnssec->anchors[i].owner;
        if (is_below(name, owner) && (best == NULL || strlen(owner) > strlen(best)))
            best = owner;
    }
    return best;
}

static bool question_put(struct dnssec_call *call, const char *name, int type);

/* A bogus answer accuses the name only if the zone of the trust anchor itself validates. */
static void bogus_confirm(struct dnssec_call *call, const char *why)
{
    const char *owner = anchor_above(call->dnssec, call->name);
    mem_set_str(&call->why, why);
    call->is_control = true;
    if (owner == NULL || !question_put(call, owner[0] != '\0' ? owner : ".", TYPE_DNSKEY))
        call_end(call, DNSSEC_UNKNOWN, NULL);
}

static void control_judge(struct dnssec_call *call, const struct ub_result *result)
{
    if (result->secure) {
        call_end(call, DNSSEC_BOGUS, NULL);
        return;
    }
    const char *owner = anchor_above(call->dnssec, call->name);
    AUTO(mem_fini)
    char *text = mem_printf("%s of the trust anchor itself does not validate: the anchor is out of "
                            "date, or DNSSEC records are lost on the way here",
                            owner != NULL && owner[0] != '\0' ? owner : "the root zone");
    call_end(call, DNSSEC_UNKNOWN, text);
}

static void result_judge(struct dnssec_call *call, const struct ub_result *result)
{
    if (call->is_control)
        control_judge(call, result);
    else if (result->bogus)
        bogus_confirm(call, result->why_bogus != NULL ? result->why_bogus : "no reason given");
    else if (result->rcode != 0 && result->rcode != RCODE_NXDOMAIN)
        call_end(call, DNSSEC_UNKNOWN, "no name server that could be reached gives an answer");
    else
        call_end(call, result->secure ? DNSSEC_SECURE : DNSSEC_INSECURE, "");
}

static void answered(void *arg, int code, struct ub_result *result)
{
    struct dnssec_call *call = arg;
    call->is_asking = false;
    if (code != 0 || result == NULL)
        call_end(call, DNSSEC_UNKNOWN, ub_strerror(code));
    else
        result_judge(call, result);
    ub_resolve_free(result);
}

static bool question_put(struct dnssec_call *call, const char *name, int type)
{
    int code = ub_resolve_async(call->dnssec->ctx, name, type, CLASS_IN, call, answered, &call->id);
    call->is_asking = code == 0;
    if (code != 0)
        mem_set_str(&call->why, ub_strerror(code));
    return code == 0;
}

struct dnssec_call *dnssec_ask(struct dnssec *dnssec, const char *name, dnssec_done *done,
                               void *arg)
{
    struct dnssec_call *call = NEW(struct dnssec_call);
    *call = (struct dnssec_call){.dnssec = dnssec, .done = done, .arg = arg};
    call->name = mem_strdup(name);
    list_push_back(&dnssec->calls, &call->link);
    loop_timer_set(dnssec->loop, &call->deadline, dnssec->timeout_ms, deadline_passed);
    if (!question_put(call, name, TYPE_SOA))
        call_end(call, DNSSEC_UNKNOWN, NULL);
    return call;
}

/* ---- the resolver ---- */

static void answers_came(uv_poll_t *poll, int status, int events)
{
    struct dnssec *dnssec = poll->data;
    (void)status;
    (void)events;
    ub_process(dnssec->ctx);
}

static void poll_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

static void dnssec_shut(struct dnssec *dnssec)
{
    if (dnssec->ctx == NULL)
        return;
    loop_thing_remove(&dnssec->thing);
    LIST_EACH (it, &dnssec->calls)
        call_still(LIST_OWNER(it, struct dnssec_call, link));
    if (dnssec->poll != NULL)
        uv_close((uv_handle_t *)dnssec->poll, poll_closed);
    ub_ctx_delete(dnssec->ctx);
    dnssec->ctx = NULL;
}

static void dnssec_drop(struct loop_thing *thing)
{
    dnssec_shut(LIST_OWNER(thing, struct dnssec, thing));
}

void dnssec_free(struct dnssec *dnssec)
{
    if (dnssec == NULL)
        return;
    while (!list_is_empty(&dnssec->calls))
        call_free(LIST_OWNER(dnssec->calls.next, struct dnssec_call, link));
    dnssec_shut(dnssec);
    for (size_t i = 0; i < dnssec->n_anchors; i++)
        mem_free(dnssec->anchors[i].owner);
    mem_free(dnssec->anchors);
    mem_free(dnssec);
}

static bool refused(int code, struct err *err, const char *what)
{
    return code == 0 || err_set(err, ERR_LOCAL, "DNSSEC: %s: %s", what, ub_strerror(code));
}

/* Small: a run asks for a few zones. */
static bool sizes_set(struct ub_ctx *ctx, struct err *err)
{
    static const char *const options[][2] = {
        {"msg-cache-size:", "128k"},      {"rrset-cache-size:", "256k"},
        {"key-cache-size:", "128k"},      {"neg-cache-size:", "64k"},
        {"infra-cache-numhosts:", "500"}, {"msg-cache-slabs:", "1"},
        {"rrset-cache-slabs:", "1"},      {"key-cache-slabs:", "1"},
        {"infra-cache-slabs:", "1"},      {"do-not-query-localhost:", "no"},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (!refused(ub_ctx_set_option(ctx, options[i][0], options[i][1]), err, options[i][0]))
            return false;
    return refused(ub_ctx_debuglevel(ctx, 0), err, "log level") &&
           refused(ub_ctx_debugout(ctx, NULL), err, "log");
}

static void address_text(const struct net_address *address, char out[NET_ADDRESS_TEXT_MAX + 8])
{
    char ip[NET_ADDRESS_TEXT_MAX];
    net_address_format(address, false, ip);
    snprintf(out, NET_ADDRESS_TEXT_MAX + 8, "%s@%u", ip, address->port != 0 ? address->port : 53U);
}

static bool ways_set(struct ub_ctx *ctx, const struct dnssec_options *options, struct err *err)
{
    char address[NET_ADDRESS_TEXT_MAX + 8];
    for (size_t i = 0; i < options->n_resolvers; i++) {
        address_text(&options->resolvers[i], address);
        if (!refused(ub_ctx_set_fwd(ctx, address), err, address))
            return false;
    }
    for (size_t i = 0; i < options->n_stubs; i++) {
        address_text(&options->stubs[i].server, address);
        if (!refused(ub_ctx_set_stub(ctx, options->stubs[i].zone, address, 0), err, address))
            return false;
    }
    return true;
}

/* "example.com. 172800 IN DNSKEY 257 ...": libunbound reads the keys, here only whose they are. */
static void anchor_line(struct dnssec *dnssec, struct str line)
{
    char owner[NAME_SIZE];
    size_t len = 0;
    bool has_key =
        str_find(line, STR("DNSKEY")) < line.len || str_find(line, STR(" DS ")) < line.len ||
        str_find(line, STR("\tDS\t")) < line.len || str_find(line, STR("\tDS ")) < line.len;
    while (len < line.len && len < NAME_SIZE - 1 && !isspace((unsigned char)line.p[len]) &&
           line.p[len] != ';')
        len++;
    if (!has_key || len == 0)
        return;
    for (size_t i = 0; i < len; i++)
        owner[i] = (char)tolower((unsigned char)line.p[i]);
    owner[owner[len - 1] == '.' ? len - 1 : len] = '\0';
    dnssec->anchors = mem_grow(dnssec->anchors, dnssec->n_anchors, dnssec->n_anchors + 1,
                               sizeof *dnssec->anchors);
    dnssec->anchors[dnssec->n_anchors++].owner = mem_strdup(owner);
}

static bool anchors_read(struct dnssec *dnssec, const char *path, struct err *err)
{
    AUTO(buf_fini)
    struct buf text = BUF(ANCHOR_FILE_MAX);
    struct str line;
    if (!file_read(path, ANCHOR_FILE_MAX, false, &text, err)) {
        if (err != NULL)
            err->kind = ERR_CONFIG;
        return err_wrap(err, "DNSSEC trust anchor");
    }
    struct str rest = buf_str(&text);
    while (str_split(&rest, '\n', &line))
        anchor_line(dnssec, line);
    if (dnssec->n_anchors == 0)
        return err_set(err, ERR_CONFIG, "DNSSEC trust anchor: %s holds no DS or DNSKEY record",
                       path);
    return refused(ub_ctx_add_ta_file(dnssec->ctx, path), err, path);
}

static bool poll_start(struct dnssec *dnssec, struct err *err)
{
    uv_poll_t *poll = NEW(uv_poll_t);
    int code = uv_poll_init(loop_uv(dnssec->loop), poll, ub_fd(dnssec->ctx));
    if (code != 0) {
        mem_free(poll);
        return err_uv(err, code, "DNSSEC: poll");
    }
    dnssec->poll = poll;
    poll->data = dnssec;
    code = uv_poll_start(poll, UV_READABLE, answers_came);
    return code == 0 || err_uv(err, code, "DNSSEC: poll");
}

/* test. is a name space of its own (RFC 6761) which libunbound would answer for itself; private CAs do live there. */
static bool zones_open(struct ub_ctx *ctx, struct err *err)
{
    return refused(ub_ctx_async(ctx, 1), err, "thread") &&
           refused(ub_ctx_zone_remove(ctx, "test."), err, "test.");
}

bool dnssec_new(struct loop *loop, const struct dnssec_options *options, struct dnssec **ret,
                struct err *err)
{
    struct dnssec *dnssec = NEW(struct dnssec);
    dnssec->loop = loop;
    dnssec->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : QUESTION_MS;
    list_init(&dnssec->calls);
    dnssec->ctx = mem_need(ub_ctx_create());
    loop_thing_add(loop, &dnssec->thing, dnssec_drop);
    if (!sizes_set(dnssec->ctx, err) || !ways_set(dnssec->ctx, options, err) ||
        !anchors_read(dnssec, options->trust_anchor, err) || !zones_open(dnssec->ctx, err) ||
        !poll_start(dnssec, err)) {
        dnssec_free(dnssec);
        return false;
    }
    *ret = dnssec;
    return true;
}

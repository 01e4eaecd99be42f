/* lib/io/dnssec.h in virtual time: every zone is in order but the one that is bogus. */
#include "world.h"

#include "io/dnssec.h"

struct dnssec {
    int64_t timeout_ms;
    struct list calls;
};
struct dnssec_call {
    struct event event;
    struct list in_dnssec;
    bool is_bogus, is_silent;
    dnssec_done *done;
    void *arg;
};

const char *dnssec_verdict_name(enum dnssec_verdict verdict)
{
    static const char *const names[] = {"unknown", "insecure", "secure", "bogus"};
    return names[verdict];
}

bool dnssec_new(struct loop *loop, const struct dnssec_options *options, struct dnssec **ret,
                struct err *err)
{
    (void)loop, (void)err;
    struct dnssec *dnssec = NEW(struct dnssec);
    dnssec->timeout_ms = options->timeout_ms;
    list_init(&dnssec->calls);
    *ret = dnssec;
    return true;
}

void dnssec_cancel(struct dnssec_call *call)
{
    if (call == NULL)
        return;
    world_cancel(&call->event);
    list_remove(&call->in_dnssec);
    mem_free(call);
}

void dnssec_free(struct dnssec *dnssec)
{
    if (dnssec == NULL)
        return;
    LIST_EACH (it, &dnssec->calls)
        dnssec_cancel(LIST_OWNER(it, struct dnssec_call, in_dnssec));
    mem_free(dnssec);
}

static void call_happens(struct event *event)
{
    struct dnssec_call *call = (struct dnssec_call *)event;
    enum dnssec_verdict verdict = call->is_silent  ? DNSSEC_UNKNOWN
                                  : call->is_bogus ? DNSSEC_BOGUS
                                                   : DNSSEC_SECURE;
    const char *why = call->is_silent  ? "no answer within 5s"
                      : call->is_bogus ? "signature expired"
                                       : "";
    dnssec_done *done = call->done;
    void *arg = call->arg;
    list_remove(&call->in_dnssec);
    mem_free(call);
    done(arg, verdict, why);
}

struct dnssec_call *dnssec_ask(struct dnssec *dnssec, const char *name, dnssec_done *done,
                               void *arg)
{
    struct dnssec_call *call = NEW(struct dnssec_call);
    call->event.happen = call_happens;
    call->is_silent = world.dnssec_is_silent;
    call->is_bogus = world.bogus_zone != NULL && strcmp(world.bogus_zone, name) == 0;
    call->done = done;
    call->arg = arg;
    list_push_back(&dnssec->calls, &call->in_dnssec);
    world_later(&call->event, world.is_killed   ? INT32_MAX
                              : call->is_silent ? dnssec->timeout_ms
                                                : WORLD_LATENCY_MS);
    return call;
}

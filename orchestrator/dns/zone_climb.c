#include "dns/zone_inner.h"

/*
 * A negative answer carries the SOA of the zone it comes from, so mostly the first question is enough. Where it does not (a CNAME
 * leads elsewhere, or a resolver cannot follow one) the parent is asked: to stop too high does no harm, because the
 * authoritative servers show every cut below.
 */
struct zone_climb {
    struct zone_asker *asker;
    struct ask_around ask;
    char *start;
    const char *name; /* a suffix of start */
    struct err first_failure;
    zone_climbed *done;
    void *arg;
};

static void climb_free(struct zone_climb *climb)
{
    ask_around_cancel(&climb->ask);
    mem_free(climb->start);
    mem_free(climb);
}

static void climb_fail(struct zone_climb *climb, const char *fails_below)
{
    climb->done(climb->arg, NULL, NULL, 0, &climb->first_failure, fails_below);
    climb_free(climb);
}

static void climb_ask(struct zone_climb *climb);

/* To the parent; false at the top. */
static bool climb_up(struct zone_climb *climb)
{
    climb->name = dns_name_parent(climb->name);
    if (climb->name[0] == '\0')
        return false;
    climb_ask(climb);
    return true;
}

static const struct dns_record *climb_soa(const struct zone_climb *climb,
                                          const struct dns_reply *reply)
{
    const struct dns_record *soa = reply_find(reply, DNS_ANSWER, DNS_SOA, climb->name);
    if (soa != NULL || reply_find(reply, DNS_ANSWER, DNS_CNAME, NULL) != NULL)
        return soa;
    soa = reply_find(reply, DNS_AUTHORITY, DNS_SOA, NULL);
    return soa != NULL && soa->owner[0] != '\0' && dns_name_is_below(climb->name, soa->owner)
               ? soa
               : NULL;
}

static void climb_unanswered(struct zone_climb *climb, const char *notes)
{
    bool silent = !climb->ask.was_answered;
    if (climb->first_failure.kind == ERR_NONE || silent)
        err_set(&climb->first_failure, ERR_AGAIN,
                "find the zone of %s: no resolver tells the SOA of %s: %s", climb->start,
                climb->name, notes);
    bool may_climb = !silent && dns_name_n_labels(climb->name) > 2;
    if (!may_climb || !climb_up(climb))
        climb_fail(climb, silent ? "" : climb->name);
}

static void climb_heard(void *arg, const struct dns_reply *reply, size_t seat, const char *notes)
{
    struct zone_climb *climb = arg;
    (void)seat;
    if (reply == NULL) {
        climb_unanswered(climb, notes);
        return;
    }
    const struct dns_record *soa = climb_soa(climb, reply);
    if (soa != NULL) {
        climb->done(climb->arg, soa->owner, soa->data, soa->ttl_s, NULL, NULL);
        climb_free(climb);
        return;
    }
    if (climb_up(climb))
        return;
    if (climb->first_failure.kind == ERR_NONE)
        err_set(&climb->first_failure, ERR_ABSENT,
                "no zone holds %s: the resolvers know no SOA above it (last answer: %s)",
                climb->start, dns_rcode_name(reply->rcode));
    climb_fail(climb, NULL);
}

static void climb_ask(struct zone_climb *climb)
{
    zone_ask(climb->asker, &climb->ask, climb->name, DNS_SOA, true, climb->asker->resolvers,
             climb->asker->n_resolvers, 0, zone_judge_plain, climb_heard, climb);
}

struct zone_climb *zone_climb_start(struct zone_asker *asker, const char *name, zone_climbed *done,
                                    void *arg)
{
    struct zone_climb *climb = NEW(struct zone_climb);
    *climb =
        (struct zone_climb){.asker = asker, .start = mem_strdup(name), .done = done, .arg = arg};
    climb->name = climb->start;
    asker->figures.n_climbs++;
    climb_ask(climb);
    return climb;
}

void zone_climb_cancel(struct zone_climb *climb)
{
    if (climb != NULL)
        climb_free(climb);
}

#include "renewal/preflight_inner.h"

#include "acme/directory.h"
#include "acme/name.h"
#include "inventory/config.h"

enum { PATIENCE_MS = 10 * 1000, NOTES_MAX = 900, TEXT_MAX = 1600 };

static const char advice[] =
    "Change the DNS of the domain as the text says; `chancery check --online` looks again, and "
    "docs/PREFLIGHT.md tells what is looked at.";

struct flight_name {
    char *name;         /* as ordered */
    struct seat *climb; /* the name without "*.", its parents, the top-level domain */
    size_t n_climb;
    struct seat chain;        /* of the zone that holds it, once that is known */
    struct caa_rrset *rrsets; /* of the climb, for judging */
    char *text;               /* of its view */
};

struct preflight {
    struct list in_all;
    struct preflights *all;
    struct flight_name *names;
    size_t n_names;
    char **identities;
    size_t n_identities;
    char *account_url, *method;
    bool judges_dnssec;
    struct timer *timer; /* patience; or the end, where all was known already */
    enum preflight_state state;
    bool is_worrying;
    char *notes;
    struct err *err;
    preflight_done *done;
    void *arg;
};

const char *preflight_state_name(enum preflight_state state)
{
    static const char *const names[] = {"runs", "clear", "unknown", "refused"};
    return names[state];
}

/* ---- all of a run ---- */

struct preflights *preflights_new(struct house *house, struct zone_finders *finders)
{
    struct preflights *all = NEW(struct preflights);
    all->house = house;
    all->finders = finders;
    list_init(&all->queue);
    list_init(&all->flights);
    return all;
}

void preflights_free(struct preflights *all)
{
    if (all == NULL)
        return;
    LIST_EACH (it, &all->flights)
        preflight_free(LIST_OWNER(it, struct preflight, in_all));
    looks_free(all);
    dnssec_free(all->dnssec);
    mem_free(all->dnssec_fault);
    mem_free(all);
}

bool preflight_judges_dnssec(const struct config *config, const struct authority_config *authority)
{
    const struct dnssec_config *dnssec = &config->dnssec;
    return dnssec->check && dnssec->trust_anchor != NULL &&
           !(dnssec->is_default && authority->is_private);
}

/* ---- who the CA is ---- */

bool preflight_identities(const char *directory_url, const struct acme_directory *directory,
                          const char *const **ret_identities, size_t *ret_n)
{
    if (directory != NULL && directory->n_caa_identities > 0) {
        *ret_identities = (const char *const *)directory->caa_identities;
        *ret_n = directory->n_caa_identities;
        return true;
    }
    const char *const *known = caa_identities_of_host(caa_host_of_url(directory_url));
    size_t n = 0;
    while (known != NULL && known[n] != NULL)
        n++;
    if (known == NULL)
        return false;
    *ret_identities = known;
    *ret_n = n;
    return true;
}

/* ---- judging ---- */

static const char *name_base(const char *name)
{
    return strncmp(name, "*.", 2) == 0 ? name + 2 : name;
}

static struct caa_rrset rrset_of(const struct seat *seat)
{
    const struct look *look = seat->look;
    return (struct caa_rrset){.owner = look->owner,
                              .at = look->at,
                              .records = look->records,
                              .n = look->n_records,
                              .is_unknown = !look->is_done || look->is_unknown};
}

static struct caa_finding name_judge(const struct preflight *p, struct flight_name *n,
                                     struct buf *why)
{
    struct caa_who who = {
        .identities = (const char *const *)p->identities,
        .n_identities = p->n_identities,
        .account_url = p->account_url,
        .method = p->method,
        .wildcard = name_base(n->name) != n->name,
    };
    for (size_t i = 0; i < n->n_climb; i++)
        n->rrsets[i] = rrset_of(&n->climb[i]);
    if (p->n_identities == 0)
        return (struct caa_finding){CAA_PERMITTED, NULL, NULL};
    struct caa_finding f = caa_judge(n->rrsets, n->n_climb, &who, why);
    if (f.verdict == CAA_UNKNOWN && f.rrset != NULL && f.rrset->is_unknown) {
        const struct look *look = n->climb[f.rrset - n->rrsets].look;
        buf_printf(why, ": %s", look->why != NULL ? look->why : "no answer yet");
    }
    return f;
}

static enum dnssec_verdict chain_verdict(const struct flight_name *n)
{
    return n->chain.look != NULL ? n->chain.look->verdict : DNSSEC_UNKNOWN;
}

static void chain_tell(const struct flight_name *n, struct buf *why)
{
    const struct look *look = n->chain.look;
    if (look == NULL)
        return;
    if (look->verdict == DNSSEC_BOGUS)
        buf_printf(
            why,
            "%sDNSSEC of %s is bogus (%s), so validating resolvers, the CA's among them, get "
            "no answer; renew the zone's signatures, or mend the DS at its parent",
            why->len > 0 ? "; " : "", look->owner, look->why);
    else if (look->verdict == DNSSEC_UNKNOWN)
        buf_printf(why, "%sDNSSEC of %s cannot be judged: %s", why->len > 0 ? "; " : "",
                   look->owner, look->why != NULL ? look->why : "no answer yet");
}

struct preflight_view preflight_view(const struct preflight *p, size_t i)
{
    struct flight_name *n = &p->names[i];
    AUTO(buf_fini)
    struct buf why = BUF(TEXT_MAX);
    struct preflight_view view = {.name = n->name, .zone = n->climb[0].look->zone};
    view.finding = name_judge(p, n, &why);
    chain_tell(n, &why);
    view.dnssec = p->judges_dnssec ? dnssec_verdict_name(chain_verdict(n)) : "off";
    mem_set_str(&n->text, buf_cstr(&why));
    view.text = n->text;
    return view;
}

struct sum { /* what the names come to */
    struct buf faults, notes;
    size_t n_faults, n_notes;
};

static void name_sum(struct preflight *p, struct flight_name *n, struct sum *sum)
{
    AUTO(buf_fini)
    struct buf why = BUF(TEXT_MAX);
    struct caa_finding f = name_judge(p, n, &why);
    bool bogus = chain_verdict(n) == DNSSEC_BOGUS;
    chain_tell(n, &why);
    if (why.len == 0)
        return;
    bool fault = f.verdict == CAA_FORBIDDEN || bogus;
    if (f.verdict == CAA_UNKNOWN && f.rrset->is_unknown)
        p->is_worrying = p->is_worrying || !n->climb[f.rrset - n->rrsets].look->by_resolvers;
    struct buf *out = fault ? &sum->faults : &sum->notes;
    size_t *count = fault ? &sum->n_faults : &sum->n_notes;
    if ((*count)++ == 0)
        buf_printf(out, "%s: %s", n->name, buf_cstr(&why));
}

static void others_add(struct buf *text, size_t n)
{
    if (n > 1)
        buf_printf(text, " (and %zu name%s more)", n - 1, n == 2 ? "" : "s");
}

static void flight_judge(struct preflight *p)
{
    struct sum sum = {.faults = BUF(TEXT_MAX), .notes = BUF(NOTES_MAX)};
    for (size_t i = 0; i < p->n_names; i++)
        name_sum(p, &p->names[i], &sum);
    others_add(&sum.faults, sum.n_faults);
    others_add(&sum.notes, sum.n_notes);
    p->state = sum.n_faults > 0  ? PREFLIGHT_REFUSED
               : sum.n_notes > 0 ? PREFLIGHT_UNKNOWN
                                 : PREFLIGHT_CLEAR;
    if (sum.n_notes > 0)
        p->notes = mem_strdup(buf_cstr(&sum.notes));
    if (sum.n_faults > 0) {
        p->err = NEW(struct err);
        err_set(p->err, ERR_CONFIG, "pre-flight: %s; nothing was validated", buf_cstr(&sum.faults));
        err_judge(p->err, CLASS_CONFIG, FAULT_DNS, advice);
    }
    buf_fini(&sum.faults);
    buf_fini(&sum.notes);
}

/* ---- until all is in ---- */

/* The parents do not matter once a set below them has records, or cannot be had. */
static bool name_is_in(const struct preflight *p, const struct flight_name *n)
{
    bool wants_chain = p->judges_dnssec && n->climb[0].look->zone != NULL;
    if (!seat_is_settled(&n->chain) || (wants_chain && n->chain.look == NULL))
        return false;
    if (p->n_identities == 0)
        return seat_is_settled(&n->climb[0]);
    for (size_t i = 0; i < n->n_climb; i++) {
        const struct look *look = n->climb[i].look;
        if (!look->is_done)
            return false;
        if (look->n_records > 0 || look->is_unknown)
            return true;
    }
    return true;
}

static bool flight_is_in(const struct preflight *p)
{
    for (size_t i = 0; i < p->n_names; i++)
        if (!name_is_in(p, &p->names[i]))
            return false;
    return true;
}

/* The looks stay: who wants to see them reads them until the pre-flight is freed. */
static void flight_end(struct preflight *p)
{
    timer_cancel(p->timer);
    p->timer = NULL;
    flight_judge(p);
    p->done(p->arg);
}

static void flight_timer(void *arg)
{
    struct preflight *p = arg;
    p->timer = NULL;
    flight_end(p);
}

static void chains_take(struct preflight *p, const struct look *look)
{
    if (!p->judges_dnssec || look->kind != LOOK_CAA || look->zone == NULL)
        return;
    for (size_t i = 0; i < p->n_names; i++) {
        struct flight_name *n = &p->names[i];
        if (n->climb[0].look == look && n->chain.look == NULL)
            seat_take_chain(&n->chain, p->all, look->zone);
    }
}

/* The end waits for the next chance of the loop: several looks may be told of at once, and done may free the pre-flight. */
static void flight_check(struct preflight *p)
{
    if (p->state != PREFLIGHT_RUNS || !flight_is_in(p))
        return;
    timer_cancel(p->timer);
    p->timer = timer_start(p->all->house->loop, 0, flight_timer, p);
}

void seat_settled(struct seat *seat)
{
    chains_take(seat->flight, seat->look);
    flight_check(seat->flight);
}

/* ---- one pre-flight ---- */

static void name_start(struct preflight *p, struct flight_name *n)
{
    const char *base = name_base(n->name);
    AUTO(mem_fini)
    char *registered = name_registered_domain(base);
    n->n_climb = p->n_identities > 0 ? dns_name_n_labels(base) : 1;
    n->climb = NEW_N(n->n_climb, struct seat);
    n->rrsets = NEW_N(n->n_climb, struct caa_rrset);
    const char *owner = base;
    for (size_t i = 0; i < n->n_climb; i++, owner = dns_name_parent(owner)) {
        n->climb[i].flight = p;
        seat_take_caa(&n->climb[i], p->all, owner, base, !dns_name_is_below(owner, registered));
    }
    n->chain.flight = p;
}

struct preflight *preflight_start(struct preflights *all, const struct preflight_wish *wish,
                                  preflight_done *done, void *arg)
{
    struct preflight *p = NEW(struct preflight);
    *p = (struct preflight){
        .all = all, .judges_dnssec = wish->judges_dnssec, .done = done, .arg = arg};
    list_push_back(&all->flights, &p->in_all);
    p->identities = NEW_N(wish->n_identities, char *);
    for (size_t i = 0; i < wish->n_identities; i++)
        p->identities[p->n_identities++] = mem_strdup(wish->identities[i]);
    p->account_url = mem_strdup(wish->account_url);
    p->method = mem_strdup(wish->method);
    p->timer = timer_start(all->house->loop, PATIENCE_MS, flight_timer, p);
    p->names = NEW_N(wish->n_names, struct flight_name);
    p->n_names = wish->n_names;
    for (size_t i = 0; i < wish->n_names; i++) {
        p->names[i].name = mem_strdup(wish->names[i]);
        name_start(p, &p->names[i]);
    }
    for (size_t i = 0; i < p->n_names; i++)
        if (p->names[i].climb[0].look->is_done)
            chains_take(p, p->names[i].climb[0].look);
    flight_check(p);
    return p;
}

static void name_fini(struct flight_name *n)
{
    for (size_t i = 0; i < n->n_climb; i++)
        seat_leave(&n->climb[i]);
    seat_leave(&n->chain);
    mem_free(n->climb);
    mem_free(n->rrsets);
    mem_free(n->name);
    mem_free(n->text);
}

void preflight_free(struct preflight *p)
{
    if (p == NULL)
        return;
    list_remove(&p->in_all);
    timer_cancel(p->timer);
    for (size_t i = 0; i < p->n_names; i++)
        name_fini(&p->names[i]);
    for (size_t i = 0; i < p->n_identities; i++)
        mem_free(p->identities[i]);
    mem_free(p->identities);
    mem_free(p->names);
    mem_free(p->account_url);
    mem_free(p->method);
    mem_free(p->notes);
    mem_free(p->err);
    mem_free(p);
}

enum preflight_state preflight_state(const struct preflight *p)
{
    return p->state;
}

const struct err *preflight_err(const struct preflight *p)
{
    CHECK(p->state == PREFLIGHT_REFUSED);
    return p->err;
}

const char *preflight_notes(const struct preflight *p)
{
    return p->notes != NULL ? p->notes : "";
}

bool preflight_is_worrying(const struct preflight *p)
{
    return p->state == PREFLIGHT_UNKNOWN && p->is_worrying;
}

#include "dns/propagation.h"

#include "dns/ask_around.h"
#include "dns/dns_name.h"
#include "dns/route.h"

enum { TIMEOUT_MS = 3000, PARALLEL = 64, TEXT_MAX = 4000, SILENCES_MAX = 3 };

struct want {
    char *value;
    bool present;
    size_t owner;
    size_t next; /* of the same owner, + 1; 0 at the end */
};
struct owner {
    char *name;
    size_t first; /* want, + 1 */
};
struct target {
    struct ask_seat seat;
    char *name;
    size_t server;
    bool has_no_route;
    size_t n_silences; /* one after the other */
};
enum heard_kind { HEARD_NOTHING, HEARD_ANSWER, HEARD_LAME, HEARD_SILENCE, HEARD_FAILURE };
/* What one address says of one owner. */
struct heard {
    enum heard_kind kind;
    int rcode;
    size_t n_values;
    char *why; /* of a failure: its words; of an answer with a CNAME: its target */
};
struct flight {
    struct propagation_check *check;
    struct dns_call *call;
    size_t owner, target;
};
struct propagation_check {
    struct dns *dns;
    int64_t timeout_ms;
    bool recurse;
    size_t n_servers, floor; /* servers there is a way to, and how many of them must answer */
    struct want *wants;
    struct owner *owners;
    struct target *targets;
    struct heard *heard; /* [owner][target] */
    bool *shows;         /* [want][target] */
    struct flight *flights;
    size_t n_wants, n_owners, n_targets, n_flights, n_flying;
    size_t next; /* cell to ask */
    size_t n_questions;
    struct timer *soon;
    propagation_done *done;
    void *arg;
    propagation_fits *fits;
    void *fits_arg;
};

static struct heard *heard_at(const struct propagation_check *check, size_t owner, size_t target)
{
    return &check->heard[owner * check->n_targets + target];
}

static void check_free(struct propagation_check *check)
{
    for (size_t i = 0; i < check->n_flights; i++)
        if (check->flights[i].call != NULL)
            dns_cancel(check->flights[i].call);
    timer_cancel(check->soon);
    for (size_t i = 0; i < check->n_wants; i++)
        mem_free(check->wants[i].value);
    for (size_t i = 0; i < check->n_owners; i++)
        mem_free(check->owners[i].name);
    for (size_t i = 0; i < check->n_targets; i++)
        mem_free(check->targets[i].name);
    for (size_t i = 0; i < check->n_owners * check->n_targets; i++)
        mem_free(check->heard[i].why);
    mem_free(check->wants);
    mem_free(check->owners);
    mem_free(check->targets);
    mem_free(check->heard);
    mem_free(check->shows);
    mem_free(check->flights);
    mem_free(check);
}

void propagation_cancel(struct propagation_check *check)
{
    if (check != NULL)
        check_free(check);
}

/* Another address of the same server said something: this one is merely out of reach. */
static bool server_speaks(const struct propagation_check *check, size_t owner, size_t target)
{
    for (size_t i = 0; i < check->n_targets; i++) {
        enum heard_kind kind = heard_at(check, owner, i)->kind;
        if (check->targets[i].server == check->targets[target].server &&
            (kind == HEARD_ANSWER || kind == HEARD_LAME))
            return true;
    }
    return false;
}

static void answer_describe(const struct heard *heard, bool shows, bool present, struct buf *out)
{
    if (shows)
        buf_add_cstr(out, present ? "shows it" : "still shows it");
    else if (heard->why != NULL)
        buf_printf(out, "answers with a CNAME to %s", heard->why);
    else if (heard->rcode == DNS_NXDOMAIN)
        buf_add_cstr(out, "answers NXDOMAIN");
    else if (heard->n_values == 0)
        buf_add_cstr(out, "has no TXT there");
    else
        buf_printf(out, "shows %zu other value%s", heard->n_values,
                   heard->n_values == 1 ? "" : "s");
}

static void target_describe(const struct propagation_check *check, size_t want, size_t target,
                            bool skipped, struct buf *out)
{
    const struct want *w = &check->wants[want];
    const struct heard *heard = heard_at(check, w->owner, target);
    if (out->len > 0)
        buf_add_cstr(out, ", ");
    ask_seat_format(&check->targets[target].seat, out);
    buf_add_char(out, ' ');
    if (check->targets[target].has_no_route)
        buf_add_cstr(out, "cannot be reached from this host");
    else if (heard->kind == HEARD_ANSWER)
        answer_describe(heard, check->shows[want * check->n_targets + target], w->present, out);
    else if (heard->kind == HEARD_LAME && heard->why != NULL)
        buf_add_cstr(out, heard->why);
    else if (heard->kind == HEARD_LAME)
        buf_printf(out, "answers %s%s", dns_rcode_name(heard->rcode),
                   heard->rcode == DNS_NOERROR ? " without authority" : "");
    else if (heard->kind == HEARD_FAILURE)
        buf_printf(out, "does not answer (%s)", heard->why);
    else
        buf_add_cstr(out, "is silent");
    if (skipped)
        buf_add_cstr(out, " (skipped)");
}

/* How many servers answer; the addresses of one stand side by side. */
static size_t servers_count(const struct propagation_check *check, size_t owner)
{
    size_t n = 0, last = SIZE_MAX;
    for (size_t i = 0; i < check->n_targets; i++) {
        if (check->targets[i].server == last || heard_at(check, owner, i)->kind != HEARD_ANSWER)
            continue;
        last = check->targets[i].server;
        n++;
    }
    return n;
}

static void view_fill(const struct propagation_check *check, size_t want,
                      struct propagation_view *view, struct buf *text)
{
    const struct want *w = &check->wants[want];
    for (size_t i = 0; i < check->n_targets; i++) {
        enum heard_kind kind = heard_at(check, w->owner, i)->kind;
        bool skipped = kind != HEARD_ANSWER && kind != HEARD_LAME &&
                       (check->targets[i].has_no_route || server_speaks(check, w->owner, i));
        if (kind == HEARD_ANSWER) {
            view->n_reachable++;
            view->n_as_wished += check->shows[want * check->n_targets + i] == w->present ? 1 : 0;
        } else if (kind == HEARD_LAME) {
            view->n_lame++;
        } else if (skipped) {
            view->n_skipped++;
        } else {
            view->n_silent++;
        }
        target_describe(check, want, i, skipped, text);
    }
    view->n_servers = check->n_servers;
    view->n_answering = servers_count(check, w->owner);
    view->is_served = view->n_reachable > 0 && view->n_as_wished == view->n_reachable &&
                      view->n_answering >= check->floor;
    view->text =
        check->n_targets > 0 ? buf_cstr(text) : "the zone has no name server with an address";
}

static void check_finish(struct propagation_check *check)
{
    struct propagation_view *views = NEW_N(check->n_wants, struct propagation_view);
    struct buf *texts = NEW_N(check->n_wants, struct buf);
    struct propagation_report report = {
        .views = views, .n = check->n_wants, .all_served = true, .n_questions = check->n_questions};
    for (size_t i = 0; i < check->n_wants; i++) {
        buf_init(&texts[i], TEXT_MAX);
        view_fill(check, i, &views[i], &texts[i]);
        report.all_served = report.all_served && views[i].is_served;
    }
    check->done(check->arg, &report);
    for (size_t i = 0; i < check->n_wants; i++)
        buf_fini(&texts[i]);
    mem_free(views);
    mem_free(texts);
    check_free(check);
}

static bool value_fits(const struct propagation_check *check, size_t want, struct str value)
{
    if (check->fits != NULL)
        return check->fits(check->fits_arg, want, value);
    return str_eq(str_of(check->wants[want].value), value);
}

static void answer_read(struct propagation_check *check, size_t owner, size_t target,
                        const struct dns_reply *reply)
{
    struct heard *heard = heard_at(check, owner, target);
    const char *name = check->owners[owner].name;
    for (size_t i = 0; i < reply->n_records; i++) {
        const struct dns_record *r = &reply->records[i];
        if (r->section != DNS_ANSWER || strcmp(r->owner, name) != 0)
            continue;
        if (r->type == DNS_CNAME)
            mem_set_str(&heard->why, r->data);
        if (r->type != DNS_TXT)
            continue;
        heard->n_values++;
        for (size_t w = check->owners[owner].first; w != 0; w = check->wants[w - 1].next)
            if (value_fits(check, w - 1, str_mem(r->data, r->data_len)))
                check->shows[(w - 1) * check->n_targets + target] = true;
    }
}

static void reply_heard(struct propagation_check *check, size_t owner, size_t target,
                        const struct dns_reply *reply)
{
    struct heard *heard = heard_at(check, owner, target);
    bool plain = reply->rcode == DNS_NOERROR || reply->rcode == DNS_NXDOMAIN;
    check->targets[target].n_silences = 0;
    heard->rcode = reply->rcode;
    heard->kind = plain && (reply->authoritative || check->recurse) ? HEARD_ANSWER : HEARD_LAME;
    if (heard->kind == HEARD_ANSWER)
        answer_read(check, owner, target, reply);
}

static void failure_heard(struct propagation_check *check, size_t owner, size_t target,
                          const struct err *err)
{
    struct heard *heard = heard_at(check, owner, target);
    struct str why = ask_failure_text(err);
    if (err->kind == ERR_BROKEN) {
        heard->kind = HEARD_LAME;
        heard->why = mem_printf("gives no answer that can be understood (%.*s)", STR_ARG(why));
        return;
    }
    bool is_silence = str_starts(why, STR("no answer"));
    heard->kind = is_silence ? HEARD_SILENCE : HEARD_FAILURE;
    heard->why = mem_strndup(why.p, why.len);
    check->targets[target].n_silences++;
}

static void check_ask(struct propagation_check *check);

static void flight_landed(void *arg, const struct dns_reply *reply, const struct err *err)
{
    struct flight *flight = arg;
    struct propagation_check *check = flight->check;
    flight->call = NULL;
    check->n_flying--;
    if (reply != NULL)
        reply_heard(check, flight->owner, flight->target, reply);
    else
        failure_heard(check, flight->owner, flight->target, err);
    check_ask(check);
}

/* A target that is silent about several names in a row will be so about all: waiting for each would cost minutes. */
static bool target_is_worth_asking(const struct target *target)
{
    return !target->has_no_route && target->n_silences < SILENCES_MAX;
}

static void flight_start(struct propagation_check *check, size_t owner, size_t target)
{
    struct flight *flight = check->flights;
    while (flight->call != NULL)
        flight++;
    flight->check = check;
    flight->owner = owner;
    flight->target = target;
    struct dns_question question = {
        .name = check->owners[owner].name,
        .type = DNS_TXT,
        .server = check->targets[target].seat.address,
        .recurse = check->recurse,
        .timeout_ms = check->timeout_ms,
    };
    check->n_flying++;
    check->n_questions++;
    flight->call = dns_ask(check->dns, &question, flight_landed, flight);
}

static void check_ask(struct propagation_check *check)
{
    size_t n_cells = check->n_owners * check->n_targets;
    for (; check->next < n_cells && check->n_flying < check->n_flights; check->next++) {
        size_t owner = check->next / check->n_targets, target = check->next % check->n_targets;
        if (target_is_worth_asking(&check->targets[target]))
            flight_start(check, owner, target);
    }
    if (check->n_flying == 0)
        check_finish(check);
}

static void check_begin(void *arg)
{
    struct propagation_check *check = arg;
    check->soon = NULL;
    check_ask(check);
}

static void targets_fill(struct propagation_check *check, const struct zone_info *zone)
{
    size_t n = 0;
    for (size_t i = 0; i < zone->n_servers; i++)
        n += zone->servers[i].n_addresses;
    check->targets = NEW_N(n, struct target);
    for (size_t i = 0; i < zone->n_servers; i++)
        for (size_t j = 0; j < zone->servers[i].n_addresses; j++) {
            struct target *target = &check->targets[check->n_targets++];
            struct net_address ip;
            bool name_is_address = net_address_parse(str_of(zone->servers[i].name), 1, &ip);
            target->server = i;
            target->name = name_is_address ? NULL : mem_strdup(zone->servers[i].name);
            target->seat = (struct ask_seat){target->name, zone->servers[i].addresses[j]};
            target->has_no_route = !route_exists(&target->seat.address);
        }
    size_t last = SIZE_MAX;
    for (size_t i = 0; i < check->n_targets; i++) {
        if (check->targets[i].has_no_route || check->targets[i].server == last)
            continue;
        last = check->targets[i].server;
        check->n_servers++;
    }
}

static void wants_fill(struct propagation_check *check, const struct propagation_want *wants,
                       size_t n)
{
    struct name_map seen = {0};
    check->wants = NEW_N(n, struct want);
    check->owners = NEW_N(n, struct owner);
    check->n_wants = n;
    for (size_t i = 0; i < n; i++) {
        struct owner *owner = name_map_find(&seen, wants[i].owner);
        if (owner == NULL) {
            owner = &check->owners[check->n_owners++];
            owner->name = mem_strdup(wants[i].owner);
            name_map_set(&seen, wants[i].owner, owner);
        }
        check->wants[i] = (struct want){.value = mem_strdup(wants[i].value),
                                        .present = wants[i].present,
                                        .owner = (size_t)(owner - check->owners),
                                        .next = owner->first};
        owner->first = i + 1;
    }
    name_map_fini(&seen);
}

struct propagation_check *propagation_start(struct loop *loop, struct dns *dns,
                                            const struct zone_info *zone,
                                            const struct propagation_want *wants, size_t n,
                                            const struct propagation_options *options,
                                            propagation_done *done, void *arg)
{
    static const struct propagation_options usual = {0};
    const struct propagation_options *o = options != NULL ? options : &usual;
    struct propagation_check *check = NEW(struct propagation_check);
    *check =
        (struct propagation_check){.dns = dns,
                                   .done = done,
                                   .arg = arg,
                                   .fits = o->fits,
                                   .fits_arg = o->fits_arg,
                                   .recurse = o->recurse,
                                   .timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS,
                                   .n_flights = o->parallel > 0 ? o->parallel : PARALLEL};
    targets_fill(check, zone);
    check->floor = o->rules != NULL ? propagation_floor(o->rules, check->n_servers) : 1;
    wants_fill(check, wants, n);
    check->heard = NEW_N(check->n_owners * check->n_targets, struct heard);
    check->shows = NEW_N(n * check->n_targets, bool);
    check->flights = NEW_N(check->n_flights, struct flight);
    check->soon = timer_start(loop, 0, check_begin, check);
    return check;
}

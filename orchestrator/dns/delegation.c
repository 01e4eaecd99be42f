#include "dns/delegation.h"

#include "dns/dns_name.h"

static const char *const state_names[] = {
    [DELEGATION_DIRECT] = "direct",     [DELEGATION_FOLLOWED] = "followed",
    [DELEGATION_MISSING] = "missing",   [DELEGATION_ELSEWHERE] = "elsewhere",
    [DELEGATION_UNSERVED] = "unserved", [DELEGATION_UNKNOWN] = "unknown",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == DELEGATION_UNKNOWN + 1,
               "a name for every state");

const char *delegation_state_name(enum delegation_state state)
{
    return state_names[state];
}

bool delegation_is_good(enum delegation_state state)
{
    return state == DELEGATION_DIRECT || state == DELEGATION_FOLLOWED;
}

/* One way into DNS: from the challenge as a CA goes it, or from the alias as we do. */
struct way {
    struct look *look;
    struct zone_find *find;
    struct zone_info *info; /* NULL: see err */
    struct err err;
};
struct look {
    size_t *n_open; /* ways of all looks */
    const char *challenge;
    char *alias; /* as a DNS name is written, or NULL */
    struct way ca, ours;
};

static void way_found(void *arg, const struct zone_info *info, const struct err *err)
{
    struct way *way = arg;
    way->find = NULL;
    if (info != NULL)
        way->info = zone_info_copy(info);
    else
        way->err = *err;
    --*way->look->n_open;
}

static void way_start(struct way *way, struct look *look, struct zone_finder *finder,
                      const char *alias)
{
    way->look = look;
    ++*look->n_open;
    way->find = zone_finder_find(finder, look->challenge, alias, way_found, way);
}

/* The zone of a challenge with an alias may be nobody's of ours; then it is looked for as the alias is, but where that has name
 * servers of its own configured, which know no other zone. */
static struct zone_finder *finder_of_ca(struct house *house, struct zone_finders *finders,
                                        const struct look *look)
{
    const struct provider_config *p = config_provider_for(house->config, look->challenge);
    if (p == NULL && look->alias != NULL)
        p = config_provider_for(house->config, look->alias);
    return zone_finders_of(finders,
                           p != NULL && p->n_authoritative > 0 && look->alias != NULL ? NULL : p);
}

static void look_start(struct look *look, struct house *house, struct zone_finders *finders)
{
    way_start(&look->ca, look, finder_of_ca(house, finders, look), NULL);
    if (look->alias == NULL)
        return;
    const struct provider_config *p = config_provider_for(house->config, look->alias);
    way_start(&look->ours, look, zone_finders_of(finders, p), look->alias);
}

static void way_fini(struct way *way)
{
    zone_finder_cancel(way->find);
    zone_info_free(way->info);
}

/* ---- what it comes to ---- */

struct telling {
    struct house *house;
    const struct look *look;
    struct delegation_view view;
    struct buf text, record;
};

static void view_is_unknown(struct telling *t, const struct err *why)
{
    t->view.state = DELEGATION_UNKNOWN;
    t->view.err = *why;
    buf_add_cstr(&t->text, why->text);
}

static void record_to_create(struct telling *t)
{
    buf_printf(&t->record, "%s. IN CNAME %s.", t->look->challenge, t->look->alias);
}

/* Where the record is published, and by whom. */
static bool view_publishes(struct telling *t, const struct zone_info *info)
{
    struct delegation_view *view = &t->view;
    view->owner = info->owner;
    view->zone = info->zone;
    view->provider = config_provider_for(t->house->config, info->owner);
    if (view->provider != NULL)
        return true;
    view->state = DELEGATION_UNSERVED;
    buf_printf(&t->text,
               "%s %s, but no provider of chancery.yaml has the zone %s: add that zone to one%s",
               info->n_hops > 0 ? "its CNAME leads to" : "its TXT record belongs at", info->owner,
               info->zone, info->n_hops > 0 ? ", or remove the CNAME" : "");
    return false;
}

static void look_tell_plain(struct telling *t)
{
    const struct zone_info *info = t->look->ca.info;
    if (info == NULL) {
        view_is_unknown(t, &t->look->ca.err);
        return;
    }
    if (!view_publishes(t, info))
        return;
    t->view.state = info->n_hops > 0 ? DELEGATION_FOLLOWED : DELEGATION_DIRECT;
    if (info->note != NULL)
        buf_add_cstr(&t->text, info->note);
}

/* Does the wildcard's CNAME lead a CA to the alias, or to where that leads? */
static bool wildcard_leads_there(const struct look *look)
{
    const struct zone_info *ca = look->ca.info, *ours = look->ours.info;
    return ca->unfollowed != NULL && ca->is_wildcard &&
           (strcmp(ca->unfollowed, look->alias) == 0 || strcmp(ca->unfollowed, ours->owner) == 0);
}

static void view_is_missing(struct telling *t, const struct zone_info *ca)
{
    t->view.state = DELEGATION_MISSING;
    record_to_create(t);
    if (ca->unfollowed != NULL && ca->is_wildcard)
        buf_printf(&t->text, "a wildcard leads it to %s instead of the challenge_alias %s",
                   ca->unfollowed, t->look->alias);
    else
        buf_printf(&t->text, "no CNAME stands there, so no CA would look at the challenge_alias %s",
                   t->look->alias);
}

static void look_tell_alias(struct telling *t)
{
    const struct look *look = t->look;
    const struct zone_info *ca = look->ca.info, *ours = look->ours.info;
    if (ca == NULL || ours == NULL) {
        view_is_unknown(t, ours == NULL ? &look->ours.err : &look->ca.err);
        if (ca == NULL && ours != NULL && look->ca.err.kind == ERR_REFUSED)
            record_to_create(t);
        return;
    }
    if (!view_publishes(t, ours))
        return;
    t->view.state = DELEGATION_FOLLOWED;
    if (strcmp(ca->owner, ours->owner) == 0)
        return;
    if (wildcard_leads_there(look)) {
        buf_printf(&t->text,
                   "a wildcard makes up its CNAME to %s: that ends as soon as any record stands at "
                   "the name",
                   ca->unfollowed);
    } else if (ca->n_hops == 0) {
        view_is_missing(t, ca);
    } else {
        t->view.state = DELEGATION_ELSEWHERE;
        buf_printf(&t->text, "its CNAME leads to %s, not to the challenge_alias %s", ca->owner,
                   look->alias);
        record_to_create(t);
    }
}

static void look_tell(struct house *house, const struct look *look, delegation_told *told,
                      void *arg)
{
    struct telling t = {.house = house,
                        .look = look,
                        .view = {.challenge = look->challenge, .alias = look->alias},
                        .text = BUF(2 * ERR_TEXT_MAX),
                        .record = BUF(1024)};
    if (look->ca.info != NULL) {
        t.view.hops = (const char *const *)look->ca.info->hops;
        t.view.n_hops = look->ca.info->n_hops;
    }
    if (look->alias != NULL)
        look_tell_alias(&t);
    else
        look_tell_plain(&t);
    t.view.text = buf_cstr(&t.text);
    t.view.record = t.record.len > 0 ? buf_cstr(&t.record) : NULL;
    told(arg, &t.view);
    buf_fini(&t.text);
    buf_fini(&t.record);
}

bool delegation_survey(struct house *house, struct zone_finders *finders,
                       const struct delegation_name *names, size_t n, delegation_told *told,
                       void *arg)
{
    struct look *looks = NEW_N(n, struct look);
    size_t n_open = 0;
    for (size_t i = 0; i < n; i++) {
        looks[i].n_open = &n_open;
        looks[i].challenge = names[i].challenge;
        looks[i].alias = names[i].alias != NULL ? dns_name_normalise(names[i].alias) : NULL;
        look_start(&looks[i], house, finders);
    }
    while (n_open > 0 && loop_n_stops(house->loop) == 0)
        loop_wait(house->loop, INT64_MAX);
    for (size_t i = 0; n_open == 0 && i < n; i++)
        look_tell(house, &looks[i], told, arg);
    for (size_t i = 0; i < n; i++) {
        way_fini(&looks[i].ca);
        way_fini(&looks[i].ours);
        mem_free(looks[i].alias);
    }
    mem_free(looks);
    return n_open == 0;
}

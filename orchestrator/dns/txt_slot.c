#include "dns/txt_wish.h"

/*
 * Where a name holds one value, a second one would write over the first. Wishes for one place are therefore served in the order they were
 * made, whatever else their orders wait for: two orders that want the same two places cannot each get one of them.
 */

static const char *wish_place(const struct dns_provider *provider, const struct txt_wish *w)
{
    const char *owner = w->owner != NULL ? w->owner : w->alias != NULL ? w->alias : w->challenge;
    return dns_provider_place(provider, owner);
}

struct rivals {             /* other values at the place of a wish */
    size_t n_before, n_own; /* that go first; that its own order wants as well */
    struct txt_wish *first; /* of those that go first */
    struct txt_wish *left;  /* of its own order, wanted no more */
};

/* Two wishes for one record are one value. */
static bool is_counted(const struct txt_wish *w, const struct txt_wish *other)
{
    LIST_EACH (it, &w->desk->wishes) {
        const struct txt_wish *before = LIST_OWNER(it, struct txt_wish, in_desk);
        if (before == other)
            return false;
        if (before != w && strcmp(before->value, other->value) == 0 &&
            strcmp(wish_place(w->provider->provider, before),
                   wish_place(w->provider->provider, other)) == 0 &&
            before->may_stand == other->may_stand)
            return true;
    }
    return false;
}

static bool is_of_its_order(const struct txt_wish *w, const struct txt_wish *other)
{
    return other->order != NULL && other->order == w->order;
}

static void rival_take(struct txt_wish *w, struct txt_wish *other, bool is_earlier,
                       struct rivals *rivals)
{
    bool own = is_of_its_order(w, other);
    if (own && other->present && other->asked_for)
        rivals->n_own++;
    if (own && !other->asked_for && other->may_stand)
        rivals->left = other;
    bool is_asked = other->present && (other->asked_for || !own);
    if (!other->may_stand && !(is_earlier && is_asked))
        return;
    rivals->n_before++;
    if (rivals->first == NULL)
        rivals->first = other;
}

static struct rivals rivals_of(struct txt_wish *w)
{
    const struct dns_provider *provider = w->provider->provider;
    struct rivals rivals = {0};
    bool is_earlier = true;
    LIST_EACH (it, &w->desk->wishes) {
        struct txt_wish *other = LIST_OWNER(it, struct txt_wish, in_desk);
        if (other == w)
            is_earlier = false;
        else if (other->state != WISH_GONE && strcmp(other->value, w->value) != 0 &&
                 strcmp(wish_place(provider, other), wish_place(provider, w)) == 0 &&
                 !is_counted(w, other))
            rival_take(w, other, is_earlier, &rivals);
    }
    return rivals;
}

/* ---- what it comes to ---- */

static bool wish_cannot_be_had(struct txt_wish *w, const struct rivals *rivals)
{
    const struct dns_provider *provider = w->provider->provider;
    struct err why;
    err_set(&why, ERR_CONFIG,
            "%s needs %zu values at once, but provider %s (%s) holds %u there: give the names sets "
            "of their own, a name and its wildcard too, or delegate with challenge_alias to a zone "
            "of another provider",
            wish_place(provider, w), rivals->n_own + 1, w->provider->name, provider->name,
            provider->values_max);
    txt_wish_fail(w, &why);
    return true;
}

static bool wish_is_shut_out(struct txt_wish *w, const struct txt_wish *standing)
{
    struct err why;
    err_set(&why, ERR_CONFIG,
            "%s: the record that stands at %s takes the place of it at provider %s (%s): withdraw "
            "it, or delegate with challenge_alias to a zone of another provider",
            w->owner, standing->challenge, w->provider->name, w->provider->provider->name);
    txt_wish_fail(w, &why);
    return true;
}

/* Told once, not in every turn. */
static bool wish_waits(struct txt_wish *w, const struct txt_wish *first)
{
    struct err why;
    err_set(&why, ERR_AGAIN,
            "%s waits for the value of set %s to be gone: provider %s (%s) holds %u at a name",
            w->owner, first->set, w->provider->name, w->provider->provider->name,
            w->provider->provider->values_max);
    if (w->failure.kind == why.kind && strcmp(w->failure.text, why.text) == 0)
        return true;
    w->failure = why;
    txt_wish_touch(w);
    house_say(w->desk->house, w->set, "dns", "%s", why.text);
    return true;
}

/* ---- a command's desk holds the command's wishes only: what stands for orders tell the rows ---- */

static bool desk_has(const struct txt_desk *desk, int64_t id)
{
    LIST_EACH (it, &desk->wishes) {
        const struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_desk);
        if (!w->stands && w->id == id)
            return true;
    }
    return false;
}

static bool row_is_rival(const struct txt_wish *w, const struct rows *rows)
{
    const struct dns_provider *provider = w->provider->provider;
    const char *alias = rows_text(rows, 15), *owner = rows_text(rows, 6);
    const char *name = owner != NULL ? owner : alias != NULL ? alias : rows_text(rows, 3);
    return strcmp(rows_text(rows, 10), wish_state_name(WISH_PLANNED)) != 0 &&
           strcmp(rows_text(rows, 7), w->value) != 0 && !desk_has(w->desk, rows_int(rows, 0)) &&
           strcmp(dns_provider_place(provider, name), wish_place(provider, w)) == 0;
}

/* How many such rows there are; *ret_set, to be freed, is whose the first is. */
static size_t rows_that_stand(const struct txt_wish *w, char **ret_set)
{
    struct rows rows;
    size_t n = 0;
    if (w->desk->holds_all || !store_query(w->desk->house->store, &rows, NULL, SQL_TXT_OPEN, ""))
        return 0;
    while (rows_next(&rows))
        if (row_is_rival(w, &rows) && n++ == 0)
            *ret_set = mem_strdup(rows_text(&rows, 2));
    rows_end(&rows, NULL);
    return n;
}

/* Writing would take it away, and so would removing where that leaves no value at all. */
static bool wish_would_take_away(struct txt_wish *w, size_t n_before)
{
    AUTO(mem_fini)
    char *set = NULL;
    size_t most = w->provider->provider->values_max, n = rows_that_stand(w, &set);
    struct err why;
    if (n == 0 || (w->present ? n_before + n < most : most > 1))
        return false;
    err_set(&why, ERR_CONFIG,
            "%s holds the value of %s, and provider %s (%s) has room for %zu there: it is not "
            "written over; try again when that is over",
            w->owner, set, w->provider->name, w->provider->provider->name, most);
    txt_wish_fail(w, &why);
    return true;
}

bool txt_slot_holds_back(struct txt_wish *w)
{
    unsigned most = w->provider->provider->values_max;
    if (most == 0)
        return false;
    if (!w->present)
        return wish_would_take_away(w, 0);
    if (w->order != NULL && w->order->failure.kind != ERR_NONE)
        return true;
    struct rivals rivals = rivals_of(w);
    if (rivals.n_own >= most)
        return wish_cannot_be_had(w, &rivals);
    if (rivals.n_before < most)
        return wish_would_take_away(w, rivals.n_before);
    /* Nobody else would take it away before the order ends, and the order waits for this one. */
    if (rivals.left != NULL)
        txt_wish_turn(rivals.left);
    if (rivals.first->stands && rivals.first->present)
        return wish_is_shut_out(w, rivals.first);
    return wish_waits(w, rivals.first);
}

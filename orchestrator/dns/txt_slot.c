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

bool txt_slot_holds_back(struct txt_wish *w)
{
    unsigned most = w->provider->provider->values_max;
    if (!w->present || most == 0)
        return false;
    if (w->order != NULL && w->order->failure.kind != ERR_NONE)
        return true;
    struct rivals rivals = rivals_of(w);
    if (rivals.n_own >= most)
        return wish_cannot_be_had(w, &rivals);
    if (rivals.n_before < most)
        return false;
    /* Nobody else would take it away before the order ends, and the order waits for this one. */
    if (rivals.left != NULL)
        txt_wish_turn(rivals.left);
    if (rivals.first->stands && rivals.first->present)
        return wish_is_shut_out(w, rivals.first);
    return wish_waits(w, rivals.first);
}

#include "distribution/guard.h"

static bool held_back(const struct guard_case *c, struct err *err, const char *why)
{
    char ends[TIME_TEXT_MAX], begins[TIME_TEXT_MAX];
    time_format(c->certificate->not_before_at_ms, false, begins);
    time_format(c->certificate->not_after_at_ms, false, ends);
    return err_set(err, ERR_REFUSED, "held back: %s (valid from %s to %s)", why, begins, ends);
}

/* The chain was complete when it came from the CA; a root that the CA sent is not stored. */
static bool pair_is_sound(const struct guard_case *c, int64_t *ret_again_at_ms, struct err *err)
{
    const struct certificate *certificate = c->certificate;
    enum chain_fault fault =
        chain_check(c->chain, c->spki_hex, (const char *const *)certificate->names,
                    certificate->n_names, c->now_ms, 0);
    if (fault == CHAIN_FINE || fault == CHAIN_NO_CHAIN)
        return true;
    if (fault == CHAIN_FUTURE)
        *ret_again_at_ms = certificate->not_before_at_ms;
    return held_back(c, err, chain_fault_text(fault));
}

static bool names_stay(const struct guard_case *c, struct err *err)
{
    struct cert_facts facts = {.names = c->certificate->names, .n_names = c->certificate->n_names};
    for (size_t i = 0; i < c->n_names; i++) {
        if (cert_names_cover(&facts, c->names[i]))
            continue;
        if (c->served == NULL)
            return err_set(err, ERR_REFUSED, "held back: it does not cover %s", c->names[i]);
        if (cert_names_cover(c->served, c->names[i]))
            return err_set(err, ERR_REFUSED, "held back: it does not cover %s, which is served now",
                           c->names[i]);
    }
    return true;
}

static bool text_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A CA that stood in for another was not asked for by a change of the set: their wishes are equal. */
static bool was_wished_for(const struct certificate *held, const struct certificate *certificate)
{
    return held != NULL && !text_same(held->want, certificate->want) &&
           (!text_same(held->profile, certificate->profile) ||
            !text_same(held->directory, certificate->directory));
}

static bool ends_no_earlier(const struct guard_case *c, struct err *err)
{
    char ends[TIME_TEXT_MAX], served_ends[TIME_TEXT_MAX];
    const struct certificate *certificate = c->certificate;
    if (c->forced || c->served == NULL || c->served_is_revoked ||
        strcmp(c->served->sha256_hex, certificate->sha256) == 0 ||
        was_wished_for(c->served_held, certificate) ||
        certificate->not_after_at_ms >= c->served->not_after_at_ms)
        return true;
    time_format(certificate->not_after_at_ms, false, ends);
    time_format(c->served->not_after_at_ms, false, served_ends);
    return err_set(
        err, ERR_REFUSED,
        "held back: it ends at %s, before what is served now (%s); to deliver it all the "
        "same: chancery deploy --force %s",
        ends, served_ends, certificate->set_name);
}

bool guard_admits(const struct guard_case *c, int64_t *ret_again_at_ms, struct err *err)
{
    int64_t again_at_ms = INT64_MAX;
    if (c->certificate->revoked_at_ms != 0)
        held_back(c, err, "it is revoked");
    else if (pair_is_sound(c, &again_at_ms, err) && names_stay(c, err) && ends_no_earlier(c, err))
        return true;
    *ret_again_at_ms = again_at_ms;
    return false;
}

/* What a story expects of certificates, and of what the CAs count. */
#include "story.h"

#include "base/json.h"
#include "inventory/config.h"
#include "inventory/held.h"
#include "inventory/register.h"

#include <stdio.h>

#define ACT(name) static void name(struct story *s, const struct args *a)

void expect_number(struct story *s, const char *what, int64_t got, int64_t least, int64_t most)
{
    if (got >= least && got <= most)
        return;
    if (least == most)
        story_fail(s, "%lld %s instead of %lld", (long long)got, what, (long long)least);
    else
        story_fail(s, "%lld %s, %s %lld", (long long)got, what,
                   got < least ? "less than" : "more than",
                   (long long)(got < least ? least : most));
}

bool expect_look(struct story *s, struct house *house)
{
    struct err err;
    if (program_look(&s->program, house, &err))
        return true;
    story_fail(s, "%s", err.text);
    return false;
}

/* ---- certificates ---- */

static bool names_equal(const struct certificate *held, const char *const *names, size_t n)
{
    size_t n_found = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < held->n_names; j++)
            n_found += strcmp(held->names[j], names[i]) == 0 ? 1 : 0;
    return n_found == n && held->n_names == n;
}

/* The current certificate can be served now: its key is held, its chain is whole. */
static void certificate_check(struct story *s, struct house *house, const struct certificate *held)
{
    AUTO(chain_fini)
    struct chain *chain = NULL;
    AUTO(key_fini)
    struct key *key = NULL;
    char spki[SPKI_HEX_MAX];
    struct err err;
    bool is_here = held->key_id != 0;
    if (!chain_parse_pem(buf_str(&held->chain_pem), &chain, &err) ||
        !(is_here ? held_key_load(house, held->key_id, &key, &err)
                  : held_request_spki(house, held, spki, &err))) {
        story_fail(s, "the certificate cannot be served: %s", err.text);
        return;
    }
    if (is_here)
        key_spki(key, spki);
    enum chain_fault fault =
        chain_check(chain, spki, (const char *const *)held->names, held->n_names, world.now_ms, 0);
    if (fault != CHAIN_FINE)
        story_fail(s, "the certificate cannot be served: %s", chain_fault_text(fault));
}

static void expect_certificate(struct story *s, const char *set, const char *const *names, size_t n)
{
    struct house house;
    struct certificate *held = NULL;
    struct err err;
    if (!expect_look(s, &house))
        return;
    if (!held_current(&house, set, true, &held, &err))
        story_fail(s, "no certificate of %s: %s", set, err.text);
    else if (n > 0 && !names_equal(held, names, n))
        story_fail(s, "the certificate of %s has other names", set);
    else
        certificate_check(s, &house, held);
    certificate_free(held);
    program_look_end(&house);
}

ACT(certificate_for)
{
    expect_certificate(s, "main", a->w, a->n_w);
}
ACT(certificate_of)
{
    expect_certificate(s, a->w[0], a->w + 1, a->n_w - 1);
}
ACT(certificate_any)
{
    (void)a;
    expect_certificate(s, "main", NULL, 0);
}

static size_t n_versions(struct story *s, const char *set)
{
    struct house house;
    struct certificate **list = NULL;
    size_t n = 0;
    struct err err;
    if (!expect_look(s, &house))
        return 0;
    if (!held_versions(&house, set, &list, &n, &err))
        story_fail(s, "%s", err.text);
    certificates_free(list, n);
    program_look_end(&house);
    return n;
}

ACT(certificates)
{
    expect_number(s, "certificates", (int64_t)n_versions(s, "main"), a->n[0], a->n[0]);
}
ACT(certificates_of)
{
    expect_number(s, "certificates", (int64_t)n_versions(s, a->w[0]), a->n[0], a->n[0]);
}
ACT(no_certificate)
{
    (void)a;
    expect_number(s, "certificates", (int64_t)n_versions(s, "main"), 0, 0);
}
ACT(no_certificate_of)
{
    expect_number(s, "certificates", (int64_t)n_versions(s, a->w[0]), 0, 0);
}

/* One field of the current certificate. */
static void expect_field(struct story *s, const char *what,
                         char *(*field)(const struct certificate *), const char *wanted)
{
    struct house house;
    struct certificate *held = NULL;
    struct err err;
    if (!expect_look(s, &house))
        return;
    if (!held_current(&house, "main", false, &held, &err))
        story_fail(s, "%s", err.text);
    else if (strcmp(field(held), wanted) != 0)
        story_fail(s, "%s is %s, not %s", what, field(held), wanted);
    certificate_free(held);
    program_look_end(&house);
}
static char *field_authority(const struct certificate *c)
{
    return c->authority;
}
static char *field_key(const struct certificate *c)
{
    return c->key_kind;
}
ACT(issued_by)
{
    expect_field(s, "the authority", field_authority, a->w[0]);
}
ACT(key_is)
{
    expect_field(s, "the key", field_key, a->w[0]);
}
/* Of each lane in order of preference; every pair can be served now. */
ACT(keys_are)
{
    struct house house;
    struct certificate **unit = NULL;
    size_t n = 0;
    struct err err;
    if (!expect_look(s, &house))
        return;
    if (!held_unit(&house, "main", true, &unit, &n, &err))
        story_fail(s, "%s", err.text);
    expect_number(s, "current certificates", (int64_t)n, (int64_t)a->n_w, (int64_t)a->n_w);
    for (size_t i = 0; i < n && i < a->n_w; i++) {
        certificate_check(s, &house, unit[i]);
        if (strcmp(unit[i]->key_kind, a->w[i]) != 0)
            story_fail(s, "key %zu is %s, not %s", i + 1, unit[i]->key_kind, a->w[i]);
        if (n > 1 && unit[i]->lane[0] == '\0')
            story_fail(s, "key %zu has no lane of its own", i + 1);
    }
    certificates_free(unit, n);
    program_look_end(&house);
}
ACT(never_expired)
{
    (void)a;
    expect_number(s, "times a run found an expired certificate", (int64_t)s->n_expired, 0, 0);
    expect_certificate(s, "main", NULL, 0);
}

/* ---- what the CA counts ---- */

static const struct fake_counts *counts(struct story *s, const char *ca)
{
    static const struct fake_counts none;
    struct world_ca *found = world_ca(ca);
    if (found == NULL)
        story_fail(s, "there is no %s", ca);
    return found != NULL ? fake_ca_counts(found->fake) : &none;
}

ACT(revoked_at)
{
    expect_number(s, "revoked at the CA", counts(s, a->w[0])->revoked, a->n[0], a->n[0]);
}
ACT(orders_at)
{
    expect_number(s, "orders at the CA", counts(s, a->w[0])->orders_made, a->n[0], a->n[0]);
}
ACT(orders_at_most)
{
    expect_number(s, "orders at the CA", counts(s, a->w[0])->orders_made, 0, a->n[0]);
}
ACT(certificates_at)
{
    expect_number(s, "certificates at the CA", counts(s, a->w[0])->certificates, a->n[0], a->n[0]);
}
ACT(certificates_at_most)
{
    expect_number(s, "certificates at the CA", counts(s, a->w[0])->certificates, 0, a->n[0]);
}
ACT(failed_validations)
{
    expect_number(s, "failed validations", counts(s, a->w[0])->validations_failed, a->n[0],
                  a->n[0]);
}

ACT(accounts_at)
{
    AUTO(buf_fini)
    struct buf text = BUF(16 << 20);
    AUTO(json_fini)
    struct json *ledger = NULL;
    struct err err;
    if (world_ca(a->w[0]) == NULL)
        return;
    fake_ca_ledger(world_ca(a->w[0])->fake, true, &text);
    if (!json_parse(buf_str(&text), text.max, &ledger, &err))
        story_fail(s, "%s", err.text);
    expect_number(s, "accounts at the CA", (int64_t)json_len(json_find(ledger, "accounts")),
                  a->n[0], a->n[0]);
}

static int64_t n_requests(struct story *s, const char *kind, const char *ca)
{
    const struct fake_counts *c = counts(s, ca);
    for (int i = 0; i < FAKE_KIND_N; i++)
        if (strcmp(fake_kind_name((enum fake_kind)i), kind) == 0)
            return c->requests[i];
    story_fail(s, "there is no request %s", kind);
    return 0;
}

ACT(requests_at)
{
    expect_number(s, a->w[0], n_requests(s, a->w[0], a->w[1]), a->n[0], a->n[0]);
}
ACT(requests_at_most)
{
    expect_number(s, a->w[0], n_requests(s, a->w[0], a->w[1]), 0, a->n[0]);
}

/* What was spent beyond a limit is a fault, however it came about. */
static void limits_expect(struct story *s, int64_t least, int64_t most)
{
    int64_t n = 0, n_overrun = 0;
    for (int i = 0; i < WORLD_CAS_MAX; i++)
        if (world.cas[i].fake != NULL) {
            n += fake_ca_counts(world.cas[i].fake)->limited;
            n_overrun += fake_ca_counts(world.cas[i].fake)->overrun;
        }
    expect_number(s, "refusals by limits", n, least, most);
    expect_number(s, "units beyond a limit", n_overrun, 0, 0);
}
ACT(limits_refuse)
{
    limits_expect(s, a->n[0], a->n[0]);
}
ACT(limits_refuse_at_most)
{
    limits_expect(s, 0, a->n[0]);
}

/* What the CA has issued is what is held, and no key serves twice. */
ACT(nothing_surplus)
{
    (void)a;
    size_t n = 0, n_held = 0;
    for (int i = 0; i < WORLD_CAS_MAX; i++)
        n += fake_ca_n_certificates(world.cas[i].fake);
    for (size_t i = 0; i < s->program.n_sets; i++)
        n_held += n_versions(s, s->program.sets[i].name);
    expect_number(s, "certificates at the CAs", (int64_t)n, (int64_t)n_held, (int64_t)n_held);
    for (size_t i = 0; i < fake_ca_n_certificates(world.cas[0].fake); i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(fake_ca_certificate(world.cas[0].fake, i)->spki_sha256,
                       fake_ca_certificate(world.cas[0].fake, j)->spki_sha256) == 0)
                story_fail(s, "two certificates have the same key");
}

const struct clause story_expect_clauses[] = {
    {"expect", "certificate", "of the set main: current, its key held, its chain whole, valid now",
     certificate_any},
    {"expect", "certificate for %*", "with these names and no other", certificate_for},
    {"expect", "certificate of %w for %*", "of another set", certificate_of},
    {"expect", "no certificate", "main never got one", no_certificate},
    {"expect", "no certificate of %w", "", no_certificate_of},
    {"expect", "%n certificates", "versions of main ever held", certificates},
    {"expect", "%n certificates of %w", "", certificates_of},
    {"expect", "issued by %w", "authority of the current one", issued_by},
    {"expect", "key %w", "its kind", key_is},
    {"expect", "keys %*",
     "the kinds of all current certificates, the preferred first; each can be served", keys_are},
    {"expect", "never expired", "no run found an expired certificate, and there is one now",
     never_expired},
    {"expect", "%n revoked at %w", "", revoked_at},
    {"expect", "%n orders at %w", "", orders_at},
    {"expect", "at most %n orders at %w", "", orders_at_most},
    {"expect", "%n certificates at %w", "", certificates_at},
    {"expect", "at most %n certificates at %w", "", certificates_at_most},
    {"expect", "%n accounts at %w", "", accounts_at},
    {"expect", "%n failed validations at %w", "", failed_validations},
    {"expect", "%n %w requests at %w", "", requests_at},
    {"expect", "at most %n %w requests at %w", "", requests_at_most},
    {"expect", "%n refusals by limits", "of all CAs, and no limit overrun", limits_refuse},
    {"expect", "at most %n refusals by limits", "", limits_refuse_at_most},
    {"expect", "nothing surplus", "what the CAs issued is what is held, no key twice",
     nothing_surplus},
    {NULL, NULL, NULL, NULL},
};

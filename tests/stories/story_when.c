/* What a story says of profiles, and expects of when a certificate is renewed and why. */
#include "story.h"

#include "base/json.h"
#include "inventory/config.h"
#include "inventory/held.h"
#include "inventory/plan.h"
#include "wire_rules.h"

#include <stdio.h>

#define ACT(name) static void name(struct story *s, const struct args *a)

/* ---- profiles ---- */

/* Pairs of a name and a life. */
ACT(ca_offers)
{
    AUTO(json_fini)
    struct json *tree = json_object();
    AUTO(buf_fini)
    struct buf text = BUF(16 * 1024);
    struct json *profiles = json_object();
    struct err err;
    for (size_t i = 0; i + 1 < a->n_w; i += 2) {
        int64_t life_ms = 0;
        if (!duration_parse(str_of(a->w[i + 1]), &life_ms))
            story_fail(s, "%s is no life", a->w[i + 1]);
        json_set_int(profiles, a->w[i], life_ms / MS_SECOND);
    }
    json_set(tree, "profiles", profiles);
    json_set_int(tree, "backdate_s", 0);
    json_format(tree, &text, false);
    if (!fake_ca_set(s->ca->fake, buf_str(&text), &err))
        story_fail(s, "%s: %s", s->ca->name, err.text);
}

/* ---- when, and why ---- */

static struct certificate *current_of(struct story *s)
{
    struct house house;
    struct certificate *held = NULL;
    struct err err;
    if (!expect_look(s, &house))
        return NULL;
    if (!held_current(&house, "main", false, &held, &err))
        story_fail(s, "%s", err.text);
    program_look_end(&house);
    return held;
}

ACT(rule_is)
{
    struct certificate *held = current_of(s);
    if (held != NULL && strcmp(held->due_rule, a->w[0]) != 0)
        story_fail(s, "it is due by %s, not by %s", held->due_rule, a->w[0]);
    certificate_free(held);
}

ACT(profile_is)
{
    struct certificate *held = current_of(s);
    const char *profile = held != NULL && held->profile != NULL ? held->profile : "none";
    if (held != NULL && strcmp(profile, a->w[0]) != 0)
        story_fail(s, "its profile is %s, not %s", profile, a->w[0]);
    certificate_free(held);
}

/* In per cent of its life. */
ACT(due_between)
{
    struct certificate *held = current_of(s);
    if (held != NULL) {
        int64_t life_ms = held->not_after_at_ms - held->not_before_at_ms;
        int64_t percent = (held->due_at_ms - held->not_before_at_ms) * 100 / life_ms;
        expect_number(s, "per cent of its life when it is due", percent, a->n[0], a->n[1]);
    }
    certificate_free(held);
}

struct plan_look {
    struct story *s;
    const char *part;
    bool found;
};

static bool plan_hear(void *arg, const struct plan_line *line)
{
    struct plan_look *look = arg;
    if (strcmp(line->set, "main") == 0) {
        look->found = true;
        if (strstr(line->why, look->part) == NULL)
            story_fail(look->s, "the plan says: %s", line->why);
    }
    return true;
}

ACT(plan_says)
{
    struct house house;
    struct plan_look look = {s, a->w[0], false};
    struct err err;
    if (!expect_look(s, &house))
        return;
    if (!plan_each(&house, true, plan_hear, &look, &err))
        story_fail(s, "%s", err.text);
    else if (!look.found)
        story_fail(s, "the plan has no main");
    program_look_end(&house);
}

ACT(replaced_at)
{
    struct world_ca *ca = world_ca(a->w[0]);
    int64_t n = 0;
    for (size_t i = 0; ca != NULL && i < fake_ca_n_certificates(ca->fake); i++)
        n += fake_ca_certificate(ca->fake, i)->replaced ? 1 : 0;
    expect_number(s, "certificates replaced", n, a->n[0], a->n[0]);
}

ACT(wire_kept)
{
    expect_number(s, "requests that kept the rules of RFC 8555 6", wire_rules_n(), a->n[0],
                  INT64_MAX);
}

const struct clause story_when_clauses[] = {
    {"expect", "at least %n requests keep the rules of the wire",
     "wire_rules.h; a request that breaks one ends any story", wire_kept},
    {"ca", "offers %*", "profiles, each with its life: short 6d long 90d", ca_offers},
    {"expect", "profile %w", "of the current certificate; none", profile_is},
    {"expect", "rule %w", "what its due instant goes by: life, ari", rule_is},
    {"expect", "due at %n to %n percent", "of its life", due_between},
    {"expect", "plan says %s", "of the set main", plan_says},
    {"expect", "%n replaced at %w", "certificates that a later order named as replaced",
     replaced_at},
    {NULL, NULL, NULL, NULL},
};

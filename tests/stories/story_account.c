/* What a person does with the account at the first CA, and how its CA and its settings are. */
#include "story.h"

#include "authority/account_row.h"
#include "leader/account_errands.h"

#include <stdio.h>

#define ACT(name) static void name(struct story *s, const struct args *a)

/* ---- by hand ---- */

static bool account_registers(struct house *house, struct err *err)
{
    AUTO(mem_fini)
    char *url = NULL;
    return leader_account_register(house, "ca1", KEY_ECDSA_P256, &url, err);
}
static bool account_updates(struct house *house, struct err *err)
{
    bool sent;
    return leader_account_update(house, "ca1", false, &sent, err);
}
static bool account_agrees(struct house *house, struct err *err)
{
    bool sent;
    return leader_account_update(house, "ca1", true, &sent, err);
}
static bool account_rolls(struct house *house, struct err *err)
{
    struct account_rolling rolling = {.kind = KEY_KIND_N};
    bool settled;
    return leader_account_roll(house, "ca1", &rolling, &settled, err);
}
static bool account_deactivates(struct house *house, struct err *err)
{
    return leader_account_deactivate(house, "ca1", err);
}

static const struct {
    const char *verb;
    bool (*act)(struct house *house, struct err *err);
} errands[] = {
    {"registers", account_registers},     {"updates", account_updates},
    {"agrees", account_agrees},           {"rolls", account_rolls},
    {"deactivates", account_deactivates},
};

static bool errand_run(struct story *s, const char *verb, struct err *err)
{
    for (size_t i = 0; i < sizeof errands / sizeof errands[0]; i++)
        if (strcmp(errands[i].verb, verb) == 0)
            return program_errand(&s->program, errands[i].act, err);
    story_fail(s, "nobody can do that to an account: %s", verb);
    return true;
}

ACT(account_does)
{
    struct err err;
    if (!errand_run(s, a->w[0], &err) && !s->program.errand_was_killed)
        story_fail(s, "account %s: %s", a->w[0], err.text);
}

ACT(account_cannot)
{
    struct err err;
    if (errand_run(s, a->w[0], &err))
        story_fail(s, "the account %s after all", a->w[0]);
    else if (strstr(err.text, a->w[1]) == NULL)
        story_fail(s, "account %s: \"%s\" is not in \"%s\"", a->w[0], a->w[1], err.text);
}

/* ---- settings ---- */

ACT(config_contact)
{
    mem_set_str(&s->program.contact, a->w[0]);
    program_write_config(&s->program);
}

ACT(config_eab)
{
    mem_set_str(&s->program.eab_kid, a->w[0]);
    mem_set_str(&s->program.eab_key, a->w[1]);
    program_write_config(&s->program);
}

/* The files go; chancery.yaml still names them. */
ACT(config_eab_unreadable)
{
    (void)a;
    program_hide_eab(&s->program);
}

ACT(config_terms)
{
    s->program.agrees = strcmp(a->w[0], "agrees") == 0;
    program_write_config(&s->program);
}

ACT(ca_binds)
{
    char json[600];
    struct err err;
    snprintf(json, sizeof json, "{\"eab_required\": 1, \"eab\": {\"%s\": \"%s\"}}", a->w[0],
             a->w[1]);
    if (!fake_ca_set(s->ca->fake, str_of(json), &err))
        story_fail(s, "%s", err.text);
}

/* ---- what is expected ---- */

ACT(account_is)
{
    struct house house;
    struct err err;
    struct rows rows;
    char status[32] = "absent";
    if (!program_look(&s->program, &house, &err)) {
        story_fail(s, "%s", err.text);
        return;
    }
    /* The newest one. */
    if (store_query(house.store, &rows, &err, SQL_ACCOUNT_LIST, "")) {
        while (rows_next(&rows))
            snprintf(status, sizeof status, "%s", rows_text(&rows, 4));
        rows_end(&rows, &err);
    }
    if (strcmp(status, a->w[0]) != 0)
        story_fail(s, "the account is %s, not %s", status, a->w[0]);
    program_look_end(&house);
}

static int64_t n_accounts_valid(struct story *s)
{
    AUTO(buf_fini)
    struct buf text = BUF(16 << 20);
    AUTO(json_fini)
    struct json *ledger = NULL;
    int64_t n = 0;
    fake_ca_ledger(world.cas[0].fake, true, &text);
    if (!json_parse(buf_str(&text), text.max, &ledger, NULL))
        story_fail(s, "the ledger of the CA is no JSON");
    const struct json *list = json_find(ledger, "accounts");
    for (size_t i = 0; i < json_len(list); i++) {
        const char *status = json_text(json_at(list, i), "status");
        n += status != NULL && strcmp(status, "valid") == 0 ? 1 : 0;
    }
    return n;
}

ACT(accounts_valid)
{
    expect_number(s, "valid accounts at the CA", n_accounts_valid(s), a->n[0], a->n[0]);
}

const struct clause story_account_clauses[] = {
    {"account", "cannot %w %s", "the same, and why it fails", account_cannot},
    {"account", "%w",
     "by hand at the first CA: registers, updates, agrees (to new terms), rolls (its key), "
     "deactivates",
     account_does},
    {"config", "contact %w", "of every CA", config_contact},
    {"config", "eab is unreadable", "the files are gone", config_eab_unreadable},
    {"config", "eab %w %w", "key id and MAC key of the first CA, in files", config_eab},
    {"config", "terms %w", "agrees or refuses", config_terms},
    {"ca", "binds %w %w", "accounts need this key id and MAC key", ca_binds},
    {"expect", "account %w", "status of the newest: new, valid, deactivated, lost, left",
     account_is},
    {"expect", "%n valid accounts", "at the first CA", accounts_valid},
    {NULL, NULL, NULL, NULL},
};

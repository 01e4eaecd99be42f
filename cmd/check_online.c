/* `check --online`: what the CAs would find in DNS, set by set, and the CAA records that would suit. */
#include "cmd/check.h"

#include "cmd/house_open.h"
#include "cmd/options.h"
#include "cmd/persist_view.h"
#include "renewal/preflight_survey.h"

#include <stdio.h>

struct online {
    struct check *check;
    struct survey *survey;
    struct zone_finders *finders; /* beside the survey's: the records of a provider, not CAA */
    const struct set_row *row;
    char **account_urls; /* of the set, known so far; ends with NULL */
    size_t n_account_urls;
    bool is_stopped;
};

/* ---- as JSON ---- */

static struct json *name_json(const struct preflight_view *name, bool caa)
{
    const struct caa_finding *f = &name->finding;
    struct json *tree = json_set_text(json_object(), "name", name->name);
    AUTO(buf_fini)
    struct buf record = BUF(1024);
    json_set_text(tree, "zone", name->zone);
    json_set_text(tree, "caa", caa ? caa_verdict_name(f->verdict) : "not judged");
    json_set_text(tree, "caa_from", f->rrset != NULL ? f->rrset->owner : NULL);
    if (f->record != NULL)
        caa_record_format(f->record, &record);
    json_set_text(tree, "caa_record", f->record != NULL ? buf_cstr(&record) : NULL);
    json_set_text(tree, "dnssec", name->dnssec);
    return json_set_text(tree, "text", name->text);
}

static struct json *advice_json(const struct survey_view *view)
{
    struct json *list = json_array();
    for (size_t i = 0; i < view->n_advice; i++) {
        const struct caa_advice *a = &view->advice[i];
        struct json *one = json_set_text(json_object(), "owner", a->owner);
        json_set_int(one, "flags", 0);
        json_set_text(one, "tag", a->tag);
        json_push(list, json_set_text(one, "value", a->value));
    }
    return list;
}

static struct json *view_json(const struct survey_view *view)
{
    struct json *tree = json_set_text(json_object(), "set", view->set->name);
    struct json *identities = json_array(), *names = json_array();
    json_set_text(tree, "authority", view->authority->name);
    for (size_t i = 0; i < view->n_identities; i++)
        json_push_text(identities, view->identities[i]);
    json_set(tree, "caa_identities", identities);
    json_set_text(tree, "account_url", view->account_url);
    json_set_text(tree, "profile", view->profile);
    if (view->profile_fault->kind != ERR_NONE)
        json_set_text(tree, "profile_fault", view->profile_fault->text);
    json_set_text(tree, "verdict", preflight_state_name(preflight_state(view->preflight)));
    for (size_t i = 0; i < view->n_names; i++) {
        struct preflight_view name = preflight_view(view->preflight, i);
        json_push(names, name_json(&name, view->n_identities > 0));
    }
    json_set(tree, "names", names);
    json_set(tree, "recommended", advice_json(view));
    return json_set_text(tree, "note", view->note);
}

/* ---- for people ---- */

static enum ink state_ink(enum preflight_state state)
{
    return state == PREFLIGHT_CLEAR ? INK_GOOD : state == PREFLIGHT_REFUSED ? INK_BAD : INK_WARN;
}

static void name_print(const struct invocation *in, const struct survey_view *view,
                       const struct preflight_view *name)
{
    const struct caa_finding *f = &name->finding;
    printf("  %s: ", name->name);
    if (view->n_identities == 0)
        printf("CAA not judged");
    else if (f->rrset == NULL)
        printf("CAA permitted (no records)");
    else
        printf("CAA %s%s%s%s", caa_verdict_name(f->verdict),
               f->rrset->is_unknown ? "" : " (records of ",
               f->rrset->is_unknown ? "" : f->rrset->owner, f->rrset->is_unknown ? "" : ")");
    printf(", DNSSEC %s%s%s\n", name->dnssec, name->zone != NULL ? ", zone " : "",
           name->zone != NULL ? name->zone : "");
    if (name->text[0] != '\0' && preflight_state(view->preflight) != PREFLIGHT_REFUSED)
        ink_print(in, INK_WARN, "    %s\n", name->text);
}

static void view_print(const struct invocation *in, const struct survey_view *view)
{
    enum preflight_state state = preflight_state(view->preflight);
    printf("%s at %s: ", view->set->name, view->authority->name);
    ink_print(in, state_ink(state), "%s\n", preflight_state_name(state));
    for (size_t i = 0; i < view->n_names; i++) {
        struct preflight_view name = preflight_view(view->preflight, i);
        name_print(in, view, &name);
    }
    for (size_t i = 0; i < view->n_advice; i++)
        printf("  %s %s. CAA 0 %s \"%s\"\n", i == 0 ? "would suit:" : "           ",
               view->advice[i].owner, view->advice[i].tag, view->advice[i].value);
    if (view->profile_fault->kind != ERR_NONE)
        ink_print(in, INK_BAD, "  %s\n", view->profile_fault->text);
    else if (view->profile != NULL)
        printf("  profile %s: offered\n", view->profile);
    if (view->note[0] != '\0')
        ink_print(in, INK_DIM, "  note: %s\n", view->note);
}

/* ---- the walk ---- */

static void view_find(struct online *online, const struct survey_view *view)
{
    AUTO(yaml_fini)
    struct yaml *doc = check_yaml(online->row->file);
    struct place place =
        doc != NULL ? place_of_value(doc, yaml_tree(doc), "names") : (struct place){0};
    findings_add(&online->check->findings, online->row->file, place, "at %s: %s",
                 view->authority->name, preflight_err(view->preflight)->text);
}

static void profile_find(struct online *online, const struct survey_view *view)
{
    AUTO(yaml_fini)
    struct yaml *doc = check_yaml(online->row->file);
    const char *key = view->set->profiles != NULL ? "profiles" : "profile";
    struct place place = doc != NULL ? place_of_value(doc, yaml_tree(doc), key) : (struct place){0};
    findings_add(&online->check->findings, online->row->file, place, "at %s: %s",
                 view->authority->name, view->profile_fault->text);
}

static void account_remember(struct online *online, const char *url)
{
    size_t n = online->n_account_urls;
    if (url == NULL)
        return;
    online->account_urls = mem_grow(online->account_urls, n, n + 2, sizeof(char *));
    online->account_urls[n] = mem_strdup(url);
    online->account_urls[n + 1] = NULL;
    online->n_account_urls++;
}

static void accounts_forget(struct online *online)
{
    for (size_t i = 0; i < online->n_account_urls; i++)
        mem_free(online->account_urls[i]);
    mem_free(online->account_urls);
    online->account_urls = NULL;
    online->n_account_urls = 0;
}

static void view_told(void *arg, const struct survey_view *view)
{
    struct online *online = arg;
    struct check *check = online->check;
    if (preflight_state(view->preflight) == PREFLIGHT_REFUSED)
        view_find(online, view);
    if (view->profile_fault->kind != ERR_NONE)
        profile_find(online, view);
    account_remember(online, view->account_url);
    if (check->in->json)
        json_push(check->online, view_json(view));
    else if (option_common(check->in, "quiet") == NULL)
        view_print(check->in, view);
}

static bool row_survey(void *arg, const struct set_row *row)
{
    struct online *online = arg;
    struct set_config *set = NULL;
    online->row = row;
    if (row->fault == NULL && register_set(&online->check->house, row->name, &set, NULL))
        online->is_stopped =
            !survey_set(online->survey, set, view_told, online) ||
            !check_delegation(online->check, online->finders, row, set, online->account_urls);
    accounts_forget(online);
    set_config_free(set);
    return !online->is_stopped;
}

/* Accounts are in the real store, the sets as they are written now in the one in memory. */
static void store_try_open(struct invocation *in)
{
    struct err err = {0};
    if (store_exists(in->config->store_path))
        house_open_store(in, in->config->store_path, false, true, &err);
}

static void anchor_note(struct check *check)
{
    const struct dnssec_config *dnssec = &check->in->config->dnssec;
    if (dnssec->check && dnssec->trust_anchor == NULL)
        findings_note(&check->findings,
                      "DNSSEC is not judged: there is no trust anchor; install dns-root-data, or "
                      "set dnssec.trust_anchor");
}

/* Records that stand: what of them needs a person is no fault of a file. */
static void standing_note(struct check *check)
{
    struct invocation *in = check->in;
    struct json *troubles = NULL;
    if (in->house.store == NULL || !persist_troubles(in, &in->house, &troubles))
        return;
    for (size_t i = 0; i < json_len(troubles); i++)
        findings_note(&check->findings, "set %s: %s", json_text(json_at(troubles, i), "set"),
                      json_text(json_at(troubles, i), "text"));
    json_free(troubles);
}

void check_online(struct check *check)
{
    struct invocation *in = check->in;
    struct err err = {0};
    in->house.config = in->config;
    check->online = json_array();
    check->delegations = json_array();
    store_try_open(in);
    house_open_net(in);
    anchor_note(check);
    standing_note(check);
    struct online online = {
        .check = check, .survey = survey_new(&in->house), .finders = zone_finders_new(&in->house)};
    if (!register_each(&check->house, row_survey, &online, &err))
        findings_add_lines(&check->findings, check->path, (struct place){0}, err.text);
    zone_finders_free(online.finders);
    survey_free(online.survey);
}

/* `check --online`: where the TXT records of a set go: zone, provider, CNAMEs, and what is missing on the way. */
#include "cmd/check.h"

#include "cmd/options.h"
#include "dns/delegation.h"

#include <stdio.h>

struct walk {
    struct check *check;
    const struct set_row *row;
    struct json *names; /* for --json */
    bool is_quiet;
};

static struct json *view_json(const struct delegation_view *view)
{
    struct json *tree = json_set_text(json_object(), "challenge", view->challenge);
    struct json *cnames = json_array();
    for (size_t i = 0; i < view->n_hops; i++)
        json_push_text(cnames, view->hops[i]);
    json_set_text(tree, "alias", view->alias);
    json_set_text(tree, "state", delegation_state_name(view->state));
    json_set_text(tree, "owner", view->owner);
    json_set_text(tree, "zone", view->zone);
    json_set_text(tree, "provider", view->provider != NULL ? view->provider->name : NULL);
    json_set(tree, "cnames", cnames);
    json_set_text(tree, "text", view->text);
    return json_set_text(tree, "record", view->record);
}

static void view_print(const struct invocation *in, const struct delegation_view *view)
{
    bool is_good = delegation_is_good(view->state);
    printf("  %s", view->challenge);
    for (size_t i = 1; i < view->n_hops; i++)
        printf(" -> %s", view->hops[i]);
    if (view->owner != NULL && strcmp(view->owner, view->challenge) != 0)
        printf("%s %s", view->n_hops > 0 ? " ->" : ", published at", view->owner);
    if (view->zone != NULL)
        printf(": zone %s", view->zone);
    if (view->provider != NULL)
        printf(", provider %s", view->provider->name);
    ink_print(in, is_good ? INK_GOOD : INK_BAD, "%s%s\n", is_good ? "" : ": ",
              is_good ? "" : delegation_state_name(view->state));
    if (is_good && view->text[0] != '\0')
        ink_print(in, INK_WARN, "    %s\n", view->text);
    if (view->record != NULL)
        printf("    to create: %s\n", view->record);
}

/* What only says that nobody answers is no fault of the set. */
static void view_find(const struct walk *walk, const struct delegation_view *view)
{
    struct findings *findings = &walk->check->findings;
    AUTO(yaml_fini)
    struct yaml *doc = check_yaml(walk->row->file);
    const char *key = view->alias != NULL ? "challenge_alias" : "names";
    struct place place = doc != NULL ? place_of_value(doc, yaml_tree(doc), key) : (struct place){0};
    if (view->state == DELEGATION_UNKNOWN && view->err.kind == ERR_AGAIN)
        findings_note(findings, "set %s: %s: %s", walk->row->name, view->challenge, view->text);
    else
        findings_add(findings, walk->row->file, place, "%s: %s%s%s", view->challenge, view->text,
                     view->record != NULL ? "; create: " : "",
                     view->record != NULL ? view->record : "");
}

static void view_told(void *arg, const struct delegation_view *view)
{
    struct walk *walk = arg;
    if (!delegation_is_good(view->state))
        view_find(walk, view);
    if (walk->check->in->json)
        json_push(walk->names, view_json(view));
    else if (!walk->is_quiet)
        view_print(walk->check->in, view);
}

/* ---- which names ---- */

struct names {
    struct delegation_name *items;
    size_t n;
};

static void name_add(struct names *names, const struct set_config *set, const char *name,
                     const char *account_url)
{
    AUTO(buf_fini)
    struct buf owner = BUF(512);
    challenge_owner(set->challenge, name, account_url, &owner);
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->items[i].challenge, buf_cstr(&owner)) == 0)
            return;
    names->items = mem_grow(names->items, names->n, names->n + 1, sizeof *names->items);
    names->items[names->n++] = (struct delegation_name){buf_take(&owner), set->challenge_alias};
}

/* A record that stands may be a person's, in a zone that no provider of ours has. */
static bool is_left_to_a_person(const struct check *check, const struct set_config *set,
                                const char *name)
{
    return challenge_stands(set->challenge) && set->challenge_alias == NULL &&
           config_provider_for(check->in->config, name) == NULL;
}

/* One name for each account, where a label is made of its URL. */
static void names_fill(struct names *names, struct check *check, const struct set_config *set,
                       char *const *account_urls)
{
    bool is_labelled = set->challenge == CHALLENGE_DNS_ACCOUNT_01;
    if (is_labelled && account_urls == NULL) {
        findings_note(&check->findings,
                      "set %s: there is no account yet, so the label below _acme-challenge of its "
                      "names is not known and its delegation was not looked at",
                      set->name);
        return;
    }
    for (size_t i = 0; i < set->n_names; i++) {
        if (is_left_to_a_person(check, set, set->names[i]))
            continue;
        if (!is_labelled)
            name_add(names, set, set->names[i], NULL);
        for (char *const *url = account_urls; is_labelled && *url != NULL; url++)
            name_add(names, set, set->names[i], *url);
    }
}

bool check_delegation(struct check *check, struct zone_finders *finders, const struct set_row *row,
                      const struct set_config *set, char *const *account_urls)
{
    struct names names = {0};
    struct walk walk = {.check = check,
                        .row = row,
                        .names = json_array(),
                        .is_quiet = option_common(check->in, "quiet") != NULL};
    names_fill(&names, check, set, account_urls);
    if (!check->in->json && !walk.is_quiet && names.n > 0)
        printf("%s, where its TXT records go:\n", set->name);
    bool went_on =
        delegation_survey(&check->in->house, finders, names.items, names.n, view_told, &walk);
    struct json *tree = json_set_text(json_object(), "set", set->name);
    json_push(check->delegations, json_set(tree, "names", walk.names));
    for (size_t i = 0; i < names.n; i++)
        mem_free((char *)(uintptr_t)names.items[i].challenge);
    mem_free(names.items);
    return went_on;
}

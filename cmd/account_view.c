#include "cmd/account_view.h"

#include "cmd/output.h"

#include "authority/account_hold.h"
#include "authority/account_row.h"

bool authority_word_check(struct invocation *in, const char *name)
{
    const struct config *config = in->config;
    if (name == NULL || config_authority(config, name) != NULL)
        return true;
    const char **known = NEW_N(config->n_authorities + 1, const char *);
    for (size_t i = 0; i < config->n_authorities; i++)
        known[i] = config->authorities[i].name;
    const char *near = table_suggest(name, known, config->n_authorities);
    mem_free(known);
    return err_set(&in->err, ERR_CONFIG, "there is no authority \"%.80s\" in %s%s%s%s", name,
                   config->path, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

static bool directory_is(const struct authority_config *a, const char *directory)
{
    return strcmp(a->directory, directory) == 0 ||
           (a->staging != NULL && strcmp(a->staging, directory) == 0);
}

/* Several authorities may share a directory, each with a binding of its own. NULL when it is not configured any more. */
static const struct authority_config *authority_of(const struct config *config,
                                                   const char *directory, const char *eab_from)
{
    const struct authority_config *found = NULL;
    for (size_t i = 0; i < config->n_authorities; i++) {
        const struct authority_config *a = &config->authorities[i];
        bool same = strcmp(a->eab_kid != NULL ? a->eab_kid : "", eab_from) == 0;
        if (directory_is(a, directory) && (same || found == NULL))
            found = a;
        if (found == a && same)
            break;
    }
    return found;
}

static void hold_show(const struct account_hold *hold, struct json *one)
{
    bool is_held = hold->reason != ACCOUNT_HOLD_NONE;
    json_set_text(one, "hold", is_held ? account_hold_name(hold->reason) : NULL);
    json_set_text(one, "hold_failure", hold->failure);
    json_set_text(one, "hold_url", hold->url);
    json_set_time(one, "held_since_at", hold->since_at_ms);
}

static struct json *contact_tree(const char *text)
{
    struct json *contact = NULL;
    if (text != NULL)
        json_parse(str_of(text), JSON_SIZE_MAX, &contact, NULL);
    return contact != NULL ? contact : json_array();
}

/* Null: the CA was told what is configured. */
static void drift_show(const struct authority_config *a, const struct rows *rows, struct json *one)
{
    AUTO(mem_fini)
    char *configured = a != NULL ? contact_format(a->contact) : NULL;
    bool differs = configured != NULL && strcmp(rows_text(rows, 4), "valid") == 0 &&
                   rows_text(rows, 5) != NULL && strcmp(rows_text(rows, 5), configured) != 0;
    json_set(one, "contact_to_send", differs ? contact_tree(configured) : json_new_null());
}

static struct json *account_json(const struct authority_config *a, const struct rows *rows)
{
    struct json *one = json_set_text(json_object(), "authority", a != NULL ? a->name : NULL);
    const char *next = rows_text(rows, 12);
    json_set_text(one, "directory", rows_text(rows, 1));
    json_set_text(one, "status", rows_text(rows, 4));
    json_set_text(one, "url", rows_text(rows, 3));
    json_set(one, "contact", contact_tree(rows_text(rows, 5)));
    drift_show(a, rows, one);
    json_set_bool(one, "external_binding",
                  rows_text(rows, 2) != NULL && rows_text(rows, 2)[0] != '\0');
    json_set_text(one, "key", rows_text(rows, 8));
    json_set_text(one, "key_spki_sha256", rows_text(rows, 9));
    json_set_bool(one, "rollover_pending", next != NULL && strcmp(next, "pending") == 0);
    json_set_text(one, "terms", rows_text(rows, 6));
    json_set_time(one, "created_at", rows_int(rows, 7));
    return json_set_text(one, "failure", rows_text(rows, 10));
}

struct viewing {
    struct invocation *in;
    struct json *list;
    bool *is_listed; /* by authority */
};

static bool row_view(struct viewing *v, const struct rows *rows, const char *authority)
{
    const struct config *config = v->in->config;
    const struct authority_config *a =
        authority_of(config, rows_text(rows, 1), rows_text(rows, 11));
    AUTO(account_hold_fini)
    struct account_hold hold = {0};
    if (authority != NULL && (a == NULL || strcmp(a->name, authority) != 0))
        return true;
    /* An account that another one has replaced is held by nothing. */
    if (a != NULL && strcmp(rows_text(rows, 4), "left") != 0 &&
        !account_hold_find(&v->in->house, a, rows_text(rows, 1), &hold, &v->in->err))
        return false;
    if (a != NULL)
        v->is_listed[a - config->authorities] = true;
    struct json *one = account_json(a, rows);
    hold_show(&hold, one);
    json_push(v->list, one);
    return true;
}

/* Held before there was an account: its terms, for instance, were not agreed to. */
static bool held_view(struct viewing *v, const struct authority_config *a)
{
    AUTO(account_hold_fini)
    struct account_hold hold = {0};
    if (!account_hold_find(&v->in->house, a, a->directory, &hold, &v->in->err))
        return false;
    if (hold.reason == ACCOUNT_HOLD_NONE)
        return true;
    struct json *one = json_set_text(json_object(), "authority", a->name);
    json_set_text(one, "directory", a->directory);
    json_set_text(one, "status", "none");
    hold_show(&hold, one);
    json_push(v->list, one);
    return true;
}

static bool accounts_read(struct viewing *v, const char *authority)
{
    const struct config *config = v->in->config;
    struct rows rows;
    bool ok = true;
    if (!store_query(v->in->house.store, &rows, &v->in->err, SQL_ACCOUNT_LIST, ""))
        return false;
    while (ok && rows_next(&rows))
        ok = row_view(v, &rows, authority);
    ok = rows_end(&rows, ok ? &v->in->err : NULL) && ok;
    for (size_t i = 0; ok && i < config->n_authorities; i++) {
        const struct authority_config *a = &config->authorities[i];
        if (!v->is_listed[i] && (authority == NULL || strcmp(a->name, authority) == 0))
            ok = held_view(v, a);
    }
    return ok;
}

struct json *accounts_view(struct invocation *in, const char *authority)
{
    struct viewing v = {in, json_array(), NEW_N(in->config->n_authorities + 1, bool)};
    bool ok = accounts_read(&v, authority);
    mem_free(v.is_listed);
    if (ok)
        return v.list;
    json_free(v.list);
    return NULL;
}

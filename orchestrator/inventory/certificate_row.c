#include "inventory/held_inside.h"

#include <inttypes.h>

void certificate_free(struct certificate *c)
{
    if (c == NULL)
        return;
    char *const texts[] = {c->set_name, c->authority, c->directory, c->serial,    c->sha256,
                           c->spki,     c->ari_id,    c->key_kind,  c->profile,   c->issuer,
                           c->want,     c->url,       c->lane,      c->chain_wish};
    mem_free(c->due_rule);
    mem_free(c->ari_explanation);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        mem_free(texts[i]);
    for (size_t i = 0; i < c->n_names; i++)
        mem_free(c->names[i]);
    mem_free(c->names);
    buf_fini(&c->chain_pem);
    mem_free(c->fallback);
    mem_free(c);
}

void certificate_rule_format(const struct certificate *c, struct buf *out)
{
    char start[TIME_TEXT_MAX], end[TIME_TEXT_MAX];
    if (c->due_rule != NULL && strcmp(c->due_rule, "key") == 0)
        buf_add_cstr(out, "its key was reported compromised");
    if (c->due_rule != NULL && strcmp(c->due_rule, "step") == 0)
        buf_add_cstr(out, "in step with the other kind of key");
    if (c->due_rule == NULL || strcmp(c->due_rule, "ari") != 0 || c->ari_start_at_ms == 0)
        return;
    time_format(c->ari_start_at_ms, false, start);
    time_format(c->ari_end_at_ms, false, end);
    buf_printf(out, "the CA asks for it between %s and %s", start, end);
    if (c->ari_explanation != NULL)
        buf_printf(out, ", and says why at %s", c->ari_explanation);
}

void certificates_free(struct certificate **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        certificate_free(list[i]);
    mem_free(list);
}

/* Damaged names are no names: the plan sees a certificate that fits nothing and has it made anew. */
static void names_read(struct certificate *c, const char *text)
{
    AUTO(json_fini)
    struct json *list = NULL;
    if (text == NULL || !json_parse(str_of(text), JSON_SIZE_MAX, &list, NULL))
        return;
    size_t n = json_is(list, JSON_ARRAY) ? json_len(list) : 0;
    c->names = NEW_N(n + 1, char *);
    for (size_t i = 0; i < n; i++)
        if (json_as_text(json_at(list, i)) != NULL)
            c->names[c->n_names++] = mem_strdup(json_as_text(json_at(list, i)));
}

struct certificate *certificate_read(const struct rows *rows, int at)
{
    struct certificate *c = NEW(struct certificate);
    char **const texts[] = {&c->set_name, &c->authority, &c->directory, &c->serial,
                            &c->sha256,   &c->spki,      &c->ari_id,    &c->key_kind,
                            &c->profile,  &c->issuer,    &c->want,      &c->url};
    int64_t *const numbers[] = {&c->id, &c->version, &c->account_id, &c->key_id, &c->order_id};
    int64_t *const instants[] = {&c->not_before_at_ms, &c->not_after_at_ms, &c->issued_at_ms,
                                 &c->due_at_ms, &c->revoked_at_ms};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i] = rows_int(rows, at++);
    c->is_current = rows_int(rows, at++) != 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = mem_strdup(rows_text(rows, at++));
    names_read(c, rows_text(rows, at++));
    for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++)
        *instants[i] = rows_int(rows, at++);
    c->lane = mem_strdup(rows_text(rows, at++));
    c->revoked_reason = (int)rows_int(rows, at++);
    c->revoke_asked_at_ms = rows_int(rows, at++);
    c->revoke_reason = (int)rows_int(rows, at++);
    c->revoke_by_key = rows_int(rows, at++) != 0;
    c->revoke_now = rows_int(rows, at++) != 0;
    c->chain_id = rows_int(rows, at++);
    c->chain_wish = mem_strdup(rows_text(rows, at++));
    c->due_rule = mem_strdup(rows_text(rows, at++));
    c->ari_start_at_ms = rows_int(rows, at++);
    c->ari_end_at_ms = rows_int(rows, at++);
    c->ari_explanation = mem_strdup(rows_text(rows, at++));
    c->fallback = mem_strdup(rows_text(rows, at++));
    c->chain_pem = BUF(CHAIN_PEM_MAX);
    return c;
}

static bool chain_load(struct house *house, struct certificate *c, struct err *err)
{
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_CERTIFICATE_CHAIN, "i", c->id))
        return false;
    if (rows_next(&rows)) {
        buf_add_str(&c->chain_pem, rows_blob(&rows, 0));
        if (!rows_is_null(&rows, 1))
            buf_add_str(&c->chain_pem, rows_blob(&rows, 1));
    }
    return rows_end(&rows, err);
}

/* Ends the walk. NULL without an error when it holds no row. */
static bool one_read(struct house *house, struct rows *rows, bool with_chain,
                     struct certificate **ret, struct err *err)
{
    struct certificate *c = rows_next(rows) ? certificate_read(rows, 0) : NULL;
    bool ok = rows_end(rows, err);
    if (ok && c != NULL && with_chain)
        ok = chain_load(house, c, err);
    if (!ok) {
        certificate_free(c);
        return false;
    }
    *ret = c;
    return true;
}

static bool current_load(struct house *house, const char *set, bool with_chain,
                         struct certificate **ret, struct err *err)
{
    struct rows rows;
    return store_query(house->store, &rows, err, SQL_CERTIFICATE_CURRENT, "t", set) &&
           one_read(house, &rows, with_chain, ret, err);
}

bool certificate_current(struct house *house, const char *set, struct certificate **ret,
                         struct err *err)
{
    return current_load(house, set, false, ret, err);
}

bool held_current(struct house *house, const char *set, bool with_chain, struct certificate **ret,
                  struct err *err)
{
    struct certificate *c = NULL;
    if (!current_load(house, set, with_chain, &c, err))
        return false;
    if (c == NULL)
        return err_set(err, ERR_ABSENT, "set %s has no certificate yet", set);
    *ret = c;
    return true;
}

bool held_certificate(struct house *house, int64_t id, bool with_chain, struct certificate **ret,
                      struct err *err)
{
    struct rows rows;
    struct certificate *c = NULL;
    if (!store_query(house->store, &rows, err, SQL_CERTIFICATE_GET, "i", id) ||
        !one_read(house, &rows, with_chain, &c, err))
        return false;
    if (c == NULL)
        return err_set(err, ERR_ABSENT, "there is no certificate %" PRId64, id);
    *ret = c;
    return true;
}

/* Ends the walk. */
static bool list_read(struct rows *rows, struct certificate ***ret_list, size_t *ret_n,
                      struct err *err)
{
    struct certificate **list = NULL;
    size_t n = 0;
    while (rows_next(rows)) {
        list = mem_grow(list, n, n + 1, sizeof *list);
        list[n++] = certificate_read(rows, 0);
    }
    if (!rows_end(rows, err)) {
        certificates_free(list, n);
        return false;
    }
    *ret_list = list;
    *ret_n = n;
    return true;
}

bool held_versions(struct house *house, const char *set, struct certificate ***ret_list,
                   size_t *ret_n, struct err *err)
{
    struct rows rows;
    return store_query(house->store, &rows, err, SQL_CERTIFICATE_VERSIONS, "t", set) &&
           list_read(&rows, ret_list, ret_n, err);
}

bool held_unit(struct house *house, const char *set, bool with_chain,
               struct certificate ***ret_list, size_t *ret_n, struct err *err)
{
    struct rows rows;
    struct certificate **list = NULL;
    size_t n = 0;
    bool ok = store_query(house->store, &rows, err, SQL_CERTIFICATE_CURRENT, "t", set) &&
              list_read(&rows, &list, &n, err);
    for (size_t i = 0; ok && with_chain && i < n; i++)
        ok = chain_load(house, list[i], err);
    if (!ok) {
        certificates_free(list, n);
        return false;
    }
    *ret_list = list;
    *ret_n = n;
    return true;
}

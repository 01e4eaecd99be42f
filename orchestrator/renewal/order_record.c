#include "renewal/order_record.h"

#include "crypto/csr.h"
#include "inventory/held.h"
#include "renewal/quota.h"

static uint64_t text_print(uint64_t print, const char *s)
{
    for (; s != NULL && *s != '\0'; s++)
        print = (print ^ (unsigned char)*s) * UINT64_C(1099511628211);
    return (print ^ 0xff) * UINT64_C(1099511628211);
}

/* What the authz rows hold, in eight bytes: equal prints need no writing. */
static uint64_t authz_print(const struct order *order)
{
    uint64_t print = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < order->n_authz; i++) {
        const struct authz *a = &order->authz[i];
        print = text_print(print, a->url);
        print = text_print(print, a->value);
        print = text_print(print, a->offer);
        print = text_print(print, a->failure);
        print = (print ^ (uint64_t)(unsigned)a->status ^ (a->answered ? 0x100U : 0U)) *
                UINT64_C(1099511628211);
    }
    return print;
}

static bool authz_save(struct house *house, struct order_record *record, struct err *err)
{
    const struct order *order = record->order;
    uint64_t print = authz_print(order);
    if (print == record->authz_print && record->n_authz_saved == order->n_authz)
        return true;
    if (record->n_authz_saved > order->n_authz &&
        !store_run(house->store, NULL, err, SQL_AUTHZ_DROP_OF_ORDER, "i", order->id))
        return false;
    for (size_t i = 0; i < order->n_authz; i++) {
        const struct authz *a = &order->authz[i];
        if (!store_run(house->store, NULL, err, SQL_AUTHZ_SAVE, "iittBttttBtt", order->id,
                       (int64_t)i, a->url, a->identifier, (int)a->wildcard,
                       authz_status_name(a->status), a->challenge_url, a->token, a->value,
                       (int)a->answered, a->failure, a->offer))
            return false;
    }
    record->authz_print = print;
    record->n_authz_saved = order->n_authz;
    return true;
}

static void names_format(const struct order *order, struct buf *out)
{
    AUTO(json_fini)
    struct json *names = json_array();
    for (size_t i = 0; i < order->n_names; i++)
        json_push_text(names, order->names[i]);
    json_format(names, out, false);
}

bool order_record_create(struct house *house, struct order *take_order, const char *why,
                         const char *want, const char *lane, enum key_kind kind, int64_t fencing,
                         struct order_record **ret, struct err *err)
{
    struct order_record *record = NEW(struct order_record);
    int64_t now_ms = house_now(house);
    AUTO(buf_fini)
    struct buf names = BUF(64 * 1024);

    record->order = take_order;
    record->why = mem_strdup(why);
    record->want = mem_strdup(want);
    record->lane = mem_strdup(lane);
    record->key_kind = kind;
    record->fencing = fencing;
    record->next_at_ms = now_ms;
    take_order->started_at_ms = take_order->step_at_ms = now_ms;
    names_format(take_order, &names);
    if (!store_insert(house->store, &take_order->id, err, SQL_ORDER_INSERT, "ttttttttttiit",
                      take_order->set_name, take_order->authority, take_order->directory, why, want,
                      buf_cstr(&names), key_kind_name(kind), take_order->profile,
                      take_order->replaces, order_step_name(take_order->step), now_ms, fencing,
                      record->lane)) {
        order_record_free(record);
        return false;
    }
    *ret = record;
    return true;
}

static bool authz_load(struct house *house, struct order_record *record, struct err *err)
{
    struct order *order = record->order;
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_AUTHZ_OF_ORDER, "i", order->id))
        return false;
    while (rows_next(&rows)) {
        order->authz =
            mem_grow(order->authz, order->n_authz, order->n_authz + 1, sizeof(struct authz));
        struct authz *a = &order->authz[order->n_authz++];
        a->url = mem_strdup(rows_text(&rows, 0));
        a->identifier = mem_strdup(rows_text(&rows, 1));
        a->wildcard = rows_int(&rows, 2) != 0;
        if (!authz_status_find(rows_text(&rows, 3), &a->status))
            a->status = AUTHZ_UNREAD;
        a->challenge_url = mem_strdup(rows_text(&rows, 4));
        a->token = mem_strdup(rows_text(&rows, 5));
        a->value = mem_strdup(rows_text(&rows, 6));
        a->answered = rows_int(&rows, 7) != 0;
        a->failure = mem_strdup(rows_text(&rows, 8));
        a->offer = mem_strdup(rows_text(&rows, 9));
    }
    record->n_authz_saved = order->n_authz;
    record->authz_print = authz_print(order);
    return rows_end(&rows, err);
}

/* A row that does not say what an order must know is BROKEN: it costs this order, not the run. */
static bool row_broken(int64_t id, const char *what, struct err *err)
{
    return err_set(err, ERR_BROKEN, "the record of order %lld in the store is damaged: %s",
                   (long long)id, what);
}

static bool names_are_good(const struct json *tree)
{
    for (size_t i = 0; i < json_len(tree); i++) {
        const char *name = json_as_text(json_at(tree, i));
        if (name == NULL || name[0] == '\0')
            return false;
    }
    return json_is(tree, JSON_ARRAY) && json_len(tree) > 0;
}

/* The order itself, as it was when it began. */
static bool order_make(const struct rows *rows, int64_t id, struct order **ret, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    const char *set = rows_text(rows, 0);
    if (set == NULL || !json_parse(str_of(rows_text(rows, 5)), JSON_SIZE_MAX, &tree, NULL) ||
        !names_are_good(tree))
        return row_broken(id, "its names", err);
    const char **names = NEW_N(json_len(tree), const char *);
    for (size_t i = 0; i < json_len(tree); i++)
        names[i] = json_as_text(json_at(tree, i));
    *ret = order_new(set, names, json_len(tree));
    mem_free(names);
    (*ret)->id = id;
    return true;
}

/* The columns of ORDER_LOAD that belong to struct order. */
static bool order_fill(struct order *order, const struct rows *rows, struct err *err)
{
    struct str csr = rows_blob(rows, 11);
    if (!order_step_find(rows_text(rows, 9), &order->step) || order->step == ORDER_DONE)
        return row_broken(order->id, "its step", err);
    if (rows_is_null(rows, 1) || rows_is_null(rows, 2))
        return row_broken(order->id, "its authority", err);
    mem_set_str(&order->authority, rows_text(rows, 1));
    mem_set_str(&order->directory, rows_text(rows, 2));
    mem_set_str(&order->profile, rows_text(rows, 7));
    mem_set_str(&order->replaces, rows_text(rows, 8));
    mem_set_str(&order->url, rows_text(rows, 12));
    mem_set_str(&order->finalize_url, rows_text(rows, 13));
    mem_set_str(&order->certificate_url, rows_text(rows, 14));
    buf_add_str(&order->csr, csr);
    order->expires_at_ms = rows_int(rows, 15);
    order->started_at_ms = rows_int(rows, 19);
    order->step_at_ms = rows_int(rows, 20);
    struct err why;
    return order_memory_parse(order, rows_text(rows, 16), &why) ||
           row_broken(order->id, why.text, err);
}

static bool url_is_good(const struct order *order, const char *url)
{
    return url == NULL || acme_url_check(url, order->directory, NULL);
}

/* What an order has learnt and cannot go on without. */
static bool order_is_whole(const struct order *order, struct err *err)
{
    if (order->step > ORDER_KEY && order->step < ORDER_TIDY && !order->has_key)
        return row_broken(order->id, "its key or its certificate request", err);
    if (order->step > ORDER_NEW && order->step < ORDER_TIDY &&
        (order->url == NULL || order->finalize_url == NULL))
        return row_broken(order->id, "its URLs", err);
    if (!url_is_good(order, order->url) || !url_is_good(order, order->finalize_url) ||
        !url_is_good(order, order->certificate_url))
        return row_broken(order->id, "its URLs", err);
    if (order->step == ORDER_FETCH && order->certificate_url == NULL)
        return row_broken(order->id, "its certificate's URL", err);
    return true;
}

static bool record_fill(struct order_record *record, int64_t id, const struct rows *rows,
                        struct err *err)
{
    if (!order_make(rows, id, &record->order, err))
        return false;
    record->why = mem_strdup(rows_text(rows, 3));
    record->want = mem_strdup(rows_text(rows, 4));
    record->lane = mem_strdup(rows_text(rows, 26));
    record->fallback = mem_strdup(rows_text(rows, 27));
    record->replaces_account_id = rows_int(rows, 28);
    if (record->why == NULL || record->want == NULL ||
        !key_kind_find(rows_text(rows, 6), &record->key_kind))
        return row_broken(id, "its kind of key", err);
    record->key_id = rows_int(rows, 10);
    record->account_id = rows_int(rows, 23);
    record->certificate_id = rows_int(rows, 24);
    record->n_tries = rows_int(rows, 17);
    record->next_at_ms = rows_int(rows, 18);
    if (!rows_is_null(rows, 21) && !rows_is_null(rows, 22))
        err_set(&record->failure, err_kind_find(rows_text(rows, 21)), "%s", rows_text(rows, 22));
    if (record->failure.kind == ERR_THROTTLED)
        record->failure.until_ms = record->next_at_ms;
    return order_fill(record->order, rows, err);
}

/* Of a key that lives elsewhere the request alone is stored. */
static void key_recall(struct house *house, struct order_record *record)
{
    struct order *order = record->order;
    AUTO(csr_facts_fini)
    struct csr_facts facts = {0};
    if (order->csr.len == 0)
        return;
    if (record->key_id != 0) {
        order->has_key = held_key_spki(house, record->key_id, order->spki, NULL);
    } else if (order->key_is_elsewhere && csr_parse(buf_str(&order->csr), &facts, NULL)) {
        memcpy(order->spki, facts.spki_hex, sizeof order->spki);
        order->has_key = true;
    }
}

bool order_record_load(struct house *house, int64_t id, struct order_record **ret, struct err *err)
{
    struct order_record *record = NEW(struct order_record);
    struct rows rows;
    bool ok = false, found = false;

    if (store_query(house->store, &rows, err, SQL_ORDER_LOAD, "i", id)) {
        if (rows_next(&rows)) {
            found = true;
            ok = record_fill(record, id, &rows, err);
        }
        ok = rows_end(&rows, ok ? err : NULL) && ok;
        if (!found)
            err_set(err, ERR_ABSENT, "there is no order %lld", (long long)id);
    }
    if (ok)
        key_recall(house, record);
    if (!ok || !order_is_whole(record->order, err) || !authz_load(house, record, err)) {
        order_record_free(record);
        return false;
    }
    record->new_was_sent = record->order->new_sent;
    record->is_placed = record->order->url != NULL;
    /* A refusal is the only failure of this step that tells what the CA did. */
    record->new_is_in_doubt =
        record->new_was_sent && !record->is_placed && record->failure.kind != ERR_THROTTLED;
    *ret = record;
    return true;
}

bool order_record_save(struct house *house, struct order_record *record, struct err *err)
{
    const struct order *order = record->order;
    bool failed = record->failure.kind != ERR_NONE;
    int64_t n_changed = 0;
    AUTO(buf_fini)
    struct buf memory = BUF(16 * 1024);

    order_memory_format(order, &memory);
    if (!store_run(house->store, &n_changed, err, SQL_ORDER_SAVE, "itiibtttitiiittit", order->id,
                   order_step_name(order->step), record->account_id, record->key_id,
                   buf_str(&order->csr), order->url, order->finalize_url, order->certificate_url,
                   order->expires_at_ms, buf_cstr(&memory), record->n_tries, record->next_at_ms,
                   order->step_at_ms, failed ? err_kind_name(record->failure.kind) : NULL,
                   failed ? record->failure.text : NULL, record->fencing,
                   key_kind_name(record->key_kind)))
        return false;
    if (n_changed != 1)
        return err_set(err, ERR_STORE, "order %lld of set %s is no longer open in the store",
                       (long long)order->id, order->set_name);
    return authz_save(house, record, err);
}

bool order_record_set_fallback(struct house *house, struct order_record *record, const char *why,
                               struct err *err)
{
    mem_set_str(&record->fallback, why);
    return store_run(house->store, NULL, err, SQL_ORDER_SET_FALLBACK, "it", record->order->id, why);
}

bool order_record_end(struct house *house, struct order_record *record, const char *outcome,
                      struct err *err)
{
    bool failed = record->failure.kind != ERR_NONE;
    return quota_settle_order(house, record, outcome, err) &&
           store_run(house->store, NULL, err, SQL_ORDER_END, "itiitt", record->order->id, outcome,
                     house_now(house), record->certificate_id,
                     failed ? err_kind_name(record->failure.kind) : NULL,
                     failed ? record->failure.text : NULL);
}

void order_record_free(struct order_record *record)
{
    if (record == NULL)
        return;
    order_free(record->order);
    mem_free(record->fallback);
    mem_free(record->guilty);
    mem_free(record->why);
    mem_free(record->want);
    mem_free(record->lane);
    mem_free(record);
}

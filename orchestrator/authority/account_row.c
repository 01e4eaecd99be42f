#include "authority/account_row.h"

#include "inventory/held.h"

enum { CONTACT_MAX = 64 * 1024 };

void account_row_fini(struct account_row *row)
{
    mem_free(row->url);
    mem_free(row->status);
    mem_free(row->eab_kid);
    mem_free(row->eab_from);
    mem_free(row->contact);
    mem_free(row->terms);
    *row = (struct account_row){0};
}

static struct account_row row_read(const struct rows *rows)
{
    const char *next = rows_text(rows, 3), *status = rows_text(rows, 5);
    return (struct account_row){
        .id = rows_int(rows, 0),
        .key_id = rows_int(rows, 1),
        .next_key_id = rows_int(rows, 2),
        .next_is_pending = next != NULL && strcmp(next, "pending") == 0,
        .is_valid = strcmp(status, "valid") == 0,
        .url = mem_strdup(rows_text(rows, 4)),
        .status = mem_strdup(status),
        .eab_kid = mem_strdup(rows_text(rows, 6)),
        .eab_from = mem_strdup(rows_text(rows, 9)),
        .contact = mem_strdup(rows_text(rows, 7)),
        .terms = mem_strdup(rows_text(rows, 8)),
    };
}

/* Ends the walk that rows has begun. */
static bool row_take(struct rows *rows, struct account_row *ret, struct err *err)
{
    struct account_row row = {0};
    if (rows_next(rows))
        row = row_read(rows);
    if (!rows_end(rows, err)) {
        account_row_fini(&row);
        return false;
    }
    account_row_fini(ret);
    *ret = row;
    return true;
}

bool account_row_find(struct house *house, const char *directory, const char *eab_kid,
                      struct account_row *ret, struct err *err)
{
    struct rows rows;
    return store_query(house->store, &rows, err, SQL_ACCOUNT_FIND, "tt", directory, eab_kid) &&
           row_take(&rows, ret, err);
}

bool account_row_find_bound(struct house *house, const char *directory, const char *eab_from,
                            struct account_row *ret, struct err *err)
{
    struct rows rows;
    return store_query(house->store, &rows, err, SQL_ACCOUNT_FIND_BOUND, "tt", directory,
                       eab_from) &&
           row_take(&rows, ret, err);
}

bool account_row_find_ended(struct house *house, const char *directory, const char *eab_kid,
                            const char *eab_from, struct account_row *ret, struct err *err)
{
    struct rows rows;
    return store_query(house->store, &rows, err, SQL_ACCOUNT_FIND_ENDED, "ttt", directory, eab_kid,
                       eab_from) &&
           row_take(&rows, ret, err);
}

char *contact_format(char *const *contact)
{
    AUTO(buf_fini)
    struct buf text = BUF(CONTACT_MAX);
    AUTO(json_fini)
    struct json *list = json_array();
    for (; contact != NULL && *contact != NULL; contact++)
        json_push_text(list, *contact);
    json_format(list, &text, false);
    return mem_strdup(buf_cstr(&text));
}

bool account_row_make(struct house *house, const struct account_birth *birth, int64_t *ret_id,
                      int64_t *ret_key_id, struct err *err)
{
    int64_t key_id = 0, id = 0;
    AUTO(mem_fini)
    char *contact = contact_format(birth->contact);
    if (!held_key_save(house, birth->key, "account", &key_id, err) ||
        !store_insert(house->store, &id, err, SQL_ACCOUNT_INSERT, "ttitit", birth->directory,
                      birth->eab_kid, key_id, contact, house_now(house), birth->eab_from))
        return false;
    *ret_id = id;
    *ret_key_id = key_id;
    return true;
}

bool account_row_valid(struct house *house, int64_t id, const struct acme_account_facts *facts,
                       const char *terms, const char *contact, struct err *err)
{
    return store_run(house->store, NULL, err, SQL_ACCOUNT_VALID, "itttt", id, facts->url,
                     facts->orders_url, terms, contact);
}

bool account_row_end(struct house *house, int64_t id, const char *status, const char *why,
                     struct err *err)
{
    return store_run(house->store, NULL, err, SQL_ACCOUNT_END, "itt", id, status, why);
}

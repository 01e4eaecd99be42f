#include "authority/account_hold.h"

#include <string.h>

enum { SETTINGS_MAX = 64 * 1024, PRINT_MAX = 65 };

static const struct {
    const char *name;
    enum event_id event;
} holds[] = {[ACCOUNT_HOLD_NONE] = {"", EVENT_ACCOUNT_FAILED},
#define X(reason, name, event) [ACCOUNT_HOLD_##reason] = {name, EVENT_##event},
             ACCOUNT_HOLDS(X)
#undef X
};

const char *account_hold_name(enum account_hold_reason reason)
{
    return holds[reason].name;
}

/* A name of a later version still holds. */
static enum account_hold_reason reason_find(const char *name)
{
    for (size_t i = ACCOUNT_HOLD_NONE + 1; i < ACCOUNT_HOLD_N; i++)
        if (strcmp(holds[i].name, name) == 0)
            return (enum account_hold_reason)i;
    return ACCOUNT_HOLD_REFUSED;
}

void account_hold_fini(struct account_hold *hold)
{
    mem_free(hold->failure);
    mem_free(hold->url);
    *hold = (struct account_hold){0};
}

int64_t account_hold_wait_ms(enum account_hold_reason reason)
{
    return reason == ACCOUNT_HOLD_SECRET ? 10 * MS_MINUTE : MS_DAY;
}

bool account_hold_err(const struct account_hold *hold, const char *authority, struct err *err)
{
    err_set(err, ERR_DENIED, "authority %s: %s", authority, hold->failure);
    return err_judge(err, CLASS_HUMAN, FAULT_PERSON, NULL);
}

static const char *eab_from(const struct authority_config *authority)
{
    return authority->eab_kid != NULL ? authority->eab_kid : "";
}

/* ---- the settings a hold began with ---- */

static void settings_print(const struct authority_config *a, char out[PRINT_MAX])
{
    AUTO(buf_fini)
    struct buf text = BUF(SETTINGS_MAX);
    buf_printf(&text, "%s\n%s\n%d\n%s\n%s\n%s\n", a->directory,
               a->staging != NULL ? a->staging : "", a->agree_tos, eab_from(a),
               a->eab_key != NULL ? a->eab_key : "",
               a->eab_algorithm != NULL ? a->eab_algorithm : "");
    for (char **contact = a->contact; contact != NULL && *contact != NULL; contact++)
        buf_printf(&text, "%s\n", *contact);
    sha256_hex(text.p, text.len, out);
}

/* Whoever deactivated an account does not want another because of a change of contact. */
static bool ends_by_settings(enum account_hold_reason reason)
{
    return reason != ACCOUNT_HOLD_DEACTIVATED;
}

/* ---- one hold ---- */

bool account_hold_find(struct house *house, const struct authority_config *authority,
                       const char *directory, struct account_hold *ret, struct err *err)
{
    struct rows rows;
    struct account_hold hold = {0};
    if (!store_query(house->store, &rows, err, SQL_ACCOUNT_HOLD_GET, "tt", directory,
                     eab_from(authority)))
        return false;
    if (rows_next(&rows))
        hold = (struct account_hold){.reason = reason_find(rows_text(&rows, 0)),
                                     .failure = mem_strdup(rows_text(&rows, 1)),
                                     .url = mem_strdup(rows_text(&rows, 2)),
                                     .since_at_ms = rows_int(&rows, 3)};
    if (!rows_end(&rows, err)) {
        account_hold_fini(&hold);
        return false;
    }
    *ret = hold;
    return true;
}

/* What several statements do together, in a transaction that may be the caller's. */
typedef bool hold_change(struct house *house, const void *arg, struct err *err);

static bool hold_transact(struct house *house, hold_change *change, const void *arg,
                          struct err *err)
{
    if (store_in_transaction(house->store))
        return change(house, arg, err);
    if (!store_begin(house->store, err))
        return false;
    if (change(house, arg, err) && store_commit(house->store, err))
        return true;
    store_rollback(house->store);
    return false;
}

struct beginning {
    const struct authority_config *authority;
    const char *directory;
    const struct account_hold *hold;
};

static bool hold_begin(struct house *house, const void *arg, struct err *err)
{
    const struct beginning *b = arg;
    const struct account_hold *hold = b->hold;
    AUTO(account_hold_fini)
    struct account_hold before = {0};
    char print[PRINT_MAX];
    settings_print(b->authority, print);
    if (!account_hold_find(house, b->authority, b->directory, &before, err) ||
        !store_run(house->store, NULL, err, SQL_ACCOUNT_HOLD_PUT,
                   "ttttt"
                   "ti",
                   b->directory, eab_from(b->authority), account_hold_name(hold->reason),
                   hold->failure, hold->url, ends_by_settings(hold->reason) ? print : NULL,
                   house_now(house)))
        return false;
    return before.reason == hold->reason ||
           event_write(house, holds[hold->reason].event, NULL, 0,
                       "%s: %s; all that needs this account waits", b->authority->name,
                       hold->failure) ||
           err_set(err, ERR_STORE, "the event of a held account cannot be written");
}

bool account_hold_begin(struct house *house, const struct authority_config *authority,
                        const char *directory, const struct account_hold *hold, struct err *err)
{
    struct beginning b = {authority, directory, hold};
    return hold_transact(house, hold_begin, &b, err);
}

struct ending {
    const char *directory, *eab_from, *name, *why;
};

static bool hold_end(struct house *house, const void *arg, struct err *err)
{
    const struct ending *e = arg;
    int64_t n = 0;
    if (!store_run(house->store, &n, err, SQL_ACCOUNT_HOLD_DROP, "tt", e->directory, e->eab_from))
        return false;
    if (n == 0)
        return true;
    return store_run(house->store, NULL, err, SQL_SET_WAKE_HELD, "i", house_now(house)) &&
           store_run(house->store, NULL, err, SQL_ORDER_WAKE, "it", house_now(house),
                     e->directory) &&
           (event_write(house, EVENT_ACCOUNT_RESUMED, NULL, 0, "%s: %s", e->name, e->why) ||
            err_set(err, ERR_STORE, "the event of an account cannot be written"));
}

bool account_hold_end(struct house *house, const struct authority_config *authority,
                      const char *directory, const char *why, struct err *err)
{
    struct ending e = {directory, eab_from(authority), authority->name, why};
    return hold_transact(house, hold_end, &e, err);
}

/* ---- all of them ---- */

static const struct authority_config *authority_of(const struct house *house, const char *directory,
                                                   const char *from)
{
    const struct config *config = house->config;
    for (size_t i = 0; i < config->n_authorities; i++) {
        const struct authority_config *a = &config->authorities[i];
        if (strcmp(eab_from(a), from) == 0 &&
            (strcmp(a->directory, directory) == 0 ||
             (a->staging != NULL && strcmp(a->staging, directory) == 0)))
            return a;
    }
    return NULL;
}

/* The row at hand: directory, eab_from, settings. One without settings waits for a person's word, even while its authority is away. */
static bool row_is_stale(const struct house *house, const struct rows *rows)
{
    char print[PRINT_MAX];
    if (rows_is_null(rows, 2))
        return false;
    const struct authority_config *a = authority_of(house, rows_text(rows, 0), rows_text(rows, 1));
    if (a == NULL)
        return true;
    settings_print(a, print);
    return strcmp(print, rows_text(rows, 2)) != 0;
}

/* ret_directory and ret_from, when not NULL, are the caller's to free. */
static bool stale_find(struct house *house, bool *ret, char **ret_directory, char **ret_from,
                       struct err *err)
{
    struct rows rows;
    bool found = false;
    if (!store_query(house->store, &rows, err, SQL_ACCOUNT_HOLDS, ""))
        return false;
    while (!found && rows_next(&rows)) {
        found = row_is_stale(house, &rows);
        if (found && ret_directory != NULL) {
            mem_set_str(ret_directory, rows_text(&rows, 0));
            mem_set_str(ret_from, rows_text(&rows, 1));
        }
    }
    if (!rows_end(&rows, err))
        return false;
    *ret = found;
    return true;
}

bool account_holds_are_stale(struct house *house, bool *ret, struct err *err)
{
    return stale_find(house, ret, NULL, NULL, err);
}

bool account_holds_mend(struct house *house, struct err *err)
{
    AUTO(mem_fini)
    char *directory = NULL;
    AUTO(mem_fini)
    char *from = NULL;
    for (bool found = true;;) {
        if (!stale_find(house, &found, &directory, &from, err))
            return false;
        if (!found)
            return true;
        const struct authority_config *a = authority_of(house, directory, from);
        struct ending e = {directory, from, a != NULL ? a->name : directory,
                           "its settings have changed: it is tried again"};
        if (!hold_transact(house, hold_end, &e, err))
            return false;
    }
}

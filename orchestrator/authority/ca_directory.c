#include "authority/ca_inside.h"

enum { KEPT_MS = 24 * 60 * 60 * 1000, FRESH_MS = 60 * 1000 };

static bool directory_take(struct ca *ca, const struct json *tree, int64_t fetched_at_ms,
                           struct err *err)
{
    struct acme_directory *directory = NULL;
    if (!acme_directory_read(ca->directory_url, tree, &directory, err))
        return false;
    acme_directory_free(ca->directory);
    ca->directory = directory;
    ca->directory_at_ms = fetched_at_ms;
    return true;
}

/* What a CA says of itself: terms, profiles, whether it wants a binding. Beside it a directory may hold junk that changes each time. */
static void meta_format(const struct json *tree, struct buf *out)
{
    const struct json *meta = json_find(tree, "meta");
    if (meta != NULL)
        json_format(meta, out, false);
}

static bool meta_has_changed(struct ca *ca, const struct json *tree)
{
    struct rows rows;
    AUTO(json_fini)
    struct json *before = NULL;
    AUTO(buf_fini)
    struct buf was = BUF(JSON_SIZE_MAX);
    AUTO(buf_fini)
    struct buf is = BUF(JSON_SIZE_MAX);
    if (!store_query(ca->house->store, &rows, NULL, SQL_AUTHORITY_GET, "t", ca->directory_url))
        return false;
    bool known = rows_next(&rows) && rows_text(&rows, 0) != NULL &&
                 json_parse(str_of(rows_text(&rows, 0)), JSON_SIZE_MAX, &before, NULL);
    rows_end(&rows, NULL);
    meta_format(before, &was);
    meta_format(tree, &is);
    return known && strcmp(buf_cstr(&was), buf_cstr(&is)) != 0;
}

static bool directory_save(struct ca *ca, const struct json *tree, struct err *err)
{
    AUTO(buf_fini)
    struct buf doc = BUF(JSON_SIZE_MAX);
    json_format(tree, &doc, false);
    if (meta_has_changed(ca, tree) && !store_run(ca->house->store, NULL, err, SQL_SET_UNHOLD, "ti",
                                                 ca->directory_url, house_now(ca->house)))
        return false;
    return store_run(ca->house->store, NULL, err, SQL_AUTHORITY_SET_DOC, "tti", ca->directory_url,
                     buf_cstr(&doc), house_now(ca->house));
}

static bool directory_hear(struct ca *ca, const struct acme_answer *answer, struct err *err)
{
    if (answer->status == 0) {
        *err = *answer->lost;
        return false;
    }
    if (answer->problem != NULL)
        return acme_problem_err(answer->problem, "directory", answer->retry_at_ms, err);
    if (answer->tree == NULL)
        return err_set(err, ERR_BROKEN, "%s is no ACME directory", ca->directory_url);
    return directory_take(ca, answer->tree, house_now(ca->house), err) &&
           directory_save(ca, answer->tree, err);
}

/* Whatever is wrong with a directory is the CA's to mend. */
bool ca_hear_directory(struct ca *ca, const struct acme_answer *answer, struct err *err)
{
    if (directory_hear(ca, answer, err))
        return true;
    if (err->kind != ERR_STORE && err->kind != ERR_LOCAL && err->fault != FAULT_QUOTA)
        err_judge(err, CLASS_LATER, FAULT_CA, NULL);
    return false;
}

/* The directory of the last day serves again: one request less a run. */
bool ca_has_directory(struct ca *ca)
{
    struct rows rows;
    AUTO(json_fini)
    struct json *tree = NULL;
    bool found = false;
    if (ca->directory != NULL)
        return true;
    if (!store_query(ca->house->store, &rows, NULL, SQL_AUTHORITY_GET, "t", ca->directory_url))
        return false;
    if (rows_next(&rows) && rows_text(&rows, 0) != NULL) {
        int64_t fetched_at_ms = rows_int(&rows, 1), now_ms = house_now(ca->house);
        found = now_ms - fetched_at_ms < KEPT_MS && now_ms >= fetched_at_ms &&
                json_parse(str_of(rows_text(&rows, 0)), JSON_SIZE_MAX, &tree, NULL) &&
                directory_take(ca, tree, fetched_at_ms, NULL);
    }
    rows_end(&rows, NULL);
    return found;
}

bool ca_directory_is_fresh(const struct ca *ca)
{
    int64_t age_ms = house_now(ca->house) - ca->directory_at_ms;
    return ca->directory != NULL && age_ms >= 0 && age_ms < FRESH_MS;
}

static void directory_fetched(void *arg, const struct acme_answer *answer)
{
    struct ca *ca = arg;
    struct err err = {0};
    struct list *it;
    size_t n = 0;
    bool ok = ca_hear_directory(ca, answer, &err);
    if (!ok)
        err_wrap(&err, "authority %s: directory", ca->config->name);
    ca->directory_is_asked = false;
    LIST_EACH (waiting, &ca->directory_waiters)
        n++;
    /* Those that come while others are told have their own request; those that are forgotten meanwhile are not told. */
    while (n-- > 0 && (it = list_pop_front(&ca->directory_waiters)) != NULL) {
        struct ca_waiter *waiter = LIST_OWNER(it, struct ca_waiter, in_ca);
        waiter->ready(waiter->arg, ok ? NULL : &err);
        mem_free(waiter);
    }
}

void ca_fetch_directory(struct ca *ca, ca_ready *ready, void *arg)
{
    struct ca_waiter *waiter = NEW(struct ca_waiter);
    waiter->ready = ready;
    waiter->arg = arg;
    list_push_back(&ca->directory_waiters, &waiter->in_ca);
    if (ca->directory_is_asked)
        return;
    ca->directory_is_asked = true;
    ca_get(ca, ca->directory_url, directory_fetched, ca);
}

#include "leader/request.h"

#include "authority/lease.h"
#include "authority/self.h"
#include "inventory/asks.h"

enum {
    SETS_TEXT_MAX = 8 * 1024 * 1024,
    KEEP_MS = 24 * 60 * 60 * 1000,
    ERRAND_POLL_MS = 250,
    OPEN_MAX = 64
};

static const struct {
    const char *name;
    unsigned parts;
} kinds[] = {[REQUEST_NONE] = {"", 0},
#define X(kind, name, parts) [REQUEST_##kind] = {name, parts},
             REQUEST_KINDS(X)
#undef X
};

const char *request_kind_name(enum request_kind kind)
{
    return kinds[kind].name;
}

unsigned request_parts(enum request_kind kind)
{
    return kinds[kind].parts;
}

static enum request_kind kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return (enum request_kind)i;
    return REQUEST_NONE; /* of a newer program: nobody here can do it */
}

void request_fini(struct request *r)
{
    for (size_t i = 0; r->sets != NULL && r->sets[i] != NULL; i++)
        mem_free(r->sets[i]);
    mem_free(r->sets);
    mem_free(r->host);
    mem_free(r->override_reason);
    *r = (struct request){0};
}

/* ---- rows ---- */

static char **sets_parse(const char *text)
{
    char **sets = NULL;
    size_t n = 0;
    for (const char *line = text; *line != '\0'; n++) {
        size_t len = strcspn(line, "\n");
        sets = mem_grow(sets, n == 0 ? 0 : n + 1, n + 2, sizeof *sets);
        sets[n] = mem_strndup(line, len);
        line += len + (line[len] != '\0');
    }
    return sets;
}

static void request_read(const struct rows *rows, struct request *ret)
{
    *ret = (struct request){.id = rows_int(rows, 0),
                            .kind = kind_find(rows_text(rows, 1)),
                            .sets = sets_parse(rows_text(rows, 2)),
                            .forced = rows_int(rows, 3) != 0,
                            .retries = rows_int(rows, 4) != 0,
                            .patience_ms = rows_int(rows, 5),
                            .host = mem_strdup(rows_text(rows, 6)),
                            .pid = rows_int(rows, 7),
                            .filed_at_ms = rows_int(rows, 8),
                            .certificate_id = rows_int(rows, 9),
                            .event_id = rows_int(rows, 10),
                            .taken_by = rows_int(rows, 11),
                            .is_done = !rows_is_null(rows, 12),
                            .done_at_ms = rows_int(rows, 12),
                            .override_reason = mem_strdup(rows_text(rows, 13))};
}

static bool row_file(struct house *house, const char *kind, const char *sets,
                     const struct leader_options *o, int64_t *ret_id, struct err *err)
{
    struct self self;
    int64_t now_ms = house_now(house);
    self_read(&self);
    return store_run(house->store, NULL, err, SQL_REQUEST_FORGET, "i", now_ms - KEEP_MS) &&
           store_insert(house->store, ret_id, err, SQL_REQUEST_FILE, "ttBBitiit", kind, sets,
                        (int)o->forced, (int)o->retries, o->patience_ms, self.host, self.pid,
                        now_ms, o->override_reason);
}

static bool row_file_alone(struct house *house, const char *kind, const char *sets,
                           const struct leader_options *o, int64_t *ret_id, struct err *err)
{
    if (store_in_transaction(house->store))
        return row_file(house, kind, sets, o, ret_id, err);
    if (!store_begin(house->store, err))
        return false;
    if (row_file(house, kind, sets, o, ret_id, err) && store_commit(house->store, err))
        return true;
    store_rollback(house->store);
    return false;
}

bool request_file(struct house *house, const struct leader_options *o, int64_t *ret_id,
                  struct err *err)
{
    AUTO(buf_fini)
    struct buf sets = BUF(SETS_TEXT_MAX);
    CHECK(o->request != REQUEST_NONE);
    for (size_t i = 0; o->only != NULL && o->only[i] != NULL; i++)
        buf_printf(&sets, "%s%s", i > 0 ? "\n" : "", o->only[i]);
    return row_file_alone(house, request_kind_name(o->request), buf_cstr(&sets), o, ret_id, err);
}

bool request_load(struct house *house, int64_t id, struct request *ret, struct err *err)
{
    struct rows rows;
    bool found = false;
    if (!store_query(house->store, &rows, err, SQL_REQUEST_GET, "i", id))
        return false;
    if (rows_next(&rows)) {
        found = true;
        request_read(&rows, ret);
    }
    if (!rows_end(&rows, err)) {
        if (found)
            request_fini(ret);
        return false;
    }
    return found || err_set(err, ERR_ABSENT, "there is no request %lld", (long long)id);
}

bool request_each_open(struct house *house, int64_t after_id, request_visit *visit, void *arg,
                       struct err *err)
{
    struct rows rows;
    bool on = true;
    if (!store_query(house->store, &rows, err, SQL_REQUEST_OPEN, "ii", after_id, (int64_t)OPEN_MAX))
        return false;
    while (on && rows_next(&rows)) {
        struct request request;
        request_read(&rows, &request);
        on = visit(arg, &request);
        request_fini(&request);
    }
    return rows_end(&rows, err);
}

/* ---- errands ---- */

bool errand_is_asked(struct house *house, bool *ret, struct err *err)
{
    int64_t is_open = 0;
    if (!store_int(house->store, 0, &is_open, err, SQL_REQUEST_ERRAND_IS_OPEN, ""))
        return false;
    *ret = is_open != 0;
    return true;
}

bool errands_hear(struct house *house, struct err *err)
{
    return store_run(house->store, NULL, err, SQL_REQUEST_ERRANDS_DONE, "i", house_now(house));
}

bool errand_lead_take(struct house *house, const char *purpose, int64_t ttl_ms, int64_t wait_ms,
                      struct lease **ret, struct err *err)
{
    const struct leader_options none = {0};
    int64_t give_up_at_ms = clock_boot_ms(house->clock) + wait_ms, id = 0;
    while (!lease_take(house, "leader", purpose, ttl_ms, true, ret, err)) {
        if (err->kind != ERR_HELD || clock_boot_ms(house->clock) >= give_up_at_ms ||
            loop_n_stops(house->loop) > 0)
            return false;
        if (id == 0) {
            house_say(house, NULL, "lead", "waiting: %s", err->text);
            if (!row_file_alone(house, "errand", "", &none, &id, err))
                return false;
        }
        loop_wait(house->loop, house_now(house) + ERRAND_POLL_MS);
    }
    err_clear(err);
    if (id != 0)
        store_run(house->store, NULL, NULL, SQL_REQUEST_DONE, "ii", id, house_now(house));
    return true;
}

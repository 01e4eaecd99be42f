#include "inventory/event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 1024, LINE_MAX = 4096, HASH_MAX = 65 };

static const struct {
    const char *id;
    enum log_level level;
    const char *sentence;
} events[] = {
#define X(name, id, level, sentence) [EVENT_##name] = {id, LOG_LEVEL_##level, sentence},
#include "inventory/event.def"
#undef X
};

const char *event_name(enum event_id id)
{
    return events[id].id;
}

enum log_level event_level(enum event_id id)
{
    return events[id].level;
}

struct entry { /* what the hash of a row covers */
    int64_t at_ms, order_id;
    const char *level, *event, *set, *text;
};

/* Only the text may hold a newline, and it stands last: no two entries look the same. */
static void entry_hash(const struct entry *e, const char *previous, char out[HASH_MAX])
{
    AUTO(buf_fini)
    struct buf line = BUF(64 * 1024);
    buf_printf(&line, "%s\n%" PRId64 "\n%s\n%s\n%s\n%" PRId64 "\n", previous, e->at_ms, e->level,
               e->event, e->set != NULL ? e->set : "", e->order_id);
    buf_add_cstr(&line, e->text);
    sha256_hex(line.p, line.len, out);
}

static bool last_hash(struct house *house, char out[HASH_MAX], struct err *err)
{
    struct rows rows;
    out[0] = '\0';
    if (!store_query(house->store, &rows, err, SQL_EVENT_LAST, ""))
        return false;
    if (rows_next(&rows))
        snprintf(out, HASH_MAX, "%s", rows_text(&rows, 0));
    return rows_end(&rows, err);
}

static bool entry_write(struct house *house, const struct entry *e, struct err *err)
{
    char previous[HASH_MAX], hash[HASH_MAX];
    if (!last_hash(house, previous, err))
        return false;
    entry_hash(e, previous, hash);
    return store_insert(house->store, NULL, err, SQL_EVENT_INSERT, "itttitt", e->at_ms, e->level,
                        e->event, e->set, e->order_id, e->text, hash);
}

static bool entry_write_alone(struct house *house, const struct entry *e, struct err *err)
{
    if (!store_begin(house->store, err))
        return false;
    if (!entry_write(house, e, err)) {
        store_rollback(house->store);
        return false;
    }
    return store_commit(house->store, err);
}

bool event_write(struct house *house, enum event_id id, const char *set, int64_t order_id,
                 const char *fmt, ...)
{
    char text[LINE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    /* Cut or not, it must be UTF-8: the row is read back as text. */
    AUTO(buf_fini)
    struct buf clean = BUF(LINE_MAX);
    text_escape(&clean, str_of(text), TEXT_MAX);
    char order[40] = "";
    if (order_id != 0)
        snprintf(order, sizeof order, "order=%" PRId64 " ", order_id);
    log_line(house->log, events[id].level, events[id].id, set, "%s%s", order, text);
    if (house->store == NULL)
        return true;
    struct entry e = {house_now(house), order_id, log_level_name(events[id].level),
                      events[id].id,    set,      buf_cstr(&clean)};
    if (store_in_transaction(house->store))
        return entry_write(house, &e, NULL);
    return entry_write_alone(house, &e, NULL);
}

bool event_chain_check(struct house *house, int64_t *ret_n, struct err *err)
{
    struct rows rows;
    char previous[HASH_MAX] = "", hash[HASH_MAX];
    int64_t n = 0, bad = 0;
    if (!store_query(house->store, &rows, err, SQL_EVENT_ALL, ""))
        return false;
    while (bad == 0 && rows_next(&rows)) {
        struct entry e = {rows_int(&rows, 1),  rows_int(&rows, 5),  rows_text(&rows, 2),
                          rows_text(&rows, 3), rows_text(&rows, 4), rows_text(&rows, 6)};
        entry_hash(&e, previous, hash);
        n++;
        if (strcmp(hash, rows_text(&rows, 7)) != 0)
            bad = rows_int(&rows, 0);
        memcpy(previous, hash, sizeof hash);
    }
    if (!rows_end(&rows, err))
        return false;
    if (bad != 0)
        return err_set(
            err, ERR_BROKEN,
            "the history was altered: row %" PRId64 " does not follow from the one before", bad);
    *ret_n = n;
    return true;
}

void event_document(struct buf *out)
{
    buf_add_cstr(
        out,
        "# Events\n\n"
        "What `chancery` tells: a line of the log, and a row of the history (`chancery history`). "
        "Each fault gives one event of each set it touches; what befalls a whole CA gives one of "
        "that CA besides.\n\n"
        "| Event | Level | Meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < EVENT_N; i++)
        buf_printf(out, "| `%s` | %s | %s |\n", events[i].id, log_level_name(events[i].level),
                   events[i].sentence);
}

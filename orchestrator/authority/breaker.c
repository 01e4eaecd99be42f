#include "authority/breaker.h"

#include "inventory/event.h"

void breaker_fini(struct breaker *b)
{
    mem_free(b->why);
    *b = (struct breaker){0};
}

/* A time further off than any can be was written by a clock that was ahead. */
static bool is_open(const struct breaker *b, int64_t now_ms)
{
    return b->since_at_ms != 0 && b->until_at_ms > now_ms &&
           b->until_at_ms <= now_ms + BREAKER_MOST_MS;
}

enum breaker_gate breaker_look(const struct breaker *b, int64_t now_ms)
{
    int64_t since_probe_ms = now_ms - b->probe_at_ms;
    if (b->since_at_ms == 0)
        return BREAKER_CLOSED;
    if (is_open(b, now_ms))
        return BREAKER_OPEN;
    if (b->probe_at_ms != 0 && since_probe_ms >= 0 && since_probe_ms < BREAKER_PROBE_MS)
        return BREAKER_WAIT;
    return BREAKER_PROBE;
}

enum breaker_gate breaker_ask(struct breaker *b, int64_t now_ms)
{
    enum breaker_gate gate = breaker_look(b, now_ms);
    if (gate == BREAKER_PROBE)
        b->probe_at_ms = now_ms;
    return gate;
}

static int64_t open_for_ms(int64_t n_opened)
{
    int64_t ms = BREAKER_FIRST_MS;
    for (int64_t i = 1; i < n_opened && ms < BREAKER_MOST_MS; i++)
        ms *= 2;
    return ms < BREAKER_MOST_MS ? ms : BREAKER_MOST_MS;
}

static void breaker_open(struct breaker *b, int64_t now_ms, int64_t until_at_ms)
{
    int64_t most_ms = now_ms + BREAKER_MOST_MS;
    int64_t own_ms = now_ms + open_for_ms(++b->n_opened);
    if (b->since_at_ms == 0) {
        b->since_at_ms = now_ms;
        b->has_turned = true;
    }
    b->until_at_ms = until_at_ms > own_ms ? until_at_ms : own_ms;
    if (b->until_at_ms > most_ms)
        b->until_at_ms = most_ms;
    b->probe_at_ms = 0;
}

static void fault_note(struct breaker *b, int64_t now_ms, const char *why)
{
    mem_set_str(&b->why, why);
    b->fault_at_ms = now_ms;
    b->is_dirty = true;
}

/* While it is open the requests that were under way come in: they say nothing new. */
static void fault_judge(struct breaker *b, int64_t now_ms, int64_t until_at_ms)
{
    bool is_many = b->n_lost >= BREAKER_FAULTS_MAX || b->n_broken >= BREAKER_FAULTS_MAX;
    if (!is_open(b, now_ms) && (is_many || b->since_at_ms != 0))
        breaker_open(b, now_ms, until_at_ms);
}

void breaker_fault(struct breaker *b, int64_t sent_at_ms, int64_t now_ms, int64_t until_at_ms,
                   const char *why)
{
    bool flew_with_it = sent_at_ms < b->fault_at_ms && b->fault_at_ms <= now_ms;
    b->hangs = now_ms - sent_at_ms >= BREAKER_HANG_MS;
    if (flew_with_it)
        return;
    b->n_lost += b->hangs ? 2 : 1;
    fault_note(b, now_ms, why);
    fault_judge(b, now_ms, until_at_ms);
}

void breaker_broken(struct breaker *b, int64_t now_ms, const char *why)
{
    b->hangs = false;
    b->n_broken++;
    fault_note(b, now_ms, why);
    fault_judge(b, now_ms, 0);
}

void breaker_trip(struct breaker *b, int64_t now_ms, const char *why)
{
    if (is_open(b, now_ms))
        return;
    fault_note(b, now_ms, why);
    breaker_open(b, now_ms, 0);
}

void breaker_success(struct breaker *b, bool works)
{
    bool is_clean = b->n_lost == 0 && (b->n_broken == 0 || !works) && b->since_at_ms == 0;
    b->probe_at_ms = 0;
    b->hangs = false;
    if (is_clean)
        return;
    b->is_dirty = true;
    b->n_lost = 0;
    if (works)
        b->n_broken = 0;
    if (b->n_broken >= BREAKER_FAULTS_MAX || b->since_at_ms == 0)
        return;
    b->has_turned = true;
    b->since_at_ms = b->until_at_ms = b->n_opened = 0;
}

bool breaker_load(struct house *house, const char *directory, struct breaker *ret, struct err *err)
{
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_AUTHORITY_BREAKER, "t", directory))
        return false;
    if (rows_next(&rows)) {
        ret->n_lost = rows_int(&rows, 0);
        ret->n_broken = rows_int(&rows, 1);
        ret->n_opened = rows_int(&rows, 2);
        ret->since_at_ms = rows_int(&rows, 3);
        ret->until_at_ms = rows_int(&rows, 4);
        mem_set_str(&ret->why, rows_text(&rows, 5));
    }
    return rows_end(&rows, err);
}

static void turn_tell(struct house *house, const char *authority, const struct breaker *b)
{
    char until[TIME_TEXT_MAX];
    if (b->since_at_ms == 0) {
        event_write(house, EVENT_CA_UP, NULL, 0, "%s answers again", authority);
        return;
    }
    time_format(b->until_at_ms, false, until);
    event_write(house, EVENT_CA_DOWN, NULL, 0, "%s: %s; it is left alone until %s", authority,
                b->why != NULL ? b->why : "", until);
}

bool breaker_save(struct house *house, const char *authority, const char *directory,
                  struct breaker *b, struct err *err)
{
    if (!b->is_dirty)
        return true;
    if (!store_run(house->store, NULL, err, SQL_AUTHORITY_SET_BREAKER, "tiiiiit", directory,
                   b->n_lost, b->n_broken, b->n_opened, b->since_at_ms, b->until_at_ms, b->why))
        return false;
    if (b->has_turned)
        turn_tell(house, authority, b);
    b->is_dirty = b->has_turned = false;
    return true;
}

/*
 * One worker of a history: opens the store and does random operations of the lock on a few names, one after the other, until it is killed or its time
 * is over. Each begin and each answer is one line, written at once; README.md tells the format.
 *
 *   history-worker STORE LOG WORKER.INCARNATION SEED N_NAMES TTL_MS PAUSE_MS SECONDS [WRONG]
 *
 * WRONG takes one guard away, so that the checker can be seen to find it: takes, renews, writes.
 */
#include "authority/lock.h"
#include "inventory/config.h"
#include "inventory/event.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { NAMES_MAX = 64, LINE_MAX_LEN = 512 };

enum deed { TAKE, RENEW, RELEASE, BREAK, LOOK, WRITE, DEED_N };
static const char *const deeds[DEED_N] = {"take", "renew", "release", "break", "look", "write"};

struct worker {
    struct house house;
    const char *id; /* "w3.7": worker and incarnation */
    const char *client;
    const char *wrong;
    int log;
    int n_names;
    int64_t ttl_ms, pause_ms, n;
    int64_t held[NAMES_MAX]; /* the last number of each name; 0: none */
    int64_t ticket[NAMES_MAX];
    uint64_t chance;
};

static uint64_t chance_next(struct worker *w)
{
    w->chance ^= w->chance << 13;
    w->chance ^= w->chance >> 7;
    w->chance ^= w->chance << 17;
    return w->chance;
}

static int64_t now_ms(const struct worker *w)
{
    return clock_boot_ms(w->house.clock);
}

/* One write a line: lines of several processes never mix, and what is written before a kill is there. */
static void tell(const struct worker *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void tell(const struct worker *w, const char *fmt, ...)
{
    char line[LINE_MAX_LEN];
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len >= sizeof line || write(w->log, line, (size_t)len) != len)
        exit(3);
}

static bool is_wrong(const struct worker *w, const char *what)
{
    return strcmp(w->wrong, what) == 0;
}

static void key_of(const char *name, char out[300])
{
    snprintf(out, 300, "name:%s", name);
}

/* ---- the operations, each in one transaction ---- */

struct answer {
    int64_t fencing, until_ms; /* boot clock */
    bool is_free;
};

static bool take(struct worker *w, const char *name, int64_t *ticket, struct answer *ret,
                 struct err *err)
{
    char key[300];
    struct lock_ask ask = {.name = name,
                           .client = w->client,
                           .purpose = "history",
                           .ttl_ms = w->ttl_ms,
                           .ticket = ticket};
    struct lock_row row = {0};
    struct lock_grant grant = {0};
    key_of(name, key);
    if (is_wrong(w, "takes") && lock_get(&w->house, name, &row, err)) {
        store_run(w->house.store, NULL, err, SQL_LEASE_DROP, "ti", key, row.fencing);
        lock_row_fini(&row);
    }
    if (!lock_take(&w->house, &ask, &grant, err))
        return false;
    *ret = (struct answer){.fencing = grant.fencing, .until_ms = grant.expires_boot_ms};
    return true;
}

static bool renew(struct worker *w, const char *name, int64_t fencing, struct answer *ret,
                  struct err *err)
{
    struct lock_grant grant = {0};
    char key[300];
    int64_t n = 0, until_ms = now_ms(w) + w->ttl_ms;
    if (is_wrong(w, "renews")) {
        key_of(name, key);
        *ret = (struct answer){.fencing = fencing, .until_ms = until_ms};
        /* The statement of other leases, which does not ask whether it is over. */
        return store_run(w->house.store, &n, err, SQL_LEASE_RENEW, "tiiit", key, fencing,
                         house_now(&w->house) + w->ttl_ms, until_ms, NULL) &&
               (n == 1 || err_set(err, ERR_HELD, "lost"));
    }
    if (!lock_renew(&w->house, name, fencing, w->ttl_ms, &grant, err))
        return false;
    *ret = (struct answer){.fencing = fencing, .until_ms = grant.expires_boot_ms};
    return true;
}

static bool look(struct worker *w, const char *name, struct answer *ret, struct err *err)
{
    struct lock_row row = {0};
    if (!lock_get(&w->house, name, &row, err))
        return false;
    *ret = (struct answer){.fencing = row.fencing, .is_free = row.is_free};
    lock_row_fini(&row);
    return true;
}

/* A state write behind its guard, as every holder must write: here a line of the event chain, whose order the checker reads. */
static bool write_guarded(struct worker *w, const char *name, int64_t fencing, struct err *err)
{
    struct answer seen;
    if (!look(w, name, &seen, err))
        return false;
    if ((seen.is_free || seen.fencing != fencing) && !is_wrong(w, "writes"))
        return err_set(err, ERR_HELD, "not the holder");
    return event_write(&w->house, EVENT_LOCK_BROKEN, NULL, 0, "history %s %lld %s.%lld", name,
                       (long long)fencing, w->id, (long long)w->n) ||
           err_set(err, ERR_STORE, "the event could not be written");
}

static bool act(struct worker *w, enum deed deed, const char *name, int64_t fencing,
                int64_t *ticket, struct answer *ret, struct err *err)
{
    switch (deed) {
    case TAKE:
        return take(w, name, ticket, ret, err);
    case RENEW:
        return renew(w, name, fencing, ret, err);
    case RELEASE:
        return lock_release(&w->house, name, fencing, LEDGER_UNUSED, err);
    case BREAK:
        return lock_break(&w->house, name, "history", w->id, err);
    case LOOK:
        return look(w, name, ret, err);
    case WRITE:
        return write_guarded(w, name, fencing, err);
    case DEED_N:
        break;
    }
    return false;
}

/* A refusal is an answer like any other, and what it wrote is committed. */
static bool transact(struct worker *w, enum deed deed, const char *name, int64_t fencing,
                     int64_t *ticket, struct answer *ret, struct err *err)
{
    struct err why = {0};
    if (!store_begin(w->house.store, err))
        return false;
    bool ok = act(w, deed, name, fencing, ticket, ret, err);
    if ((ok || err->kind == ERR_HELD || err->kind == ERR_ABSENT) &&
        store_commit(w->house.store, &why))
        return ok;
    store_rollback(w->house.store);
    if (why.kind != ERR_NONE)
        *err = why;
    return false;
}

static const char *result_of(bool ok, const struct err *err)
{
    if (ok)
        return "ok";
    return err->kind == ERR_HELD || err->kind == ERR_ABSENT ? "no" : "unknown";
}

/* ---- what to do next ---- */

/* Who holds something mostly goes on with it; now and then a stale number is used on purpose. */
static enum deed deed_choose(struct worker *w, int64_t fencing)
{
    uint64_t c = chance_next(w) % 100;
    if (c < 2)
        return BREAK;
    if (c < 14)
        return LOOK;
    if (fencing == 0 || c < 34)
        return TAKE;
    return c < 56 ? RENEW : c < 72 ? RELEASE : WRITE;
}

static void step(struct worker *w)
{
    int at = (int)(chance_next(w) % (uint64_t)w->n_names);
    char name[64];
    struct answer answer = {0};
    struct err err = {0};
    int64_t fencing = w->held[at];
    enum deed deed = deed_choose(w, fencing);
    /* On the last names people wait in line. */
    bool waits = at >= w->n_names - w->n_names / 5;
    snprintf(name, sizeof name, "n%d.example.com", at);
    w->n++;
    tell(w, "I %s.%lld %lld %s %s %lld %s\n", w->id, (long long)w->n, (long long)now_ms(w),
         deeds[deed], name,
         deed == TAKE || deed == LOOK || deed == BREAK ? 0LL : (long long)fencing,
         waits && deed == TAKE ? "waits" : "-");
    bool ok = transact(w, deed, name, fencing, waits ? &w->ticket[at] : NULL, &answer, &err);
    tell(w, "A %s.%lld %lld %s %lld %lld %d\n", w->id, (long long)w->n, (long long)now_ms(w),
         result_of(ok, &err), (long long)answer.fencing, (long long)answer.until_ms,
         (int)answer.is_free);
    if (ok && deed == TAKE)
        w->held[at] = answer.fencing;
    if (!ok && err.kind != ERR_HELD && err.kind != ERR_ABSENT)
        fprintf(stderr, "%s: %s %s: %s\n", w->id, deeds[deed], name, err.text);
}

static void pause_for(const struct worker *w, int64_t ms)
{
    (void)w;
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000}, NULL);
}

static int64_t number(const char *text)
{
    int64_t value = 0;
    return str_to_i64(str_of(text), &value) ? value : 0;
}

int main(int argc, char **argv)
{
    if (argc < 9) {
        fprintf(stderr, "history-worker STORE LOG ID SEED NAMES TTL_MS PAUSE_MS SECONDS [WRONG]\n");
        return 2;
    }
    struct err err = {0};
    struct config config = {.store_path = argv[1]};
    struct worker w = {.house = {.clock = &clock_system, .config = &config},
                       .id = argv[3],
                       .wrong = argc > 9 ? argv[9] : "",
                       .n_names = (int)number(argv[5]),
                       .ttl_ms = number(argv[6]),
                       .pause_ms = number(argv[7]),
                       .chance = (uint64_t)number(argv[4]) * UINT64_C(0x9E3779B97F4A7C15) + 1};
    /* Half of them ask as clients over the network do, the others as processes of this machine, whose death frees what they held. */
    w.client = argv[3][1] % 2 == 0 ? argv[3] : NULL;
    struct store_options options = {.path = argv[1], .create = true, .no_sync = true};
    w.log = open(argv[2], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    w.house.log = log_new(open("/dev/null", O_WRONLY), LOG_LEVEL_ERROR, false, w.house.clock);
    if (w.log < 0 || w.n_names < 5 || w.n_names > NAMES_MAX ||
        !store_open(&options, &w.house.store, &err)) {
        fprintf(stderr, "%s: %s\n", w.id, err.text);
        return 3;
    }
    int64_t end_ms = now_ms(&w) + number(argv[8]) * MS_SECOND;
    tell(&w, "S %s %lld %d %s\n", w.id, (long long)now_ms(&w), (int)getpid(),
         w.client != NULL ? "client" : "process");
    while (now_ms(&w) < end_ms) {
        step(&w);
        pause_for(&w, (int64_t)(chance_next(&w) % (uint64_t)(2 * w.pause_ms + 1)));
    }
    tell(&w, "E %s %lld\n", w.id, (long long)now_ms(&w));
    store_close(w.house.store);
    return 0;
}

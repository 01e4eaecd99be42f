/*
 * A night of deliveries for tests: sets that deliver to folders below the scratch folder,
 * certificates born for them, and the distribution turned by hand as the leader turns it - collect,
 * commit, act, wait - so that it can be abandoned between any two of these as a kill would.
 */
#ifndef TESTS_UNIT_DELIVER_CASE_H
#define TESTS_UNIT_DELIVER_CASE_H

#include "house_fixture.h"

#include "distribution/distribution.h"
#include "io/files.h"

enum { TURNS_MAX = 20000, NAP_MS = 200 };

static struct distribution *deliver;
static struct asks *deliver_asks;
static struct concern deliver_concern;
static char said[64 * 1024]; /* all progress of a test, for words that a person must see */

static inline void progress_say(void *arg, const struct progress_note *note)
{
    size_t len = strlen(said);
    (void)arg;
    snprintf(said + len, sizeof said - len, "%s: %s\n", note->set != NULL ? note->set : "",
             note->text);
}

static inline int deliver_make(void **state)
{
    if (house_make(state) != 0)
        return -1;
    said[0] = '\0';
    house.loop = loop_new();
    house.progress = (struct progress){progress_say, NULL};
    return 0;
}

static inline void deliver_close(void)
{
    distribution_free(deliver);
    asks_free(deliver_asks);
    deliver = NULL;
    deliver_asks = NULL;
}

static inline int deliver_remove(void **state)
{
    deliver_close();
    loop_free(house.loop);
    house.loop = NULL;
    return house_remove(state);
}

static inline void deliver_open(const char *const *only, bool forced)
{
    deliver_close();
    deliver_asks = asks_new(only, ASK_DELIVER, forced, false, false);
    struct distribution_options options = {.asks = deliver_asks};
    deliver = distribution_new(&house, &options);
    deliver_concern = distribution_concern(deliver);
}

static inline void turn_collect(void)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    must(deliver_concern.collect(deliver_concern.self, &err), &err);
    must(store_commit(house.store, &err), &err);
}

static inline void turn_act(void)
{
    deliver_concern.act(deliver_concern.self);
}

static inline bool turn_is_last(void)
{
    return !deliver_concern.is_busy(deliver_concern.self);
}

static inline void turn_wait(void)
{
    loop_wait(house.loop, clock_wall_ms(&clock_system) + NAP_MS);
}

/* Until nothing is under way. */
static inline void deliver_on(void)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        turn_collect();
        turn_act();
        if (turn_is_last())
            return;
        turn_wait();
    }
    fail_msg("the distribution does not come to an end:\n%s", said);
}

static inline struct distribution_result deliver_result(void)
{
    struct err err = {0};
    struct distribution_result result = {0};
    must(distribution_result(deliver, &result, &err), &err);
    return result;
}

/* A run of all that is due. */
static inline struct distribution_result deliver_all(void)
{
    deliver_open(NULL, false);
    deliver_on();
    struct distribution_result result = deliver_result();
    deliver_close();
    return result;
}

static inline struct distribution_result deliver_only(const char *set, bool forced)
{
    const char *const only[] = {set, NULL};
    deliver_open(only, forced);
    deliver_on();
    struct distribution_result result = deliver_result();
    deliver_close();
    return result;
}

/* A set that delivers to <scratch>/<name>; more: lines of the deployment, indented by four, each
 * ending in a newline. */
static inline void target_put(const char *name, const char *more)
{
    AUTO(mem_fini)
    char *text = mem_printf("names: [www.example.com, \"%s.example.com\"]\n"
                            "deploy:\n  - files: {dir: %s}\n%s"
                            "endpoints: [www.example.com:443]\n",
                            name, scratch(name), more);
    set_put(name, text);
}

static inline void target_put_files(const char *name, const char *files, const char *more)
{
    AUTO(mem_fini)
    char *text = mem_printf("names: [www.example.com, \"%s.example.com\"]\n"
                            "deploy:\n  - files: {dir: %s, %s}\n%s",
                            name, scratch(name), files, more);
    set_put(name, text);
}

/* "[/bin/sh, -c, SCRIPT]" with {} in script as the scratch folder; in one of a few turning buffers.
 */
static inline const char *shell(const char *what, const char *script)
{
    static char texts[8][4096];
    static unsigned turn;
    char *out = texts[turn++ % 8], *p = out;
    p += snprintf(p, 64, "    %s: [/bin/sh, -c, '", what);
    for (const char *s = script; *s != '\0'; s++) {
        if (s[0] == '{' && s[1] == '}') {
            p += snprintf(p, 1024, "%s", scratch_dir);
            s++;
        } else {
            *p++ = *s;
        }
    }
    snprintf(p, 8, "']\n");
    return out;
}

static inline const char *lines(const char *a, const char *b)
{
    static char texts[4][8192];
    static unsigned turn;
    char *out = texts[turn++ % 4];
    snprintf(out, sizeof texts[0], "%s%s", a, b);
    return out;
}

/* The next version of a set, valid from a day ago for so many days. */
static inline int64_t version_bear(const char *set, int64_t days)
{
    struct err err = {0};
    struct set_config *config = NULL;
    int64_t id = 0, key_id = 0, now_ms = fixture_clock.wall_now_ms;
    char names[256];
    snprintf(names, sizeof names, "DNS:www.example.com,DNS:%s.example.com", set);
    must(register_set(&house, set, &config, &err), &err);
    struct chain *chain =
        chain_make(names, now_ms - MS_DAY, now_ms - MS_DAY + days * MS_DAY, &key_id);
    struct certificate_birth birth = {.set_name = set,
                                      .authority = "one",
                                      .directory = config->directories[0],
                                      .want = config->want,
                                      .key_kind = "ecdsa-p256",
                                      .url = "https://one.example/cert/1",
                                      .names = (const char *const *)config->names,
                                      .n_names = config->n_names,
                                      .key_id = key_id,
                                      .chain = chain};
    bool alone = !store_in_transaction(house.store);
    must(!alone || store_begin(house.store, &err), &err);
    must(held_certificate_born(&house, &birth, &id, &err), &err);
    must(!alone || store_commit(house.store, &err), &err);
    chain_free(chain);
    set_config_free(config);
    return id;
}

/* A set with its first version delivered, by a configuration without programs; then the one of the
 * test. */
static inline void target_with_version_1(const char *name, const char *more)
{
    target_put(name, "");
    refresh();
    version_bear(name, 30);
    assert_int_equal(deliver_all().n_done, 1);
    target_put(name, more);
    refresh();
    fixture_clock.wall_now_ms += MS_DAY;
}

/* ---- what a reader finds ---- */

/* The number before '-' in the name of the generation that is served; 0 when none is. */
static inline int served_version(const char *set)
{
    struct err err = {0};
    char *version = NULL;
    if (!generation_current(scratch(set), &version, &err)) {
        assert_int_equal(err.kind, ERR_ABSENT);
        return 0;
    }
    int number = (int)strtol(version, NULL, 10);
    mem_free(version);
    return number;
}

static inline const char *served_file(const char *set, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/current/%s", set, name);
    return path;
}

/* Key and leaf of what is served fit each other. */
static inline void pair_fits(const char *set)
{
    struct err err = {0};
    AUTO(buf_fini)
    struct buf pem = BUF(CHAIN_PEM_MAX);
    AUTO(buf_fini)
    struct buf key_pem = BUF(CHAIN_PEM_MAX);
    AUTO(key_fini)
    struct key *key = NULL;
    AUTO(chain_fini)
    struct chain *chain = NULL;
    AUTO(cert_facts_fini)
    struct cert_facts facts = {0};
    char spki[SPKI_HEX_MAX];
    must(file_read(scratch(served_file(set, "fullchain.pem")), CHAIN_PEM_MAX, false, &pem, &err),
         &err);
    must(file_read(scratch(served_file(set, "key.pem")), CHAIN_PEM_MAX, false, &key_pem, &err),
         &err);
    must(chain_parse_pem(buf_str(&pem), &chain, &err), &err);
    must(chain_facts(chain, 0, &facts, &err), &err);
    must(key_from_pem(buf_str(&key_pem), &key, &err), &err);
    key_spki(key, spki);
    assert_string_equal(spki, facts.spki_hex);
}

static inline const char *row_text(const char *set, const char *column)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT %s FROM deployment WHERE set_name = '%s'", column, set);
    return sql_text(sql);
}

static inline int64_t row_int(const char *set, const char *column)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT %s FROM deployment WHERE set_name = '%s'", column, set);
    return sql_int(-1, sql);
}

static inline void stage_is(const char *set, const char *stage)
{
    assert_string_equal(row_text(set, "stage"), stage);
}

static inline const char *last_event(const char *event)
{
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT text FROM event WHERE event = '%s' ORDER BY id DESC LIMIT 1",
             event);
    return sql_text(sql);
}

static inline int n_lines(const char *name)
{
    int n = 0;
    for (const char *p = scratch_get(name); *p != '\0'; p++)
        n += *p == '\n';
    return n;
}

#endif

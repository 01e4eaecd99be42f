/*
 * A house for tests: a scratch folder with chancery.yaml and sets.d, a store, a sealing key and a clock set by hand.
 * Events are read from the history; columns by SQL of the test's own, so that it shares no statement with what it tests.
 */
#ifndef TESTS_UNIT_HOUSE_FIXTURE_H
#define TESTS_UNIT_HOUSE_FIXTURE_H

#include "inventory/config.h"
#include "inventory/event.h"
#include "inventory/held.h"
#include "inventory/house.h"
#include "inventory/register.h"
#include "little_ca.h"
#include "scratch.h"
#include "store/sqlite/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FIXTURE_YAML                                                                               \
    "store: sqlite:c.db\n"                                                                         \
    "seal: file:seal.key\n"                                                                        \
    "authorities:\n"                                                                               \
    "  one: {directory: https://one.example/dir, agree_tos: true}\n"                               \
    "  two: {directory: https://two.example/dir, agree_tos: true}\n"                               \
    "providers:\n"                                                                                 \
    "  corp: {type: exec, zones: [example.com, example.net], argv: [/bin/true]}\n"                 \
    "defaults: {authority: one}\n"

static struct clock_manual fixture_clock;
static struct house house;

static inline const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static inline void must(bool ok, const struct err *err)
{
    if (!ok)
        fail_msg("%s", err->text);
}

static inline void config_again(void)
{
    struct err err = {0};
    config_free(house.config);
    house.config = NULL;
    must(config_load(scratch("chancery.yaml"), no_environment, &house.config, &err), &err);
}

static inline int house_make(void **state)
{
    struct err err = {0};
    struct secret key = {0};
    if (scratch_make(state) != 0)
        return -1;
    house = (struct house){.clock = &fixture_clock.clock};
    clock_manual_init(&fixture_clock, time_from_civil(2030, 1, 1, 0, 0, 0));
    scratch_put("chancery.yaml", FIXTURE_YAML, 0644);
    mkdir(scratch("sets.d"), 0755);
    config_again();
    struct store_options options = {.path = scratch("c.db"), .create = true, .no_sync = true};
    must(store_open(&options, &house.store, &err), &err);
    seal_make_key(&key);
    must(seal_open(&key, &house.seal, &err), &err);
    secret_fini(&key);
    return 0;
}

static inline int house_remove(void **state)
{
    store_close(house.store);
    seal_close(house.seal);
    config_free(house.config);
    return scratch_remove(state);
}

static inline void set_put(const char *name, const char *text)
{
    char file[128];
    snprintf(file, sizeof file, "sets.d/%s.yaml", name);
    unlink(scratch(file)); /* another inode: a stamp has no finer grain than the kernel's tick */
    scratch_put(file, text, 0644);
}

static inline void set_drop(const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "sets.d/%s.yaml", name);
    assert_int_equal(unlink(scratch(file)), 0);
}

static inline struct register_result refresh(void)
{
    struct err err = {0};
    struct register_result result = {0};
    must(register_refresh(&house, &result, &err), &err);
    return result;
}

/* First column of the first row; otherwise when there is none or it is NULL. */
static inline int64_t sql_int(int64_t otherwise, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(sqlite_of(house.store)->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(sqlite_of(house.store)->db));
    int64_t value = otherwise;
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
        value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static inline const char *sql_text(const char *sql)
{
    static char texts[8][4096];
    static unsigned turn;
    char *text = texts[turn++ % 8];
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(sqlite_of(house.store)->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(sqlite_of(house.store)->db));
    const unsigned char *p = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_text(stmt, 0) : NULL;
    snprintf(text, sizeof texts[0], "%s", p != NULL ? (const char *)p : "");
    sqlite3_finalize(stmt);
    return text;
}

static inline void sql_run(const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(sqlite_of(house.store)->db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
}

static inline void has_words(const char *text, const char *words)
{
    if (text == NULL || strstr(text, words) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", text != NULL ? text : "(nothing)", words);
}

static inline int64_t n_events(const char *event)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM event WHERE event = '%s'", event);
    return sql_int(0, sql);
}

/* X.509 time of an instant. */
static inline void x509_time(int64_t at_ms, char out[32])
{
    char text[TIME_TEXT_MAX];
    time_format(at_ms, false, text);
    snprintf(out, 32, "%.4s%.2s%.2s%.2s%.2s%.2sZ", text, text + 5, text + 8, text + 11, text + 14,
             text + 17);
}

/* A chain of one CA and a leaf for these times. The key is saved; its id is given. */
static inline struct chain *chain_make(const char *names, int64_t from_ms, int64_t to_ms,
                                       int64_t *ret_key_id)
{
    struct err err = {0};
    struct chain *chain = NULL;
    static struct key *ca_key;
    char from[32], to[32];
    if (ca_key == NULL)
        ca_key = key_new(KEY_ECDSA_P256);
    struct key *key = key_new(KEY_ECDSA_P256);
    EVP_PKEY *leaf = ca_pkey(key), *ca = ca_pkey(ca_key);
    AUTO(buf_fini)
    struct buf pem = BUF(CHAIN_PEM_MAX);
    x509_time(from_ms, from);
    x509_time(to_ms, to);
    cert_add(&pem, &(struct cert_plan){.subject = "leaf",
                                       .issuer = "CA",
                                       .key = leaf,
                                       .signer = ca,
                                       .names = names,
                                       .not_before = from,
                                       .not_after = to,
                                       .issuer_key_id = "0102"});
    cert_add(&pem,
             &(struct cert_plan){.subject = "CA", .issuer = "Root", .is_ca = true, .key = ca});
    EVP_PKEY_free(leaf);
    EVP_PKEY_free(ca);
    must(chain_parse_pem(buf_str(&pem), &chain, &err), &err);
    if (ret_key_id != NULL)
        must(held_key_save(&house, key, "leaf", ret_key_id, &err), &err);
    key_free(key);
    return chain;
}

/* A certificate as an order for the set's present configuration would bring it. */
static inline int64_t certificate_bear(const char *set_name, int64_t from_ms, int64_t to_ms)
{
    struct err err = {0};
    struct set_config *set = NULL;
    int64_t id = 0, key_id = 0;
    must(register_set(&house, set_name, &set, &err), &err);
    struct chain *chain = chain_make("DNS:www.example.com", from_ms, to_ms, &key_id);
    struct certificate_birth birth = {.set_name = set_name,
                                      .authority = set->authorities[0],
                                      .directory = set->directories[0],
                                      .want = set->want,
                                      .key_kind = key_kind_name(set->key),
                                      .profile = set->profile,
                                      .url = "https://one.example/cert/1",
                                      .names = (const char *const *)set->names,
                                      .n_names = set->n_names,
                                      .key_id = key_id,
                                      .chain = chain};
    must(store_begin(house.store, &err), &err);
    must(held_certificate_born(&house, &birth, &id, &err), &err);
    must(store_commit(house.store, &err), &err);
    chain_free(chain);
    set_config_free(set);
    return id;
}

#endif

#include "inventory/held.h"

#include "crypto/csr.h"

#include <inttypes.h>
#include <stdio.h>

enum { PLACE_MAX = 96, BLOB_MAX = 64 * 1024 };

static bool seal_is_open(const struct house *house, struct err *err)
{
    return house->seal != NULL ||
           err_set(err, ERR_STORE, "private keys: the sealing key was not opened");
}

/* A sealed key opens only in the row of its own public key. */
static struct str place_of(const char *spki, char out[PLACE_MAX])
{
    snprintf(out, PLACE_MAX, "private_key/%s", spki);
    return str_of(out);
}

static bool answer_load(struct house *house, enum sql_name question, const char *spki, bool *ret,
                        struct err *err)
{
    int64_t n = 0;
    if (!store_int(house->store, 0, &n, err, question, "t", spki))
        return false;
    *ret = n != 0;
    return true;
}

bool held_key_is_compromised(struct house *house, const char *spki, bool *ret, struct err *err)
{
    return answer_load(house, SQL_KEY_IS_COMPROMISED, spki, ret, err);
}

bool held_key_is_of_account(struct house *house, const char *spki, bool *ret, struct err *err)
{
    return answer_load(house, SQL_KEY_IS_OF_ACCOUNT, spki, ret, err);
}

static bool key_may_be_used(struct house *house, const char *spki, struct err *err)
{
    bool is_compromised = false;
    return held_key_is_compromised(house, spki, &is_compromised, err) &&
           (!is_compromised ||
            err_set(err, ERR_REFUSED,
                    "private key %.16s... was reported compromised: it is never used again", spki));
}

bool held_key_is_for(struct house *house, const char *spki, const char *purpose, struct err *err)
{
    struct rows rows;
    bool fits = true;
    if (!store_query(house->store, &rows, err, SQL_KEY_PURPOSE, "t", spki))
        return false;
    if (rows_next(&rows))
        fits = strcmp(rows_text(&rows, 0), purpose) == 0;
    if (!rows_end(&rows, err))
        return false;
    return fits || err_set(err, ERR_REFUSED,
                           "this key is %s key already, and no key may be both an account's and a "
                           "certificate's (RFC 8555 11.1): take another one",
                           strcmp(purpose, "account") == 0 ? "a certificate's" : "an account's");
}

bool held_key_save(struct house *house, const struct key *key, const char *purpose, int64_t *ret_id,
                   struct err *err)
{
    char spki[SPKI_HEX_MAX], place[PLACE_MAX];
    AUTO(secret_fini)
    struct secret der = {0};
    AUTO(buf_fini)
    struct buf sealed = BUF(BLOB_MAX);
    int64_t id = 0;
    if (!seal_is_open(house, err))
        return false;
    key_spki(key, spki);
    if (!key_may_be_used(house, spki, err))
        return false;
    key_to_der(key, &der);
    seal_wrap(house->seal, secret_str(&der), place_of(spki, place), &sealed);
    if (!store_insert(house->store, &id, err, SQL_KEY_INSERT, "tttbi", purpose,
                      key_kind_name(key_kind(key)), spki, buf_str(&sealed), house_now(house)))
        return false;
    /* Saved before, by a run that was killed: the same key is the same row. */
    if (id == 0 &&
        (!key_may_be_used(house, spki, err) || !held_key_is_for(house, spki, purpose, err) ||
         !store_int(house->store, 0, &id, err, SQL_KEY_ID, "t", spki)))
        return false;
    *ret_id = id;
    return true;
}

struct sealed_key {
    char spki[SPKI_HEX_MAX];
    struct buf blob;
};

static bool key_row_load(struct house *house, int64_t key_id, struct sealed_key *ret,
                         struct err *err)
{
    struct rows rows;
    bool found = false;
    if (!store_query(house->store, &rows, err, SQL_KEY_GET, "i", key_id))
        return false;
    if (rows_next(&rows)) {
        found = true;
        snprintf(ret->spki, sizeof ret->spki, "%s", rows_text(&rows, 0));
        buf_add_str(&ret->blob, rows_blob(&rows, 1));
    }
    if (!rows_end(&rows, err))
        return false;
    return found || err_set(err, ERR_STORE, "private key %" PRId64 " is not in the store", key_id);
}

bool held_key_load(struct house *house, int64_t key_id, struct key **ret_key, struct err *err)
{
    char place[PLACE_MAX], spki[SPKI_HEX_MAX];
    struct sealed_key row = {.blob = BUF(BLOB_MAX)};
    AUTO(secret_fini)
    struct secret der = {0};
    struct key *key = NULL;
    if (key_id == 0)
        return err_set(
            err, ERR_CONFIG,
            "its private key is elsewhere: it was made from a certificate request (csr)");
    bool ok = seal_is_open(house, err) && key_row_load(house, key_id, &row, err) &&
              seal_unwrap(house->seal, buf_str(&row.blob), place_of(row.spki, place), &der, err) &&
              key_from_der(secret_str(&der), &key, err);
    buf_fini(&row.blob);
    if (!ok) {
        if (err != NULL)
            err->kind = ERR_STORE;
        return false;
    }
    key_spki(key, spki);
    if (strcmp(spki, row.spki) != 0) {
        key_free(key);
        return err_set(err, ERR_STORE, "private key %" PRId64 " is not the key of its row", key_id);
    }
    *ret_key = key;
    return true;
}

bool held_key_spki(struct house *house, int64_t key_id, char out[SPKI_HEX_MAX], struct err *err)
{
    struct rows rows;
    bool found = false;
    if (!store_query(house->store, &rows, err, SQL_KEY_SPKI, "i", key_id))
        return false;
    if (rows_next(&rows)) {
        found = true;
        snprintf(out, SPKI_HEX_MAX, "%s", rows_text(&rows, 0));
    }
    if (!rows_end(&rows, err))
        return false;
    return found || err_set(err, ERR_STORE, "private key %" PRId64 " is not in the store", key_id);
}

bool held_request_spki(struct house *house, const struct certificate *c, char out[SPKI_HEX_MAX],
                       struct err *err)
{
    struct rows rows;
    AUTO(buf_fini)
    struct buf der = BUF(CSR_LEN_MAX);
    AUTO(csr_facts_fini)
    struct csr_facts facts = {0};
    if (!store_query(house->store, &rows, err, SQL_ORDER_CSR, "i", c->order_id))
        return false;
    if (rows_next(&rows) && !rows_is_null(&rows, 0))
        buf_add_str(&der, rows_blob(&rows, 0));
    if (!rows_end(&rows, err))
        return false;
    if (der.len > 0 && !csr_parse(buf_str(&der), &facts, err))
        return err_wrap(err, "order %" PRId64, c->order_id);
    snprintf(out, SPKI_HEX_MAX, "%s", der.len > 0 ? facts.spki_hex : c->spki);
    return true;
}

#include "inventory/held_chain.h"

#include "crypto/chain_choice.h"
#include "inventory/event.h"

#include <inttypes.h>

enum { WORDS_MAX = 600 };

void issuer_chains_free(struct issuer_chain *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(list[i].sha256);
        mem_free(list[i].root);
        buf_fini(&list[i].pem);
    }
    mem_free(list);
}

bool held_chains(struct house *house, int64_t certificate_id, struct issuer_chain **ret_list,
                 size_t *ret_n, struct err *err)
{
    struct rows rows;
    struct issuer_chain *list = NULL;
    size_t n = 0;
    if (!store_query(house->store, &rows, err, SQL_CERTIFICATE_CHAINS, "i", certificate_id))
        return false;
    while (rows_next(&rows)) {
        list = mem_grow(list, n, n + 1, sizeof *list);
        struct issuer_chain *one = &list[n++];
        *one = (struct issuer_chain){
            .id = rows_int(&rows, 0),
            .sha256 = mem_strdup(rows_text(&rows, 1)),
            .root = mem_strdup(rows_is_null(&rows, 2) ? "" : rows_text(&rows, 2)),
            .n = rows_int(&rows, 3),
            .pem = BUF(CHAIN_PEM_MAX),
            .is_default = rows_int(&rows, 5) != 0,
            .is_chosen = !rows_is_null(&rows, 6) && rows_int(&rows, 6) != 0,
        };
        buf_add_str(&one->pem, rows_blob(&rows, 4));
    }
    if (!rows_end(&rows, err)) {
        issuer_chains_free(list, n);
        return false;
    }
    *ret_list = list;
    *ret_n = n;
    return true;
}

static enum chain_fit row_fits(const struct issuer_chain *row, const char *wish)
{
    AUTO(chain_fini)
    struct chain *chain = NULL;
    /* A damaged chain fulfils no wish. */
    return chain_parse_pem(buf_str(&row->pem), &chain, NULL) ? chain_fits(chain, wish)
                                                             : CHAIN_FIT_NONE;
}

size_t issuer_chain_find(const struct issuer_chain *list, size_t n, const char *wish)
{
    size_t found = n;
    enum chain_fit best = CHAIN_FIT_NONE;
    if (wish == NULL)
        return 0;
    for (size_t i = 0; i < n; i++) {
        enum chain_fit fit = row_fits(&list[i], wish);
        if (fit <= best)
            continue;
        best = fit;
        found = i;
    }
    return found;
}

void issuer_chains_words(const struct issuer_chain *list, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s\"%s\"", i > 0 ? ", " : "", list[i].root);
}

/* ---- choosing ---- */

/* The default chain is always good enough to be served; only the wish is told to be unfulfilled. */
static void fallback_tell(struct house *house, const char *set, const struct issuer_chain *list,
                          size_t n, const char *wish)
{
    AUTO(buf_fini)
    struct buf offered = BUF(WORDS_MAX);
    issuer_chains_words(list, n, &offered);
    event_write(house, EVENT_CHAIN_FALLBACK, set, 0,
                "no chain fits \"%s\"; the CA's default is delivered; offered: %s", wish,
                buf_cstr(&offered));
}

static bool chain_choose(struct house *house, int64_t certificate_id, const char *set,
                         const char *wish, int64_t *ret_chain_id, struct err *err)
{
    struct issuer_chain *list = NULL;
    size_t n = 0;
    if (!held_chains(house, certificate_id, &list, &n, err))
        return false;
    size_t at = issuer_chain_find(list, n, wish);
    if (at == n && n > 0) {
        fallback_tell(house, set, list, n, wish);
        at = 0;
    }
    int64_t chain_id = n > 0 ? list[at].id : 0;
    issuer_chains_free(list, n);
    if (!store_run(house->store, NULL, err, SQL_CERTIFICATE_CHAIN_CHOOSE, "iit", certificate_id,
                   chain_id, wish))
        return false;
    *ret_chain_id = chain_id;
    return true;
}

static bool wish_is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool held_chain_follow(struct house *house, struct certificate *c, const char *wish,
                       struct err *err)
{
    CHECK(store_in_transaction(house->store));
    if (wish_is_same(c->chain_wish, wish))
        return true;
    int64_t before = c->chain_id;
    if (!chain_choose(house, c->id, c->set_name, wish, &c->chain_id, err))
        return false;
    mem_set_str(&c->chain_wish, wish);
    if (c->chain_id != before)
        event_write(house, EVENT_CHAIN_CHOSEN, c->set_name, 0,
                    "version %" PRId64 " goes out with another chain now: %s%s%s", c->version,
                    wish != NULL ? "\"" : "", wish != NULL ? wish : "the CA's default",
                    wish != NULL ? "\"" : "");
    return true;
}

/* ---- birth ---- */

static bool issuers_put(struct house *house, const struct chain *chain, int64_t *ret_id,
                        struct err *err)
{
    char sha256[65];
    AUTO(buf_fini)
    struct buf pem = BUF(CHAIN_PEM_MAX);
    AUTO(mem_fini)
    char *root = chain_root_name(chain);
    chain_issuers_pem(chain, &pem);
    if (pem.overflow)
        return err_set(err, ERR_BROKEN, "its chain is too large");
    sha256_hex(pem.p, pem.len, sha256);
    return store_run(house->store, NULL, err, SQL_ISSUER_CHAIN_PUT, "ttib", sha256, root,
                     (int64_t)chain_len(chain) - 1, buf_str(&pem)) &&
           store_int(house->store, 0, ret_id, err, SQL_ISSUER_CHAIN_ID, "t", sha256);
}

static bool ids_hold(const int64_t *ids, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static bool chains_put(struct house *house, int64_t certificate_id,
                       const struct chain *const *chains, size_t n, int64_t *ids, size_t *ret_n,
                       struct err *err)
{
    size_t n_ids = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t id;
        if (chain_len(chains[i]) < 2)
            continue;
        if (!issuers_put(house, chains[i], &id, err))
            return false;
        if (ids_hold(ids, n_ids, id))
            continue;
        if (!store_run(house->store, NULL, err, SQL_CERTIFICATE_CHAIN_ADD, "iii", certificate_id,
                       (int64_t)n_ids, id))
            return false;
        ids[n_ids++] = id;
    }
    *ret_n = n_ids;
    return true;
}

bool held_chains_born(struct house *house, int64_t certificate_id, const char *set,
                      const struct chain *const *chains, size_t n, const char *wish,
                      struct err *err)
{
    size_t n_ids = 0;
    int64_t chosen;
    int64_t *ids = NEW_N(n + 1, int64_t);
    bool ok = chains_put(house, certificate_id, chains, n, ids, &n_ids, err);
    if (ok && wish == NULL)
        ok = store_run(house->store, NULL, err, SQL_CERTIFICATE_CHAIN_CHOOSE, "iit", certificate_id,
                       n_ids > 0 ? ids[0] : INT64_C(0), NULL);
    else if (ok)
        ok = chain_choose(house, certificate_id, set, wish, &chosen, err);
    mem_free(ids);
    return ok;
}

/* ---- what a target shall hold ---- */

char *delivery_print(const struct deploy_config *how, const struct certificate *certificate)
{
    return mem_printf("%s.%" PRId64, how->want, certificate->chain_id);
}

bool delivery_print_has(const char *in_place, const struct deploy_config *how)
{
    struct str text = str_of(in_place);
    return str_eq(str_mem(text.p, str_find_char(text, '.')), str_of(how->want));
}

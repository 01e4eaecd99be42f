#include "cmd/chain_words.h"

#include "cmd/options.h"

#include "crypto/chain_choice.h"
#include "inventory/held_chain.h"

enum { WORDS_MAX = 800 };

static struct json *fingerprints_json(const struct issuer_chain *one)
{
    struct json *list = json_array();
    AUTO(chain_fini)
    struct chain *chain = NULL;
    if (!chain_parse_pem(buf_str(&one->pem), &chain, NULL))
        return list;
    for (size_t i = 0; i < chain_len(chain); i++) {
        char hex[65];
        AUTO(buf_fini)
        struct buf der = BUF(CHAIN_PEM_MAX);
        chain_cert_der(chain, i, &der);
        sha256_hex(der.p, der.len, hex);
        json_push_text(list, hex);
    }
    return list;
}

struct json *chains_json(struct house *house, const struct certificate *certificate,
                         struct err *err)
{
    struct issuer_chain *chains = NULL;
    size_t n = 0;
    if (!held_chains(house, certificate->id, &chains, &n, err))
        return NULL;
    struct json *list = json_array();
    for (size_t i = 0; i < n; i++) {
        struct json *one = json_set_text(json_object(), "root", chains[i].root);
        json_set_int(one, "certificates", chains[i].n);
        json_set_bool(one, "default", chains[i].is_default);
        json_set_bool(one, "chosen", chains[i].is_chosen);
        json_set(one, "sha256", fingerprints_json(&chains[i]));
        json_push(list, one);
    }
    issuer_chains_free(chains, n);
    return list;
}

static bool chain_put(struct certificate *certificate, const struct issuer_chain *chosen,
                      struct err *err)
{
    AUTO(chain_fini)
    struct chain *chain = NULL;
    if (!chain_parse_pem(buf_str(&certificate->chain_pem), &chain, err))
        return err_wrap(err, "set %s, version %lld in the store", certificate->set_name,
                        (long long)certificate->version);
    buf_clear(&certificate->chain_pem);
    chain_cert_pem(chain, 0, &certificate->chain_pem);
    buf_add_str(&certificate->chain_pem, buf_str(&chosen->pem));
    return true;
}

bool chain_option_take(struct invocation *in, struct certificate *certificate)
{
    const char *word = option_value(in, "chain");
    struct issuer_chain *chains = NULL;
    size_t n = 0;
    AUTO(mem_fini)
    char *wish = NULL;
    if (word == NULL)
        return true;
    if (!chain_wish_check(word, &wish, &in->err))
        return err_wrap(&in->err, "--chain");
    if (!held_chains(&in->house, certificate->id, &chains, &n, &in->err))
        return false;
    size_t at = issuer_chain_find(chains, n, wish);
    AUTO(buf_fini)
    struct buf offered = BUF(WORDS_MAX);
    issuer_chains_words(chains, n, &offered);
    bool ok =
        at < n ? chain_put(certificate, &chains[at], &in->err)
               : err_set(&in->err, ERR_CONFIG,
                         "--chain: no chain of set %s, version %lld fits \"%.200s\"; there is: %s",
                         certificate->set_name, (long long)certificate->version, word,
                         n > 0 ? buf_cstr(&offered) : "none");
    issuer_chains_free(chains, n);
    return ok;
}

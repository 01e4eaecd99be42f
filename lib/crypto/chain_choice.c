#include "crypto/chain_choice.h"
#include "crypto/inside.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define FINGERPRINT "sha256:"
enum { WISH_MAX = 200, FINGERPRINT_LEN = 64, NAME_SHOWN = 400 };

static bool name_is(const X509_NAME *name, struct str wish)
{
    AUTO(mem_fini)
    char *text = common_name(name);
    return text != NULL && str_eq_nocase(str_of(text), wish);
}

static bool fingerprint_is(const struct chain *chain, size_t i, const char *hex)
{
    char own[65];
    AUTO(buf_fini)
    struct buf der = BUF(CHAIN_PEM_MAX);
    chain_cert_der(chain, i, &der);
    sha256_hex(der.p, der.len, own);
    return strcmp(own, hex) == 0;
}

enum chain_fit chain_fits(const struct chain *chain, const char *wish)
{
    struct str text = str_of(wish);
    if (str_starts(text, STR(FINGERPRINT))) {
        for (size_t i = 0; i < chain->n; i++)
            if (fingerprint_is(chain, i, wish + strlen(FINGERPRINT)))
                return CHAIN_FIT_TOP;
        return CHAIN_FIT_NONE;
    }
    if (name_is(X509_get_issuer_name(chain->links[chain->n - 1].x509), text))
        return CHAIN_FIT_TOP;
    for (size_t i = 0; i < chain->n; i++)
        if (chain->links[i].is_ca && name_is(X509_get_subject_name(chain->links[i].x509), text))
            return CHAIN_FIT_WITHIN;
    return CHAIN_FIT_NONE;
}

static bool fingerprint_check(struct str digits, char **ret_wish, struct err *err)
{
    AUTO(buf_fini)
    struct buf hex = BUF(4 * WISH_MAX), bytes = BUF(WISH_MAX);
    buf_add_cstr(&hex, FINGERPRINT);
    size_t start = hex.len;
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.p[i];
        if (c != ':')
            buf_add_char(&hex, c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c);
    }
    struct str whole = buf_str(&hex);
    if (hex.len - start != FINGERPRINT_LEN ||
        !hex_decode(&bytes, str_mem(whole.p + start, whole.len - start)))
        return err_set(err, ERR_CONFIG,
                       "sha256: and the 64 hexadecimal digits of a certificate's fingerprint are "
                       "expected");
    *ret_wish = buf_take(&hex);
    return true;
}

bool chain_wish_check(const char *text, char **ret_wish, struct err *err)
{
    struct str wish = str_trim(str_of(text));
    if (wish.len == 0 || wish.len > WISH_MAX)
        return err_set(
            err, ERR_CONFIG,
            "the name of a root, e.g. \"ISRG Root X1\", or sha256: and a fingerprint are "
            "expected");
    if (wish.len > strlen(FINGERPRINT) &&
        str_eq_nocase(str_mem(wish.p, strlen(FINGERPRINT)), STR(FINGERPRINT)))
        return fingerprint_check(
            str_mem(wish.p + strlen(FINGERPRINT), wish.len - strlen(FINGERPRINT)), ret_wish, err);
    *ret_wish = mem_strndup(wish.p, wish.len);
    return true;
}

char *chain_root_name(const struct chain *chain)
{
    const X509_NAME *issuer = X509_get_issuer_name(chain->links[chain->n - 1].x509);
    char *name = common_name(issuer);
    if (name != NULL)
        return name;
    struct err why;
    AUTO(buf_fini)
    struct buf shown = BUF(4 * NAME_SHOWN);
    AUTO(mem_fini)
    char *line = NULL;
    if (!name_line(issuer, &line, &why))
        return mem_strdup("");
    text_escape(&shown, str_of(line), NAME_SHOWN);
    return buf_take(&shown);
}

bool chain_has_same_leaf(const struct chain *a, const struct chain *b)
{
    AUTO(buf_fini)
    struct buf one = BUF(CHAIN_PEM_MAX), other = BUF(CHAIN_PEM_MAX);
    chain_cert_der(a, 0, &one);
    chain_cert_der(b, 0, &other);
    return str_eq(buf_str(&one), buf_str(&other));
}

void chain_issuers_pem(const struct chain *chain, struct buf *out)
{
    for (size_t i = 1; i < chain->n; i++)
        chain_cert_pem(chain, i, out);
}

bool chain_cert_is_root(const struct chain *chain, size_t i)
{
    CHECK(i < chain->n);
    return chain->links[i].is_self_signed;
}

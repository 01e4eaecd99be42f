#include "crypto/inside.h"

#include "base/clock.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END   "-----END CERTIFICATE-----"

/* Issuers come back with every certificate of their CA, and OpenSSL 3.0 takes 120 us to decode one.
 * The last ones seen are kept by the hash of their DER. */
enum { ISSUERS_KEPT = 32 };
static struct {
    pthread_mutex_t lock;
    size_t next;
    struct {
        unsigned char sha256[32];
        struct chain_link link;
    } slots[ISSUERS_KEPT];
} issuers = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool issuer_find(const unsigned char hash[32], struct chain_link *ret_link)
{
    bool found = false;
    pthread_mutex_lock(&issuers.lock);
    for (size_t i = 0; i < ISSUERS_KEPT && !found; i++) {
        struct chain_link *link = &issuers.slots[i].link;
        if (link->x509 == NULL || memcmp(issuers.slots[i].sha256, hash, 32) != 0)
            continue;
        CHECK(X509_up_ref(link->x509) == 1);
        *ret_link = *link;
        found = true;
    }
    pthread_mutex_unlock(&issuers.lock);
    return found;
}

static void issuer_keep(const unsigned char hash[32], const struct chain_link *link)
{
    CHECK(X509_up_ref(link->x509) == 1);
    pthread_mutex_lock(&issuers.lock);
    size_t i = issuers.next;
    issuers.next = (i + 1) % ISSUERS_KEPT;
    X509 *dropped = issuers.slots[i].link.x509;
    issuers.slots[i].link = *link;
    memcpy(issuers.slots[i].sha256, hash, 32);
    pthread_mutex_unlock(&issuers.lock);
    X509_free(dropped);
}

static bool time_read(const ASN1_TIME *asn1, int64_t *ret_at_ms)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(asn1, &tm) != 1)
        return false;
    *ret_at_ms = time_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                                 tm.tm_min, tm.tm_sec);
    return true;
}

/* True when encoding the certificate again gives the bytes it was read from: DER, and nothing
 * behind it. */
static bool is_same_der(const X509 *x509, struct str der)
{
    unsigned char *again = NULL;
    int len = i2d_X509(x509, &again);
    bool same = len > 0 && (size_t)len == der.len && memcmp(again, der.p, der.len) == 0;
    OPENSSL_free(again);
    return same;
}

static bool link_read(X509 *x509, struct str der, struct chain_link *ret_link, struct err *err)
{
    if (!is_same_der(x509, der))
        return err_set(err, ERR_BROKEN, "it is not in DER, or bytes follow it");
    uint32_t flags = X509_get_extension_flags(x509);
    if ((flags & EXFLAG_INVALID) != 0)
        return openssl_err(err, ERR_BROKEN, "its extensions are malformed");
    struct chain_link link = {.x509 = x509};
    if (!time_read(X509_get0_notBefore(x509), &link.not_before_at_ms) ||
        !time_read(X509_get0_notAfter(x509), &link.not_after_at_ms))
        return openssl_err(err, ERR_BROKEN, "its validity is malformed");
    link.is_self_signed = X509_self_signed(x509, 0) == 1;
    /* Version 1 has no extensions to say so; only roots are that old. */
    link.is_ca = (flags & EXFLAG_CA) != 0 || ((flags & EXFLAG_V1) != 0 && link.is_self_signed);
    *ret_link = link;
    return true;
}

static bool link_decode(struct str der, struct chain_link *ret_link, struct err *err)
{
    const unsigned char *p = (const unsigned char *)der.p;
    X509 *x509 = d2i_X509(NULL, &p, (long)der.len);
    if (x509 == NULL)
        return openssl_err(err, ERR_BROKEN, "it cannot be decoded");
    bool fine = link_read(x509, der, ret_link, err);
    if (!fine)
        X509_free(x509);
    ERR_clear_error(); /* unknown algorithms of public keys leave traces there */
    return fine;
}

static bool link_parse(struct str der, bool is_leaf, struct chain_link *ret_link, struct err *err)
{
    if (is_leaf)
        return link_decode(der, ret_link, err);
    unsigned char hash[32];
    sha256(der.p, der.len, hash);
    if (issuer_find(hash, ret_link))
        return true;
    if (!link_decode(der, ret_link, err))
        return false;
    issuer_keep(hash, ret_link);
    return true;
}

/* Cuts one PEM block off *rest, which starts with something that is not blank. ret_text: between
 * the marks. */
static bool block_cut(struct str *rest, struct str *ret_text, struct err *err)
{
    if (!str_starts(*rest, STR(PEM_BEGIN))) {
        struct str line = str_mem(rest->p, str_find_char(*rest, '\n'));
        if (str_find(line, STR("PRIVATE KEY")) < line.len)
            return err_set(err, ERR_BROKEN, "a private key stands among the certificates");
        return err_set(err, ERR_BROKEN, "text that is no certificate");
    }
    struct str body = str_mem(rest->p + sizeof PEM_BEGIN - 1, rest->len - (sizeof PEM_BEGIN - 1));
    size_t end = str_find(body, STR(PEM_END));
    if (end == body.len)
        return err_set(err, ERR_BROKEN, "its end mark is missing");
    *ret_text = str_mem(body.p, end);
    size_t after = end + sizeof PEM_END - 1;
    *rest = str_trim(str_mem(body.p + after, body.len - after));
    return true;
}

static bool block_decode(struct str text, struct buf *der, struct err *err)
{
    /* The decoder also takes the alphabet of base64url, PEM does not. */
    bool is_plain = str_find_char(text, '-') == text.len && str_find_char(text, '_') == text.len;
    buf_clear(der);
    if (!is_plain || !base64_decode_any(der, text) || der->len == 0)
        return err_set(err, ERR_BROKEN, "it is not in base64");
    return true;
}

static bool chain_read(struct str rest, struct chain *chain, struct err *err)
{
    AUTO(buf_fini)
    struct buf der = BUF(CHAIN_PEM_MAX);
    while (rest.len > 0) {
        if (chain->n == CHAIN_LEN_MAX)
            return err_set(err, ERR_BROKEN, "more than %d certificates", CHAIN_LEN_MAX);
        struct str text;
        if (!block_cut(&rest, &text, err) || !block_decode(text, &der, err) ||
            !link_parse(buf_str(&der), chain->n == 0, &chain->links[chain->n], err))
            return err_wrap(err, "certificate %zu", chain->n + 1);
        chain->n++;
    }
    return chain->n > 0 || err_set(err, ERR_BROKEN, "no certificate in it");
}

bool chain_parse_pem(struct str pem, struct chain **ret_chain, struct err *err)
{
    if (pem.len > CHAIN_PEM_MAX)
        return err_set(err, ERR_BROKEN, "chain: %zu bytes, more than %d", pem.len, CHAIN_PEM_MAX);
    if (str_find_char(pem, '\0') < pem.len)
        return err_set(err, ERR_BROKEN, "chain: a NUL byte in it");
    AUTO(chain_fini)
    struct chain *chain = NEW(struct chain);
    if (!chain_read(str_trim(pem), chain, err))
        return err_wrap(err, "chain");
    *ret_chain = chain;
    chain = NULL;
    return true;
}

void chain_free(struct chain *chain)
{
    if (chain == NULL)
        return;
    for (size_t i = 0; i < chain->n; i++)
        X509_free(chain->links[i].x509);
    mem_free(chain);
}

void chain_fini(struct chain **chain)
{
    chain_free(*chain);
    *chain = NULL;
}

size_t chain_len(const struct chain *chain)
{
    return chain->n;
}

void chain_cert_der(const struct chain *chain, size_t i, struct buf *out)
{
    CHECK(i < chain->n);
    unsigned char *der = NULL;
    int len = i2d_X509(chain->links[i].x509, &der);
    CHECK(len > 0);
    buf_add(out, der, (size_t)len);
    OPENSSL_free(der);
}

void chain_cert_pem(const struct chain *chain, size_t i, struct buf *out)
{
    AUTO(buf_fini)
    struct buf der = BUF(CHAIN_PEM_MAX);
    chain_cert_der(chain, i, &der);
    pem_add(out, "CERTIFICATE", buf_str(&der));
}

/* Clients have the roots they trust; one sent along is only weight. */
void chain_rest_pem(const struct chain *chain, struct buf *out)
{
    for (size_t i = 1; i < chain->n; i++)
        if (!chain->links[i].is_self_signed)
            chain_cert_pem(chain, i, out);
}

void chain_full_pem(const struct chain *chain, struct buf *out)
{
    chain_cert_pem(chain, 0, out);
    chain_rest_pem(chain, out);
}

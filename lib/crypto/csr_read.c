#include "crypto/csr.h"
#include "crypto/inside.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { NAMES_MAX = 100, SHOWN_MAX = 400 };

void csr_facts_fini(struct csr_facts *facts)
{
    struct cert_names names = {.p = facts->names, .n = facts->n_names};
    cert_names_fini(&names);
    buf_fini(&facts->der);
    *facts = (struct csr_facts){0};
}

/* ---- from text to DER ---- */

/* Behind the opening mark of a request; STR_NONE when there is none. */
static struct str pem_body(struct str text, const char *label, struct str *ret_end)
{
    AUTO(buf_fini)
    struct buf begin = BUF(128), end = BUF(128);
    buf_printf(&begin, "-----BEGIN %s-----", label);
    buf_printf(&end, "-----END %s-----", label);
    size_t at = str_find(text, buf_str(&begin));
    if (at == text.len)
        return STR_NONE;
    struct str body = str_mem(text.p + at + begin.len, text.len - at - begin.len);
    size_t len = str_find(body, buf_str(&end));
    *ret_end = len == body.len
                   ? STR_NONE
                   : str_trim(str_mem(body.p + len + end.len, body.len - len - end.len));
    return str_mem(body.p, len);
}

static bool pem_decode(struct str text, struct buf *der, struct err *err)
{
    struct str end = STR_NONE, body = pem_body(text, "CERTIFICATE REQUEST", &end);
    if (body.p == NULL)
        body = pem_body(text, "NEW CERTIFICATE REQUEST", &end);
    if (body.p == NULL)
        return err_set(err, ERR_BROKEN, "no certificate request in PEM or DER");
    if (str_find(text, STR("PRIVATE KEY-----")) < text.len)
        return err_set(
            err, ERR_BROKEN,
            "a private key stands beside it: keep the key where it belongs and hand over "
            "the request alone");
    if (end.p == NULL)
        return err_set(err, ERR_BROKEN, "its end mark is missing");
    if (end.len > 0)
        return err_set(err, ERR_BROKEN, "something follows its end");
    bool is_plain = str_find_char(body, '-') == body.len && str_find_char(body, '_') == body.len;
    if (!is_plain || !base64_decode_any(der, body) || der->len == 0)
        return err_set(err, ERR_BROKEN, "it is not in base64");
    return true;
}

static bool bytes_decode(struct str bytes, struct buf *der, struct err *err)
{
    if (bytes.len == 0)
        return err_set(err, ERR_BROKEN, "it is empty");
    if (bytes.len > CSR_LEN_MAX)
        return err_set(err, ERR_BROKEN, "%zu bytes, more than %d", bytes.len, CSR_LEN_MAX);
    /* A SEQUENCE. Text may begin with the same character, a digit, but not go on like that. */
    bool is_der = bytes.p[0] == 0x30 && bytes.len > 1 &&
                  ((bytes.p[1] & 0x80) != 0 || str_find(bytes, STR("-----BEGIN ")) == bytes.len);
    if (!is_der)
        return pem_decode(bytes, der, err);
    buf_add_str(der, bytes);
    return true;
}

/* ---- what it says ---- */

static bool names_take(X509_REQ *req, struct csr_facts *facts, struct err *err)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
    struct cert_names names;
    int critical = 0;
    GENERAL_NAMES *all = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    general_names_take(all, &names);
    facts->names = names.p;
    facts->n_names = names.n;
    if (names.n == 0 && names.n_others == 0)
        return openssl_err(err, critical == -2 ? ERR_BROKEN : ERR_REFUSED,
                           critical == -2 ? "subjectAltName stands in it twice"
                                          : "no names in subjectAltName");
    if (names.n_others > 0)
        return err_set(err, ERR_REFUSED,
                       "subjectAltName holds %zu of other kinds than DNS names and addresses",
                       names.n_others);
    return names.n <= NAMES_MAX ||
           err_set(err, ERR_REFUSED, "%zu names, more than %d", names.n, NAMES_MAX);
}

static bool names_hold(char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool common_name_check(X509_REQ *req, const struct csr_facts *facts, struct err *err)
{
    AUTO(mem_fini)
    char *text = common_name(X509_REQ_get_subject_name(req));
    if (text == NULL)
        return true;
    AUTO(mem_fini)
    char *name = name_normalize(text);
    return names_hold(facts->names, facts->n_names, name) ||
           err_set(err, ERR_REFUSED, "its common name \"%.120s\" is none of its names", text);
}

/* What is signed with MD5 or SHA-1 no CA takes; and whoever made it may have forged it. */
static bool digest_check(X509_REQ *req, struct err *err)
{
    int digest = NID_undef;
    if (OBJ_find_sigid_algs(X509_REQ_get_signature_nid(req), &digest, NULL) != 1)
        return openssl_err(err, ERR_REFUSED, "it is signed by an unknown algorithm");
    if (digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512 || digest == NID_undef)
        return true;
    return err_set(err, ERR_REFUSED, "it is signed with %s; SHA-256 or better is needed",
                   OBJ_nid2sn(digest));
}

static bool key_take_facts(X509_REQ *req, struct csr_facts *facts, struct err *err)
{
    EVP_PKEY *pkey = X509_REQ_get0_pubkey(req);
    if (pkey == NULL)
        return openssl_err(err, ERR_REFUSED, "its key is of no kind that is known");
    if (!pkey_kind(pkey, &facts->kind, err))
        return false;
    if (X509_REQ_verify(req, pkey) != 1)
        return openssl_err(err, ERR_BROKEN, "its signature is not by its own key");
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &der);
    CHECK(len > 0);
    sha256_hex(der, (size_t)len, facts->spki_hex);
    OPENSSL_free(der);
    /* A compressed point would come back from the CA in another form, as if it were another key. */
    const struct key_shape *shape = key_shape(facts->kind);
    return (size_t)len == shape->spki_head.len + shape->public_len + shape->spki_tail.len ||
           err_set(err, ERR_REFUSED, "its key is not in the usual form (uncompressed point)");
}

static bool req_decode(struct str der, X509_REQ **ret_req, struct err *err)
{
    const unsigned char *p = (const unsigned char *)der.p;
    X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der.len);
    if (req == NULL)
        return openssl_err(err, ERR_BROKEN, "it cannot be decoded");
    if (p != (const unsigned char *)der.p + der.len) {
        X509_REQ_free(req);
        return err_set(err, ERR_BROKEN, "bytes follow its end");
    }
    *ret_req = req;
    return true;
}

bool csr_parse(struct str bytes, struct csr_facts *ret_facts, struct err *err)
{
    AUTO(csr_facts_fini)
    struct csr_facts facts = {.der = BUF(CSR_LEN_MAX)};
    X509_REQ *req = NULL;
    if (!bytes_decode(bytes, &facts.der, err) || !req_decode(buf_str(&facts.der), &req, err))
        return err_wrap(err, "certificate request");
    bool good = key_take_facts(req, &facts, err) && digest_check(req, err) &&
                names_take(req, &facts, err) && common_name_check(req, &facts, err);
    X509_REQ_free(req);
    ERR_clear_error();
    if (!good)
        return err_wrap(err, "certificate request");
    *ret_facts = facts;
    facts = (struct csr_facts){0};
    return true;
}

/* ---- against what is wanted ---- */

/* " a b" of what is held and not wanted. */
static size_t names_differ(char *const *held, size_t n_held, char *const *wanted, size_t n_wanted,
                           struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < n_held; i++)
        if (!names_hold(wanted, n_wanted, held[i])) {
            n++;
            if (out->len + strlen(held[i]) + 1 < SHOWN_MAX)
                buf_printf(out, " %s", held[i]);
        }
    return n;
}

bool csr_names_check(const struct csr_facts *facts, const char *const *names, size_t n_names,
                     struct err *err)
{
    AUTO(buf_fini)
    struct buf missing = BUF(SHOWN_MAX), extra = BUF(SHOWN_MAX);
    AUTO(cert_names_fini)
    struct cert_names wanted = {.p = NEW_N(n_names + 1, char *), .n = n_names};
    for (size_t i = 0; i < n_names; i++)
        wanted.p[i] = name_normalize(names[i]);
    size_t n = names_differ(wanted.p, wanted.n, facts->names, facts->n_names, &missing) +
               names_differ(facts->names, facts->n_names, wanted.p, wanted.n, &extra);
    return n == 0 ||
           err_set(err, ERR_REFUSED,
                   "certificate request: its names are not those of the set:%s%s%s%s",
                   missing.len > 0 ? " it lacks" : "", buf_cstr(&missing),
                   extra.len > 0 ? (missing.len > 0 ? "; it also holds" : " it also holds") : "",
                   buf_cstr(&extra));
}

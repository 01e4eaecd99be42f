#include "fake/ca_issue.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <ctype.h>
#include <stdlib.h>

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t fake_names_sort(char **names, size_t n)
{
    if (n == 0)
        return 0;
    qsort(names, n, sizeof(names[0]), name_cmp);
    size_t kept = 1;
    for (size_t i = 1; i < n; i++) {
        if (strcmp(names[i], names[kept - 1]) == 0)
            mem_free(names[i]);
        else
            names[kept++] = names[i];
    }
    return kept;
}

static char *text_of(const ASN1_STRING *text)
{
    char *copy =
        mem_strndup((const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    for (char *p = copy; *p != 0; p++)
        *p = (char)tolower((unsigned char)*p);
    return copy;
}

static bool names_of_san(const GENERAL_NAMES *list, struct csr *csr, struct err *err)
{
    int n = sk_GENERAL_NAME_num(list);
    csr->names = NEW_N((size_t)(n > 0 ? n : 1), char *);
    for (int i = 0; i < n; i++) {
        int type = 0;
        const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list, i), &type);
        if (type != GEN_DNS)
            return err_set(err, ERR_REFUSED, "CSR: holds a name that is no DNS name");
        csr->names[csr->n_names++] = text_of((const ASN1_STRING *)value);
    }
    csr->n_names = fake_names_sort(csr->names, csr->n_names);
    return true;
}

static bool names_read(X509_REQ *req, struct csr *csr, struct err *err)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
    int i = extensions != NULL ? X509v3_get_ext_by_NID(extensions, NID_subject_alt_name, -1) : -1;
    bool good = i >= 0;
    if (good) {
        GENERAL_NAMES *list = (GENERAL_NAMES *)X509V3_EXT_d2i(X509v3_get_ext(extensions, i));
        good = list != NULL && names_of_san(list, csr, err);
        GENERAL_NAMES_free(list);
    } else {
        err_set(err, ERR_REFUSED, "CSR: no subjectAltName");
    }
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return good;
}

static bool common_name_is_in_san(X509_REQ *req, const struct csr *csr, struct err *err)
{
    const X509_NAME *subject = X509_REQ_get_subject_name(req);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return true;
    AUTO(mem_fini)
    char *name = text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    for (size_t i = 0; i < csr->n_names; i++) {
        if (strcmp(csr->names[i], name) == 0)
            return true;
    }
    return err_set(err, ERR_REFUSED, "CSR: the common name is not among the alternative names");
}

static bool key_read(X509_REQ *req, struct csr *csr, struct err *err)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(req);
    if (key == NULL || !fake_crypt_key_is_allowed(key))
        return err_set(err, ERR_REFUSED, "CSR: this kind of key is not taken");
    if (X509_REQ_verify(req, key) != 1)
        return err_set(err, ERR_BROKEN, "CSR: not signed by its own key");
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &der);
    CHECK(len > 0);
    buf_add(&csr->spki, der, (size_t)len);
    OPENSSL_free(der);
    fake_crypt_sha256_hex(buf_str(&csr->spki), csr->spki_sha256);
    return true;
}

bool fake_csr_read(struct str der, struct csr *ret_csr, struct err *err)
{
    const unsigned char *p = (const unsigned char *)der.p;
    X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der.len);
    if (req == NULL || p != (const unsigned char *)der.p + der.len) {
        X509_REQ_free(req);
        ERR_clear_error();
        return err_set(err, ERR_BROKEN, "CSR: no PKCS#10 in DER");
    }
    struct csr csr = {.spki = BUF(4096)};
    bool good = key_read(req, &csr, err) && names_read(req, &csr, err) &&
                common_name_is_in_san(req, &csr, err);
    X509_REQ_free(req);
    ERR_clear_error();
    if (good)
        *ret_csr = csr;
    else
        fake_csr_fini(&csr);
    return good;
}

void fake_csr_fini(struct csr *csr)
{
    for (size_t i = 0; i < csr->n_names; i++)
        mem_free(csr->names[i]);
    mem_free(csr->names);
    buf_fini(&csr->spki);
    *csr = (struct csr){0};
}

/*
 * A certificate factory for tests: every field of a certificate is a line of a plan, so that each fault can be made
 * on purpose. Uses OpenSSL directly, so that it shares no code with what it tests.
 */
#ifndef TESTS_LITTLE_CA_H
#define TESTS_LITTLE_CA_H

#include "crypto/cert.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define CA_BEGIN "20290101000000Z"
#define CA_END   "20390101000000Z"

struct cert_plan {
    const char *subject, *issuer; /* common names; issuer NULL: its own. "" gives an empty name */
    EVP_PKEY *key, *signer;       /* signer NULL: its own key */
    const char *names;            /* "DNS:a.example,IP:192.0.2.7" */
    const char *not_before, *not_after; /* "20290101000000Z"; NULL: CA_BEGIN, CA_END */
    const char *serial_hex;             /* NULL: 1 */
    const char *key_id, *issuer_key_id; /* hex bytes, or NULL for no such extension */
    bool is_ca, is_version_1;
};

static inline void ca_need(bool fine)
{
    if (!fine) {
        fprintf(stderr, "little_ca: OpenSSL refuses\n");
        abort();
    }
}

static inline void ca_name(X509_NAME *name, const char *text)
{
    if (text[0] != '\0')
        ca_need(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                           (const unsigned char *)text, -1, -1, 0));
}

static inline void ca_extension(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    ca_need(extension != NULL && X509_add_ext(x509, extension, -1));
    X509_EXTENSION_free(extension);
}

/* Key identifiers as raw bytes: head is the DER before them. */
static inline void ca_key_id(X509 *x509, int nid, const char *head, const char *id)
{
    if (id == NULL)
        return;
    char *value = mem_printf("DER:%s%02zx%s", head, strlen(id) / 2, id);
    char *whole = nid == NID_authority_key_identifier
                      ? mem_printf("DER:30%02zx%s", strlen(id) / 2 + 2, value + 4)
                      : mem_strdup(value);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, whole);
    ca_need(extension != NULL && X509_add_ext(x509, extension, -1));
    X509_EXTENSION_free(extension);
    mem_free(value);
    mem_free(whole);
}

static inline void ca_time(ASN1_TIME *time, const char *text)
{
    ca_need(ASN1_TIME_set_string_X509(time, text));
}

static inline X509 *cert_make(const struct cert_plan *plan)
{
    X509 *x509 = X509_new();
    BIGNUM *serial = NULL;
    ca_need(X509_set_version(x509, plan->is_version_1 ? X509_VERSION_1 : X509_VERSION_3));
    ca_need(BN_hex2bn(&serial, plan->serial_hex != NULL ? plan->serial_hex : "01") > 0);
    ca_need(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)) != NULL);
    BN_free(serial);
    ca_name(X509_get_subject_name(x509), plan->subject);
    ca_name(X509_get_issuer_name(x509), plan->issuer != NULL ? plan->issuer : plan->subject);
    ca_time(X509_getm_notBefore(x509), plan->not_before != NULL ? plan->not_before : CA_BEGIN);
    ca_time(X509_getm_notAfter(x509), plan->not_after != NULL ? plan->not_after : CA_END);
    ca_need(X509_set_pubkey(x509, plan->key));
    if (!plan->is_version_1)
        ca_extension(x509, NID_basic_constraints,
                     plan->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (plan->names != NULL)
        ca_extension(x509, NID_subject_alt_name, plan->names);
    ca_key_id(x509, NID_subject_key_identifier, "04", plan->key_id);
    ca_key_id(x509, NID_authority_key_identifier, "80", plan->issuer_key_id);
    ca_need(X509_sign(x509, plan->signer != NULL ? plan->signer : plan->key, EVP_sha256()) > 0);
    return x509;
}

/* Makes a certificate and appends its PEM. */
static inline void cert_add(struct buf *pem, const struct cert_plan *plan)
{
    X509 *x509 = cert_make(plan);
    BIO *bio = BIO_new(BIO_s_mem());
    ca_need(PEM_write_bio_X509(bio, x509));
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    buf_add(pem, text, (size_t)len);
    BIO_free(bio);
    X509_free(x509);
}

/* OpenSSL's copy of our key */
static inline EVP_PKEY *ca_pkey(const struct key *key)
{
    AUTO(secret_fini)
    struct secret der = {0};
    key_to_der(key, &der);
    const unsigned char *p = der.p;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &p, (long)der.len);
    ca_need(pkey != NULL);
    return pkey;
}

#endif

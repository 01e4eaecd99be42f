#include "crypto/inside.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>

/* Java's own count; what old consumers read is weak whatever the count. */
enum { ROUNDS = 10000, ROUNDS_LEGACY = 2048 };

static STACK_OF(X509) * rest_stack(const struct chain *chain)
{
    STACK_OF(X509) *rest = sk_X509_new_null();
    CHECK(rest != NULL);
    for (size_t i = 1; i < chain->n; i++)
        if (!chain->links[i].is_self_signed)
            CHECK(sk_X509_push(rest, chain->links[i].x509) > 0);
    return rest;
}

/* The seal over all of it is put on apart, so that its digest is the one asked for. */
static PKCS12 *bag_make(const struct key *key, const struct chain *chain, const char *friendly_name,
                        const char *password, bool legacy)
{
    int cipher = legacy ? NID_pbe_WithSHA1And3_Key_TripleDES_CBC : NID_aes_256_cbc;
    int rounds = legacy ? ROUNDS_LEGACY : ROUNDS;
    STACK_OF(X509) *rest = rest_stack(chain);
    PKCS12 *p12 = PKCS12_create(password, friendly_name, key->pkey, chain->links[0].x509, rest,
                                cipher, cipher, rounds, -1, 0);
    sk_X509_free(rest);
    if (p12 == NULL)
        return NULL;
    const EVP_MD *digest = legacy ? EVP_sha1() : algorithms_get()->sha256;
    if (PKCS12_set_mac(p12, password, -1, NULL, 0, rounds, digest) == 1)
        return p12;
    PKCS12_free(p12);
    return NULL;
}

bool pkcs12_build(const struct key *key, const struct chain *chain, const char *friendly_name,
                  const struct secret *password, bool legacy, struct secret *ret_der,
                  struct err *err)
{
    char spki[SPKI_HEX_MAX];
    cert_spki(chain->links[0].x509, spki);
    if (strcmp(spki, key->spki_hex) != 0)
        return err_set(err, ERR_BROKEN, "PKCS#12: the certificate is for another key");
    const char *text = password != NULL && password->p != NULL ? (const char *)password->p : "";
    if (password != NULL && strlen(text) != password->len)
        return err_set(err, ERR_CONFIG, "PKCS#12: the password holds a NUL byte");
    PKCS12 *p12 = bag_make(key, chain, friendly_name, text, legacy);
    if (p12 == NULL)
        return openssl_err(err, ERR_LOCAL, "PKCS#12: cannot be built");
    unsigned char *der = NULL;
    int len = i2d_PKCS12(p12, &der);
    PKCS12_free(p12);
    CHECK(len > 0);
    secret_init(ret_der, der, (size_t)len);
    OPENSSL_clear_free(der, (size_t)len);
    ERR_clear_error();
    return true;
}

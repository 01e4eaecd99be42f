#include "io/probe_tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

struct tls_look {
    SSL_CTX *ctx;
    SSL *ssl;
    bool prefers, asked_for_us;
};

/* Key type, signature algorithms (TLS 1.2 and 1.3), cipher suites (up to TLS 1.2, where they name the key type). */
static const struct {
    const char *name, *signatures, *ciphers;
} preferences[] = {
    {"rsa", "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512",
     "aRSA:!eNULL:@SECLEVEL=0"},
    {"ecdsa", "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519", "aECDSA:!eNULL:@SECLEVEL=0"},
};

/* The server wants a certificate of ours: it has by then shown its own and proved that it has the key. */
static int asked_for_us(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    struct tls_look *look = SSL_get_app_data(ssl);
    (void)cert;
    (void)key;
    look->asked_for_us = true;
    return 0;
}

/* Everything that a server may still serve is to be seen, also what nobody should use any more. */
static SSL_CTX *ctx_new(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    CHECK(ctx != NULL);
    CHECK(SSL_CTX_set_min_proto_version(ctx, 0) == 1);
    CHECK(SSL_CTX_set_cipher_list(ctx, "ALL:!aNULL:!eNULL:@SECLEVEL=0") == 1);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_client_cert_cb(ctx, asked_for_us);
    return ctx;
}

/* OpenSSL's macros cast const away, though nothing is written. */
static char *mutable(const char *text)
{
    return (char *)(uintptr_t)text;
}

static bool preference_set(struct tls_look *look, const char *prefer, struct err *err)
{
    if (prefer == NULL)
        return true;
    for (size_t i = 0; i < sizeof preferences / sizeof preferences[0]; i++)
        if (strcmp(preferences[i].name, prefer) == 0) {
            CHECK(SSL_set1_sigalgs_list(look->ssl, mutable(preferences[i].signatures)) == 1);
            CHECK(SSL_set_cipher_list(look->ssl, preferences[i].ciphers) == 1);
            look->prefers = true;
            return true;
        }
    return err_set(err, ERR_CONFIG, "there is no key type \"%s\": rsa, ecdsa", prefer);
}

static void sent_take(struct tls_look *look, struct buf *out)
{
    char chunk[4096];
    int n;
    while ((n = BIO_read(SSL_get_wbio(look->ssl), chunk, sizeof chunk)) > 0)
        buf_add(out, chunk, (size_t)n);
}

bool tls_look_new(const char *host, const char *prefer, struct tls_look **ret_look, struct buf *out,
                  struct err *err)
{
    struct tls_look *look = NEW(struct tls_look);
    BIO *in = BIO_new(BIO_s_mem()), *wire = BIO_new(BIO_s_mem());
    look->ctx = ctx_new();
    look->ssl = SSL_new(look->ctx);
    CHECK(look->ssl != NULL && in != NULL && wire != NULL);
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(look->ssl, in, wire);
    SSL_set_app_data(look->ssl, look);
    SSL_set_connect_state(look->ssl);
    bool good = preference_set(look, prefer, err);
    if (good && host != NULL && SSL_set_tlsext_host_name(look->ssl, mutable(host)) != 1)
        good = err_set(err, ERR_CONFIG, "\"%s\" cannot be sent as a server name", host);
    if (good && tls_look_hear(look, STR_NONE, out, err) != TLS_FAIL) {
        *ret_look = look;
        return true;
    }
    tls_look_free(look);
    return false;
}

void tls_look_free(struct tls_look *look)
{
    if (look == NULL)
        return;
    SSL_free(look->ssl);
    SSL_CTX_free(look->ctx);
    mem_free(look);
}

static enum tls_verdict fault_judge(const struct tls_look *look, struct err *err)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_REASON(code);
    const char *text = ERR_reason_error_string(code);
    bool is_alert = ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET &&
                    reason < SSL_AD_REASON_OFFSET + 256;
    ERR_clear_error();
    if (is_alert && look->asked_for_us)
        return TLS_DONE;
    if (is_alert && look->prefers && reason == SSL_AD_REASON_OFFSET + SSL_AD_HANDSHAKE_FAILURE)
        err_set(err, ERR_REFUSED, "the server has no certificate of this key type (alert 40)");
    else if (is_alert)
        err_set(err, ERR_BROKEN, "the server answers with TLS alert %d (%s)",
                reason - SSL_AD_REASON_OFFSET, text != NULL ? text : "unknown");
    else
        err_set(err, ERR_BROKEN, "TLS handshake: %s", text != NULL ? text : "unknown fault");
    return TLS_FAIL;
}

enum tls_verdict tls_look_hear(struct tls_look *look, struct str bytes, struct buf *out,
                               struct err *err)
{
    enum tls_verdict verdict = TLS_DONE;
    ERR_clear_error();
    if (bytes.len > 0)
        CHECK(bytes.len <= INT32_MAX &&
              BIO_write(SSL_get_rbio(look->ssl), bytes.p, (int)bytes.len) == (int)bytes.len);
    int ret = SSL_do_handshake(look->ssl);
    if (ret != 1)
        verdict = SSL_get_error(look->ssl, ret) == SSL_ERROR_WANT_READ ? TLS_MORE
                                                                       : fault_judge(look, err);
    if (ret == 1)
        SSL_shutdown(look->ssl); /* a farewell, so that no log over there complains */
    sent_take(look, out);
    ERR_clear_error();
    return verdict;
}

bool tls_look_chain(const struct tls_look *look, struct buf *out, struct err *err)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(look->ssl);
    BIO *text = BIO_new(BIO_s_mem());
    CHECK(text != NULL);
    bool good = sk_X509_num(chain) > 0;
    for (int i = 0; good && i < sk_X509_num(chain); i++)
        good = PEM_write_bio_X509(text, sk_X509_value(chain, i)) == 1;
    char *bytes = NULL;
    long len = BIO_get_mem_data(text, &bytes);
    if (good && len > 0)
        buf_add(out, bytes, (size_t)len);
    BIO_free(text);
    ERR_clear_error();
    if (!good)
        return err_set(err, ERR_BROKEN, "the server shows no certificate");
    return !out->overflow ||
           err_set(err, ERR_BROKEN, "the chain is larger than %zu bytes", out->max);
}

const char *tls_look_version(const struct tls_look *look)
{
    return SSL_get_version(look->ssl);
}

#include "fake/ca_der.h"
#include "fake/ca_issue.h"
#include "fake/serve.h"

#include <errno.h>
#include <stdio.h>

static int alpn_choose(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *ctx)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)ctx;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool file_write(const char *path, struct str text, struct err *err)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return err_errno(err, errno, "%s", path);
    bool good = fwrite(text.p, 1, text.len, file) == text.len;
    if (fclose(file) != 0 || !good)
        return err_errno(err, errno, "%s", path);
    return true;
}

static X509 *server_cert(const struct issuer *root, EVP_PKEY *key)
{
    static char address[] = "127.0.0.1", name[] = "localhost";
    char *const names[] = {name, address};
    static const unsigned char serial[16] = {1, 2, 3, 4};
    AUTO(buf_fini)
    struct buf der = BUF(8192), spki = BUF(1024);
    fake_crypt_spki(key, &spki);
    struct leaf leaf = {.names = names,
                        .n_names = 2,
                        .spki = buf_str(&spki),
                        .not_before_ms = time_from_civil(2000, 1, 1, 0, 0, 0),
                        .not_after_ms = time_from_civil(2100, 1, 1, 0, 0, 0),
                        .serial = serial,
                        .common_name = true};
    fake_leaf_issue(root, &leaf, &der);
    const unsigned char *p = (const unsigned char *)der.p;
    return d2i_X509(NULL, &p, (long)der.len);
}

SSL_CTX *tls_make(const char *root_path, struct err *err)
{
    struct issuer root;
    fake_issuer_make_root(&root, "Fake TLS Root");
    EVP_PKEY *key = fake_crypt_key_new();
    X509 *cert = server_cert(&root, key);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    CHECK(ctx != NULL && cert != NULL);
    CHECK(SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(ctx, alpn_choose, NULL);
    bool good = root_path == NULL || file_write(root_path, buf_str(&root.pem), err);
    X509_free(cert);
    EVP_PKEY_free(key);
    fake_issuer_fini(&root);
    if (good)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

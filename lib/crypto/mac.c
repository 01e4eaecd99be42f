#include "crypto/mac.h"

#include "crypto/inside.h"

#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static const struct {
    const char *name;
    size_t len;
    const EVP_MD *(*md)(void);
} digests[] = {
    [DIGEST_MD5] = {"md5", 16, EVP_md5},          [DIGEST_SHA1] = {"sha1", 20, EVP_sha1},
    [DIGEST_SHA256] = {"sha256", 32, EVP_sha256}, [DIGEST_SHA384] = {"sha384", 48, EVP_sha384},
    [DIGEST_SHA512] = {"sha512", 64, EVP_sha512},
};
_Static_assert(sizeof digests / sizeof digests[0] == DIGEST_N, "a row for each digest");

void digest_add(struct buf *out, enum digest digest, struct str data)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    CHECK(EVP_Digest(data.len > 0 ? data.p : "", data.len, hash, &len, digests[digest].md(),
                     NULL) == 1);
    CHECK(len == digests[digest].len);
    buf_add(out, hash, len);
    mem_cleanse(hash, sizeof hash);
}

void hmac_add(struct buf *out, enum digest digest, struct str key, struct str data)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    CHECK(HMAC(digests[digest].md(), key.len > 0 ? key.p : "", (int)key.len,
               (const unsigned char *)(data.len > 0 ? data.p : ""), data.len, hash, &len) != NULL);
    CHECK(len == digests[digest].len);
    buf_add(out, hash, len);
    mem_cleanse(hash, sizeof hash);
}

/* Without it OpenSSL would ask the terminal. */
static char no_password[] = "";

static EVP_PKEY *rsa_read(struct str pem, struct err *err)
{
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password) : NULL;
    BIO_free(bio);
    if (pkey != NULL && EVP_PKEY_base_id(pkey) == EVP_PKEY_RSA)
        return pkey;
    EVP_PKEY_free(pkey);
    openssl_err(err, ERR_CONFIG, "no RSA private key in PEM");
    return NULL;
}

static bool sign_prepare(EVP_MD_CTX *ctx, enum digest digest, bool is_pss, EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *how = NULL;
    if (EVP_DigestSignInit(ctx, &how, digests[digest].md(), NULL, pkey) != 1)
        return false;
    return !is_pss || (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1);
}

bool rsa_sign_add(struct buf *out, enum digest digest, bool is_pss, struct str pem, struct str data,
                  struct err *err)
{
    unsigned char signature[1024];
    size_t len = sizeof signature;
    EVP_PKEY *pkey = rsa_read(pem, err);
    if (pkey == NULL)
        return false;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_PKEY_size(pkey) <= (int)sizeof signature &&
              sign_prepare(ctx, digest, is_pss, pkey) &&
              EVP_DigestSign(ctx, signature, &len, (const unsigned char *)data.p, data.len) == 1;
    if (ok)
        buf_add(out, signature, len);
    else
        openssl_err(err, ERR_CONFIG, "cannot sign with the RSA key");
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return ok;
}

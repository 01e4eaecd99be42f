#include "crypto/inside.h"

#include <openssl/err.h>

static struct algorithms fetched;
static CRYPTO_ONCE fetched_once = CRYPTO_ONCE_STATIC_INIT;

static void algorithms_fetch(void)
{
    fetched.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    fetched.sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
    fetched.sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
    fetched.aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    fetched.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
}

const struct algorithms *algorithms_get(void)
{
    CHECK(CRYPTO_THREAD_run_once(&fetched_once, algorithms_fetch) == 1);
    CHECK(fetched.sha256 != NULL && fetched.sha384 != NULL && fetched.sha512 != NULL);
    CHECK(fetched.aes_256_gcm != NULL && fetched.hkdf != NULL);
    return &fetched;
}

bool openssl_err(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    AUTO(buf_fini)
    struct buf text = BUF(ERR_TEXT_MAX);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    /* The first error in the queue is the cause; those behind it are the callers' laments. */
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    if (reason == NULL)
        return err_set(err, kind, "%s", buf_cstr(&text));
    return err_set(err, kind, "%s: %s", buf_cstr(&text), reason);
}

EVP_PKEY_CTX *ctx_slot_take(struct ctx_slot *slot)
{
    return atomic_exchange(&slot->idle, NULL);
}

void ctx_slot_give(struct ctx_slot *slot, EVP_PKEY_CTX *ctx)
{
    EVP_PKEY_CTX_free(atomic_exchange(&slot->idle, ctx));
}

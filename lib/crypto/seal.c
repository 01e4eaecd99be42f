#include "crypto/seal.h"

#include "crypto/inside.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>

enum { BLOB_VERSION = 1, KEY_LEN = 32, ID_LEN = 8, NONCE_LEN = 12, TAG_LEN = 16 };
enum { ID_AT = 1, NONCE_AT = ID_AT + ID_LEN, TEXT_AT = NONCE_AT + NONCE_LEN };
enum { PLAIN_MAX = 1024 * 1024, KEY_TEXT_MAX = 4096 };

struct seal {
    unsigned char *key; /* key-encryption key, in the secure heap where there is one */
    unsigned char id[ID_LEN];
};

static bool key_text_read(const struct secret *key_text, struct buf *key)
{
    struct str raw = secret_str(key_text);
    if (raw.len == KEY_LEN) {
        buf_add_str(key, raw);
        return true;
    }
    struct str text = str_trim(raw);
    if (text.len > KEY_TEXT_MAX)
        return false;
    bool decoded = text.len == 2 * KEY_LEN ? hex_decode(key, text) : base64_decode_any(key, text);
    return decoded && key->len == KEY_LEN;
}

static void key_derive(const struct buf *key, unsigned char out[KEY_LEN])
{
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(algorithms_get()->hkdf);
    CHECK(ctx != NULL);
    char digest[] = "SHA256", purpose[] = "chancery seal 1";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key->p, key->len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, purpose, sizeof purpose - 1),
        OSSL_PARAM_construct_end()};
    CHECK(EVP_KDF_derive(ctx, out, KEY_LEN, params) == 1);
    EVP_KDF_CTX_free(ctx);
}

bool seal_open(const struct secret *key_text, struct seal **ret_seal, struct err *err)
{
    AUTO(buf_fini)
    struct buf key = BUF(KEY_TEXT_MAX);
    if (!key_text_read(key_text, &key))
        return err_set(err, ERR_CONFIG,
                       "sealing key: %zu bytes are neither 32 raw bytes, nor 64 hex digits, nor 32 "
                       "bytes in base64",
                       key_text->len);
    struct seal *seal = NEW(struct seal);
    seal->key = OPENSSL_secure_malloc(KEY_LEN);
    CHECK(seal->key != NULL);
    key_derive(&key, seal->key);
    unsigned char hash[32];
    sha256(seal->key, KEY_LEN, hash);
    memcpy(seal->id, hash, ID_LEN);
    *ret_seal = seal;
    return true;
}

void seal_close(struct seal *seal)
{
    if (seal == NULL)
        return;
    OPENSSL_secure_clear_free(seal->key, KEY_LEN);
    mem_free(seal);
}

static void id_format(const unsigned char *id, char out[17])
{
    for (size_t i = 0; i < ID_LEN; i++)
        snprintf(out + 2 * i, 3, "%02x", id[i]);
}

void seal_key_id(const struct seal *seal, char out[17])
{
    id_format(seal->id, out);
}

/* A context with key and nonce set that has taken the place in. */
static EVP_CIPHER_CTX *cipher_begin(const struct seal *seal, bool wrap, const unsigned char *nonce,
                                    struct str place)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    CHECK(ctx != NULL && place.len <= PLAIN_MAX);
    int n = 0;
    CHECK(EVP_CipherInit_ex2(ctx, algorithms_get()->aes_256_gcm, seal->key, nonce, wrap, NULL) ==
          1);
    CHECK(EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)place.p, (int)place.len) == 1);
    return ctx;
}

void seal_wrap(const struct seal *seal, struct str plain, struct str place, struct buf *ret_blob)
{
    CHECK(plain.len <= PLAIN_MAX);
    size_t blob_len = TEXT_AT + plain.len + TAG_LEN;
    unsigned char *blob = mem_new(blob_len, 1);
    blob[0] = BLOB_VERSION;
    memcpy(blob + ID_AT, seal->id, ID_LEN);
    random_bytes(blob + NONCE_AT, NONCE_LEN);
    EVP_CIPHER_CTX *ctx = cipher_begin(seal, true, blob + NONCE_AT, place);
    int n = 0;
    CHECK(EVP_CipherUpdate(ctx, blob + TEXT_AT, &n, (const unsigned char *)plain.p,
                           (int)plain.len) == 1);
    CHECK(EVP_CipherFinal_ex(ctx, blob + TEXT_AT + plain.len, &n) == 1 && n == 0);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, blob + TEXT_AT + plain.len) ==
          1);
    EVP_CIPHER_CTX_free(ctx);
    buf_fini(ret_blob);
    buf_init(ret_blob, blob_len);
    buf_add(ret_blob, blob, blob_len);
    mem_free(blob);
}

/* Is this a blob of ours, sealed with this key? */
static bool blob_check(const struct seal *seal, struct str blob, struct str place, struct err *err)
{
    if (blob.len < TEXT_AT + TAG_LEN || blob.len > TEXT_AT + PLAIN_MAX + TAG_LEN)
        return err_set(err, ERR_STORE, "%.*s: %zu bytes are no sealed value", STR_ARG(place),
                       blob.len);
    const unsigned char *p = (const unsigned char *)blob.p;
    if (p[0] != BLOB_VERSION)
        return err_set(err, ERR_STORE, "%.*s: sealed in form %u, this program knows form %d",
                       STR_ARG(place), p[0], BLOB_VERSION);
    if (memcmp(p + ID_AT, seal->id, ID_LEN) == 0)
        return true;
    char sealed[17], configured[17];
    id_format(p + ID_AT, sealed);
    id_format(seal->id, configured);
    return err_set(err, ERR_STORE, "%.*s: sealed with key %s, but key %s is configured",
                   STR_ARG(place), sealed, configured);
}

bool seal_unwrap(const struct seal *seal, struct str blob, struct str place,
                 struct secret *ret_plain, struct err *err)
{
    if (!blob_check(seal, blob, place, err))
        return false;
    const unsigned char *p = (const unsigned char *)blob.p;
    size_t len = blob.len - TEXT_AT - TAG_LEN;
    unsigned char tag[TAG_LEN];
    memcpy(tag, p + TEXT_AT + len, TAG_LEN);
    struct secret plain;
    secret_init(&plain, p + TEXT_AT, len);
    EVP_CIPHER_CTX *ctx = cipher_begin(seal, false, p + NONCE_AT, place);
    int n = 0;
    CHECK(EVP_CipherUpdate(ctx, plain.p, &n, p + TEXT_AT, (int)len) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1);
    bool genuine = EVP_CipherFinal_ex(ctx, plain.p + len, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!genuine) {
        secret_fini(&plain);
        return openssl_err(err, ERR_STORE,
                           "%.*s: the sealed value was altered, or belongs to another place",
                           STR_ARG(place));
    }
    *ret_plain = plain;
    return true;
}

void seal_make_key(struct secret *ret_text)
{
    unsigned char key[KEY_LEN];
    random_bytes(key, sizeof key);
    AUTO(buf_fini)
    struct buf text = BUF(64);
    base64_encode(&text, key, sizeof key);
    buf_add_char(&text, '\n');
    secret_take_buf(ret_text, &text);
    mem_cleanse(key, sizeof key);
}

#include "crypto/inside.h"

#include <openssl/ec.h>
#include <openssl/hmac.h>

enum { SIGNING_INPUT_MAX = 1024 * 1024 };

/* The protected header with alg as its first member, in base64url. */
static void protected_add(struct buf *input, const char *alg, const struct json *protected_header)
{
    CHECK(json_is(protected_header, JSON_OBJECT) && json_find(protected_header, "alg") == NULL);
    AUTO(buf_fini)
    struct buf members = BUF(SIGNING_INPUT_MAX);
    json_format(protected_header, &members, false);
    AUTO(buf_fini)
    struct buf text = BUF(SIGNING_INPUT_MAX);
    buf_printf(&text, "{\"alg\":\"%s\"%s", alg, json_len(protected_header) > 0 ? "," : "");
    CHECK(members.len >= 2);
    buf_add(&text, members.p + 1, members.len - 1);
    CHECK(!text.overflow);
    base64url_encode(input, text.p, text.len);
}

/* JWS signing input (RFC 7515 5.1): protected "." payload. ret_dot: where the dot is. */
static void input_make(const char *alg, const struct json *protected_header, struct str payload,
                       struct buf *input, size_t *ret_dot)
{
    protected_add(input, alg, protected_header);
    *ret_dot = input->len;
    buf_add_char(input, '.');
    base64url_encode(input, payload.p, payload.len);
    CHECK(!input->overflow);
}

/* Written without a tree: base64url needs no escape, and this text is sent with each request. */
static void body_add(const struct buf *input, size_t dot, const void *signature,
                     size_t signature_len, struct buf *out)
{
    buf_add_cstr(out, "{\"protected\":\"");
    buf_add(out, input->p, dot);
    buf_add_cstr(out, "\",\"payload\":\"");
    buf_add(out, input->p + dot + 1, input->len - dot - 1);
    buf_add_cstr(out, "\",\"signature\":\"");
    base64url_encode(out, signature, signature_len);
    buf_add_cstr(out, "\"}");
}

/* RFC 7518 3.4: r and s, each as wide as the curve, instead of DER. Returns the length. */
static size_t ecdsa_make_raw(unsigned char signature[KEY_SIGNATURE_MAX], size_t der_len,
                             size_t number_len)
{
    const unsigned char *p = signature;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
    CHECK(numbers != NULL);
    int width = (int)number_len;
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(numbers), signature, width) == width);
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(numbers), signature + width, width) == width);
    ECDSA_SIG_free(numbers);
    return 2 * number_len;
}

void jws_sign(const struct key *key, const struct json *protected_header, struct str payload,
              struct buf *out)
{
    const struct key_shape *shape = key_shape(key->kind);
    AUTO(buf_fini)
    struct buf input = BUF(SIGNING_INPUT_MAX);
    size_t dot;
    input_make(key_kind_jws_alg(key->kind), protected_header, payload, &input, &dot);
    unsigned char signature[KEY_SIGNATURE_MAX];
    size_t len = key_sign(key, buf_str(&input), signature);
    if (shape->group != NULL)
        len = ecdsa_make_raw(signature, len, shape->number_len);
    body_add(&input, dot, signature, len, out);
}

static const EVP_MD *hmac_digest(const char *alg)
{
    const struct algorithms *a = algorithms_get();
    if (strcmp(alg, "HS256") == 0)
        return a->sha256;
    if (strcmp(alg, "HS384") == 0)
        return a->sha384;
    CHECK(strcmp(alg, "HS512") == 0);
    return a->sha512;
}

void jws_hmac(const char *alg, const struct secret *mac_key, const struct json *protected_header,
              struct str payload, struct buf *out)
{
    AUTO(buf_fini)
    struct buf input = BUF(SIGNING_INPUT_MAX);
    size_t dot;
    input_make(alg, protected_header, payload, &input, &dot);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    CHECK(mac_key->len <= INT_MAX);
    CHECK(HMAC(hmac_digest(alg), mac_key->p, (int)mac_key->len, (const unsigned char *)input.p,
               input.len, mac, &mac_len) != NULL);
    body_add(&input, dot, mac, mac_len, out);
}

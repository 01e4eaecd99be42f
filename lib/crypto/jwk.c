#include "crypto/inside.h"

/* RFC 7518 6.3.1.2: 65537, the only exponent of ours */
#define RSA_EXPONENT "AQAB"

static struct str half(struct str point, size_t i)
{
    return str_mem(point.p + i * (point.len / 2), point.len / 2);
}

static void set_bytes(struct json *jwk, const char *member, struct str bytes)
{
    AUTO(buf_fini)
    struct buf text = BUF(1024);
    base64url_encode(&text, bytes.p, bytes.len);
    json_set_str(jwk, member, buf_str(&text));
}

struct json *key_jwk(const struct key *key)
{
    const struct key_shape *shape = key_shape(key->kind);
    struct str public = key_public(key);
    struct json *jwk = json_object();
    if (shape->crv == NULL) {
        json_set_text(jwk, "e", RSA_EXPONENT);
        json_set_text(jwk, "kty", "RSA");
        set_bytes(jwk, "n", public);
        return jwk;
    }
    json_set_text(jwk, "crv", shape->crv);
    json_set_text(jwk, "kty", "EC");
    set_bytes(jwk, "x", half(public, 0));
    set_bytes(jwk, "y", half(public, 1));
    return jwk;
}

/* RFC 7638 3 fixes the very bytes that are hashed, so they are written down and not left to a
 * formatter. */
void thumbprint_make(struct key *key)
{
    const struct key_shape *shape = key_shape(key->kind);
    struct str public = key_public(key);
    AUTO(buf_fini)
    struct buf text = BUF(2048);
    if (shape->crv == NULL) {
        buf_add_cstr(&text, "{\"e\":\"" RSA_EXPONENT "\",\"kty\":\"RSA\",\"n\":\"");
        base64url_encode(&text, public.p, public.len);
    } else {
        buf_printf(&text, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"", shape->crv);
        base64url_encode(&text, half(public, 0).p, shape->number_len);
        buf_add_cstr(&text, "\",\"y\":\"");
        base64url_encode(&text, half(public, 1).p, shape->number_len);
    }
    buf_add_cstr(&text, "\"}");
    unsigned char hash[32];
    sha256(text.p, text.len, hash);
    buf_clear(&text);
    base64url_encode(&text, hash, sizeof hash);
    CHECK(text.len == 43);
    memcpy(key->thumbprint, text.p, 44);
}

void key_thumbprint(const struct key *key, char out[48])
{
    memcpy(out, key->thumbprint, sizeof key->thumbprint);
}

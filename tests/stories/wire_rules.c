#include "wire_rules.h"

#include "base/json.h"
#include "world.h"

#include <stdio.h>

static struct {
    struct arena *arena;
    const char **nonces;
    size_t n_nonces;
    int64_t n;
} seen;

void wire_rules_begin(void)
{
    arena_free(seen.arena);
    mem_free(seen.nonces);
    seen.arena = arena_new();
    seen.nonces = NULL;
    seen.n_nonces = 0;
    seen.n = 0;
}

int64_t wire_rules_n(void)
{
    return seen.n;
}

static const char *header_of(const struct http_request *request, const char *name)
{
    size_t len = strlen(name);
    for (const char *const *h = request->headers; h != NULL && *h != NULL; h++)
        if (strncmp(*h, name, len) == 0 && (*h)[len] == ':')
            return *h + len + 1 + strspn(*h + len + 1, " ");
    return NULL;
}

/* RFC 4648 5 without padding: what the decoder takes is canonical. */
static bool part_decode(const struct json *jws, const char *member, struct buf *out)
{
    const char *text = json_text(jws, member);
    return text != NULL && base64url_decode(out, str_of(text));
}

static bool is_read(const char *kind)
{
    static const char *const reads[] = {"order", "orders", "certificate"};
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++)
        if (strcmp(kind, reads[i]) == 0)
            return true;
    return false;
}

static bool is_plain(const char *kind)
{
    return strcmp(kind, "directory") == 0 || strcmp(kind, "newNonce") == 0 ||
           strcmp(kind, "renewalInfo") == 0;
}

/* NULL: it keeps the rules of 6.5. */
static const char *nonce_fault(const char *nonce)
{
    AUTO(buf_fini)
    struct buf octets = BUF(512);
    if (nonce == NULL || nonce[0] == '\0' || !base64url_decode(&octets, str_of(nonce)))
        return "its nonce is no base64url (6.5.2)";
    for (size_t i = 0; i < seen.n_nonces; i++)
        if (strcmp(seen.nonces[i], nonce) == 0)
            return "its nonce was sent before (6.5)";
    seen.nonces = mem_grow(seen.nonces, seen.n_nonces, seen.n_nonces + 1, sizeof seen.nonces[0]);
    seen.nonces[seen.n_nonces++] = arena_strdup(seen.arena, nonce);
    return NULL;
}

static const char *signer_fault(const struct json *header, const char *kind)
{
    const struct json *jwk = json_find(header, "jwk");
    const char *kid = json_text(header, "kid");
    bool may_jwk = strcmp(kind, "newAccount") == 0 || strcmp(kind, "revokeCert") == 0;
    bool must_jwk = strcmp(kind, "newAccount") == 0;
    if ((jwk != NULL) == (kid != NULL))
        return "its header has not exactly one of jwk and kid (6.2)";
    if (jwk != NULL && !may_jwk)
        return "it names a jwk where a kid belongs (6.2)";
    if (kid != NULL && must_jwk)
        return "it names a kid where a jwk belongs (6.2)";
    if (jwk != NULL && (json_find(jwk, "d") != NULL || json_find(jwk, "k") != NULL))
        return "its jwk tells a private key";
    return kid != NULL && strstr(kid, "/acme/account/") == NULL ? "its kid is no account (6.2)"
                                                                : NULL;
}

static const char *header_fault(const struct json *header, const struct http_request *request,
                                const char *kind)
{
    static const char *const algs[] = {"ES256", "ES384", "RS256"};
    const char *alg = json_text(header, "alg"), *url = json_text(header, "url");
    bool known = false;
    for (size_t i = 0; alg != NULL && i < sizeof algs / sizeof algs[0]; i++)
        known = known || strcmp(algs[i], alg) == 0;
    if (!known)
        return "its alg is none of a signature (6.2)";
    if (url == NULL || strcmp(url, request->url) != 0)
        return "its url is not that of the request (6.4)";
    if (json_len(header) != 4)
        return "its header holds more than alg, nonce, url and a key (6.2)";
    const char *fault = signer_fault(header, kind);
    return fault != NULL ? fault : nonce_fault(json_text(header, "nonce"));
}

static const char *payload_fault(struct str payload, const char *kind)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    if (payload.len == 0)
        return NULL;
    if (is_read(kind))
        return "what is only read has a payload (6.3)";
    if (!json_parse(payload, JSON_SIZE_MAX, &tree, NULL) || !json_is(tree, JSON_OBJECT))
        return "its payload is no JSON object";
    return strcmp(kind, "challenge") == 0 && json_len(tree) != 0
               ? "a challenge is answered with more than {} (7.5.1)"
               : NULL;
}

static const char *jws_fault(const struct http_request *request, const char *kind)
{
    AUTO(json_fini)
    struct json *jws = NULL, *header = NULL;
    AUTO(buf_fini)
    struct buf protected_header = BUF(JSON_SIZE_MAX), payload = BUF(JSON_SIZE_MAX),
               signature = BUF(JSON_SIZE_MAX);
    const char *type = header_of(request, "Content-Type");
    if (type == NULL || strcmp(type, "application/jose+json") != 0)
        return "its Content-Type is not application/jose+json (6.2)";
    if (!json_parse(request->body, JSON_SIZE_MAX, &jws, NULL) || !json_is(jws, JSON_OBJECT) ||
        json_len(jws) != 3)
        return "its body is no flattened JWS of three members (6.2)";
    if (!part_decode(jws, "protected", &protected_header) ||
        !part_decode(jws, "payload", &payload) || !part_decode(jws, "signature", &signature) ||
        signature.len == 0)
        return "a part of its JWS is no base64url without padding (6.1)";
    if (!json_parse(buf_str(&protected_header), JSON_SIZE_MAX, &header, NULL))
        return "its protected header is no JSON";
    const char *fault = header_fault(header, request, kind);
    return fault != NULL ? fault : payload_fault(buf_str(&payload), kind);
}

static const char *plain_fault(const struct http_request *request, const char *kind)
{
    bool is_head = strcmp(request->method, "HEAD") == 0,
         is_get = strcmp(request->method, "GET") == 0;
    if (!is_head && !is_get)
        return "it is neither POST nor GET nor HEAD";
    if (!is_plain(kind))
        return "it is asked for without a signature (6.3)";
    return request->body.len != 0 ? "a GET has a body" : NULL;
}

void wire_rules_check(const struct http_request *request, const char *kind)
{
    bool is_post = strcmp(request->method, "POST") == 0;
    const char *fault = is_post ? jws_fault(request, kind) : plain_fault(request, kind);
    seen.n++;
    if (is_post && is_plain(kind))
        fault = "it is a POST to what is asked by GET (6.3)";
    if (request->follow)
        fault = "redirects would be followed";
    if (fault != NULL)
        world_wrong("%s %s breaks RFC 8555: %s", request->method, request->url, fault);
}

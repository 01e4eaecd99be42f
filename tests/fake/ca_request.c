#include "fake/ca_inner.h"

static struct fake_account *account_of_kid(const struct fake_ca *ca, const char *kid)
{
    AUTO(mem_fini)
    char *front = mem_printf("%s%s", ca->base_url, fake_kind_path(FAKE_KIND_ACCOUNT));
    struct str text = str_of(kid);
    int64_t id = 0;
    if (!str_starts(text, str_of(front)))
        return NULL;
    text = str_mem(text.p + strlen(front), text.len - strlen(front));
    text.len = str_find_char(text, '?');
    if (!str_to_i64(text, &id) || id < 1)
        return NULL;
    AUTO(mem_fini)
    char *exact = fake_ca_url(ca, FAKE_KIND_ACCOUNT, (size_t)id);
    return strcmp(exact, kid) == 0 ? fake_account_find(ca, (size_t)id) : NULL;
}

/* Checking is most of what a request costs: a load test may spare it. */
static bool signature_is_checked(struct fake_ca *ca)
{
    return ca->options.verify >= 100 || fake_rng_chance(&ca->rng, ca->options.verify);
}

static bool signer_by_kid(struct call *c, const char *kid)
{
    c->account = account_of_kid(c->ca, kid);
    if (c->account == NULL)
        return fake_call_problem(c, 400, "accountDoesNotExist", "there is no account %s", kid);
    if (signature_is_checked(c->ca) && !fake_jws_is_signed_by(&c->jws, &c->account->jwk))
        return fake_call_problem(c, 400, "malformed", "the signature is not of account %s", kid);
    return true;
}

static bool signer_by_jwk(struct call *c, const struct json *jwk)
{
    struct err err = {0};
    if (!fake_jwk_read(jwk, &c->jwk, &err)) {
        const char *type = err.kind == ERR_REFUSED ? "badPublicKey" : "malformed";
        return fake_call_problem(c, 400, type, "%s", err.text);
    }
    if (fake_map_get(&c->ca->blocked_keys, c->jwk.spki_sha256) != 0)
        return fake_call_problem(c, 400, "badPublicKey", "this key was reported as compromised");
    if (!fake_jws_is_signed_by(&c->jws, &c->jwk))
        return fake_call_problem(c, 400, "malformed", "the signature is not of the jwk");
    return true;
}

static bool signer_is_good(struct call *c, enum signer signer)
{
    const char *kid = json_text(c->jws.header, "kid");
    const struct json *jwk = json_find(c->jws.header, "jwk");
    if (!fake_jws_alg_is_known(&c->jws))
        return fake_call_problem(c, 400, "badSignatureAlgorithm", "algorithm %s is not taken",
                                 json_text(c->jws.header, "alg"));
    if (jwk != NULL && signer != SIGNER_KID)
        return signer_by_jwk(c, jwk);
    if (kid != NULL && signer != SIGNER_JWK)
        return signer_by_kid(c, kid);
    return fake_call_problem(c, 400, "malformed", "this resource must be signed with a %s",
                             signer == SIGNER_KID ? "kid" : "jwk");
}

static bool nonce_is_good(struct call *c)
{
    struct fake_ca *ca = c->ca;
    const char *nonce = json_text(c->jws.header, "nonce");
    if (nonce == NULL)
        return fake_call_problem(c, 400, "badNonce", "the protected header has no nonce");
    if (fake_nonce_spend(ca, nonce) && !fake_rng_chance(&ca->rng, ca->options.nonce_reject))
        return true;
    ca->counts.bad_nonces++;
    return fake_call_problem(c, 400, "badNonce", "nonce %s is unknown or spent", nonce);
}

static bool url_is_good(struct call *c)
{
    AUTO(mem_fini)
    char *url = mem_printf("%s%.*s", c->ca->base_url, STR_ARG(c->request->path));
    if (strcmp(json_text(c->jws.header, "url"), url) == 0)
        return true;
    return fake_call_problem(c, 401, "unauthorized", "the protected header's url is not %s", url);
}

static bool payload_read(struct call *c)
{
    struct err err = {0};
    if (c->jws.payload.len == 0)
        return true;
    if (!json_parse(buf_str(&c->jws.payload), JSON_SIZE_MAX, &c->payload, &err))
        return fake_call_problem(c, 400, "malformed", "payload: %s", err.text);
    if (!json_is(c->payload, JSON_OBJECT))
        return fake_call_problem(c, 400, "malformed", "payload: no object");
    return true;
}

static bool body_read(struct call *c)
{
    struct err err = {0};
    AUTO(json_fini)
    struct json *body = NULL;
    if (!str_eq(c->request->content_type, STR("application/jose+json")))
        return fake_call_problem(c, 415, "malformed",
                                 "the content type must be application/jose+json");
    if (!json_parse(c->request->body, JSON_SIZE_MAX, &body, &err) ||
        !fake_jws_read(body, &c->jws, &err))
        return fake_call_problem(c, 400, "malformed", "%s", err.text);
    return true;
}

bool fake_call_authenticate(struct call *c, enum signer signer)
{
    if (!body_read(c) || !signer_is_good(c, signer) || !nonce_is_good(c) || !url_is_good(c) ||
        !payload_read(c))
        return false;
    if (c->account != NULL && c->account->status != STATUS_VALID)
        return fake_call_problem(c, 401, "unauthorized", "the account is deactivated");
    return true;
}

bool fake_call_wants_payload(struct call *c)
{
    return c->payload != NULL || fake_call_problem(c, 400, "malformed", "the payload is empty");
}

bool fake_call_wants_no_payload(struct call *c)
{
    return c->payload == NULL ||
           fake_call_problem(c, 400, "malformed", "POST-as-GET has an empty payload");
}

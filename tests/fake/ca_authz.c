#include "fake/ca_inner.h"

/* Challenges offered; only those by DNS can be passed. A wildcard gets those that are for it. */
static const struct {
    const char *type;
    bool for_wildcard;
    int64_t bit; /* of the knob `challenges`; 0: offered whatever it says */
} challenges[] = {{"http-01", false, 0},       {"dns-01", true, 1},
                  {"tls-alpn-01", false, 0},   {"x-unknown-01", true, 0},
                  {"dns-account-01", true, 2}, {"dns-persist-01", true, 4}};
/* From 1. */
enum {
    CHALLENGE_DNS = 2,
    CHALLENGE_UNKNOWN = 4,
    CHALLENGE_ACCOUNT = 5,
    CHALLENGE_PERSIST = 6,
    CHALLENGES_N = 6
};

struct fake_authz *fake_authz_find(const struct fake_ca *ca, size_t id)
{
    return id == 0 || id > ca->n_authzs ? NULL : ca->authzs[id - 1];
}

void fake_authz_free(struct fake_authz *authz)
{
    if (authz == NULL)
        return;
    mem_free(authz->name);
    json_free(authz->error);
    mem_free(authz);
}

struct fake_authz *fake_authz_new(struct fake_ca *ca, size_t account, const char *name,
                                  int64_t now_ms)
{
    if (ca->n_authzs == ca->cap_authzs) {
        size_t cap = ca->cap_authzs == 0 ? 64 : ca->cap_authzs * 2;
        ca->authzs = mem_grow(ca->authzs, ca->cap_authzs, cap, sizeof(ca->authzs[0]));
        ca->cap_authzs = cap;
    }
    struct fake_authz *authz = NEW(struct fake_authz);
    ca->authzs[ca->n_authzs++] = authz;
    authz->id = ca->n_authzs;
    authz->account = account;
    authz->wildcard = str_starts(str_of(name), STR("*."));
    authz->name = mem_strdup(authz->wildcard ? name + 2 : name);
    authz->expires_at_ms = now_ms + ca->options.authz_pending_s * MS_SECOND;
    authz->token_seed = fake_rng_next(&ca->rng);
    return authz;
}

static char *reuse_key(size_t account, bool wildcard, const char *name)
{
    return mem_printf("%zu|%s%s", account, wildcard ? "*." : "", name);
}

struct fake_authz *fake_authz_find_valid(struct fake_ca *ca, size_t account, const char *name,
                                         int64_t now_ms)
{
    AUTO(mem_fini)
    char *key = reuse_key(account, false, name);
    struct fake_authz *authz = fake_authz_find(ca, fake_map_get(&ca->authzs_by_name, key));
    if (authz == NULL)
        return NULL;
    fake_authz_refresh(authz, now_ms);
    return authz->status == STATUS_VALID ? authz : NULL;
}

void fake_authz_refresh(struct fake_authz *authz, int64_t now_ms)
{
    if ((authz->status == STATUS_PENDING || authz->status == STATUS_VALID) &&
        now_ms >= authz->expires_at_ms)
        authz->status = STATUS_EXPIRED;
}

void fake_authz_fail(struct fake_ca *ca, struct fake_authz *authz, const char *type,
                     const char *detail)
{
    authz->status = STATUS_INVALID;
    authz->processing = false;
    json_free(authz->error);
    authz->error = fake_problem_json(type, detail, 403);
    heap_remove(&ca->validations, &authz->due);
    ca->counts.validations_failed++;
    fake_limits_failed(ca, authz, ca->now_ms);
}

void fake_authz_pass(struct fake_ca *ca, struct fake_authz *authz, int64_t now_ms)
{
    AUTO(mem_fini)
    char *key = reuse_key(authz->account, authz->wildcard, authz->name);
    authz->status = STATUS_VALID;
    authz->processing = false;
    authz->validated_at_ms = now_ms;
    authz->expires_at_ms = now_ms + ca->options.authz_valid_s * MS_SECOND;
    fake_map_put(&ca->authzs_by_name, key, authz->id);
    ca->counts.validations_ok++;
}

static void token_make(const struct fake_authz *authz, size_t challenge, struct buf *out)
{
    unsigned char octets[24];
    fake_rng_octets(authz->token_seed + challenge, octets, sizeof(octets));
    base64url_encode(out, octets, sizeof(octets));
}

/* RFC 8555 8.4: what must stand in the TXT record. */
static void txt_value(const struct fake_authz *authz, const struct fake_account *account,
                      struct buf *out)
{
    unsigned char digest[32];
    AUTO(buf_fini)
    struct buf text = BUF(256);
    token_make(authz, authz->answered, &text);
    buf_printf(&text, ".%s", account->jwk.thumbprint);
    fake_crypt_sha256(buf_str(&text), digest);
    base64url_encode(out, digest, sizeof(digest));
}

static void txt_verdict(struct fake_ca *ca, struct fake_authz *authz, bool found, int64_t now_ms)
{
    if (found) {
        fake_authz_pass(ca, authz, now_ms);
        return;
    }
    AUTO(mem_fini)
    char *detail = mem_printf("the TXT record of %s_acme-challenge.%s is not there",
                              authz->answered == CHALLENGE_ACCOUNT ? "_LABEL." : "", authz->name);
    fake_authz_fail(ca, authz, "unauthorized", detail);
}

static char *txt_owner(const struct fake_ca *ca, const struct fake_authz *authz)
{
    AUTO(mem_fini)
    char *url = fake_ca_url(ca, FAKE_KIND_ACCOUNT, authz->account);
    AUTO(buf_fini)
    struct buf label = BUF(64);
    if (authz->answered == CHALLENGE_DNS)
        return mem_printf("_acme-challenge.%s", authz->name);
    fake_account_label(url, &label);
    return mem_printf("_%s._acme-challenge.%s", buf_cstr(&label), authz->name);
}

void fake_authz_validate(struct fake_ca *ca, struct fake_authz *authz, int64_t now_ms)
{
    const struct fake_ca_options *options = &ca->options;
    const struct fake_account *account = fake_account_find(ca, authz->account);
    AUTO(buf_fini)
    struct buf value = BUF(64);
    if (authz->status != STATUS_PENDING)
        return;
    if (authz->must_fail || account == NULL) {
        fake_authz_fail(ca, authz, "unauthorized", "the validation failed, as told");
        return;
    }
    if (authz->answered == CHALLENGE_PERSIST) {
        fake_persist_validate(ca, authz, now_ms);
        return;
    }
    if (authz->answered != CHALLENGE_DNS && authz->answered != CHALLENGE_ACCOUNT) {
        fake_authz_fail(ca, authz, "connection", "nothing answers there");
        return;
    }
    AUTO(mem_fini)
    char *owner = txt_owner(ca, authz);
    txt_value(authz, account, &value);
    if (options->txt_ask != NULL)
        options->txt_ask(options->ctx, owner, value.p, authz->id);
    else
        txt_verdict(ca, authz,
                    options->txt_lookup == NULL ||
                        options->txt_lookup(options->ctx, owner, value.p),
                    now_ms);
}

void fake_ca_txt_heard(struct fake_ca *ca, size_t ticket, bool found, int64_t now_ms)
{
    struct fake_authz *authz = fake_authz_find(ca, ticket);
    if (authz != NULL && authz->status == STATUS_PENDING && authz->processing &&
        authz->due.slot == 0)
        txt_verdict(ca, authz, found, now_ms);
}

static const char *challenge_status(const struct fake_authz *authz, size_t challenge)
{
    if (authz->answered != challenge)
        return "pending";
    if (authz->status == STATUS_PENDING)
        return authz->processing ? "processing" : "pending";
    return authz->status == STATUS_INVALID ? "invalid" : "valid";
}

static struct json *challenge_json(const struct fake_ca *ca, const struct fake_authz *authz,
                                   size_t challenge)
{
    AUTO(buf_fini)
    struct buf token = BUF(64);
    AUTO(mem_fini)
    char *url = mem_printf("%s%s%zu/%zu%s", ca->base_url, fake_kind_path(FAKE_KIND_CHALLENGE),
                           authz->id, challenge, ca->options.odd_urls != 0 ? "?c=%2e" : "");
    struct json *out = json_object();
    token_make(authz, challenge, &token);
    json_set_text(out, "type", challenges[challenge - 1].type);
    json_set_text(out, "url", url);
    json_set_text(out, "status", challenge_status(authz, challenge));
    if (challenge == CHALLENGE_PERSIST)
        fake_persist_offer(ca, authz->account, out);
    else
        json_set_text(out, "token", token.p);
    if (authz->answered != challenge)
        return out;
    if (authz->status == STATUS_VALID)
        fake_json_set_time(out, "validated", authz->validated_at_ms);
    if (authz->error != NULL)
        json_set(out, "error", json_copy(authz->error));
    return out;
}

static bool challenge_is_offered(const struct call *c, const struct fake_authz *authz, size_t i)
{
    if (fake_call_must(c, ACT_NO_CHALLENGE))
        return i == CHALLENGE_UNKNOWN;
    if (authz->status != STATUS_PENDING && authz->answered != 0)
        return i == authz->answered;
    if (challenges[i - 1].bit != 0 && (c->ca->options.challenges & challenges[i - 1].bit) == 0)
        return false;
    return !authz->wildcard || challenges[i - 1].for_wildcard;
}

static void authz_show(struct call *c, const struct fake_authz *authz)
{
    struct json *out = json_object(), *list = json_array();
    json_set(out, "identifier", fake_identifier_json(authz->name));
    json_set_text(out, "status", fake_status_name(authz->status));
    fake_json_set_time(out, "expires", authz->expires_at_ms);
    for (size_t i = 1; i <= CHALLENGES_N; i++) {
        if (challenge_is_offered(c, authz, i))
            json_push(list, challenge_json(c->ca, authz, i));
    }
    json_set(out, "challenges", list);
    if (authz->wildcard)
        json_set_bool(out, "wildcard", true);
    if (authz->processing)
        fake_call_retry_after(c);
    fake_call_json(c, 200, out);
}

static struct fake_authz *call_authz(struct call *c, size_t id)
{
    struct fake_authz *authz = fake_authz_find(c->ca, id);
    if (authz == NULL || authz->account != c->account->id) {
        fake_call_problem(c, 404, "malformed", "there is no authorization %zu", id);
        return NULL;
    }
    fake_authz_refresh(authz, c->now_ms);
    return authz;
}

static bool authz_deactivate(struct call *c, struct fake_authz *authz)
{
    const char *status = json_text(c->payload, "status");
    if (status == NULL || strcmp(status, "deactivated") != 0)
        return fake_call_problem(c, 400, "malformed", "status can only become deactivated");
    if (authz->status != STATUS_PENDING && authz->status != STATUS_VALID)
        return fake_call_problem(c, 400, "malformed", "the authorization is %s already",
                                 fake_status_name(authz->status));
    heap_remove(&c->ca->validations, &authz->due);
    authz->processing = false;
    authz->status = STATUS_DEACTIVATED;
    return true;
}

void fake_answer_authz(struct call *c)
{
    size_t id = fake_call_id(c);
    if (!fake_call_authenticate(c, SIGNER_KID))
        return;
    struct fake_authz *authz = call_authz(c, id);
    if (authz == NULL || (c->payload != NULL && !authz_deactivate(c, authz)))
        return;
    if (fake_call_must(c, ACT_INVALID_AUTHZ) && authz->status == STATUS_PENDING)
        fake_authz_fail(c->ca, authz, "unauthorized", "the authorization failed, as told");
    authz_show(c, authz);
}

static void challenge_start(struct call *c, struct fake_authz *authz, size_t challenge)
{
    int64_t wait_ms = c->ca->options.validate_ms;
    authz->answered = challenge;
    authz->processing = true;
    authz->must_fail = fake_call_must(c, ACT_INVALID_AUTHZ);
    if (fake_call_must(c, ACT_FOR_EVER))
        return;
    if (wait_ms < 0)
        fake_authz_validate(c->ca, authz, c->now_ms);
    else
        heap_put(&c->ca->validations, &authz->due, c->now_ms + wait_ms);
}

/* RFC 8555 7.5.1: {} says go. A challenge that was answered before is only shown. */
static bool challenge_answer(struct call *c, struct fake_authz *authz, size_t challenge)
{
    if (json_len(c->payload) != 0)
        return fake_call_problem(c, 400, "malformed", "a challenge is answered with {}");
    if (authz->status == STATUS_VALID || authz->processing)
        return true;
    if (authz->status != STATUS_PENDING)
        return fake_call_problem(c, 400, "malformed", "the authorization is %s",
                                 fake_status_name(authz->status));
    challenge_start(c, authz, challenge);
    return true;
}

void fake_answer_challenge(struct call *c)
{
    size_t id = fake_call_id(c), challenge = fake_call_id(c);
    if (!fake_call_authenticate(c, SIGNER_KID))
        return;
    struct fake_authz *authz = call_authz(c, id);
    if (authz == NULL)
        return;
    if (challenge == 0 || challenge > CHALLENGES_N) {
        fake_call_problem(c, 404, "malformed", "there is no such challenge");
        return;
    }
    if (c->payload != NULL && !challenge_answer(c, authz, challenge))
        return;
    AUTO(mem_fini)
    char *up = fake_ca_url(c->ca, FAKE_KIND_AUTHZ, authz->id);
    fake_call_link(c, "up", up);
    if (authz->processing)
        fake_call_retry_after(c);
    fake_call_json(c, 200, challenge_json(c->ca, authz, challenge));
}
